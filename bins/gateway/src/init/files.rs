//! Writes files that are not there yet, and that nobody else may read.

use super::written::Plan;
use crate::error::StartError;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{Result, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Creates the folder where there is none; its whole path.
pub(super) fn folder(path: &Path) -> std::result::Result<PathBuf, StartError> {
    let wrong = |source| StartError::Io { what: path.display().to_string(), source };
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path).map_err(wrong)?;
    path.canonicalize().map_err(wrong)
}

/// Writes everything, or nothing where one of the files is there.
pub(super) fn write(plan: &Plan) -> std::result::Result<(), StartError> {
    let files = all(plan);
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(StartError::Exists { path: path.clone() });
    }
    for (path, text) in &files {
        write_new(path, text).map_err(|source| StartError::Io { what: path.display().to_string(), source })?;
    }
    Ok(())
}

/// Removes what was written.
pub(super) fn remove(plan: &Plan) {
    for (path, _) in all(plan) {
        // What cannot be removed is named by the next run.
        let _ = std::fs::remove_file(path);
    }
}

fn all(plan: &Plan) -> Vec<(PathBuf, String)> {
    let variables = (!plan.variables.is_empty()).then(|| (plan.variables_path(), plan.variables_text()));
    let secrets = plan.secrets.iter().map(|(path, secret)| (path.clone(), format!("{secret}\n")));
    [(plan.config_path(), plan.config.clone())].into_iter().chain(variables).chain(secrets).collect()
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
