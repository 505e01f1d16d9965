//! The key of the data files: what the files are opened with, and how they get another one.

use crate::error::{AdminError, FilesError};
use crate::ports::environment;
use opencredits_backup::{LEDGER_FILE, STORE_FILE};
use opencredits_ledger::ClosedLedger;
use opencredits_service::config::Config;
use opencredits_service::{TEST_DIR, data_key, key_in};
use opencredits_sqlite::{FileKey, Reencrypted, prepare, reencrypt};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What the files get.
#[derive(clap::Args, Clone)]
#[group(required = true, multiple = false)]
pub(crate) struct RekeyOrder {
    /// A file with the new key; make one with `opencredits-admin key-file new`, or `openssl rand -hex 32`.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// No key: the files are plain afterwards.
    #[arg(long)]
    plain: bool,
}

/// Uses the key of the config for all files of this process, and refuses those in a folder that it does not fit.
pub(crate) fn apply(config: &Config, folder: &Path) -> Result<(), FilesError> {
    let files = [LEDGER_FILE, STORE_FILE].map(|file| folder.join(file));
    Ok(prepare(of_config(config)?, &files)?)
}

fn of_config(config: &Config) -> Result<Option<FileKey>, FilesError> {
    let text = data_key(&config.data, &environment())?;
    Ok(text.map(|text| text.reveal().parse()).transpose()?)
}

/// Writes ledger and store of both modes anew under another key, while no process has them.
pub(crate) fn rekey(order: &RekeyOrder, config: &Config) -> Result<String, AdminError> {
    let data = Path::new(&config.data.dir);
    if !data.is_dir() {
        return Err(AdminError::NoFolder { path: data.to_owned() });
    }
    let from = of_config(config)?;
    let to: Option<FileKey> = match &order.to {
        Some(path) => Some(key_in(path).map_err(FilesError::from)?.reveal().parse().map_err(FilesError::from)?),
        None => None,
    };
    let mut told = String::new();
    for folder in [data.to_owned(), data.join(TEST_DIR)].into_iter().filter(|folder| folder.is_dir()) {
        let _closed = ClosedLedger::lock(folder.join(LEDGER_FILE)).map_err(FilesError::from)?;
        for file in [LEDGER_FILE, STORE_FILE] {
            let path = folder.join(file);
            let done = match reencrypt(&path, from.as_ref(), to.as_ref()).map_err(FilesError::from)? {
                Reencrypted::Done => "written anew",
                Reencrypted::Before => "had this key before",
                Reencrypted::Absent => continue,
            };
            let _written = writeln!(told, "{}: {done}", path.display());
        }
    }
    told.push_str(match order.plain {
        true => "\nRemove data.key and data.key_file from the config before you start the gateway.\n",
        false => "\nSet data.key_file to the new key before you start the gateway. Earlier backups still need the earlier key.\n",
    });
    Ok(told)
}
