//! Queries of the ledger.

use super::{Accounts, AccountsError};
use crate::telemetry::families::VERIFY_AT;
use crate::telemetry::seconds;
use opencredits_keys::Mode;
use opencredits_ledger::{ChainHead, EntryRow, HoldRow, VerifyReport};
use opencredits_units::{AccountId, EntryId, Progress, UnixMs};

/// The largest number of entries on a page.
pub(super) const PAGE_MAX: usize = 1_000;
/// Entries that one page reads. The page of an account with few entries may be incomplete; its cursor leads on.
pub(super) const SCANNED_MAX: usize = 100_000;

/// A query of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// Entries with a leg of this account; all when `None`.
    pub account: Option<AccountId>,
}

/// A page of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntriesPage {
    /// The entries.
    pub entries: Vec<EntryRow>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<EntryId>,
}

impl Accounts {
    /// Every open hold, by id.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn holds(&self) -> Result<Vec<HoldRow>, AccountsError> {
        Ok(self.ledger.holds().await?)
    }

    /// Recomputes every balance from the entries and reports differences.
    ///
    /// # Errors
    /// When the ledger cannot be written or read.
    pub async fn verify(&self) -> Result<VerifyReport, AccountsError> {
        self.verify_watched(None, &Progress::default()).await
    }

    /// The same, and whether the ledger has every commit up to `head`; tells in `progress` how far it is.
    ///
    /// # Errors
    /// When the ledger cannot be written or read.
    pub async fn verify_watched(
        &self,
        head: Option<ChainHead>,
        progress: &Progress,
    ) -> Result<VerifyReport, AccountsError> {
        self.ledger.flush().await?;
        let report = self.ledger.verify(head, progress).await?;
        tell_verified(self.mode, self.clock.now());
        Ok(report)
    }

    /// The end of the ledger's hash chain, every decision so far included; `None` for a ledger in memory.
    ///
    /// # Errors
    /// When the ledger cannot be written or read.
    pub async fn ledger_head(&self) -> Result<Option<ChainHead>, AccountsError> {
        self.ledger.flush().await?;
        Ok(self.ledger.head().await?)
    }
}

/// Tells the metrics what a verification has found.
pub(crate) fn tell_verified(mode: Mode, now: UnixMs) {
    VERIFY_AT.gauge_of(&[mode.name()]).set(seconds(now.get()));
}

pub(super) fn wanted(filter: EntryFilter, entry: &EntryRow) -> bool {
    filter.account.is_none_or(|account| entry.legs.iter().any(|(leg, _)| *leg == account))
}
