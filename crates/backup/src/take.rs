//! Makes a backup.

use crate::check::{self, Checked, Contents};
use crate::error::BackupError;
use crate::files::{self, Unfinished};
use crate::manifest::{self, CopiedFile, MANIFEST_FILE, Manifest, NAME_PREFIX};
use crate::sqlite::{self, Snapshot};
use crate::stop::Stop;
use crate::{LEDGER_FILE, STORE_FILE};
use opencredits_ledger::Ledger;
use opencredits_store::SqliteStore;
use opencredits_units::{Measure, UnixMs};
use std::path::{Path, PathBuf};

/// Ends the name of a backup that is being made.
const UNFINISHED: &str = ".unfinished";
/// Files that a database has beside it while it is open; the copies need none.
const BESIDE_DATABASES: [&str; 3] = ["-wal", "-shm", "-journal"];
/// Files that a ledger has beside it besides those; a start makes them again.
const BESIDE_LEDGER: [&str; 3] = [".head", ".head.lost", ".lock"];

/// What is copied: a data folder, whose ledger and store this process has open.
#[derive(Clone)]
pub struct Source {
    /// The ledger.
    pub ledger: Ledger,
    /// The store.
    pub store: SqliteStore,
    /// The data folder.
    pub data: PathBuf,
}

/// A backup that was made and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its folder.
    pub path: PathBuf,
    /// Its content.
    pub checked: Checked,
    /// Folders and links in the data folder that are not in the backup.
    pub left_out: Vec<String>,
}

/// Files of the data folder besides ledger and store.
#[derive(Default)]
struct Others {
    databases: Vec<String>,
    files: Vec<String>,
    left_out: Vec<String>,
}

/// Makes a backup in the folder `into`, which is created where there is none. It blocks, for as long as copying and
/// verifying takes; the ledger and the store may be used meanwhile, and closed once the copying has begun.
///
/// # Errors
/// When a file cannot be copied or a copy does not verify; then there is no backup.
pub fn take(source: Source, into: &Path, at: UnixMs, stop: &Stop) -> Result<Taken, BackupError> {
    let data = files::real(&source.data)?;
    let into = files::real(into)?;
    if into.starts_with(&data) {
        return Err(BackupError::Inside { into, data });
    }
    files::create_folder(&into, true)?;
    let name = format!("{NAME_PREFIX}{}", manifest::stamp(at));
    let path = into.join(&name);
    if path.exists() {
        return Err(BackupError::Exists { path });
    }
    let unfinished = Unfinished::create(into.join(format!(".{name}{UNFINISHED}")))?;
    let others = others(&data)?;
    source.ledger.flush()?;
    // What is acknowledged before the backup is in it.
    let acknowledged = source.ledger.head()?;
    let folder = unfinished.path();
    let mut names = copy_databases(source, (&data, folder), &others.databases, stop)?;
    let sizes = |names: &[String], folder: &Path| names.iter().map(|name| files::size(&folder.join(name))).sum();
    stop.progress().begin("copying files", Measure::Bytes, Some(sizes(&others.files, &data)));
    for name in others.files {
        files::copy(&data.join(&name), &folder.join(&name), stop)?;
        names.push(name);
    }
    stop.progress().begin("hashing", Measure::Bytes, Some(sizes(&names, folder)));
    let copied = names.iter().map(|name| describe(folder, name, stop)).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let heads: Vec<_> = acknowledged.into_iter().collect();
    stop.check()?;
    let Contents { ledger, store, lacking, mode } = check::inspect(folder, &names, &heads, stop.progress())?;
    let manifest = Manifest {
        made_at_ms: at,
        made_at: manifest::time(at),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        ledger,
        store,
        files: copied,
    };
    manifest.write(folder)?;
    let manifest = Manifest::read(folder)?;
    stop.check()?;
    unfinished.finish(&path)?;
    Ok(Taken { path, checked: Checked { manifest, lacking, mode }, left_out: others.left_out })
}

/// Copies ledger, store and other databases, as of one moment.
///
/// The store stands still while all snapshots begin, which takes microseconds: an account is opened before the row that
/// names it is stored, and a key is stored before an entry names it, so neither copy names what the other lacks.
fn copy_databases(
    source: Source,
    (data, folder): (&Path, &Path),
    others: &[String],
    stop: &Stop,
) -> Result<Vec<String>, BackupError> {
    let names = [STORE_FILE, LEDGER_FILE].into_iter().chain(others.iter().map(String::as_str));
    let names: Vec<String> = names.map(str::to_owned).collect();
    let begin = || names.iter().map(|name| Snapshot::begin(data.join(name))).collect::<Result<Vec<_>, _>>();
    let snapshots = source.store.while_still(begin)?;
    // A process that ends meanwhile closes its ledger without waiting for the copies.
    drop(source);
    let bytes = snapshots.iter().map(Snapshot::bytes).sum::<Result<u64, _>>()?;
    stop.progress().begin("copying the databases", Measure::Bytes, Some(bytes));
    for (name, snapshot) in names.iter().zip(snapshots) {
        snapshot.copy_to(&folder.join(name), stop)?;
    }
    Ok(names)
}

fn describe(folder: &Path, name: &str, stop: &Stop) -> Result<CopiedFile, BackupError> {
    let (bytes, sha256) = files::digest(&folder.join(name), stop)?;
    Ok(CopiedFile { name: name.to_owned(), bytes, sha256 })
}

/// Lists the data folder, without a look into the files that this process has open.
fn others(data: &Path) -> Result<Others, BackupError> {
    let wrong = || BackupError::file("read", data);
    let mut others = Others::default();
    for entry in std::fs::read_dir(data).map_err(wrong())? {
        let entry = entry.map_err(wrong())?;
        let kind = entry.file_type().map_err(wrong())?;
        let name = entry.file_name();
        let shown = name.to_string_lossy().into_owned();
        if is_needless(&shown) {
            continue;
        }
        let is_taken = shown == MANIFEST_FILE || is_of_ledger_or_store(&shown);
        if !kind.is_file() || is_taken || name.to_str().is_none() {
            let is_left_out = kind.is_file() || kind.is_dir() || kind.is_symlink();
            others.left_out.extend(is_left_out.then_some(shown));
        } else if sqlite::is_database(&entry.path())? {
            others.databases.push(shown);
        } else {
            others.files.push(shown);
        }
    }
    others.databases.sort_unstable();
    others.files.sort_unstable();
    others.left_out.sort_unstable();
    Ok(others)
}

/// Whether it is the ledger, the store, or one of the files beside them.
pub(crate) fn is_of_ledger_or_store(name: &str) -> bool {
    name.starts_with(LEDGER_FILE) || name.starts_with(STORE_FILE)
}

/// Whether a start makes it again, or it is copied anyway.
fn is_needless(name: &str) -> bool {
    let rest = name.strip_prefix(LEDGER_FILE);
    let is_beside_ledger = rest.is_some_and(|rest| rest.is_empty() || BESIDE_LEDGER.contains(&rest));
    is_beside_ledger || name == STORE_FILE || BESIDE_DATABASES.iter().any(|ending| name.ends_with(ending))
}
