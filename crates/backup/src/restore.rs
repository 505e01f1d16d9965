//! Puts a backup back.

use crate::check::{self, Checked};
use crate::error::BackupError;
use crate::files::{self, Unfinished};
use crate::manifest::{self, Manifest};
use crate::stop::Stop;
use crate::take::is_of_ledger_or_store;
use crate::{LEDGER_FILE, STORE_FILE};
use opencredits_keys::Mode;
use opencredits_ledger::{ClosedLedger, HEAD_ENDING, LOCK_ENDING, LedgerCopy, LedgerError};
use opencredits_store::StoreError;
use opencredits_units::{Measure, Progress, UnixMs};
use std::path::{Path, PathBuf};

/// Begins the name of a folder with copies that are not in place yet.
const STAGED_PREFIX: &str = ".restoring-";

/// A restoration.
#[derive(Debug, Clone, Copy)]
pub struct Restoring<'a> {
    /// The backup.
    pub from: &'a Path,
    /// The data folder, which is created where there is none.
    pub to: &'a Path,
    /// Whether data in it is moved aside; it is refused otherwise.
    pub replace: bool,
    /// The mode that the folder is used in. A backup of the other one is refused.
    pub mode: Mode,
    /// Now, for the name of what is moved aside.
    pub at: UnixMs,
    /// Where it tells how far it is.
    pub progress: &'a Progress,
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
    let Restoring { from, to, replace, mode, at, progress } = order;
    let Checked { manifest, mode: found, .. } = check::check_watched(from, progress)?;
    if let Some(found) = found.filter(|found| *found != mode) {
        return Err(StoreError::OtherMode { found, expected: mode }.into());
    }
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
    hand_over(&to, &to.join(of_ledger(LOCK_ENDING)));
    refuse_data(&to, &manifest, replace)?;
    clear(&to)?;
    let staged = Unfinished::create(to.join(format!("{STAGED_PREFIX}{}", manifest::stamp(at))))?;
    progress.begin("copying", Measure::Bytes, Some(manifest.bytes()));
    let watched = Stop::telling(progress);
    for file in &manifest.files {
        files::copy(&from.join(&file.name), &staged.path().join(&file.name), &watched)?;
    }
    let checked = check::check_copies(staged.path(), &manifest, progress)?;
    LedgerCopy::open(staged.path().join(LEDGER_FILE))?.record_head()?;
    files::flush_folder(staged.path())?;
    let old = old_files(&to, &manifest)?;
    let replaced = exchange((staged.path(), &to), &manifest, &old, at)?;
    drop(lock);
    Ok(Restored { path: to, checked, replaced })
}

/// The name of a file that belongs to the ledger.
fn of_ledger(ending: &str) -> String {
    format!("{LEDGER_FILE}{ending}")
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
    let lock = of_ledger(LOCK_ENDING);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(to).map_err(BackupError::file("read", to))? {
        let name = entry.map_err(BackupError::file("read", to))?.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        let is_restored = manifest.files.iter().any(|file| file.name == name);
        if name != lock && (is_of_ledger_or_store(name) || is_restored) {
            names.push(name.to_owned());
        }
    }
    // The ledger goes before what belongs to it: without its log it would open as of an earlier time.
    names.sort_unstable_by_key(|name| (name != LEDGER_FILE, name.clone()));
    Ok(names)
}

/// Deletes the copies of a restoration that was interrupted. Under the lock there is no other one.
fn clear(to: &Path) -> Result<(), BackupError> {
    for entry in std::fs::read_dir(to).map_err(BackupError::file("read", to))? {
        let path = entry.map_err(BackupError::file("read", to))?.path();
        let is_staged = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STAGED_PREFIX));
        if is_staged {
            std::fs::remove_dir_all(&path).map_err(BackupError::file("delete", &path))?;
        }
    }
    Ok(())
}

/// Moves the old files aside and the new ones into their place, and names the folder with the old ones.
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
    for (from, target) in moves((staged, to, &aside), manifest, old) {
        hand_over(to, &from);
        std::fs::rename(&from, &target).map_err(BackupError::file("move", &from))?;
        // Each on its own, so that a power failure leaves no later move without those before it.
        files::flush_folder(to)?;
    }
    if old.is_empty() {
        return Ok(None);
    }
    files::flush_folder(&aside)?;
    Ok(Some(aside))
}

/// The moves in their order, which [`restore`] explains.
fn moves((staged, to, aside): (&Path, &Path, &Path), manifest: &Manifest, old: &[String]) -> Vec<(PathBuf, PathBuf)> {
    let away = |name: &String| (to.join(name), aside.join(name));
    let place = |name: &str| (staged.join(name), to.join(name));
    let head = of_ledger(HEAD_ENDING);
    let is_head = |name: &&String| **name == head;
    let is_other = |name: &&str| ![LEDGER_FILE, STORE_FILE].contains(name);
    let mut moves: Vec<_> = old.iter().filter(is_head).map(away).collect();
    moves.push(place(&head));
    moves.extend(old.iter().filter(|name| !is_head(name)).map(away));
    moves.extend(manifest.files.iter().map(|file| &*file.name).filter(is_other).map(place));
    moves.extend([STORE_FILE, LEDGER_FILE].map(place));
    moves
}

/// Gives a file the owner of its folder, where this process may: files that root restores are for the gateway's user.
#[cfg(unix)]
pub(crate) fn hand_over(folder: &Path, file: &Path) {
    use std::os::unix::fs::{MetadataExt, chown};
    if let (Ok(folder), Ok(now)) = (std::fs::metadata(folder), std::fs::symlink_metadata(file))
        && (folder.uid(), folder.gid()) != (now.uid(), now.gid())
    {
        let _where_allowed = chown(file, Some(folder.uid()), Some(folder.gid()));
    }
}

#[cfg(not(unix))]
pub(crate) fn hand_over(_folder: &Path, _file: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, Stop};
    use opencredits_ledger::{Floor, Ledger, OpenAccount, StorageError};
    use opencredits_store::SqliteStore;
    use opencredits_units::AccountId;

    const NOW: UnixMs = UnixMs::new(1_790_000_000_000);

    fn open_accounts(data: &Path, ids: std::ops::Range<u128>) -> Ledger {
        std::fs::create_dir_all(data).unwrap();
        let ledger = Ledger::open(data.join(LEDGER_FILE)).unwrap();
        for id in ids.map(AccountId::from_bits) {
            ledger.open_account(OpenAccount { id, floor: Floor::Zero, contra: None }, NOW).unwrap().wait().unwrap();
        }
        ledger
    }

    /// What is there after so many moves: the accounts, or a refusal because commits are missing.
    fn check(data: &Path, old: Option<usize>, new: usize) -> Option<usize> {
        match Ledger::open(data.join(LEDGER_FILE)) {
            Ok(ledger) => {
                let accounts = ledger.accounts().len();
                assert!(accounts == new || Some(accounts) == old, "{accounts}");
                assert!(accounts != new || data.join(STORE_FILE).exists(), "the new ledger without the new store");
                assert!(ledger.verify().unwrap().is_clean());
                Some(accounts)
            }
            Err(error) => {
                assert!(matches!(error, LedgerError::Storage(StorageError::Lost { .. })), "{error}");
                None
            }
        }
    }

    /// Interrupts a restoration after each of its moves.
    fn interrupt(old: Option<std::ops::Range<u128>>) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let ledger = open_accounts(&data, 1..6);
        let store = SqliteStore::open(data.join(STORE_FILE)).unwrap();
        let taken = crate::take(Source { ledger, store, data }, &folder.path().join("b"), NOW, &Stop::default());
        let (backup, manifest) = taken.map(|taken| (taken.path, taken.checked.manifest)).unwrap();
        for interrupted in 0.. {
            let to = folder.path().join(format!("{interrupted}"));
            std::fs::create_dir(&to).unwrap();
            // An empty folder is the old data, too, as long as nothing was moved.
            let accounts = match &old {
                Some(ids) => Some(open_accounts(&to, ids.clone()).accounts().len()),
                None => (interrupted == 0).then_some(0),
            };
            let (staged, aside) = (to.join("staged"), to.join("aside"));
            for folder in [&staged, &aside] {
                std::fs::create_dir(folder).unwrap();
            }
            for file in &manifest.files {
                files::copy(&backup.join(&file.name), &staged.join(&file.name), &Stop::default()).unwrap();
            }
            LedgerCopy::open(staged.join(LEDGER_FILE)).unwrap().record_head().unwrap();
            let moves = moves((&staged, &to, &aside), &manifest, &old_files(&to, &manifest).unwrap());
            for (from, target) in moves.iter().take(interrupted) {
                std::fs::rename(from, target).unwrap();
            }
            let found = check(&to, accounts, 5);
            if interrupted == moves.len() {
                assert_eq!(found, Some(5));
                return;
            }
            let progress = &Progress::default();
            let order = Restoring { from: &backup, to: &to, replace: true, mode: Mode::Live, at: NOW, progress };
            let again = restore(order);
            assert!(again.is_ok(), "{again:?}");
            assert_eq!(check(&to, None, 5), Some(5));
        }
    }

    #[test]
    fn a_restoration_that_ends_anywhere_leaves_the_old_data_or_the_new_or_none_that_opens() {
        interrupt(Some(1..9));
        interrupt(Some(20..23));
    }

    #[test]
    fn a_restoration_into_an_empty_folder_that_ends_anywhere_leaves_all_of_it_or_none_that_opens() {
        interrupt(None);
    }
}
