//! A ledger on either engine as its rows.

use super::file::RawFile;
use super::rows::{RawAccount, RawEntry, RawHold};
use crate::chain::ChainHead;
use crate::error::LedgerError;
use crate::follow::Checkpoint;
use crate::postgres::RawDatabase;
use crate::report::VerifyReport;
use opencredits_postgres::{Settings, Turn};
use opencredits_units::{EntryId, Progress};
use std::path::Path;
use std::time::Duration;

/// A ledger on either engine as its rows, while no other process uses it: for moving it to the other engine.
///
/// What it reads of a file is as of the opening, or of [`Self::refresh`]. A file is read and written on the thread that asks.
pub struct RawLedger(Engine);

enum Engine {
    File(Box<RawFile>),
    Database(Box<RawDatabase>),
}

/// How far a ledger is written, where rows are written in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The number of accounts.
    pub accounts: usize,
    /// The last hold; zero where there is none.
    pub hold: EntryId,
    /// The last entry; zero where there is none.
    pub entry: EntryId,
}

impl RawLedger {
    /// Opens or creates the ledger in this file, and keeps other processes out of it.
    ///
    /// # Errors
    /// As [`crate::Ledger::open`].
    pub fn file(path: impl AsRef<Path>) -> Result<Self, LedgerError> {
        Ok(Self(Engine::File(Box::new(RawFile::open(path.as_ref())?))))
    }

    /// The ledger in a database; `None` where there is none. One into which data is being moved is refused.
    ///
    /// # Errors
    /// When the database cannot be reached, or its tables are of a newer program. [`LedgerError::Archived`] where entries are archived:
    /// they are brought back first.
    pub async fn database(settings: &Settings) -> Result<Option<Self>, LedgerError> {
        let found = RawDatabase::open(settings).await?;
        Ok(found.map(|found| Self(Engine::Database(Box::new(found)))))
    }

    /// The ledger in a database, whose tables are made where there are none.
    ///
    /// # Errors
    /// As [`Self::database`].
    pub async fn made_in(settings: &Settings) -> Result<Self, LedgerError> {
        Ok(Self(Engine::Database(Box::new(RawDatabase::make(settings).await?))))
    }

    /// Lets it be written in this turn, where it is in a database.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn write_in(&mut self, turn: Turn) -> Result<(), LedgerError> {
        match &mut self.0 {
            Engine::File(_) => {}
            Engine::Database(database) => database.write_in(turn).await?,
        }
        Ok(())
    }

    /// Reads what was written since.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn refresh(&mut self) -> Result<(), LedgerError> {
        match &mut self.0 {
            Engine::File(file) => file.refresh()?,
            Engine::Database(_) => {}
        }
        Ok(())
    }

    /// The end of its hash chain.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn head(&self) -> Result<ChainHead, LedgerError> {
        Ok(match &self.0 {
            Engine::File(file) => file.head()?,
            Engine::Database(database) => database.head().await?,
        })
    }

    /// The names of the processes that were seen within so long; none on a file.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn seen(&self, within: Duration) -> Result<Vec<String>, LedgerError> {
        Ok(match &self.0 {
            Engine::File(_) => Vec::new(),
            Engine::Database(database) => database.seen(within).await?,
        })
    }

    /// Recomputes everything in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn verify(&self, progress: &Progress) -> Result<VerifyReport, LedgerError> {
        Ok(match &self.0 {
            Engine::File(file) => file.verify(progress)?,
            Engine::Database(database) => database.verify(progress).await?,
        })
    }

    /// Whether a follower with this [`Checkpoint`], as its bytes, has every entry.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn is_covered(&self, checkpoint: &[u8]) -> Result<bool, LedgerError> {
        let whole = Checkpoint::from_bytes(checkpoint).filter(Checkpoint::is_whole);
        let Some(done) = whole.and_then(|checkpoint| checkpoint.done()) else { return Ok(false) };
        if done.entries != self.head().await?.entries {
            return Ok(false);
        }
        Ok(match &self.0 {
            Engine::File(file) => file.has(&done)?,
            Engine::Database(database) => database.has(&done).await?,
        })
    }

    /// The [`Checkpoint`] of a follower that has every entry, as its bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, LedgerError> {
        Ok(Checkpoint::at(self.head().await?).to_bytes())
    }

    /// How far it is written.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn written(&self) -> Result<Written, LedgerError> {
        Ok(match &self.0 {
            Engine::File(file) => {
                let (accounts, hold) = (file.accounts_written(), file.last_hold());
                Written { accounts, hold, entry: file.last_entry()? }
            }
            Engine::Database(database) => {
                let (hold, entry) = (database.last_hold().await?, database.last_entry().await?);
                Written { accounts: database.accounts_written().await?, hold, entry }
            }
        })
    }

    /// Whether nothing was ever written to it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn is_empty(&self) -> Result<bool, LedgerError> {
        let none = Written { accounts: 0, hold: EntryId::default(), entry: EntryId::default() };
        Ok(self.written().await? == none && self.head().await?.entries == 0)
    }

    /// At most `max` accounts, by number, from this number on.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn accounts(&self, from: usize, max: usize) -> Result<Vec<RawAccount>, LedgerError> {
        Ok(match &self.0 {
            Engine::File(file) => file.accounts(from, max),
            Engine::Database(database) => database.accounts(from, max).await?,
        })
    }

    /// At most `max` open holds with ids above `after`, by id.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn holds(&self, after: EntryId, max: usize) -> Result<Vec<RawHold>, LedgerError> {
        Ok(match &self.0 {
            Engine::File(file) => file.holds(after, max),
            Engine::Database(database) => database.holds(after, max).await?,
        })
    }

    /// At most `max` entries with ids above `after`, by id.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn entries(&self, after: EntryId, max: usize) -> Result<Vec<RawEntry>, LedgerError> {
        Ok(match &self.0 {
            Engine::File(file) => file.entries(after, max)?,
            Engine::Database(database) => database.entries(after, max).await?,
        })
    }

    /// Writes the next accounts in one commit.
    ///
    /// # Errors
    /// When they cannot be written; some databases cannot tell whether they were. What is [`Self::written`] tells.
    pub async fn put_accounts(&mut self, accounts: &[RawAccount]) -> Result<(), LedgerError> {
        match &mut self.0 {
            Engine::File(file) => Ok(file.put_accounts(accounts)?),
            Engine::Database(database) => database.put_accounts(accounts).await,
        }
    }

    /// Writes the next holds in one transaction.
    ///
    /// # Errors
    /// As [`Self::put_accounts`].
    pub async fn put_holds(&mut self, holds: &[RawHold]) -> Result<(), LedgerError> {
        match &mut self.0 {
            Engine::File(file) => Ok(file.put_holds(holds)?),
            Engine::Database(database) => database.put_holds(holds).await,
        }
    }

    /// Writes the next entries in one commit.
    ///
    /// # Errors
    /// As [`Self::put_accounts`].
    pub async fn put_entries(&mut self, entries: &[RawEntry]) -> Result<(), LedgerError> {
        match &mut self.0 {
            Engine::File(file) => Ok(file.put_entries(entries)?),
            Engine::Database(database) => database.put_entries(entries).await,
        }
    }
}
