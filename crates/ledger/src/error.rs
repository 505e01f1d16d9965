//! What can go wrong in a ledger.

use opencredits_units::{AccountId, EntryId, NanoUsd};
use std::path::PathBuf;

/// What can go wrong in a ledger. The first six are the caller's to handle; the rest is ours or the machine's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// An account would go below zero. Nothing has changed.
    #[error("{account} has {available} USD available and {required} USD is needed")]
    InsufficientFunds {
        /// The account that refused.
        account: AccountId,
        /// What was needed of it.
        required: NanoUsd,
        /// What it has.
        available: NanoUsd,
    },
    /// There is no such account.
    #[error("there is no account {account}; open it first")]
    UnknownAccount {
        /// The account.
        account: AccountId,
    },
    /// There is no such hold.
    #[error("there is no hold {id}")]
    UnknownHold {
        /// The hold.
        id: EntryId,
    },
    /// The hold was captured before it was voided, or voided before it was captured.
    #[error("the hold {id} is finished; it was {how}")]
    HoldFinished {
        /// The hold.
        id: EntryId,
        /// How it was finished.
        how: &'static str,
    },
    /// The id was used before, for something else.
    #[error("the id {id} was used before with other content; use a new id for a new request")]
    IdempotencyMismatch {
        /// The id.
        id: EntryId,
    },
    /// More of something than a ledger takes.
    #[error("{what} would exceed {max}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        max: usize,
    },
    /// An amount is negative or does not fit 64 bits of nano-dollars.
    #[error("an amount is negative or too large; amounts are at most 9.2 billion USD")]
    Amount,
    /// The disk failed while this was being written: it may be there or not. Reload to find out.
    #[error("the commit failed, so the outcome is unknown; free space or mend the disk, then reload the ledger")]
    CommitUnknown,
    /// An earlier commit failed; nothing is decided until the ledger is reloaded. When the thread that writes has ended
    /// by a fault of its own, no reload helps: open the file anew.
    #[error("the ledger stopped after a failed commit; free space or mend the disk, then reload it or open it anew")]
    Poisoned,
    /// Another process has the ledger open.
    #[error("another process has {} open; stop it, or speak to it through its admin socket", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("cannot use the ledger's file: {0}")]
    Storage(#[from] StorageError),
}

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The file system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// SQLite refused.
    #[cfg(feature = "sqlite")]
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Another program has the file's write lock: a backup, somebody's `sqlite3`.
    #[error("another program is writing to it; wait until it is done, or end it")]
    Busy,
    /// The file was written by a newer program.
    #[error("it has form {found} and this program knows {known}; upgrade the program")]
    Version {
        /// The form that was found.
        found: i64,
        /// The newest form that is known.
        known: i64,
    },
    /// A row cannot be read.
    #[error("a row of {table} is damaged; restore a backup")]
    Damaged {
        /// The table.
        table: &'static str,
    },
}
