//! Entries of the ledger as rows of the read model. Pure.

use crate::books;
use crate::record::GenerationRecord;
use opencredits_ledger::{EntryKind, EntryRow};
use opencredits_store::{AccountTransfer, UsageSums, UsedRequest};
use opencredits_units::{AccountId, Bucket, NanoUsd, Tokens};

/// The requests and transfers among these entries. A void is neither.
pub(super) fn of_entries(entries: &[EntryRow]) -> (Vec<UsedRequest>, Vec<AccountTransfer>) {
    let (mut requests, mut transfers) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry.kind {
            EntryKind::Capture => requests.extend(request(entry)),
            EntryKind::Transfer => add_transfers(entry, &mut transfers),
            EntryKind::Void => {}
        }
    }
    (requests, transfers)
}

fn request(entry: &EntryRow) -> Option<UsedRequest> {
    let record = match GenerationRecord::from_memo(&entry.memo) {
        Ok(record) => record,
        Err(error) => {
            tracing::warn!(entry = %entry.id, %error, "a charge is not in the usage, since its record cannot be read");
            return None;
        }
    };
    let sums = sums(&record, collected(entry));
    let GenerationRecord { key, model, vendor, .. } = record;
    Some(UsedRequest { id: entry.id.cast(), key, model, vendor, sums })
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
    for (account, _) in entry.legs.iter().filter(|(_, amount)| *amount != NanoUsd::ZERO) {
        if books::NAMES.iter().all(|(house, _)| house != account) {
            let (returned, paid_out) = (leg_of(entry, books::REVENUE), leg_of(entry, books::PAYOUTS));
            transfers.push(AccountTransfer { account: *account, at: entry.at, entry: entry.id, returned, paid_out });
        }
    }
}
