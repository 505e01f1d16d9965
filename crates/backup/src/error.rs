//! Errors of backups.

use opencredits_ledger::LedgerError;
use opencredits_store::StoreError;
use rusqlite::ErrorCode;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A backup was not made, is not sound, or was not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file system refused.
    #[error("cannot {doing} {}: {source}{}", path.display(), remedy(doing, source.kind()))]
    File {
        /// A verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// SQLite refused to copy or to read a copy.
    #[error("cannot {doing} {}: {source}{}", path.display(), remedy(doing, kind_of(source)))]
    Sqlite {
        /// A verb.
        doing: &'static str,
        /// The database.
        path: PathBuf,
        /// The reason.
        source: rusqlite::Error,
    },
    /// The folder for backups is in the data folder.
    #[error("{} is in the data folder {}, and would be lost with it; choose another folder, best on another disk", into.display(), data.display())]
    Inside {
        /// The folder for backups.
        into: PathBuf,
        /// The data folder.
        data: PathBuf,
    },
    /// A backup of this second exists or is being made.
    #[error("there is {} already, and no backup is overwritten; try again in a second", path.display())]
    Exists {
        /// The backup.
        path: PathBuf,
    },
    /// The folder has no manifest.
    #[error("{} is no backup: it has no manifest.json; {hint}", path.display())]
    NotABackup {
        /// The path that was given.
        path: PathBuf,
        /// What may have been meant.
        hint: String,
    },
    /// The backup was made by a newer program.
    #[error("the backup {} has format {found} and this program knows {known}; use the program that made it, or a newer one", path.display())]
    Newer {
        /// The backup.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// Files are missing, or differ from what was written.
    #[error("the backup {} is damaged, nothing was restored: {}; use another backup, or get another copy of this one", path.display(), findings.join("; "))]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// Each with the name of its file.
        findings: Vec<String>,
    },
    /// A copy is not what it should be, although no byte of it has changed since it was written.
    #[error("{} does not verify: {}; look at the data folder with `ledger verify`", path.display(), findings.join("; "))]
    Unsound {
        /// The copy.
        path: PathBuf,
        /// The first findings.
        findings: Vec<String>,
    },
    /// A process has the data folder open.
    #[error("a gateway or an admin tool has the data folder {} open; stop it, then restore", path.display())]
    InUse {
        /// The data folder.
        path: PathBuf,
    },
    /// The data folder has data.
    #[error("the data folder {} has data: {}; restore into an empty folder with --to, or move this data aside with --replace", path.display(), names.join(", "))]
    HasData {
        /// The data folder.
        path: PathBuf,
        /// Its files.
        names: Vec<String>,
    },
    /// The data folder is the backup, or is in it.
    #[error("the data folder {} is in the backup that is to be restored; name another one with --to", path.display())]
    IntoItself {
        /// The data folder.
        path: PathBuf,
    },
    /// The request was cut off, or the process is ending.
    #[error("the backup was stopped before it was finished, and is deleted; make another one")]
    Stopped,
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store failed.
    #[error("the copy of the store cannot be used: {0}")]
    Store(#[from] StoreError),
}

impl BackupError {
    pub(crate) fn file<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |source| Self::File { doing, path: path.to_owned(), source }
    }

    pub(crate) fn sqlite<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(rusqlite::Error) -> Self + 'a {
        move |source| Self::Sqlite { doing, path: path.to_owned(), source }
    }
}

fn kind_of(error: &rusqlite::Error) -> ErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ErrorKind::StorageFull,
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => ErrorKind::PermissionDenied,
        _ => ErrorKind::Other,
    }
}

fn remedy(doing: &str, kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied if doing == "read" => "; run this as the user that owns it",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "; the disk is full: free space, or choose another folder"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that the gateway's user can write, and run this as that user"
        }
        ErrorKind::NotFound => "; look whether the path is right",
        ErrorKind::NotADirectory => "; name a folder",
        _ => "",
    }
}
