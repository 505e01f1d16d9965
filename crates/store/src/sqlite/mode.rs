//! The mark that says which mode a store's data is of.

use crate::columns::{MODE_SETTING, mode_named};
use crate::traits::StoreError;
use opencredits_keys::Mode;
use rusqlite::{Connection, OptionalExtension};

/// The mode that a store is marked with.
pub(super) fn mode_of(connection: &Connection) -> Result<Option<Mode>, StoreError> {
    let mark = "SELECT value FROM settings WHERE name = ?1";
    let kept: Option<Vec<u8>> = connection.query_row(mark, [MODE_SETTING], |row| row.get(0)).optional()?;
    kept.map(|name| mode_named(&name).ok_or(StoreError::Damaged { table: "settings" })).transpose()
}
