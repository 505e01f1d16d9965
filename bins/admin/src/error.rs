//! Errors of the admin tool.

use crate::config_file_error::ConfigFileError;
use opencredits_api::admin::Refusal;
use opencredits_backup::{BackupError, MigrateError};
use opencredits_ledger::{ArchiveError, LedgerError};
use opencredits_service::ServedCatalogueError;
use opencredits_service::accounts::AccountsError;
use opencredits_service::config::ConfigError;
use opencredits_service::privacy::AddressKeysError;
use opencredits_store::StoreError;
use std::path::PathBuf;

/// A command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AdminError {
    /// The request was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A file or folder cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// There is no data folder.
    #[error("there is no data folder {}; name it with --data or --config, or start the gateway once", path.display())]
    NoFolder { path: PathBuf },
    /// The socket is there and cannot be used.
    #[error("cannot speak to the gateway through {}: {source}; run this as the user that runs the gateway", path.display())]
    Socket { path: PathBuf, source: std::io::Error },
    /// No gateway runs, and there is nothing to follow.
    #[error("no gateway runs on {}; start it, or name its data folder with --data or --config", path.display())]
    NoGateway { path: PathBuf },
    /// The exchange with the gateway broke off.
    #[error("the gateway's answer was lost, so the outcome is unknown{}: {source}", again(.remedy))]
    Lost { remedy: Option<String>, source: Box<dyn std::error::Error + Send + Sync> },
    /// The answer cannot be parsed.
    #[error("the gateway's answer makes no sense here: {0}; use the admin tool of the gateway's version")]
    Answer(#[from] serde_json::Error),
    /// A text is no date.
    #[error("{text:?} is no date; write a day as 2026-11-30, or a time as 2026-11-30T08:00:00Z")]
    Date {
        /// The text.
        text: String,
    },
    /// The config is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The config file cannot be changed.
    #[error(transparent)]
    ConfigFile(#[from] ConfigFileError),
    /// No vendor of this id is compiled in.
    #[error("no vendor {id:?} is compiled in; `opencredits-admin config check` lists those on sale")]
    UnknownVendor {
        /// What was asked for.
        id: String,
    },
    /// The operator did not agree.
    #[error("nothing was done. {warning} Add --yes to do it without being asked")]
    NotAgreed {
        /// What would happen.
        warning: String,
    },
    /// The vendors or models are invalid.
    #[error(transparent)]
    ServedCatalogue(#[from] ServedCatalogueError),
    /// The files of the data folder cannot be opened.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A backup is not sound, or was not restored.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Data was not moved.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A month was not archived, or not brought back.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// No database is known.
    #[error("no database is known: set {setting} in the config, or name a file with its URL by {option}")]
    NoDatabase {
        /// The setting.
        setting: &'static str,
        /// The option.
        option: &'static str,
    },
    /// No thread could be started.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
    #[error(transparent)]
    Transport(#[from] opencredits_providers::TransportError),
}

/// The files of a data folder cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FilesError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    AddressKeys(#[from] AddressKeysError),
    #[error(transparent)]
    DataKey(#[from] opencredits_service::DataKeyError),
    #[error(transparent)]
    FileKey(#[from] opencredits_sqlite::FileKeyError),
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    #[error("cannot make the folder of test mode: {0}")]
    Folder(#[from] std::io::Error),
    #[error(
        "the data is in PostgreSQL, which this tool uses through a gateway only, and none runs on {}; start it, and ask again",
        dir.display()
    )]
    InDatabase { dir: PathBuf },
}

fn again(remedy: &Option<String>) -> String {
    remedy.as_ref().map_or_else(String::new, |remedy| format!("; {remedy}"))
}
