//! The place of files that are not whole yet, in the folder where they will be.

use super::error::MigrateError;
use crate::error::BackupError;
use crate::files;
use crate::restore::hand_over;
use crate::take::is_of_ledger_or_store;
use crate::{LEDGER_FILE, STORE_FILE};
use opencredits_ledger::{ClosedLedger, HEAD_ENDING, LOCK_ENDING, LedgerError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder with the files of a move that is not done.
pub const MOVING_DIR: &str = ".migrating";
/// The head of the source.
const SOURCE_FILE: &str = "source";
/// It is there once everything was compared.
const COMPARED_FILE: &str = "compared";
/// Ends the name of a log.
const LOG_ENDING: &str = "-wal";

/// Files that are not in their place yet. No process opens the ledger of the folder meanwhile.
pub(super) struct Staged {
    data: PathBuf,
    path: PathBuf,
    /// Whether an earlier run has begun it.
    pub(super) is_resumed: bool,
    _lock: ClosedLedger,
}

impl Staged {
    /// Locks the folder, which is made where there is none, and makes the place in it, or finds that of an earlier run of the same
    /// source.
    pub(super) fn open(data: &Path, source_head: &str) -> Result<Self, MigrateError> {
        let data = files::real(data)?;
        let is_new = !data.exists();
        files::create_folder(&data, true)?;
        if let Some(above) = data.parent().filter(|_| is_new) {
            hand_over(above, &data);
        }
        let lock = ClosedLedger::lock(data.join(LEDGER_FILE)).map_err(|error| match error {
            LedgerError::Locked { .. } => MigrateError::InUse { path: data.clone() },
            error => error.into(),
        })?;
        let lock_file = format!("{LEDGER_FILE}{LOCK_ENDING}");
        hand_over(&data, &data.join(&lock_file));
        let path = data.join(MOVING_DIR);
        let found = read(&path.join(SOURCE_FILE))?;
        let staged = Self { data, path, is_resumed: found.is_some(), _lock: lock };
        match found {
            Some(found) if found != source_head => {
                return Err(MigrateError::Other { found, source_head: source_head.to_owned() });
            }
            Some(_) if staged.is_compared()? => return Ok(staged),
            Some(_) | None => {}
        }
        let names = old_files(&staged.data, &lock_file)?;
        if !names.is_empty() {
            return Err(MigrateError::HasFiles { path: staged.data, names });
        }
        if !staged.is_resumed {
            staged.begin(source_head)?;
        }
        Ok(staged)
    }

    /// Where the files are written.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether everything was compared, and some files may be in their place.
    pub(super) fn is_compared(&self) -> Result<bool, MigrateError> {
        Ok(read(&self.path.join(COMPARED_FILE))?.is_some())
    }

    fn begin(&self, source_head: &str) -> Result<(), MigrateError> {
        // One that was interrupted before it had its first file.
        if self.path.exists() {
            std::fs::remove_dir_all(&self.path).map_err(BackupError::file("delete", &self.path))?;
        }
        files::create_folder(&self.path, false)?;
        self.write(SOURCE_FILE, source_head)
    }

    /// Writes a file, all or nothing.
    fn write(&self, name: &str, text: &str) -> Result<(), MigrateError> {
        let (path, unfinished) = (self.path.join(name), self.path.join(format!("{name}.new")));
        if unfinished.exists() {
            std::fs::remove_file(&unfinished).map_err(BackupError::file("delete", &unfinished))?;
        }
        let mut file = files::create(&unfinished)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        written.map_err(BackupError::file("write", &unfinished))?;
        std::fs::rename(&unfinished, &path).map_err(BackupError::file("create", &path))?;
        Ok(files::flush_folder(&self.path)?)
    }

    /// Puts the files into their place, once everything was compared and they are closed. The record of the last commit goes first and the
    /// ledger last: without the ledger that the record names, nothing starts.
    pub(super) fn place(self) -> Result<(), MigrateError> {
        for name in [LEDGER_FILE, STORE_FILE] {
            let log = self.path.join(format!("{name}{LOG_ENDING}"));
            if files::size(&log) > 0 {
                return Err(MigrateError::Log { path: self.path.join(name) });
            }
        }
        if !self.is_compared()? {
            self.write(COMPARED_FILE, "")?;
        }
        for name in [&*format!("{LEDGER_FILE}{HEAD_ENDING}"), STORE_FILE, LEDGER_FILE] {
            let (from, to) = (self.path.join(name), self.data.join(name));
            if !from.exists() {
                // An earlier run has moved it.
                continue;
            }
            hand_over(&self.data, &from);
            std::fs::rename(&from, &to).map_err(BackupError::file("move", &from))?;
            files::flush_folder(&self.data)?;
        }
        std::fs::remove_dir_all(&self.path).map_err(BackupError::file("delete", &self.path))?;
        Ok(files::flush_folder(&self.data)?)
    }
}

/// The text of a file; `None` where there is none.
fn read(path: &Path) -> Result<Option<String>, MigrateError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BackupError::file("read", path)(error).into()),
    }
}

/// Files of another ledger or store.
fn old_files(data: &Path, lock_file: &str) -> Result<Vec<String>, MigrateError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(data).map_err(BackupError::file("read", data))? {
        let name = entry.map_err(BackupError::file("read", data))?.file_name().to_string_lossy().into_owned();
        if name != lock_file && is_of_ledger_or_store(&name) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
