//! The key of the data files.

use crate::error::StartError;
use opencredits_backup::{LEDGER_FILE, STORE_FILE};
use opencredits_service::config::Config;
use opencredits_service::{TEST_DIR, data_key};
use opencredits_sqlite::FileKey;
use std::path::{Path, PathBuf};

/// Uses the key of the config for all data files, before the first is opened, and refuses files that it does not fit.
pub(crate) fn apply(config: &Config, variables: &[(String, String)]) -> Result<(), StartError> {
    let key = read(config, variables)?;
    let data = Path::new(&config.data.dir);
    let files: Vec<PathBuf> = [data.to_owned(), data.join(TEST_DIR)]
        .iter()
        .flat_map(|folder| [LEDGER_FILE, STORE_FILE].map(|file| folder.join(file)))
        .collect();
    Ok(opencredits_sqlite::prepare(key, &files)?)
}

/// The key, without touching the data folder.
pub(crate) fn read(config: &Config, variables: &[(String, String)]) -> Result<Option<FileKey>, StartError> {
    let text = data_key(&config.data, variables)?;
    Ok(text.map(|text| text.reveal().parse()).transpose()?)
}
