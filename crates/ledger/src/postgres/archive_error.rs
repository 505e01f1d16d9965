//! Why nothing was archived, or nothing brought back.

use super::archive_file::Fault;
use super::error::Trouble;
use super::month::EntriesPart;
use crate::error::{LedgerError, StorageError};
use std::path::{Path, PathBuf};

/// Nothing was archived, or nothing brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The database has no ledger.
    #[error("the database has no ledger; look whether its URL is right")]
    NoLedger,
    /// The part is not over for long enough.
    #[error("{part} is too young: the present month and the one before it stay")]
    TooYoung {
        /// The part.
        part: EntriesPart,
    },
    /// There is no such part.
    #[error("there is no part {part}; `ledger months` lists them")]
    NoPart {
        /// The part.
        part: EntriesPart,
    },
    /// The month is in a part with others.
    #[error("the entries of {part} are among those of {whole}, which are archived as a whole")]
    Within {
        /// The part.
        part: EntriesPart,
        /// The part that has them.
        whole: EntriesPart,
    },
    /// An older part is not archived.
    #[error("{older} is older than {part} and not archived; archive the oldest first")]
    OlderFirst {
        /// The part.
        part: EntriesPart,
        /// The older one.
        older: EntriesPart,
    },
    /// The part was archived before.
    #[error("{part} is archived already")]
    Again {
        /// The part.
        part: EntriesPart,
    },
    /// Holds of the part are open.
    #[error("{holds} holds with ids of {part} are open; they end by their expiry at the latest")]
    OpenHolds {
        /// The part.
        part: EntriesPart,
        /// The number of holds.
        holds: u64,
    },
    /// The part was written meanwhile.
    #[error("entries of {part} were written meanwhile; begin anew")]
    Changed {
        /// The part.
        part: EntriesPart,
    },
    /// Somebody reads the entries for long.
    #[error(
        "the entries are read for long by something else, such as a verification or a copy; try again when it is done"
    )]
    Busy,
    /// The part is not archived.
    #[error("{part} is not archived, so there is nothing to bring back")]
    NotArchived {
        /// The part.
        part: EntriesPart,
    },
    /// The file is none of this ledger, or was changed.
    #[error("{} cannot be used: {what}", path.display())]
    NoArchive {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// The file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The database did not answer the commit.
    #[error(
        "the database did not answer the commit, so it is not known whether it was done; keep {}, and look at `ledger months`",
        path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<StorageError> for ArchiveError {
    fn from(error: StorageError) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<Trouble> for ArchiveError {
    fn from(trouble: Trouble) -> Self {
        StorageError::from(trouble).into()
    }
}

impl From<tokio_postgres::Error> for ArchiveError {
    fn from(error: tokio_postgres::Error) -> Self {
        Trouble::of(error).into()
    }
}

impl ArchiveError {
    pub(crate) fn of_file(path: &Path, fault: Fault) -> Self {
        let path = path.to_owned();
        match fault {
            Fault::File(source) => Self::File { path, source },
            Fault::Damaged(what) => Self::NoArchive { path, what },
        }
    }
}
