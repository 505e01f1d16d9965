//! Ids and entries as SQLite has them.

use crate::error::StorageError;
use crate::journal::Bodies;
use opencredits_units::EntryId;
use rusqlite::Rows;

/// The rows of a query for id and body.
pub(crate) fn bodies(mut rows: Rows<'_>) -> Result<Bodies, StorageError> {
    let mut entries = Bodies::new();
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(1)?;
        entries.push((from_key(row.get(0)?), body.into()));
    }
    Ok(entries)
}

/// A number of rows for SQLite.
pub(crate) fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

/// Big-endian, so that SQLite sorts blobs as ids.
pub(crate) fn key(id: EntryId) -> [u8; 16] {
    id.bits().to_be_bytes()
}

pub(crate) fn from_key(key: [u8; 16]) -> EntryId {
    EntryId::from_bits(u128::from_be_bytes(key))
}
