//! What is held, by kind.

use super::rows::{count, time_or_none};
use crate::kinds::{KINDS, Kind};
use crate::privacy::Holding;
use crate::traits::StoreError;
use rusqlite::Connection;

/// All kinds, with their rows.
pub(super) fn all(connection: &Connection) -> Result<Vec<Holding>, StoreError> {
    KINDS.iter().map(|kind| holding(connection, kind)).collect()
}

fn holding(connection: &Connection, of: &Kind) -> Result<Holding, StoreError> {
    let Kind { kind, from, oldest, setting, kept } = *of;
    let sql = format!("SELECT count(*), min({}) FROM {from}", oldest.unwrap_or("NULL"));
    let mut statement = connection.prepare_cached(&sql)?;
    let (rows, oldest) = statement.query_row([], |row| Ok((count(row, 0)?, time_or_none(row, 1)?)))?;
    Ok(Holding { kind, rows, oldest, setting, kept })
}
