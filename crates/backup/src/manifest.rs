//! The description of a backup, `manifest.json`.

use crate::error::BackupError;
use crate::files;
use jiff::Timestamp;
use opencredits_ledger::ChainHead;
use opencredits_units::UnixMs;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io::Write;
use std::path::Path;

/// The name of the description in a backup.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The version of the format; raised whenever an older program could not restore the backup.
pub const FORMAT: u32 = 1;
/// Begins the name of every backup.
pub(crate) const NAME_PREFIX: &str = "opencredits-";

/// The content of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The moment that the copies are as of.
    pub made_at_ms: UnixMs,
    /// The same for people.
    pub made_at: String,
    /// The version of the program that made it.
    pub program: String,
    /// The ledger.
    pub ledger: LedgerCounts,
    /// The store.
    pub store: StoreCounts,
    /// Each file except this one.
    pub files: Vec<CopiedFile>,
}

/// The ledger in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCounts {
    /// The end of the hash chain, as `ledger head` prints it.
    pub head: String,
    /// The number of entries.
    pub entries: u64,
    /// The number of accounts.
    pub accounts: u64,
    /// The number of open holds, which the next start voids.
    pub holds: u64,
}

/// The store in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCounts {
    /// The number of people.
    pub users: u64,
    /// The number of partners.
    pub partners: u64,
    /// The number of keys, revoked ones too.
    pub keys: u64,
}

/// A file in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFile {
    /// Its name, in the backup as in the data folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// What every version of the file has.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

/// The file: the manifest and the hash of its text.
#[derive(Deserialize)]
struct Sealed<'a> {
    sha256: String,
    #[serde(borrow)]
    manifest: &'a RawValue,
}

impl Manifest {
    /// The sum of the sizes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// The head of the ledger; `None` where its text is none.
    pub(crate) fn head(&self) -> Option<ChainHead> {
        self.ledger.head.parse().ok()
    }

    /// Writes it into this folder, and flushes it.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = &folder.join(MANIFEST_FILE);
        let wrong = |error: serde_json::Error| BackupError::file("write", path)(error.into());
        let text = serde_json::to_string_pretty(self).map_err(wrong)?;
        let sealed = format!(
            "{{\n\"format\": {FORMAT},\n\"sha256\": \"{}\",\n\"manifest\": {text}\n}}\n",
            files::digest_of(&text)
        );
        let mut file = files::create(path)?;
        file.write_all(sealed.as_bytes()).and_then(|()| file.sync_all()).map_err(BackupError::file("write", path))
    }

    /// Reads that of this backup. A change of its text is noticed.
    pub(crate) fn read(folder: &Path) -> Result<Self, BackupError> {
        let path = &folder.join(MANIFEST_FILE);
        let bytes = std::fs::read(path).map_err(BackupError::file("read", path))?;
        let damaged = || damaged(folder, "its text is not the one that was written");
        let text = String::from_utf8(bytes).map_err(|_| damaged())?;
        let Versioned { format: found } = serde_json::from_str(&text).map_err(|_| damaged())?;
        if found > FORMAT {
            return Err(BackupError::Newer { path: folder.to_owned(), found, known: FORMAT });
        }
        let Sealed { sha256, manifest } = serde_json::from_str(&text).map_err(|_| damaged())?;
        if found == 0 || files::digest_of(manifest.get()) != sha256 {
            return Err(damaged());
        }
        let manifest: Self = serde_json::from_str(manifest.get()).map_err(|_| damaged())?;
        match manifest.problem() {
            Some(problem) => Err(self::damaged(folder, problem)),
            None => Ok(manifest),
        }
    }

    /// Only somebody who wrote a new hash, too, can have caused it.
    fn problem(&self) -> Option<&'static str> {
        let has = |name: &str| self.files.iter().any(|file| file.name == name);
        if !has(crate::LEDGER_FILE) || !has(crate::STORE_FILE) {
            Some("it does not list ledger.db and store.db")
        } else if !self.files.iter().all(|file| is_plain(&file.name)) {
            Some("it names a file outside of the backup")
        } else if self.head().is_none() {
            Some("it has no head of a ledger")
        } else {
            None
        }
    }
}

fn damaged(folder: &Path, problem: &str) -> BackupError {
    BackupError::Damaged { path: folder.to_owned(), findings: vec![format!("{MANIFEST_FILE}: {problem}")] }
}

/// Whether it is the name of a file in the folder itself.
fn is_plain(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|last| last == name) && name != MANIFEST_FILE
}

/// A point in time as in names, UTC, to the second.
pub(crate) fn stamp(at: UnixMs) -> String {
    timestamp(at).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A point in time for people, UTC, to the second.
pub(crate) fn time(at: UnixMs) -> String {
    timestamp(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn timestamp(at: UnixMs) -> Timestamp {
    i64::try_from(at.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default()
}
