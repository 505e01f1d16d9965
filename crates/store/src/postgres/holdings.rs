//! What is held, by kind.

use super::connection::Connection;
use crate::kinds::{KINDS, Kind};
use crate::privacy::Holding;
use crate::traits::StoreError;

/// All kinds, with their rows.
pub(super) async fn all(connection: &Connection) -> Result<Vec<Holding>, StoreError> {
    let mut all = Vec::with_capacity(KINDS.len());
    for Kind { kind, from, oldest, setting, kept } in KINDS {
        let sql = format!("SELECT count(*), min({}) FROM {from}", oldest.unwrap_or("CAST(NULL AS bigint)"));
        let found = connection.one(&sql, &[], |cells| Ok((cells.count(0)?, cells.time_or_none(1)?))).await?;
        let (rows, oldest) = found.unwrap_or_default();
        all.push(Holding { kind, rows, oldest, setting, kept });
    }
    Ok(all)
}
