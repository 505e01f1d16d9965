//! Pages of requests and of money, the newest first.

use super::UsageReads;
use super::projection::collected;
use crate::fault::Fault;
use crate::record::{GenerationRecord, UsageSource};
use opencredits_ledger::{AnyLedger, EntryRow, LedgerError};
use opencredits_store::{IndexedRequest, RequestMark, UsageFilter};
use opencredits_units::{AccountId, EntryId, GenerationId, NanoUsd, PartnerId, UnixMs};

/// The largest page.
const PAGE_MAX: usize = 1_000;
/// Requests that one page looks at. A page of rare ones may be incomplete; its cursor leads on.
const SCANNED_MAX: usize = 2_000;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenerationStatus {
    /// Its answer was delivered.
    Completed,
    /// Its client disconnected before the end.
    Cancelled,
    /// Nothing was produced, and nothing was charged.
    Empty,
}

impl GenerationStatus {
    /// The status of a request.
    #[must_use]
    pub const fn of(record: &GenerationRecord) -> Self {
        match (record.cancelled, record.source) {
            (_, UsageSource::NothingProduced) => Self::Empty,
            (true, _) => Self::Cancelled,
            (false, _) => Self::Completed,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Empty => "empty",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Completed, Self::Cancelled, Self::Empty].into_iter().find(|status| status.name() == name)
    }
}

/// A selection of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationFilter {
    /// By what all requests of a series have in common.
    pub usage: UsageFilter,
    /// How it ended.
    pub status: Option<GenerationStatus>,
    /// Made at this time or later.
    pub from: UnixMs,
    /// Made before this time; any when `None`.
    pub until: Option<UnixMs>,
}

/// A request of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// The request.
    pub id: GenerationId,
    /// Its usage record.
    pub record: GenerationRecord,
    /// The amount that was paid for it.
    pub collected: NanoUsd,
    /// The partner through which it was sent.
    pub partner: Option<PartnerId>,
}

/// A page of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestPage {
    /// The requests.
    pub requests: Vec<Generation>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<RequestMark>,
}

/// A transfer, as the owner of an account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// The entry.
    pub entry: EntryRow,
    /// What the account got; negative where it gave.
    pub amount: NanoUsd,
}

/// The place in a list of transfers: those before it follow.
pub type MoneyCursor = (UnixMs, EntryId);

/// A page of transfers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MoneyPage {
    /// The transfers.
    pub transfers: Vec<Money>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<MoneyCursor>,
}

impl UsageReads {
    /// About `max` requests, those before the cursor.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn generations(
        &self,
        filter: GenerationFilter,
        cursor: Option<RequestMark>,
        max: usize,
    ) -> Result<RequestPage, Fault> {
        let max = max.clamp(1, PAGE_MAX);
        let end = filter.until.map_or(RequestMark::MAX, RequestMark::at);
        let mut before = cursor.map_or(end, |cursor| cursor.min(end));
        let mut page = RequestPage::default();
        let mut scanned = 0_usize;
        // One more than fits tells whether there is a next page.
        while page.requests.len() <= max && scanned < SCANNED_MAX {
            let missing = max.saturating_add(1).saturating_sub(page.requests.len());
            let want = if filter.status.is_some() { max.saturating_add(1) } else { missing };
            let span = (RequestMark::at(filter.from), before);
            let found = self.model.requests(filter.usage.clone(), span, want).await?;
            scanned = scanned.saturating_add(found.len());
            let is_end = found.len() < want;
            page.next = found.last().filter(|_| !is_end).map(|last| last.mark);
            before = page.next.unwrap_or(before);
            let read = read(&self.ledger, &found).await?;
            let wanted = |request: &Generation| {
                filter.status.is_none_or(|status| status == GenerationStatus::of(&request.record))
            };
            page.requests.extend(read.into_iter().filter(wanted));
            if is_end {
                break;
            }
        }
        Ok(cut(page, max))
    }

    /// At most `max` transfers of an account at `from` or later and before the cursor.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn transfers(
        &self,
        account: AccountId,
        (from, before): (UnixMs, MoneyCursor),
        max: u32,
    ) -> Result<MoneyPage, Fault> {
        let max = max.clamp(1, u32::try_from(PAGE_MAX).unwrap_or(u32::MAX));
        let mut found = self.model.transfers(account, (from, before), max.saturating_add(1)).await?;
        let is_more = usize::try_from(max).is_ok_and(|max| found.len() > max);
        if is_more {
            found.pop();
        }
        let next = found.last().filter(|_| is_more).map(|last| (last.at, last.entry));
        let entries = found.iter().map(|transfer| transfer.entry).collect();
        let entries = self.ledger.entries_of_ids(entries).await?;
        let money = |entry: EntryRow| Money { amount: amount_of(&entry, account), entry };
        Ok(MoneyPage { transfers: entries.into_iter().map(money).collect(), next })
    }
}

/// The first `max` requests, and those that share the last one's mark, since the cursor is behind all of them.
fn cut(mut page: RequestPage, max: usize) -> RequestPage {
    let Some(last) = page.requests.get(max.saturating_sub(1)).map(|last| RequestMark::of(last.id)) else {
        return page;
    };
    let kept = page.requests.partition_point(|request| RequestMark::of(request.id) >= last);
    if kept < page.requests.len() {
        page.requests.truncate(kept);
        page.next = Some(last);
    }
    page
}

fn amount_of(entry: &EntryRow, account: AccountId) -> NanoUsd {
    let own = entry.legs.iter().filter(|(of, _)| *of == account);
    own.fold(NanoUsd::ZERO, |sum, (_, amount)| sum.checked_add(*amount).unwrap_or(sum))
}

/// The entries of indexed requests, the newest first.
async fn read(ledger: &AnyLedger, indexed: &[IndexedRequest]) -> Result<Vec<Generation>, LedgerError> {
    let marked = indexed.chunk_by(|a, b| a.mark == b.mark);
    let marked: Vec<_> = marked.filter_map(|same| Some((same.first()?.mark.ids(), same))).collect();
    let entries = ledger.entries_between(marked.iter().map(|(ids, _)| *ids).collect()).await?;
    let mut found = Vec::with_capacity(indexed.len());
    for ((low, high), same) in marked {
        let begin = entries.partition_point(|entry| entry.id < low);
        let entries = entries.iter().skip(begin).take_while(|entry| entry.id <= high);
        let start = found.len();
        found.extend(entries.filter_map(|entry| generation(entry, same)));
        if let Some(added) = found.get_mut(start..) {
            added.reverse();
        }
    }
    Ok(found)
}

/// The request of an entry, where it is one of these, which share its mark.
fn generation(entry: &EntryRow, same: &[IndexedRequest]) -> Option<Generation> {
    let record = GenerationRecord::from_memo(&entry.memo).ok()?;
    let of_series = |request: &&IndexedRequest| {
        request.key == record.key && request.model == record.model && request.vendor == record.vendor
    };
    let partner = same.iter().find(of_series)?.partner;
    Some(Generation { id: entry.id.cast(), collected: collected(entry), record, partner })
}
