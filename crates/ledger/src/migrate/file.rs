//! The ledger of a file as its rows.

use super::rows::{RawAccount, RawEntry, RawHold};
use crate::chain::ChainHead;
use crate::codec::Hold;
use crate::error::{LedgerError, StorageError};
use crate::journal::{Batch, Journal as _, Reader as _};
use crate::report::VerifyReport;
use crate::sqlite::{self, SqliteJournal, SqliteReader};
use crate::state::State;
use crate::verify;
use opencredits_units::{EntryId, Progress};
use std::path::Path;
use std::sync::Arc;

/// A ledger in a file, which no other process opens meanwhile.
pub(crate) struct RawFile {
    /// Closed before the journal, which merges the log into the file.
    reader: SqliteReader,
    journal: SqliteJournal,
    /// As of the opening, or of [`Self::refresh`].
    state: State,
    /// The open holds of `state`, by id.
    holds: Vec<(EntryId, Hold)>,
}

impl RawFile {
    /// Opens or creates it.
    pub(crate) fn open(path: &Path) -> Result<Self, LedgerError> {
        let (mut journal, reader) = sqlite::open(path)?;
        let state = journal.load()?;
        let holds = holds_of(&state);
        Ok(Self { reader, journal, state, holds })
    }

    /// Reads what was written since.
    pub(crate) fn refresh(&mut self) -> Result<(), StorageError> {
        self.state = self.journal.load()?;
        self.holds = holds_of(&self.state);
        Ok(())
    }

    pub(crate) fn head(&self) -> Result<ChainHead, StorageError> {
        self.reader.head()?.ok_or(StorageError::Damaged { table: "chain" })
    }

    pub(crate) fn has(&self, head: &ChainHead) -> Result<bool, StorageError> {
        self.reader.commits().has(head)
    }

    pub(crate) fn verify(&self, progress: &Progress) -> Result<VerifyReport, StorageError> {
        verify::verify(&self.reader, None, progress, None)
    }

    pub(crate) fn accounts_written(&self) -> usize {
        self.state.accounts.len()
    }

    pub(crate) fn last_hold(&self) -> EntryId {
        self.holds.last().map(|(id, _)| *id).unwrap_or_default()
    }

    pub(crate) fn last_entry(&self) -> Result<EntryId, StorageError> {
        let last = self.reader.entries_before(EntryId::from_bits(u128::MAX), 1)?;
        Ok(last.first().map(|(id, _)| *id).unwrap_or_default())
    }

    pub(crate) fn accounts(&self, from: usize, max: usize) -> Vec<RawAccount> {
        let row = |(number, account): (u32, &crate::state::Account)| RawAccount {
            number,
            parts: account.parts,
            posted: account.posted,
            held: account.held,
        };
        (0..).zip(&self.state.accounts).skip(from).take(max).map(row).collect()
    }

    pub(crate) fn holds(&self, after: EntryId, max: usize) -> Vec<RawHold> {
        let from = self.holds.partition_point(|(id, _)| *id <= after);
        let row = |(id, hold): &(EntryId, Hold)| RawHold { id: *id, hold: hold.clone() };
        self.holds.iter().skip(from).take(max).map(row).collect()
    }

    pub(crate) fn entries(&self, after: EntryId, max: usize) -> Result<Vec<RawEntry>, StorageError> {
        let found = self.reader.entries(after, max)?;
        Ok(found.into_iter().map(|(id, body)| RawEntry { id, body }).collect())
    }

    pub(crate) fn put_accounts(&mut self, accounts: &[RawAccount]) -> Result<(), StorageError> {
        let opened = accounts.iter().map(|account| (account.number, account.parts)).collect();
        let posted = accounts.iter().map(|account| (account.number, account.posted)).collect();
        self.commit(&Batch { opened, posted, ..Batch::default() })
    }

    pub(crate) fn put_holds(&mut self, holds: &[RawHold]) -> Result<(), StorageError> {
        let holds = holds.iter().map(|row| (row.id, Some(row.hold.clone()))).collect();
        self.commit(&Batch { holds, ..Batch::default() })
    }

    pub(crate) fn put_entries(&mut self, entries: &[RawEntry]) -> Result<(), StorageError> {
        let entries = entries.iter().map(|row| (row.id, Arc::clone(&row.body))).collect();
        self.commit(&Batch { entries, ..Batch::default() })
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StorageError> {
        self.journal.commit(batch).map(drop)
    }
}

fn holds_of(state: &State) -> Vec<(EntryId, Hold)> {
    let mut holds: Vec<_> = state.holds.iter().map(|(id, hold)| (*id, hold.clone())).collect();
    holds.sort_unstable_by_key(|(id, _)| *id);
    holds
}
