//! A store on either engine as its rows.

use super::database::DatabaseRows;
use super::file::FileRows;
use super::table::{RawKey, RawRow, RawTable};
use crate::traits::StoreError;
use opencredits_postgres::{Settings, Turn};
use std::path::Path;

/// A store on either engine as its rows, while nothing else uses it: for moving it to the other engine. A file is read and written on the
/// thread that asks.
pub struct RawStore(Engine);

enum Engine {
    File(FileRows),
    Database(DatabaseRows),
}

impl RawStore {
    /// Opens or creates the store in this file, and brings its tables up to date.
    ///
    /// # Errors
    /// As [`crate::SqliteStore::open`].
    pub fn file(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        FileRows::open(path.as_ref()).map(|rows| Self(Engine::File(rows)))
    }

    /// The store in a database, whose tables are made or brought up to date.
    ///
    /// # Errors
    /// When the database cannot be used, or was written by a newer program.
    pub async fn database(settings: &Settings) -> Result<Self, StoreError> {
        DatabaseRows::open(settings).await.map(|rows| Self(Engine::Database(rows)))
    }

    /// Lets it be written in this turn, where it is in a database.
    pub fn write_in(&mut self, turn: Turn) {
        match &mut self.0 {
            Engine::File(_) => {}
            Engine::Database(rows) => rows.write_in(turn),
        }
    }

    /// The tables of this store and of another one on the other engine, parents first.
    ///
    /// # Errors
    /// [`StoreError::Unlike`] when a table is not the same on both, or when they cannot be read.
    pub async fn tables(&self, other: &Self) -> Result<Vec<RawTable>, StoreError> {
        let (of_file, of_database) = match (&self.0, &other.0) {
            (Engine::File(file), Engine::Database(database)) | (Engine::Database(database), Engine::File(file)) => {
                (file.shapes()?, database.shapes().await?)
            }
            // Nothing is moved within an engine.
            _ => return Ok(Vec::new()),
        };
        RawTable::pairs(of_file, &of_database).map_err(|table| StoreError::Unlike { table })
    }

    /// At most `max` rows of a table, by key, those above `after`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn rows(&self, table: &RawTable, after: Option<&RawKey>, max: usize) -> Result<Vec<RawRow>, StoreError> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        match &self.0 {
            Engine::File(rows) => rows.rows(&table.of_file, after, max),
            Engine::Database(rows) => rows.rows(&table.of_database, after, max).await,
        }
    }

    /// The key of a table's last row.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn last(&self, table: &RawTable) -> Result<Option<RawKey>, StoreError> {
        let last = match &self.0 {
            Engine::File(rows) => rows.last(&table.of_file)?,
            Engine::Database(rows) => rows.last(&table.of_database).await?,
        };
        Ok(last.map(|row| table.key_of(&row)))
    }

    /// The number of a table's rows.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub async fn count(&self, table: &RawTable) -> Result<u64, StoreError> {
        match &self.0 {
            Engine::File(rows) => rows.count(&table.of_file),
            Engine::Database(rows) => rows.count(&table.of_database).await,
        }
    }

    /// Writes rows in one transaction.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn put(&self, table: &RawTable, rows: &[RawRow]) -> Result<(), StoreError> {
        match &self.0 {
            Engine::File(file) => file.put(&table.of_file, rows),
            Engine::Database(database) => database.put(&table.of_database, rows).await,
        }
    }

    /// The place in the ledger up to which the read model of usage is made.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn place(&self) -> Result<Vec<u8>, StoreError> {
        match &self.0 {
            Engine::File(rows) => rows.place(),
            Engine::Database(rows) => rows.place().await,
        }
    }

    /// Sets that place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn set_place(&self, place: &[u8]) -> Result<(), StoreError> {
        match &self.0 {
            Engine::File(rows) => rows.set_place(place),
            Engine::Database(rows) => rows.set_place(place).await,
        }
    }
}
