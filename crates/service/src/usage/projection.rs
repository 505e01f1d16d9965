//! Entries of the ledger as rows of the read model. Pure.

use super::costs::Costs;
use crate::books;
use crate::record::GenerationRecord;
use opencredits_ledger::{EntryKind, EntryRow};
use opencredits_store::{AccountTransfer, UsageSums, UsedRequest, VendorCost};
use opencredits_units::{AccountId, Bucket, NanoUsd, Tokens};

/// What entries add to the read model.
#[derive(Default)]
pub(super) struct Projected {
    pub(super) requests: Vec<UsedRequest>,
    pub(super) transfers: Vec<AccountTransfer>,
    pub(super) costs: Vec<VendorCost>,
}

/// The requests, transfers and costs among these entries. A void is none of them.
pub(super) fn of_entries(entries: &[EntryRow]) -> Projected {
    let mut projected = Projected::default();
    let mut costs = Costs::default();
    for entry in entries {
        match entry.kind {
            EntryKind::Capture => {
                let Some(record) = record_of(entry) else { continue };
                costs.add(entry.id.made_at().day(), &record);
                projected.requests.push(request(entry, record));
            }
            EntryKind::Transfer => add_transfers(entry, &mut projected.transfers),
            EntryKind::Void => {}
        }
    }
    projected.costs = costs.into_rows();
    projected
}

fn record_of(entry: &EntryRow) -> Option<GenerationRecord> {
    GenerationRecord::from_memo(&entry.memo)
        .inspect_err(|error| {
            tracing::warn!(entry = %entry.id, %error, "a charge is not in the usage, since its record cannot be read");
        })
        .ok()
}

fn request(entry: &EntryRow, record: GenerationRecord) -> UsedRequest {
    let sums = sums(&record, collected(entry));
    let GenerationRecord { key, model, vendor, .. } = record;
    UsedRequest { id: entry.id.cast(), key, model, vendor, sums }
}

/// The amount that the payer of a capture paid.
pub(super) fn collected(entry: &EntryRow) -> NanoUsd {
    entry.legs.first().and_then(|(_, amount)| amount.checked_neg()).unwrap_or_default()
}

fn sums(record: &GenerationRecord, collected: NanoUsd) -> UsageSums {
    let usage = record.usage();
    let count = |bucket| usage.count(bucket).get();
    let writes = [Bucket::CacheWrite5m, Bucket::CacheWrite1h, Bucket::CacheWriteOther];
    UsageSums {
        requests: 1,
        input_tokens: usage.input_total().map_or(0, Tokens::get),
        cache_read_tokens: count(Bucket::CacheRead),
        cache_write_tokens: writes.into_iter().map(count).fold(0, u64::saturating_add),
        output_tokens: usage.output_total().map_or(0, Tokens::get),
        reasoning_tokens: count(Bucket::Reasoning),
        charged: collected,
        cost: record.cost,
        commission: record.commission_on(collected),
    }
}

/// What an entry gave to an account of the house. A sum that fits no amount is that of a damaged entry.
fn leg_of(entry: &EntryRow, account: AccountId) -> NanoUsd {
    let own = entry.legs.iter().filter(|(of, _)| *of == account);
    own.fold(NanoUsd::ZERO, |sum, (_, amount)| sum.checked_add(*amount).unwrap_or(sum))
}

/// The accounts of the house are left out: their transfers are everybody's.
fn add_transfers(entry: &EntryRow, transfers: &mut Vec<AccountTransfer>) {
    // A leg of nothing is there for the ledger's sake only.
    for (account, amount) in entry.legs.iter().filter(|(_, amount)| *amount != NanoUsd::ZERO) {
        if books::NAMES.iter().all(|(house, _)| house != account) {
            let paid_out = leg_of(entry, books::PAYOUTS);
            // What an account gave to revenue, or got back from it: an entry may take from earnings and debt together.
            let is_return = leg_of(entry, books::REVENUE) != NanoUsd::ZERO;
            let returned =
                if is_return { NanoUsd::ZERO.checked_sub(*amount).unwrap_or_default() } else { NanoUsd::ZERO };
            transfers.push(AccountTransfer { account: *account, at: entry.at, entry: entry.id, returned, paid_out });
        }
    }
}
