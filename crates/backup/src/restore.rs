//! Puts a backup back.

use crate::check::{self, Checked};
use crate::error::BackupError;
use crate::files::{self, Unfinished};
use crate::manifest::{self, Manifest};
use crate::stop::Stop;
use crate::take::is_of_ledger_or_store;
use crate::{LEDGER_FILE, STORE_FILE};
use opencredits_ledger::{ClosedLedger, LedgerCopy, LedgerError};
use opencredits_units::UnixMs;
use std::path::{Path, PathBuf};

/// The file that keeps a ledger locked; it stays where it is.
const LOCK_FILE: &str = "ledger.db.lock";
/// The record of the ledger's last commit.
const HEAD_FILE: &str = "ledger.db.head";

/// A restoration.
#[derive(Debug, Clone, Copy)]
pub struct Restoring<'a> {
    /// The backup.
    pub from: &'a Path,
    /// The data folder, which is created where there is none.
    pub to: &'a Path,
    /// Whether data in it is moved aside; it is refused otherwise.
    pub replace: bool,
    /// Now, for the name of what is moved aside.
    pub at: UnixMs,
}

/// A backup that was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The data folder.
    pub path: PathBuf,
    /// What it has now.
    pub checked: Checked,
    /// The folder with the data of before, in the data folder.
    pub replaced: Option<PathBuf>,
}

/// Verifies a backup, and puts it into a data folder. No gateway can start there meanwhile.
///
/// The copies are written and verified beside the data, within the folder, and renamed at the end. Whatever ends this
/// in between, a gateway starts with the old data, with the new data, or not at all: the record of the last commit is
/// exchanged first and the ledger is put in place last, and without the ledger that it names nothing starts.
///
/// # Errors
/// When the backup does not verify, the folder is in use or has data, or files cannot be written.
pub fn restore(order: Restoring<'_>) -> Result<Restored, BackupError> {
    let Restoring { from, to, replace, at } = order;
    let Checked { manifest, .. } = check::check(from)?;
    let (from, to) = (files::real(from)?, files::real(to)?);
    if to.starts_with(&from) {
        return Err(BackupError::IntoItself { path: to });
    }
    // Looked at before anything is made in it, and again under the lock.
    refuse_data(&to, &manifest, replace)?;
    files::create_folder(&to, true)?;
    let lock = ClosedLedger::lock(to.join(LEDGER_FILE)).map_err(|error| match error {
        LedgerError::Locked { .. } => BackupError::InUse { path: to.clone() },
        error => error.into(),
    })?;
    hand_over(&to, &to.join(LOCK_FILE));
    refuse_data(&to, &manifest, replace)?;
    let staged = Unfinished::create(to.join(format!(".restoring-{}", manifest::stamp(at))))?;
    for file in &manifest.files {
        files::copy(&from.join(&file.name), &staged.path().join(&file.name), &Stop::default())?;
    }
    let checked = check::check_copies(staged.path(), &manifest)?;
    LedgerCopy::open(staged.path().join(LEDGER_FILE))?.record_head()?;
    files::flush_folder(staged.path())?;
    let old = old_files(&to, &manifest)?;
    let replaced = exchange((staged.path(), &to), &manifest, &old, at)?;
    drop(lock);
    Ok(Restored { path: to, checked, replaced })
}

fn refuse_data(to: &Path, manifest: &Manifest, replace: bool) -> Result<(), BackupError> {
    let names = if to.exists() { old_files(to, manifest)? } else { Vec::new() };
    if names.is_empty() || replace {
        return Ok(());
    }
    Err(BackupError::HasData { path: to.to_owned(), names })
}

/// The files that have to go: those of a ledger or a store, and those with the name of a file in the backup.
fn old_files(to: &Path, manifest: &Manifest) -> Result<Vec<String>, BackupError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(to).map_err(BackupError::file("read", to))? {
        let name = entry.map_err(BackupError::file("read", to))?.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        let is_restored = manifest.files.iter().any(|file| file.name == name);
        if name != LOCK_FILE && (is_of_ledger_or_store(name) || is_restored) {
            names.push(name.to_owned());
        }
    }
    // The record of the last commit is exchanged first, and the ledger goes before what belongs to it.
    names.sort_unstable_by_key(|name| (name != HEAD_FILE, name != LEDGER_FILE, name.clone()));
    Ok(names)
}

/// Moves the old files aside and the new ones into their place.
fn exchange(
    (staged, to): (&Path, &Path),
    manifest: &Manifest,
    old: &[String],
    at: UnixMs,
) -> Result<Option<PathBuf>, BackupError> {
    let aside = to.join(format!("replaced-{}", manifest::stamp(at)));
    if !old.is_empty() {
        if aside.exists() {
            return Err(BackupError::Exists { path: aside });
        }
        files::create_folder(&aside, false)?;
        hand_over(to, &aside);
    }
    let (heads, others): (Vec<&String>, Vec<&String>) = old.iter().partition(|name| *name == HEAD_FILE);
    for name in heads {
        rename(&to.join(name), &aside.join(name))?;
    }
    place((staged, to), HEAD_FILE)?;
    files::flush_folder(to)?;
    for name in others {
        rename(&to.join(name), &aside.join(name))?;
    }
    for file in manifest.files.iter().filter(|file| file.name != LEDGER_FILE && file.name != STORE_FILE) {
        place((staged, to), &file.name)?;
    }
    place((staged, to), STORE_FILE)?;
    files::flush_folder(to)?;
    place((staged, to), LEDGER_FILE)?;
    files::flush_folder(to)?;
    if old.is_empty() {
        return Ok(None);
    }
    files::flush_folder(&aside)?;
    Ok(Some(aside))
}

fn place((staged, to): (&Path, &Path), name: &str) -> Result<(), BackupError> {
    let file = staged.join(name);
    hand_over(to, &file);
    rename(&file, &to.join(name))
}

fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    std::fs::rename(from, to).map_err(BackupError::file("move", from))
}

/// Gives a file the owner of its folder, where this process may: files that root restores are for the gateway's user.
#[cfg(unix)]
fn hand_over(folder: &Path, file: &Path) {
    use std::os::unix::fs::{MetadataExt, chown};
    if let (Ok(folder), Ok(now)) = (std::fs::metadata(folder), std::fs::symlink_metadata(file))
        && (folder.uid(), folder.gid()) != (now.uid(), now.gid())
    {
        let _where_allowed = chown(file, Some(folder.uid()), Some(folder.gid()));
    }
}

#[cfg(not(unix))]
fn hand_over(_folder: &Path, _file: &Path) {}
