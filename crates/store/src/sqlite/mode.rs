//! The mark that says which mode a store's data is of.

use crate::traits::StoreError;
use opencredits_keys::Mode;
use rusqlite::{Connection, OptionalExtension};

/// The setting that marks a store with its mode.
pub(super) const MODE_SETTING: &str = "mode";

/// The mode that a store is marked with.
pub(super) fn mode_of(connection: &Connection) -> Result<Option<Mode>, StoreError> {
    let mark = "SELECT value FROM settings WHERE name = ?1";
    let kept: Option<Vec<u8>> = connection.query_row(mark, [MODE_SETTING], |row| row.get(0)).optional()?;
    let named = |name: &[u8]| [Mode::Live, Mode::Test].into_iter().find(|mode| mode.name().as_bytes() == name);
    kept.map(|name| named(&name).ok_or(StoreError::Damaged { table: "settings" })).transpose()
}
