//! Errors of moves.

use crate::error::BackupError;
use opencredits_ledger::LedgerError;
use opencredits_postgres::PostgresError;
use opencredits_store::StoreError;
use std::path::PathBuf;

/// Nothing was moved, or not all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The folder has no data.
    #[error("there is no ledger.db with a store.db in {}; name the data folder with --data or --config", path.display())]
    NoFiles {
        /// The folder.
        path: PathBuf,
    },
    /// The database has no data.
    #[error("the database has no ledger; look whether its URL is right")]
    NoLedger,
    /// A process has the folder open.
    #[error("a gateway or an admin tool has the data folder {} open; stop it first", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Processes use the database.
    #[error(
        "the database was used within the last minute, by {}; stop every gateway and every worker, and wait for a minute",
        names.join(", ")
    )]
    Seen {
        /// Their names.
        names: Vec<String>,
    },
    /// The database has other data.
    #[error("the database has data already: {what}; move into an empty one")]
    HasData {
        /// A table with rows.
        what: String,
    },
    /// The folder has other data.
    #[error("the folder {} has data already: {}; move into an empty one", path.display(), names.join(", "))]
    HasFiles {
        /// The folder.
        path: PathBuf,
        /// Its files.
        names: Vec<String>,
    },
    /// The target has a part of another source.
    #[error(
        "the target has a part of another move, from {found}, and the source is {source_head} now; empty the target, and begin anew"
    )]
    Other {
        /// The source that the target names.
        found: String,
        /// The head of the source.
        source_head: String,
    },
    /// The move was done before.
    #[error(
        "all of it was moved into this database before, from {found}; nothing was done. Test mode alone is moved with --test"
    )]
    Ended {
        /// The source that the target names.
        found: String,
    },
    /// The source does not verify.
    #[error("the source does not verify, and nothing was moved: {}; look at it with `ledger verify`", findings.join("; "))]
    Unsound {
        /// The first findings.
        findings: Vec<String>,
    },
    /// The source changed meanwhile.
    #[error("the source was changed meanwhile; stop whatever uses it, empty the target, and begin anew")]
    Changed,
    /// A log was not merged into its file.
    #[error("the log of {} was not merged into it; run this again", path.display())]
    Log {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error(transparent)]
    Files(#[from] BackupError),
    /// The database refused, or cannot be reached.
    #[error("cannot use the database: {0}")]
    Database(#[from] PostgresError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
