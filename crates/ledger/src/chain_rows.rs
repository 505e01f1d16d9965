//! The rows of the hash chain in SQLite: one for each commit that wrote an account or an entry, some 45 bytes each.

use crate::chain::{ChainHead, Hash, Link, Linking, Loss};
use crate::error::StorageError;
use crate::head_file::Recorded;
use crate::journal::{Batch, Found, Links};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// The table of a file that has none yet. Rows that are older than the chain have no commit number.
pub(crate) const TABLE: &str = "
    ALTER TABLE accounts ADD COLUMN commit_number INTEGER;
    ALTER TABLE entries ADD COLUMN commit_number INTEGER;
    CREATE TABLE chain (number INTEGER PRIMARY KEY, entries INTEGER NOT NULL, hash BLOB) STRICT;
";

/// The end of the chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    pub(crate) head: ChainHead,
    /// Whether the last row has no hash: its commit wrote no account and no entry, and the next commit replaces it.
    is_empty: bool,
}

/// Begins the chain, in a file that has its table now.
pub(crate) fn begin(transaction: &Transaction<'_>, anchor: &Hash) -> Result<(), StorageError> {
    transaction.execute("INSERT INTO chain VALUES (0, 0, ?1)", [anchor])?;
    Ok(())
}

/// The end of the chain on disk.
pub(crate) fn tail(connection: &Connection) -> Result<Tail, StorageError> {
    let mut statement =
        connection.prepare_cached("SELECT number, entries, hash FROM chain ORDER BY number DESC LIMIT 1")?;
    let last = statement.query_row([], link).optional()?;
    let hash = hash_at(connection, u64::MAX)?;
    let (Some(last), Some(hash)) = (last, hash) else {
        return Err(StorageError::Damaged { table: "chain" });
    };
    let head = ChainHead { commit: last.commit, entries: last.entries, hash };
    Ok(Tail { head, is_empty: last.hash.is_none() })
}

/// Writes the row of a commit.
pub(crate) fn append(transaction: &Transaction<'_>, tail: &Tail, batch: &Batch) -> Result<Tail, StorageError> {
    let Tail { head: before, is_empty } = tail;
    let commit = before.commit.saturating_add(1);
    let entries = before.entries.saturating_add(u64::try_from(batch.entries.len()).unwrap_or(u64::MAX));
    let hash = hash_of(batch, &before.hash, commit, entries);
    if *is_empty {
        transaction.prepare_cached("DELETE FROM chain WHERE number = ?1")?.execute([signed(before.commit)])?;
    }
    transaction.prepare_cached("INSERT INTO chain (number, entries, hash) VALUES (?1, ?2, ?3)")?.execute(params![
        signed(commit),
        signed(entries),
        hash
    ])?;
    let head = ChainHead { commit, entries, hash: hash.unwrap_or(before.hash) };
    Ok(Tail { head, is_empty: hash.is_none() })
}

fn hash_of(batch: &Batch, before: &Hash, commit: u64, entries: u64) -> Option<Hash> {
    if batch.opened.is_empty() && batch.entries.is_empty() {
        return None;
    }
    let mut linking = Linking::new(before, commit, entries);
    batch.opened.iter().for_each(|(number, parts)| linking.account(*number, parts));
    batch.entries.iter().for_each(|(id, body)| linking.entry(*id, body));
    Some(linking.finish())
}

/// What the ledger lacks of a recorded head; `None` when it has all of it.
///
/// `tail` is that of the ledger, `None` when it has no chain.
pub(crate) fn loss(
    connection: &Connection,
    tail: Option<&Tail>,
    recorded: Recorded,
) -> Result<Option<Loss>, StorageError> {
    let named = match recorded {
        Recorded::Nothing => return Ok(None),
        Recorded::Unreadable => return Ok(Some(Loss::Unreadable)),
        Recorded::Head(named) => named,
    };
    let found = tail.map_or(ChainHead { commit: 0, entries: 0, hash: Hash::default() }, |tail| tail.head);
    if named.commit > found.commit || tail.is_none() {
        return Ok(Some(Loss::Commits { named, found }));
    }
    let is_same = hash_at(connection, named.commit)? == Some(named.hash);
    Ok((!is_same).then_some(Loss::History { named }))
}

/// The hash of the last commit up to `commit` that has one.
pub(crate) fn hash_at(connection: &Connection, commit: u64) -> Result<Option<Hash>, StorageError> {
    let mut statement = connection.prepare_cached(HASHED)?;
    let found = statement.query_row(params![signed(commit), 1], link).optional()?;
    Ok(found.and_then(|link| link.hash))
}

const HASHED: &str = "
    SELECT number, entries, hash FROM chain WHERE number <= ?1 AND hash IS NOT NULL ORDER BY number DESC LIMIT ?2
";

/// Shows every row, by number.
pub(crate) fn each(connection: &Connection, mut visit: impl FnMut(&Link)) -> Result<(), StorageError> {
    let mut statement = connection.prepare("SELECT number, entries, hash FROM chain ORDER BY number")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(&link(row)?);
    }
    Ok(())
}

/// Looks commits up in a snapshot.
pub(crate) struct Rows<'a>(pub(crate) &'a Connection);

impl Links for Rows<'_> {
    fn find(&self, commit: u64) -> Result<Option<Found>, StorageError> {
        let mut statement = self.0.prepare_cached(HASHED)?;
        let rows = statement.query_map(params![signed(commit), 2], link)?.collect::<Result<Vec<_>, _>>()?;
        let [this, before] = rows.as_slice() else {
            return Ok(None);
        };
        let (Some(hash), Some(hash_before)) = (this.hash, before.hash) else {
            return Ok(None);
        };
        let (entries, entries_before) = (this.entries, before.entries);
        Ok((this.commit == commit).then_some(Found { hash_before, entries_before, hash, entries }))
    }
}

/// A row of another length than a hash has is a wrong hash, which the check of the chain then reports.
fn link(row: &Row<'_>) -> rusqlite::Result<Link> {
    let hash: Option<Vec<u8>> = row.get(2)?;
    Ok(Link {
        commit: row.get::<_, i64>(0)?.cast_unsigned(),
        entries: row.get::<_, i64>(1)?.cast_unsigned(),
        hash: hash.map(|hash| hash.try_into().unwrap_or_default()),
    })
}

/// As SQLite has it: the highest number is that of `i64`.
pub(crate) fn signed(commit: u64) -> i64 {
    i64::try_from(commit).unwrap_or(i64::MAX)
}
