//! The versions of the tables.

use crate::traits::StoreError;
use rusqlite::Connection;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The table of what was migrated.
const HISTORY: &str = "refinery_schema_history";

/// Creates the tables, or brings them up to date: all in one transaction. A process that is killed in between would otherwise leave a
/// version whose tables are there and that is not in the history, and no later start could open the file.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    embedded::migrations::runner().set_grouped(true).run(connection)?;
    Ok(())
}

/// The version of the tables in a file; none has version 0.
pub(super) fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    if !connection.table_exists(None, HISTORY)? {
        return Ok(0);
    }
    connection.query_row(&format!("SELECT coalesce(max(version), 0) FROM {HISTORY}"), [], |row| row.get(0))
}

/// Refuses the tables of a newer program.
pub(super) fn refuse_newer(found: i64) -> Result<(), StoreError> {
    let runner = embedded::migrations::runner();
    let known = runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max();
    let known = known.unwrap_or_default();
    if found > known { Err(StoreError::Newer { found, known }) } else { Ok(()) }
}
