//! Closings: what stays of the entries of a part that is archived. The ends of holds are archived, transfers stay as they are.
//!
//! A closing has the sum of each account, the list of the ids, and the digest of the file. It is a commit of the chain, which therefore
//! vouches for it. A part that was brought back keeps its closing, as history.

use super::error::Trouble;
use super::months::EntriesPart;
use super::reads::Reads;
use super::rows::id_bytes;
use crate::any::AnyLedger;
use crate::codec::Number;
use crate::error::{LedgerError, StorageError};
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

/// A closing as its rows have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosingRecord {
    pub(crate) closing: i64,
    /// The commit of the chain that has written it.
    pub(crate) commit: i64,
    pub(crate) part: EntriesPart,
    pub(crate) entries: i64,
    /// The last commit of its entries.
    pub(crate) last_commit: i64,
    pub(crate) last_at: UnixMs,
    /// The digest of the lists of ids.
    pub(crate) ids: Vec<u8>,
    /// The digest of the file.
    pub(crate) file: Vec<u8>,
    pub(crate) is_restored: bool,
    /// By number.
    pub(crate) sums: Vec<(Number, NanoUsd)>,
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
pub(crate) async fn among(
    client: &Client,
    ids: impl Iterator<Item = EntryId>,
) -> Result<HashMap<EntryId, EntriesPart>, StorageError> {
    let ids: Vec<Vec<u8>> = ids.map(|id| id_bytes(id.bits())).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = client.query_typed(AMONG, &[(&ids, Type::BYTEA_ARRAY)]).await.map_err(Trouble::of)?;
    let found = |row: &Row| {
        let id: &[u8] = row.try_get(0).map_err(|_| damaged())?;
        let id = EntryId::from_bits(u128::from_be_bytes(id.try_into().map_err(|_| damaged())?));
        Ok((id, part_of(row, 1)?))
    };
    rows.iter().map(found).collect()
}

/// The number of ids that a closing lists, and their digest.
pub(crate) async fn ids(client: &Client, closing: i64) -> Result<(i64, Vec<u8>), StorageError> {
    let row = client.query_typed_one(IDS, &[(&closing, Type::INT8)]).await.map_err(Trouble::of)?;
    Ok((row.try_get(0).map_err(Trouble::of)?, row.try_get(1).map_err(Trouble::of)?))
}

impl Reads {
    /// The parts that are archived now.
    pub(crate) async fn closings(&self) -> Result<Vec<Closing>, LedgerError> {
        let mut records = all(&*self.client().await?).await?;
        records.retain(|record| !record.is_restored);
        let mut closings = Vec::with_capacity(records.len());
        for record in records {
            let sums = self.named(&record.sums).await?;
            let entries = record.entries.cast_unsigned();
            closings.push(Closing { part: record.part, entries, last_at: record.last_at, sums });
        }
        Ok(closings)
    }

    /// Refuses an id whose entry is archived.
    pub(crate) async fn refuse_archived(&self, id: EntryId) -> Result<(), LedgerError> {
        let found = among(&*self.client().await?, std::iter::once(id)).await?;
        match found.into_values().next() {
            Some(part) => Err(LedgerError::Archived { part }),
            None => Ok(()),
        }
    }
}

impl AnyLedger {
    /// What stays of the parts whose entries are archived, for sums over all entries: [`Self::entries`] lacks these entries. A ledger in
    /// a file has none. `until` is the end of what is summed, by the times of decisions.
    ///
    /// # Errors
    /// [`LedgerError::Archived`] where some of the archived entries are not before `until`: then their sums do not tell. When the
    /// database cannot be read.
    pub async fn closings(&self, until: Option<UnixMs>) -> Result<Vec<Closing>, LedgerError> {
        let Self::Shared(ledger) = self else { return Ok(Vec::new()) };
        let closings = Box::pin(ledger.closings()).await?;
        let beyond = |closing: &&Closing| until.is_some_and(|until| closing.entries > 0 && closing.last_at >= until);
        if let Some(closing) = closings.iter().find(beyond) {
            return Err(LedgerError::Archived { part: closing.part });
        }
        Ok(closings)
    }

    /// Refuses where entries whose ids were made at this time or later are archived: for whoever reads all from then on.
    ///
    /// # Errors
    /// [`LedgerError::Archived`], or when the database cannot be read.
    pub async fn refuse_archived_from(&self, from: UnixMs) -> Result<(), LedgerError> {
        let closings = self.closings(None).await?;
        let reaches = |closing: &&Closing| closing.entries > 0 && closing.part.end().start() > from;
        match closings.iter().find(reaches) {
            Some(closing) => Err(LedgerError::Archived { part: closing.part }),
            None => Ok(()),
        }
    }
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
