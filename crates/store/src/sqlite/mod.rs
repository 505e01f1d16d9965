//! The store on SQLite: one connection, one statement at a time, off the async threads.

mod keys;
mod people;
mod rows;
mod usage;

use crate::traits::StoreError;
use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::ffi::{SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The store names people: its owner reads it, nobody else.
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Implements every trait of this crate on one SQLite file. Cloning it gives another handle.
#[derive(Clone)]
pub struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
}

impl SqliteStore {
    /// Opens the store in this file, or makes it, and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a newer program.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        make_private(path.as_ref())?;
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        migrations::migrations::runner().run(&mut connection)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
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
}

/// Makes the file for its owner alone where there is none; the log beside it gets the same permissions from SQLite.
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

/// What a refused insertion means.
fn refused(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error().map(|error| error.extended_code) {
        Some(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE) => StoreError::Exists,
        Some(SQLITE_CONSTRAINT_FOREIGNKEY) => StoreError::Orphan,
        _ => error.into(),
    }
}
