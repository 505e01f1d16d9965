//! The store on SQLite: one connection, one statement at a time, off the async threads.

mod agreed;
mod alarms;
mod applications;
mod audit;
mod backlog;
mod bills;
mod changes;
mod codes;
mod connections;
mod copy;
mod devices;
mod emails;
mod holdings;
mod jobs;
mod keys;
mod limits;
mod mail;
mod mode;
mod notices;
mod operator;
mod orders;
mod partners;
mod passkeys;
mod payers;
mod people;
mod policies;
mod prices;
mod privacy;
mod publishable;
mod rates;
mod retention;
mod rotations;
mod rows;
mod schema;
mod secret_keys;
mod sessions;
mod usage;
mod usage_model;
mod usage_queries;

pub use copy::StoreCopy;

use crate::columns::MODE_SETTING;
use crate::sealing::AddressKeeping;
use crate::traits::StoreError;
use mode::mode_of;
use opencredits_keys::Mode;
use parking_lot::Mutex;
use rusqlite::ffi::{SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The store names people: only its owner may read it.
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;

/// Implements every trait of this crate on one SQLite file. A clone is another handle to the same store.
#[derive(Clone)]
pub struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
    /// Long queries have a connection of their own, so that nothing else waits for them.
    reader: Arc<Mutex<Connection>>,
    addresses: Arc<AddressKeeping>,
}

impl SqliteStore {
    /// Opens or creates the store in this file, and migrates its tables. Addresses are kept as they are: for tests, and for
    /// tools that keep none.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a newer program.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, AddressKeeping::Plain)
    }

    /// The same, with addresses kept in this way.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(path: impl AsRef<Path>, addresses: AddressKeeping) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let opened = Self::open_file(path, addresses);
        opened.map_err(|source| StoreError::Open { path: path.to_owned(), source: Box::new(source) })
    }

    fn open_file(path: &Path, addresses: AddressKeeping) -> Result<Self, StoreError> {
        make_private(path)?;
        let mut connection = opencredits_sqlite::open(path)?;
        // Before anything is changed.
        schema::refuse_newer(schema::version(&connection)?)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What is deleted is overwritten.
        connection.pragma_update(None, "secure_delete", true)?;
        schema::migrate(&mut connection)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = opencredits_sqlite::open_with_flags(path, flags)?;
        let (connection, reader) = (Arc::new(Mutex::new(connection)), Arc::new(Mutex::new(reader)));
        Ok(Self { connection, reader, addresses: Arc::new(addresses) })
    }

    /// The same, for the data of a mode, with which a new file is marked: play credits are never taken for real ones.
    ///
    /// # Errors
    /// When the file is marked with the other mode, or cannot be written.
    pub fn of_mode(self, mode: Mode) -> Result<Self, StoreError> {
        let found = {
            let connection = self.connection.lock();
            let mark = connection.execute(
                "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                (MODE_SETTING, mode.name().as_bytes()),
            )?;
            if mark > 0 { Some(mode) } else { mode_of(&connection)? }
        };
        match found {
            Some(found) if found != mode => Err(StoreError::OtherMode { found, expected: mode }),
            _ => Ok(self),
        }
    }

    /// Runs `work` while no handle of this store reads or writes: what `work` begins to read elsewhere is then as of
    /// the same moment as the store. It must be short, since every other use of the store waits.
    pub fn while_still<T>(&self, work: impl FnOnce() -> T) -> T {
        let _still = self.connection.lock();
        work()
    }

    /// Merges the write-ahead log into the file and empties it; whether all of it, which another process that reads may
    /// prevent. It is for the end of a process: the file alone then has everything.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn checkpoint(&self) -> Result<bool, StoreError> {
        let reader = Arc::clone(&self.reader);
        self.run(move |connection| {
            // A query that is under way needs its part of the log.
            let _still = reader.lock();
            let is_busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
            Ok(!is_busy)
        })
        .await
    }

    /// Runs `work` on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        let done = tokio::task::spawn_blocking(move || work(&mut connection.lock())).await;
        done.map_err(|_| StoreError::Closing)?
    }

    /// The first row that a query finds.
    async fn one<T: Send + 'static>(
        &self,
        sql: String,
        parameters: impl Params + Send + 'static,
        read: fn(&Row<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<Option<T>, StoreError> {
        self.run(move |connection| Ok(connection.prepare_cached(&sql)?.query_row(parameters, read).optional()?)).await
    }

    /// All rows that a query finds.
    async fn all<T: Send + 'static>(
        &self,
        sql: String,
        parameters: impl Params + Send + 'static,
        read: fn(&Row<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<Vec<T>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(parameters, read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Runs a long query on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = Arc::clone(&self.reader);
        let done = tokio::task::spawn_blocking(move || query(&reader.lock())).await;
        done.map_err(|_| StoreError::Closing)?
    }
}

/// Creates the file, readable by its owner only. SQLite gives the log beside it the same permissions.
#[cfg(unix)]
fn make_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().create(true).truncate(false).write(true).mode(FILE_MODE).open(path)?;
    Ok(())
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> Result<(), StoreError> {
    File::options().create(true).truncate(false).write(true).open(path)?;
    Ok(())
}

/// The error of a refused insertion.
fn refused(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error().map(|error| error.extended_code) {
        Some(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE) => StoreError::Exists,
        Some(SQLITE_CONSTRAINT_FOREIGNKEY) => StoreError::Orphan,
        _ => error.into(),
    }
}
