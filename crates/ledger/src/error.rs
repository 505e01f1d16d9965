//! Errors of a ledger.

use crate::chain::Loss;
use opencredits_units::{AccountId, EntryId, NanoUsd};
use std::path::PathBuf;

/// An error of a ledger. The caller can handle the first seven; the others are ours or the machine's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// An account would go below its floor. Nothing has changed.
    #[error("{account} has {available} USD available and {required} USD is needed")]
    InsufficientFunds {
        /// The account.
        account: AccountId,
        /// The amount that was needed.
        required: NanoUsd,
        /// The amount that is available.
        available: NanoUsd,
    },
    /// The account does not exist.
    #[error("there is no account {account}; open it first")]
    UnknownAccount {
        /// The account.
        account: AccountId,
    },
    /// The account is no limit.
    #[error("{account} is no limit; a limit never goes below zero and has a contra account of its own")]
    NoLimit {
        /// The account.
        account: AccountId,
    },
    /// The hold does not exist.
    #[error("there is no hold {id}")]
    UnknownHold {
        /// The hold.
        id: EntryId,
    },
    /// The hold was voided before this capture, or captured before this void.
    #[error("the hold {id} is finished; it was {how}")]
    HoldFinished {
        /// The hold.
        id: EntryId,
        /// How it ended.
        how: &'static str,
    },
    /// The id was used before, for another command.
    #[error("the id {id} was used before with other content; use a new id for a new request")]
    IdempotencyMismatch {
        /// The id.
        id: EntryId,
    },
    /// A limit of the ledger is exceeded.
    #[error("{what} would exceed {max}")]
    Limit {
        /// The thing of which there are too many.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// An amount is negative or does not fit 64 bits of nano-dollars.
    #[error("an amount is negative or too large; amounts are at most 9.2 billion USD")]
    Amount,
    /// The disk failed during this write: it may have succeeded or not. Reload to find out.
    #[error("the commit failed, so the outcome is unknown; free space or mend the disk, then reload the ledger")]
    CommitUnknown,
    /// An earlier commit failed; nothing is decided until the ledger is reloaded. When the writing thread itself has
    /// failed, a reload does not help: open the file anew.
    #[error("the ledger stopped after a failed commit; free space or mend the disk, then reload it or open it anew")]
    Poisoned,
    /// Another process has the ledger open.
    #[error("another process has {} open; stop it, or speak to it through its admin socket", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The database does not answer. Nothing has changed.
    #[cfg(feature = "postgres")]
    #[error("the database of the ledger does not answer; try again in some seconds")]
    Away,
    /// The entry is archived, or one of those that are asked for is. Nothing has changed.
    #[cfg(feature = "postgres")]
    #[error("entries of {part} are archived; bring them back from their file first, or ask without them")]
    Archived {
        /// The part that has them.
        part: crate::postgres::EntriesPart,
    },
    /// The file or the database cannot be read or written.
    #[error("cannot use the ledger: {0}")]
    Storage(#[from] StorageError),
}

/// A journal cannot be read or written.
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
    /// PostgreSQL refused, or cannot be reached.
    #[cfg(feature = "postgres")]
    #[error("{0}")]
    Postgres(#[source] Box<opencredits_postgres::PostgresError>),
    /// The tables were made by a newer program.
    #[cfg(feature = "postgres")]
    #[error(
        "the ledger's tables have form {found} and this program knows {known}; use the program that made them, or a newer one"
    )]
    NewerTables {
        /// The version that was found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// Another program has the file's write lock: a backup, somebody's `sqlite3`.
    #[error("another program is writing to it; wait until it is done, or end it")]
    Busy,
    /// The file was written by a newer program.
    #[error("{} has form {found} and this program knows {known}; use the program that wrote it, or a newer one", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that was found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// Commits that were acknowledged are not in the file. Nothing was changed.
    #[error(
        "{loss}. They were acknowledged, as {0}.head says. Copy the folder as it is; then put back the missing {0}-wal, \
         or restore a backup, or continue without them by `ledger accept-loss`",
        ledger.display()
    )]
    Lost {
        /// What is gone.
        loss: Box<Loss>,
        /// The ledger's file.
        ledger: PathBuf,
    },
    /// The step of long work that the caller gave has ended it.
    #[error("it was ended before it was done")]
    Interrupted,
    /// A row cannot be decoded.
    #[error("a row of {table} is damaged; restore a backup")]
    Damaged {
        /// The table.
        table: &'static str,
    },
}
