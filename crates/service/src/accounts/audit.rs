//! Queries of the ledger.

use super::{Accounts, AccountsError};
use opencredits_ledger::{ChainHead, EntryRow, HoldRow, Ledger, LedgerError, VerifyReport};
use opencredits_units::{AccountId, EntryId};

/// The largest number of entries on a page.
const PAGE_MAX: usize = 1_000;
/// Entries that one page reads. The page of an account with few entries may be incomplete; its cursor leads on.
const SCANNED_MAX: usize = 100_000;

/// A query of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// Entries with a leg of this account; all when `None`.
    pub account: Option<AccountId>,
}

/// A page of entries, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntriesPage {
    /// The entries.
    pub entries: Vec<EntryRow>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<EntryId>,
}

impl Accounts {
    /// At most `max` entries above `after`, by id, including those that are not on disk yet.
    ///
    /// # Errors
    /// When the ledger cannot be written or read.
    pub async fn ledger_entries(
        &self,
        filter: EntryFilter,
        after: EntryId,
        max: usize,
    ) -> Result<EntriesPage, AccountsError> {
        let max = max.clamp(1, PAGE_MAX);
        self.blocking(move |ledger| page(ledger, filter, after, max)).await
    }

    /// Every open hold, by id.
    #[must_use]
    pub fn holds(&self) -> Vec<HoldRow> {
        self.ledger.holds()
    }

    /// Recomputes every balance from the entries and reports differences.
    ///
    /// # Errors
    /// When the ledger cannot be written or read.
    pub async fn verify(&self) -> Result<VerifyReport, AccountsError> {
        self.blocking(|ledger| {
            ledger.flush()?;
            ledger.verify()
        })
        .await
    }

    /// The same, and whether the ledger has every commit up to this head.
    ///
    /// # Errors
    /// When the ledger cannot be written or read.
    pub async fn verify_with(&self, head: ChainHead) -> Result<VerifyReport, AccountsError> {
        self.blocking(move |ledger| {
            ledger.flush()?;
            ledger.verify_with(head)
        })
        .await
    }

    /// The end of the ledger's hash chain, every decision so far included; `None` for a ledger in memory.
    ///
    /// # Errors
    /// When the ledger cannot be written or read.
    pub async fn ledger_head(&self) -> Result<Option<ChainHead>, AccountsError> {
        self.blocking(|ledger| {
            ledger.flush()?;
            ledger.head()
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, AccountsError> {
        let ledger = self.ledger.clone();
        let done = tokio::task::spawn_blocking(move || work(&ledger)).await;
        Ok(done.map_err(|_| AccountsError::Closing)??)
    }
}

fn page(ledger: &Ledger, filter: EntryFilter, after: EntryId, max: usize) -> Result<EntriesPage, LedgerError> {
    ledger.flush()?;
    let mut entries = Vec::new();
    let mut cursor = after;
    for _ in 0..SCANNED_MAX.div_ceil(PAGE_MAX) {
        let read = ledger.entries(cursor, PAGE_MAX)?;
        let whole = read.len() == PAGE_MAX;
        for entry in read {
            cursor = entry.id;
            if wanted(filter, &entry) {
                entries.push(entry);
            }
            if entries.len() == max {
                return Ok(EntriesPage { entries, next: Some(cursor) });
            }
        }
        if !whole {
            return Ok(EntriesPage { entries, next: None });
        }
    }
    Ok(EntriesPage { entries, next: Some(cursor) })
}

fn wanted(filter: EntryFilter, entry: &EntryRow) -> bool {
    filter.account.is_none_or(|account| entry.legs.iter().any(|(leg, _)| *leg == account))
}
