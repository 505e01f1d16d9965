//! Settings that stand in the config, or in a file that the config names.

use crate::error::StartError;
use opencredits_service::config::SecretText;
use std::path::PathBuf;

/// A secret from the config or from its file, where a blank one is a mistake. `setting` is the one that names the file.
pub(crate) fn secret(
    setting: &'static str,
    text: Option<&SecretText>,
    file: Option<&String>,
) -> Result<Option<String>, StartError> {
    if let Some(text) = text {
        return Ok(Some(text.reveal().to_owned()));
    }
    let Some(path) = file else {
        return Ok(None);
    };
    match read(setting, path)?.trim() {
        "" => Err(StartError::EmptyFile { what: setting, path: PathBuf::from(path) }),
        text => Ok(Some(text.to_owned())),
    }
}

/// The text of the file that a setting names.
pub(crate) fn read(setting: &'static str, path: &str) -> Result<String, StartError> {
    std::fs::read_to_string(path).map_err(|source| StartError::File {
        what: setting,
        path: PathBuf::from(path),
        source,
    })
}
