//! Verifies a folder of copies: its bytes against the manifest, then its databases by opening them.

use crate::error::BackupError;
use crate::files;
use crate::manifest::{LedgerCounts, MANIFEST_FILE, Manifest, NAME_PREFIX, StoreCounts};
use crate::sqlite;
use crate::stop::Stop;
use crate::{LEDGER_FILE, STORE_FILE};
use opencredits_keys::Mode;
use opencredits_ledger::{ChainHead, LedgerCopy, LedgerError, StorageError};
use opencredits_store::StoreCopy;
use opencredits_units::{Measure, Progress};
use std::collections::HashSet;
use std::path::Path;

/// Findings of a ledger that an error names.
const FINDINGS_MAX: usize = 5;

/// A backup that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its description.
    pub manifest: Manifest,
    /// The number of accounts that the store names and the ledger lacks. They lack in the data folder, too: its ledger
    /// lost commits, and the operator accepted that.
    pub lacking: u64,
    /// The mode that its data is of; `None` where the program that made it marked none.
    pub mode: Option<Mode>,
}

/// The content of copies.
pub(crate) struct Contents {
    pub(crate) ledger: LedgerCounts,
    pub(crate) store: StoreCounts,
    pub(crate) lacking: u64,
    pub(crate) mode: Option<Mode>,
}

/// Verifies a backup: the manifest and its format, every hash, SQLite's own check of each database, and everything that
/// `ledger verify --head` does.
///
/// # Errors
/// When it is no backup, damaged, newer than this program, or cannot be read. The error names the file.
pub fn check(backup: &Path) -> Result<Checked, BackupError> {
    check_watched(backup, &Progress::default())
}

/// The same; tells in `progress` how far it is.
///
/// # Errors
/// As [`check`].
pub fn check_watched(backup: &Path, progress: &Progress) -> Result<Checked, BackupError> {
    let found = std::fs::symlink_metadata(backup).and_then(|_| std::fs::metadata(backup));
    let is_folder = found.map_err(BackupError::file("read", backup))?.is_dir();
    if !is_folder || !is_there(&backup.join(MANIFEST_FILE))? {
        return Err(BackupError::NotABackup { path: backup.to_owned(), hint: hint(backup) });
    }
    let manifest = Manifest::read(backup)?;
    check_copies(backup, &manifest, progress)
}

fn is_there(path: &Path) -> Result<bool, BackupError> {
    path.try_exists().map_err(BackupError::file("read", path))
}

/// A folder of backups is easily taken for one of them.
fn hint(folder: &Path) -> String {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let last = names.filter(|name| name.starts_with(NAME_PREFIX)).max();
    last.map_or_else(
        || "name a folder opencredits-…Z that `backup` made".to_owned(),
        |last| format!("name one of those in it, such as {}", folder.join(last).display()),
    )
}

/// Verifies the copies in this folder, which may be another one than that of the manifest.
pub(crate) fn check_copies(folder: &Path, manifest: &Manifest, progress: &Progress) -> Result<Checked, BackupError> {
    let findings = changed_files(folder, manifest, progress)?;
    if !findings.is_empty() {
        return Err(BackupError::Damaged { path: folder.to_owned(), findings });
    }
    let names: Vec<&str> = manifest.files.iter().map(|file| &*file.name).collect();
    let heads: Vec<ChainHead> = manifest.head().into_iter().collect();
    let Contents { ledger, store, lacking, mode } = inspect(folder, &names, &heads, progress)?;
    if ledger != manifest.ledger || store != manifest.store {
        let findings = vec![format!("{MANIFEST_FILE} has other counts or another head than the copies")];
        return Err(BackupError::Damaged { path: folder.to_owned(), findings });
    }
    Ok(Checked { manifest: manifest.clone(), lacking, mode })
}

fn changed_files(folder: &Path, manifest: &Manifest, progress: &Progress) -> Result<Vec<String>, BackupError> {
    progress.begin("comparing bytes", Measure::Bytes, Some(manifest.bytes()));
    let watched = Stop::telling(progress);
    let mut findings = Vec::new();
    for file in &manifest.files {
        let path = folder.join(&file.name);
        if !is_there(&path)? {
            findings.push(format!("{} is missing", file.name));
            continue;
        }
        let (bytes, sha256) = files::digest(&path, &watched)?;
        if bytes != file.bytes {
            findings.push(format!("{} has {bytes} bytes instead of {}", file.name, file.bytes));
        } else if sha256 != file.sha256 {
            findings.push(format!("{} has other bytes than were written", file.name));
        }
    }
    Ok(findings)
}

/// Opens the databases among these files and verifies them; the ledger must have every commit up to `heads`.
pub(crate) fn inspect(
    folder: &Path,
    names: &[&str],
    heads: &[ChainHead],
    progress: &Progress,
) -> Result<Contents, BackupError> {
    progress.begin("checking the databases", Measure::Count, None);
    for name in names {
        let path = folder.join(name);
        if sqlite::is_database(&path)? {
            sqlite::check(&path)?;
        }
    }
    let path = folder.join(LEDGER_FILE);
    let copy = LedgerCopy::open(&path)?;
    let report = copy.verify(heads, progress)?;
    if !report.is_clean() {
        let findings = report.findings.iter().take(FINDINGS_MAX).map(ToString::to_string).collect();
        return Err(BackupError::Unsound { path, findings });
    }
    let covered = report.chain.ok_or(LedgerError::from(StorageError::Damaged { table: "chain" }))?;
    let store = StoreCopy::read(folder.join(STORE_FILE))?;
    let accounts: HashSet<_> = copy.accounts()?.into_iter().collect();
    let lacking = store.accounts.iter().filter(|account| !accounts.contains(*account)).count();
    Ok(Contents {
        ledger: LedgerCounts {
            head: covered.head.to_string(),
            entries: report.entries,
            accounts: report.accounts,
            holds: report.holds,
        },
        store: StoreCounts { users: store.users, partners: store.partners, keys: store.keys },
        lacking: u64::try_from(lacking).unwrap_or(u64::MAX),
        mode: store.mode,
    })
}
