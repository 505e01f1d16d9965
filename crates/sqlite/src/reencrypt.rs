//! Writes a file anew under another key, or in the clear.

use crate::error::FileKeyError;
use crate::key::FileKey;
use crate::open::{CAN_ENCRYPT, begins_as_plain, reads_with, unlock};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Ends the name of a new form that is not in place yet.
const UNFINISHED: &str = ".rekeying";
/// What is in a file besides its tables, and not copied with them.
const KEPT_PRAGMAS: [&str; 2] = ["user_version", "application_id"];
/// The files beside a database that is open.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reencrypted {
    /// It was written anew.
    Done,
    /// It had this key before: a run that broke off had come to it.
    Before,
    /// There is none.
    Absent,
}

/// Writes a file anew under the key `to`, or in the clear without one; it is under `from` now. No process may have it open. The new
/// form is written beside it, verified, flushed, and renamed into its place: whatever ends this in between, the file is whole under
/// one of the two keys, and doing it again finishes it.
///
/// # Errors
/// When the program cannot encrypt, `from` is not the key of the file, or a file cannot be read or written.
pub fn reencrypt(path: &Path, from: Option<&FileKey>, to: Option<&FileKey>) -> Result<Reencrypted, FileKeyError> {
    if !CAN_ENCRYPT {
        return Err(FileKeyError::Unsupported);
    }
    let Some(is_plain) = begins_as_plain(path).map_err(FileKeyError::file(path))? else {
        return Ok(Reencrypted::Absent);
    };
    let fits = |key: Option<&FileKey>| is_plain == key.is_none() && reads_with(path, key).is_ok();
    if fits(to) {
        return Ok(Reencrypted::Before);
    }
    if !fits(from) {
        return Err(FileKeyError::WrongKey { path: path.to_owned() });
    }
    let new = beside(path, UNFINISHED);
    remove(&new)?;
    create_private(&new)?;
    let tables = copy(path, (from, to), &new)?;
    if schema_of(&new, to)? != tables {
        return Err(FileKeyError::Unsound { path: path.to_owned() });
    }
    File::open(&new).and_then(|file| file.sync_all()).map_err(FileKeyError::file(&new))?;
    std::fs::rename(&new, path).map_err(FileKeyError::file(path))?;
    for ending in BESIDE {
        remove(&beside(path, ending))?;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileKeyError::file(folder))?;
    Ok(Reencrypted::Done)
}

/// Copies all tables into a new file, and returns how many rows of the schema there are.
fn copy(path: &Path, (from, to): (Option<&FileKey>, Option<&FileKey>), new: &Path) -> Result<i64, FileKeyError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    if let Some(key) = from {
        unlock(&connection, key)?;
    }
    // The log is brought into the file and ends, so that the file is all there is.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    let literal = to.map(FileKey::literal).unwrap_or_default();
    connection.execute("ATTACH DATABASE ?1 AS fresh KEY ?2", (new.to_string_lossy(), literal))?;
    connection.query_row("SELECT sqlcipher_export('fresh')", [], |_| Ok(()))?;
    for pragma in KEPT_PRAGMAS {
        let value: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0))?;
        connection.pragma_update(Some("fresh"), pragma, value)?;
    }
    let tables = connection.query_row("SELECT count(*) FROM main.sqlite_schema", [], |row| row.get(0))?;
    connection.execute_batch("DETACH DATABASE fresh")?;
    Ok(tables)
}

/// The rows of the schema of a sound file; zero where it is damaged.
fn schema_of(path: &Path, key: Option<&FileKey>) -> Result<i64, FileKeyError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    if let Some(key) = key {
        unlock(&connection, key)?;
    }
    let finding: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if finding != "ok" {
        return Ok(0);
    }
    Ok(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn remove(path: &Path) -> Result<(), FileKeyError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileKeyError::file(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn create_private(path: &Path) -> Result<(), FileKeyError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let created = File::options().create_new(true).write(true).mode(0o600).open(path);
    created.map(drop).map_err(FileKeyError::file(path))
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> Result<(), FileKeyError> {
    File::options().create_new(true).write(true).open(path).map(drop).map_err(FileKeyError::file(path))
}
