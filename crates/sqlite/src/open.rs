//! Opens files under the key of the process.

use crate::error::FileKeyError;
use crate::key::FileKey;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::sync::OnceLock;

/// Whether this program was built to encrypt files.
pub const CAN_ENCRYPT: bool = cfg!(feature = "sqlcipher");

/// Begins every plain SQLite file. An encrypted one begins with its salt.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The smallest page of SQLite: a shorter file holds no database, encrypted or not.
const PAGE_BYTES_MIN: u64 = 512;

/// Set once, by [`prepare`].
static KEY: OnceLock<FileKey> = OnceLock::new();

/// Sets the key of the process, or that it has none, and refuses files that this does not fit. Files that are absent or empty fit:
/// they are made under the key. None of the files may be open in this process, since closing one ends SQLite's locks on it.
///
/// # Errors
/// When the program cannot encrypt, the process has another key, or a file does not fit.
pub fn prepare<'a, P: AsRef<Path> + 'a>(
    key: Option<FileKey>,
    files: impl IntoIterator<Item = &'a P>,
) -> Result<(), FileKeyError> {
    if let Some(key) = key {
        if !CAN_ENCRYPT {
            return Err(FileKeyError::Unsupported);
        }
        if *KEY.get_or_init(|| key.clone()) != key {
            return Err(FileKeyError::AnotherKey);
        }
    }
    files.into_iter().try_for_each(|path| check(path.as_ref(), KEY.get()))
}

/// Whether the process has a key.
#[must_use]
pub fn has_key() -> bool {
    KEY.get().is_some()
}

/// Opens or creates a file.
///
/// # Errors
/// Those of SQLite.
pub fn open(path: impl AsRef<Path>) -> rusqlite::Result<Connection> {
    keyed(Connection::open(path)?)
}

/// The same in another way, such as to read only.
///
/// # Errors
/// Those of SQLite.
pub fn open_with_flags(path: impl AsRef<Path>, flags: OpenFlags) -> rusqlite::Result<Connection> {
    keyed(Connection::open_with_flags(path, flags)?)
}

/// Whether a file is a database, plain or under the key of the process. It must be none that this process has open.
///
/// # Errors
/// When the file cannot be read.
pub fn is_database(path: &Path) -> std::io::Result<bool> {
    let is_plain = begins_as_plain(path)?;
    Ok(is_plain == Some(true)
        || (is_plain.is_some() && KEY.get().is_some_and(|key| reads_with(path, Some(key)).is_ok())))
}

fn keyed(connection: Connection) -> rusqlite::Result<Connection> {
    if let Some(key) = KEY.get() {
        unlock(&connection, key)?;
    }
    Ok(connection)
}

/// Gives a connection its key, before anything is read through it.
pub(crate) fn unlock(connection: &Connection, key: &FileKey) -> rusqlite::Result<()> {
    // A key that does not fit is told by the error, and not on standard error as well.
    connection.pragma_update(None, "cipher_log_level", "NONE")?;
    connection.pragma_update(None, "key", key.literal())
}

/// Refuses a file that does not fit a key, or none.
fn check(path: &Path, key: Option<&FileKey>) -> Result<(), FileKeyError> {
    let path_of = || path.to_owned();
    match (begins_as_plain(path).map_err(FileKeyError::file(path))?, key) {
        (None, _) | (Some(true), None) => Ok(()),
        (Some(true), Some(_)) => Err(FileKeyError::Plain { path: path_of() }),
        (Some(false), None) => Err(FileKeyError::Encrypted { path: path_of() }),
        (Some(false), Some(key)) => match reads_with(path, Some(key)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Err(FileKeyError::WrongKey { path: path_of() })
            }
            read => Ok(read?),
        },
    }
}

/// Whether a file begins as plain SQLite files do; `None` where it is absent or empty.
pub(crate) fn begins_as_plain(path: &Path) -> std::io::Result<Option<bool>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if file.metadata()?.len() < PAGE_BYTES_MIN {
        return Ok(None);
    }
    let mut begin = Vec::with_capacity(MAGIC.len());
    file.by_ref().take(16).read_to_end(&mut begin)?;
    Ok(Some(begin == MAGIC))
}

/// Reads the first page with a key, or with none.
pub(crate) fn reads_with(path: &Path, key: Option<&FileKey>) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    if let Some(key) = key {
        unlock(&connection, key)?;
    }
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}
