//! The store of a file as its rows.

use super::cell::Cell;
use super::table::{Dialect, Kind, RawKey, RawRow, Shape, in_order};
use crate::sqlite::SqliteStore;
use crate::traits::StoreError;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use std::collections::BTreeSet;
use std::path::Path;

const DIALECT: Dialect = Dialect { parameter: '?', by_bytes: "" };
/// What SQLite, the migrations and the index of labels have for themselves.
const OWN: [&str; 4] = ["sqlite_", "refinery_", "label_parts", "label_rows"];

const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
const COLUMNS: &str = "SELECT name, type, pk FROM pragma_table_info(?1)";
const PARENTS: &str = "SELECT \"table\" FROM pragma_foreign_key_list(?1)";
const PLACE: &str = "SELECT place FROM usage_checkpoint";
const SET_PLACE: &str = "INSERT OR REPLACE INTO usage_checkpoint (one, place) VALUES (1, ?1)";

/// A store in a file.
pub(super) struct FileRows(Connection);

impl FileRows {
    /// Makes the tables, or brings them up to date.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        drop(SqliteStore::open(path)?);
        let connection = opencredits_sqlite::open(path)?;
        connection.pragma_update(None, "synchronous", "full")?;
        Ok(Self(connection))
    }

    /// The tables, parents first.
    pub(super) fn shapes(&self) -> Result<Vec<Shape>, StoreError> {
        let mut statement = self.0.prepare(TABLES)?;
        let names = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        let is_own = |name: &String| OWN.iter().any(|own| name.starts_with(own));
        let mut tables = Vec::new();
        for name in names.into_iter().filter(|name| !is_own(name)) {
            let mut statement = self.0.prepare_cached(PARENTS)?;
            let parents = statement.query_map([&name], |row| row.get(0))?.collect::<Result<BTreeSet<String>, _>>()?;
            tables.push((self.shape(name)?, parents));
        }
        Ok(in_order(tables))
    }

    fn shape(&self, name: String) -> Result<Shape, StoreError> {
        let mut statement = self.0.prepare_cached(COLUMNS)?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found: Vec<(String, String, i64)> = statement.query_map([&name], read)?.collect::<Result<_, _>>()?;
        let mut key: Vec<(i64, String)> =
            found.iter().filter(|(_, _, place)| *place > 0).map(|(name, _, place)| (*place, name.clone())).collect();
        key.sort_unstable();
        let key: Vec<String> = key.into_iter().map(|(_, name)| name).collect();
        let column = |(column, kind, _): (String, String, i64)| Some((column, Kind::of(&kind)?));
        match found.into_iter().map(column).collect::<Option<Vec<_>>>() {
            Some(columns) => Ok(Shape::new(name, columns, &key)),
            None => Err(StoreError::Unlike { table: name }),
        }
    }

    pub(super) fn rows(&self, shape: &Shape, after: Option<&RawKey>, max: i64) -> Result<Vec<RawRow>, StoreError> {
        let mut statement = self.0.prepare_cached(&shape.select(DIALECT, after.is_some()))?;
        let max = Cell::Number(max);
        let parameters = after.iter().flat_map(|key| &key.0).chain([&max]);
        let mut rows = statement.query(params_from_iter(parameters))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(row_of(row, shape)?);
        }
        Ok(found)
    }

    pub(super) fn last(&self, shape: &Shape) -> Result<Option<RawRow>, StoreError> {
        let mut statement = self.0.prepare_cached(&shape.select_last(DIALECT))?;
        let mut rows = statement.query([])?;
        rows.next()?.map(|row| row_of(row, shape)).transpose()
    }

    pub(super) fn count(&self, shape: &Shape) -> Result<u64, StoreError> {
        let count: i64 = self.0.query_row(&shape.count(), [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    pub(super) fn put(&self, shape: &Shape, rows: &[RawRow]) -> Result<(), StoreError> {
        let parameters: Vec<String> = (1..=shape.columns.len()).map(|at| format!("?{at}")).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", shape.quoted(), shape.names(), parameters.join(", "));
        let transaction = self.0.unchecked_transaction()?;
        {
            let mut statement = transaction.prepare_cached(&sql)?;
            for row in rows {
                statement.execute(params_from_iter(&row.0))?;
            }
        }
        Ok(transaction.commit()?)
    }

    pub(super) fn place(&self) -> Result<Vec<u8>, StoreError> {
        Ok(self.0.query_row(PLACE, [], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    pub(super) fn set_place(&self, place: &[u8]) -> Result<(), StoreError> {
        self.0.execute(SET_PLACE, [place])?;
        Ok(())
    }
}

fn row_of(row: &Row<'_>, shape: &Shape) -> Result<RawRow, StoreError> {
    let cell = |at: usize| cell_of(row.get_ref(at)?).ok_or(StoreError::Damaged { table: "a table" });
    (0..shape.columns.len()).map(cell).collect::<Result<_, _>>().map(RawRow)
}

/// `None` for what no table of the store has.
fn cell_of(value: ValueRef<'_>) -> Option<Cell> {
    Some(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Number(number),
        ValueRef::Real(_) => return None,
        ValueRef::Text(text) => Cell::text(std::str::from_utf8(text).ok()?),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
    })
}
