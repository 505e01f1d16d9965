//! Closings: what stays of the entries of a part that is archived. The ends of holds are archived, transfers stay as they are.
//!
//! A closing has the sum of each account, the list of the ids, and the digest of the file. It is a commit of the chain, which therefore
//! vouches for it. A part that was brought back keeps its closing, as history.

use super::error::Trouble;
use super::month::EntriesPart;
use super::rows::{ClosingRecord, id_bytes};
use crate::codec::Number;
use crate::error::StorageError;
use hashbrown::HashMap;
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// An id that is not older than 21 days is not archived: the present month and the one before it stay. Clocks may be days apart.
const YOUNG_MS: u64 = 21 * UnixMs::DAY_MS;
const TABLE: &str = "ledger_closings";

const ALL: &str = "SELECT closing, commit, part, entries, last_commit, last_at, ids, file, restored
    FROM ledger_closings ORDER BY closing";
const SUMS: &str = "SELECT closing, number, amount FROM ledger_closing_sums ORDER BY closing, number";
const PARTS: &str = "SELECT part FROM ledger_closings WHERE NOT restored ORDER BY closing";
/// Ids are in lists, and a list begins with the lowest of its ids.
const AMONG: &str = "SELECT asked.id, part FROM unnest($1) AS asked(id)
    CROSS JOIN LATERAL (SELECT closing, ids FROM ledger_closing_ids WHERE low <= asked.id ORDER BY low DESC LIMIT 1) AS list
    JOIN ledger_closings USING (closing)
    WHERE EXISTS (
        SELECT FROM generate_series(0, length(list.ids) / 16 - 1) AS at WHERE substr(list.ids, at * 16 + 1, 16) = asked.id
    )";
const IDS: &str = "SELECT coalesce(sum(length(ids) / 16), 0)::bigint,
        sha256(coalesce(string_agg(sha256(low || ids), ''::bytea ORDER BY low), ''::bytea))
    FROM ledger_closing_ids WHERE closing = $1";

/// What stays of the archived entries of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The part.
    pub part: EntriesPart,
    /// The number of archived entries.
    pub entries: u64,
    /// The time of the last decision among them.
    pub last_at: UnixMs,
    /// What each account got by them; giving accounts have negative sums. All are ends of holds.
    pub sums: Vec<(AccountId, NanoUsd)>,
}

const fn damaged() -> StorageError {
    StorageError::Damaged { table: TABLE }
}

impl ClosingRecord {
    fn read(row: &Row) -> Result<Self, StorageError> {
        let number = |column: usize| row.try_get::<_, i64>(column).map_err(|_| damaged());
        let bytes = |column: usize| row.try_get::<_, Vec<u8>>(column).map_err(|_| damaged());
        Ok(Self {
            closing: number(0)?,
            commit: number(1)?,
            part: part_of(row, 2)?,
            entries: number(3)?,
            last_commit: number(4)?,
            last_at: UnixMs::new(number(5)?.cast_unsigned()),
            ids: bytes(6)?,
            file: bytes(7)?,
            is_restored: row.try_get(8).map_err(|_| damaged())?,
            sums: Vec::new(),
        })
    }
}

fn part_of(row: &Row, column: usize) -> Result<EntriesPart, StorageError> {
    let part: &str = row.try_get(column).map_err(|_| damaged())?;
    part.parse().map_err(|_| damaged())
}

/// Every closing with its sums, the first one first.
pub(crate) async fn all(client: &Client) -> Result<Vec<ClosingRecord>, StorageError> {
    let rows = client.query_typed(ALL, &[]).await.map_err(Trouble::of)?;
    let mut records = rows.iter().map(ClosingRecord::read).collect::<Result<Vec<_>, _>>()?;
    if records.is_empty() {
        return Ok(records);
    }
    for row in &client.query_typed(SUMS, &[]).await.map_err(Trouble::of)? {
        let closing: i64 = row.try_get(0).map_err(|_| damaged())?;
        let number: i32 = row.try_get(1).map_err(|_| damaged())?;
        let number = Number::try_from(number).map_err(|_| damaged())?;
        let amount = NanoUsd::new(row.try_get(2).map_err(|_| damaged())?);
        // A sum of no closing is one of a closing that is gone: its commit is found as changed.
        if let Some(record) = records.iter_mut().find(|record| record.closing == closing) {
            record.sums.push((number, amount));
        }
    }
    Ok(records)
}

/// The first part that is archived, where one is.
pub(crate) async fn first(client: &Client) -> Result<Option<EntriesPart>, StorageError> {
    let rows = client.query_typed(PARTS, &[]).await.map_err(Trouble::of)?;
    rows.first().map(|row| part_of(row, 0)).transpose()
}

/// Whether an id is so old that its entry may be archived.
pub(crate) fn may_be_archived(id: EntryId, now: UnixMs) -> bool {
    now.ms_since(id.made_at()) > YOUNG_MS
}

/// Those of these ids whose entries are archived, and where. In a transaction it is asked after the entries were read, which no
/// archiving can be between then.
pub(crate) async fn among<E: From<Trouble> + From<StorageError>>(
    client: &Client,
    ids: impl Iterator<Item = EntryId>,
) -> Result<HashMap<EntryId, EntriesPart>, E> {
    let ids: Vec<Vec<u8>> = ids.map(|id| id_bytes(id.bits())).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = client.query_typed(AMONG, &[(&ids, Type::BYTEA_ARRAY)]).await.map_err(Trouble::of)?;
    let found = |row: &Row| -> Result<(EntryId, EntriesPart), StorageError> {
        let id: &[u8] = row.try_get(0).map_err(|_| damaged())?;
        let id = EntryId::from_bits(u128::from_be_bytes(id.try_into().map_err(|_| damaged())?));
        Ok((id, part_of(row, 1)?))
    };
    Ok(rows.iter().map(found).collect::<Result<_, StorageError>>()?)
}

/// The number of ids that a closing lists, and their digest.
pub(crate) async fn ids(client: &Client, closing: i64) -> Result<(i64, Vec<u8>), StorageError> {
    let row = client.query_typed_one(IDS, &[(&closing, Type::INT8)]).await.map_err(Trouble::of)?;
    Ok((row.try_get(0).map_err(Trouble::of)?, row.try_get(1).map_err(Trouble::of)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_ids_may_be_archived() {
        let at = |days: u64| EntryId::at(UnixMs::new(days * UnixMs::DAY_MS), [7; 10]);
        let now = UnixMs::new(100 * UnixMs::DAY_MS);
        for (days, expect) in [(101, false), (100, false), (79, false), (78, true), (1, true)] {
            assert_eq!(may_be_archived(at(days), now), expect, "{days}");
        }
    }
}
