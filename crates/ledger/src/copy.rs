//! Copies of a ledger's file, as backups have them, and the lock that keeps a ledger closed while its file is exchanged.

use crate::chain::ChainHead;
use crate::chain_rows;
use crate::error::{LedgerError, StorageError};
use crate::head_file::{self, HeadFile};
use crate::report::VerifyReport;
use crate::sqlite;
use crate::verify;
use opencredits_units::{AccountId, Progress};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// A copy of a ledger's file that nobody writes. It is opened to be read: nothing beside it is created, nothing in it
/// is changed or brought to a newer form.
///
/// Copy the file by SQLite's own means, `VACUUM INTO` or its backup interface, while a process has the ledger open.
pub struct LedgerCopy {
    connection: Connection,
    path: PathBuf,
}

impl LedgerCopy {
    /// Opens a copy.
    ///
    /// # Errors
    /// When the file cannot be read, has another form than this program writes, or was written by a newer one.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LedgerError> {
        let path = path.as_ref().to_owned();
        let connection = sqlite::open_to_read(&path)?;
        let found = sqlite::form(&connection)?;
        if found != sqlite::FORM {
            return Err(sqlite::other_form(&connection, found).into());
        }
        Ok(Self { connection, path })
    }

    /// The end of its hash chain.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn head(&self) -> Result<ChainHead, LedgerError> {
        Ok(chain_rows::tail(&self.connection)?.head)
    }

    /// Recomputes everything in it, and whether it has every commit up to these heads; tells in `progress` how far it is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn verify(&self, heads: &[ChainHead], progress: &Progress) -> Result<VerifyReport, LedgerError> {
        Ok(verify::verify_rows(heads.iter().copied(), progress, |visitor| sqlite::scan(&self.connection, visitor))?)
    }

    /// Its accounts, in the order of opening.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn accounts(&self) -> Result<Vec<AccountId>, LedgerError> {
        Ok(sqlite::accounts(&self.connection)?.into_iter().map(|row| row.parts.id).collect())
    }

    /// Writes the record of the last commit beside the copy, as an open ledger does after each commit. So an opening
    /// notices when the copy, or its end, is lost. Returns the path of the record.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record_head(&self) -> Result<PathBuf, LedgerError> {
        let path = head_file::beside(&self.path);
        sqlite::make_private(&path)?;
        let mut record = HeadFile::open(&path).map_err(StorageError::from)?;
        record.record(&self.head()?).and_then(|()| record.flush()).map_err(StorageError::from)?;
        Ok(path)
    }
}

/// A ledger that no process can open as long as this lives, such as while its file is exchanged.
pub struct ClosedLedger {
    _lock: sqlite::Lock,
}

impl ClosedLedger {
    /// Locks the ledger of this path, which need not exist; its folder must.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] when a process has it open.
    pub fn lock(path: impl AsRef<Path>) -> Result<Self, LedgerError> {
        Ok(Self { _lock: sqlite::lock(&sqlite::real(path.as_ref())?)? })
    }
}
