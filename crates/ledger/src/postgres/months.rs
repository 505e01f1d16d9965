//! The parts of the entries: a table for each month, by the times of the ids.
//!
//! Months are made ahead, so that entries find theirs. An id of another time goes to the table of all others, and is moved when its
//! month is made. The entries of before there were months stay together in one part.

use super::error::Trouble;
use super::month::{EntriesPart, KEPT, Month, literal};
use crate::error::StorageError;
use opencredits_units::{EntryId, UnixMs};
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Months that are made ahead, the present one among them.
const AHEAD: u32 = 3;
/// Whoever writes waits for who makes a month, which therefore waits for others only so long.
const PATIENCE: Duration = Duration::from_millis(200);
/// No entry of ours is older. What seems so has an id that was not made by the time.
#[cfg(feature = "sqlite")]
const PLAUSIBLE_YEAR: u64 = 2_020;

const PARTS: &str = "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = to_regclass('ledger_entries') ORDER BY relname";
const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// The table of a part that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Table {
    pub(crate) part: EntriesPart,
    /// Whether it has what stays of an archived part.
    pub(crate) is_kept: bool,
}

impl Table {
    fn of(name: &str) -> Option<Self> {
        let suffix = name.strip_prefix("ledger_entries_")?;
        let whole = suffix.strip_suffix(KEPT);
        let part = whole.unwrap_or(suffix).replace('_', "-").parse().ok()?;
        Some(Self { part, is_kept: whole.is_some() })
    }

    pub(crate) fn name(self) -> String {
        if self.is_kept { self.part.kept() } else { self.part.table() }
    }
}

/// The tables of parts that are there, the oldest first. The table of all other entries is not among them.
pub(crate) async fn tables(client: &Client) -> Result<Vec<Table>, Trouble> {
    let rows = client.query_typed(PARTS, &[]).await.map_err(Trouble::of)?;
    let names = rows.iter().map(|row| row.try_get::<_, String>(0)).collect::<Result<Vec<_>, _>>();
    let mut tables: Vec<Table> = names.map_err(Trouble::of)?.iter().filter_map(|name| Table::of(name)).collect();
    tables.sort_unstable_by_key(|table| table.part.end());
    Ok(tables)
}

/// The part that has a month's entries, where there is one.
pub(crate) fn part_of(tables: &[Table], month: Month) -> Option<Table> {
    tables.iter().find(|table| table.part.has(month)).copied()
}

/// The present month, by the database's clock.
pub(crate) async fn present(client: &Client) -> Result<Month, tokio_postgres::Error> {
    let row = client.query_typed_one(CLOCK, &[]).await?;
    let now: i64 = row.try_get(0)?;
    Ok(Month::of(UnixMs::new(u64::try_from(now).unwrap_or_default())))
}

/// Makes the present month and the ones after it, where they are not there. Where somebody reads the entries for long, nothing is
/// made and nobody waits: there is another time.
pub(crate) async fn make_ahead(client: &Client) -> Result<(), StorageError> {
    let mut month = present(client).await.map_err(Trouble::of)?;
    let tables = tables(client).await?;
    for _ in 0..AHEAD {
        if part_of(&tables, month).is_none() {
            make(client, month, PATIENCE).await?;
        }
        month = month.next();
    }
    Ok(())
}

/// Makes the months of these ids, where they are in the past and nobody can have made them up: for whoever moves entries here.
#[cfg(feature = "sqlite")]
pub(crate) async fn make_for(client: &Client, ids: impl Iterator<Item = EntryId>) -> Result<(), StorageError> {
    let months: std::collections::BTreeSet<Month> = ids.map(|id| Month::of(id.made_at())).collect();
    let present = present(client).await.map_err(Trouble::of)?;
    let tables = tables(client).await?;
    for month in months {
        let is_plausible = month.year() >= PLAUSIBLE_YEAR && month <= present;
        if is_plausible && part_of(&tables, month).is_none() {
            make(client, month, PATIENCE).await?;
        }
    }
    Ok(())
}

/// Makes a month that no part has, and moves its entries there. The statements are one message, and so one transaction that always
/// ends. Every writer waits meanwhile, so it waits for others only so long.
pub(crate) async fn make(client: &Client, month: Month, patience: Duration) -> Result<(), StorageError> {
    let part = EntriesPart::Of(month);
    let (table, condition, bounds) = (part.table(), part.condition(), part.bounds());
    let sql = format!(
        "SET LOCAL lock_timeout = {};
         LOCK TABLE ONLY ledger_entries IN SHARE UPDATE EXCLUSIVE MODE;
         LOCK TABLE ledger_entries_default IN ACCESS EXCLUSIVE MODE;
         CREATE TABLE {table} (LIKE ledger_entries INCLUDING ALL);
         WITH moved AS (DELETE FROM ledger_entries_default WHERE {condition} RETURNING *)
         INSERT INTO {table} SELECT * FROM moved;
         ALTER TABLE ledger_entries ATTACH PARTITION {table} FOR VALUES {bounds}",
        patience.as_millis()
    );
    match client.batch_execute(&sql).await {
        // Somebody else has made it meanwhile.
        Err(error) if error.code() == Some(&SqlState::DUPLICATE_TABLE) => Ok(()),
        Err(error) => Err(Trouble::of(error).into()),
        Ok(()) => Ok(()),
    }
}

/// Makes the entries of form 2, which are one table, the part of before the next month, and moves what is later. It is a part of a
/// transaction.
pub(crate) fn divide(present: Month, make_entries: &str) -> String {
    let part = EntriesPart::Before(present.next());
    let (table, bounds, high) = (part.table(), part.bounds(), literal(part.range().1));
    format!(
        "ALTER TABLE ledger_entries RENAME TO {table};
         ALTER INDEX IF EXISTS ledger_entries_pkey RENAME TO {table}_pkey;
         ALTER INDEX IF EXISTS ledger_entries_commit RENAME TO {table}_commit;
         {make_entries}
         WITH beyond AS (DELETE FROM {table} WHERE id >= {high} RETURNING *)
         INSERT INTO ledger_entries_default SELECT * FROM beyond;
         ALTER TABLE ledger_entries ATTACH PARTITION {table} FOR VALUES {bounds};"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_table_tells_its_part() {
        let month: Month = "2026-12".parse().unwrap();
        for part in [EntriesPart::Before(month), EntriesPart::Of(month)] {
            for is_kept in [false, true] {
                let table = Table { part, is_kept };
                assert_eq!(Table::of(&table.name()), Some(table));
            }
        }
        assert_eq!(Table::of("ledger_entries_default"), None);
    }
}
