//! The ledger of a database as its rows, to be moved from or to a file.

use super::closings;
use super::connection::connect;
use super::error::{Failed, Trouble};
use super::months;
use super::reads::head;
use super::rows::{ACCOUNT_COLUMNS, AccountRecord, ENTRY_COLUMNS, EntryRecord, HOLD_COLUMNS, HoldRecord, id_bytes};
use super::schema;
use super::statements::Statements;
use super::verify;
use super::write::Writing;
use crate::chain::ChainHead;
use crate::codec::{self, EntryParts, Hold};
use crate::error::{LedgerError, StorageError};
use crate::migrate::{RawAccount, RawEntry, RawHold};
use crate::report::VerifyReport;
use opencredits_postgres::{PostgresError, Settings, Turn};
use opencredits_units::{EntryId, Progress};
use std::time::Duration;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

/// The process to which holds that were moved belong. It is silent from the beginning, so that they are settled as those of one that died.
const PROCESS: &str = "migration";
const FIND_WRITER: &str =
    "SELECT max(writer) FROM ledger_writers JOIN ledger_processes USING (process) WHERE name = $1";
const NEW_WRITER: &str = "WITH mover AS (
        INSERT INTO ledger_processes (name, seen_at) VALUES ($1, now() - interval '1 hour') RETURNING process
    )
    INSERT INTO ledger_writers (batch, looks, process) SELECT 0, 0, process FROM mover RETURNING writer";
const SEEN: &str = "SELECT name FROM ledger_processes
    WHERE seen_at >= clock_timestamp() - $1 * interval '1 millisecond' ORDER BY process";
const COUNT: &str = "SELECT count(*) FROM ledger_accounts";
const HEAD: &str = "SELECT commit, entries, hash FROM ledger_head";
const COMMIT: &str = "SELECT commit, entries, hash FROM ledger_commits WHERE commit = $1";

type Parameters<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

/// A ledger in a database.
pub(crate) struct RawDatabase {
    client: Client,
    /// The turn in which it is written, and the row of the connection that its holds and commits name.
    writing: Option<(Turn, i64)>,
}

impl RawDatabase {
    /// The ledger of a database; `None` where there is none. One that lacks archived entries is refused.
    pub(crate) async fn open(settings: &Settings) -> Result<Option<Self>, LedgerError> {
        let client = connect(settings).await.map_err(StorageError::from)?.client;
        if !schema::is_there(&client).await? {
            return Ok(None);
        }
        schema::prepare(&client).await?;
        if let Some(part) = closings::first(&client).await? {
            return Err(LedgerError::Archived { part });
        }
        Ok(Some(Self { client, writing: None }))
    }

    /// The same, with tables made where there are none.
    pub(crate) async fn make(settings: &Settings) -> Result<Self, StorageError> {
        let client = connect(settings).await?.client;
        schema::make(&client).await?;
        Ok(Self { client, writing: None })
    }

    pub(crate) async fn write_in(&mut self, turn: Turn) -> Result<(), StorageError> {
        let name: Parameters<'_> = &[(&PROCESS, Type::TEXT)];
        let found = self.client.query_typed_one(FIND_WRITER, name).await.map_err(Trouble::of)?;
        let found: Option<i64> = found.try_get(0).map_err(Trouble::of)?;
        let writer = match found {
            Some(writer) => writer,
            None => {
                let made = self.client.query_typed_one(NEW_WRITER, name).await.map_err(Trouble::of)?;
                made.try_get(0).map_err(Trouble::of)?
            }
        };
        self.writing = Some((turn, writer));
        Ok(())
    }

    async fn rows<T>(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        read: impl Fn(&Row) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let rows = self.client.query_typed(sql, parameters).await.map_err(Trouble::of)?;
        rows.iter().map(read).collect()
    }

    pub(crate) async fn head(&self) -> Result<ChainHead, StorageError> {
        let found = self.rows(HEAD, &[], head).await?;
        found.into_iter().next().ok_or(StorageError::Damaged { table: "ledger_head" })
    }

    pub(crate) async fn has(&self, named: &ChainHead) -> Result<bool, StorageError> {
        let commit = i64::try_from(named.commit).unwrap_or(i64::MAX);
        let found = self.rows(COMMIT, &[(&commit, Type::INT8)], head).await?;
        Ok(found.first() == Some(named))
    }

    pub(crate) async fn seen(&self, within: Duration) -> Result<Vec<String>, StorageError> {
        let within = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
        let name = |row: &Row| row.try_get(0).map_err(|_| StorageError::Damaged { table: "ledger_processes" });
        self.rows(SEEN, &[(&within, Type::INT8)], name).await
    }

    pub(crate) async fn verify(&self, progress: &Progress) -> Result<VerifyReport, StorageError> {
        verify::verify(&self.client, None, progress).await
    }

    pub(crate) async fn accounts_written(&self) -> Result<usize, StorageError> {
        let row = self.client.query_typed_one(COUNT, &[]).await.map_err(Trouble::of)?;
        let count: i64 = row.try_get(0).map_err(Trouble::of)?;
        usize::try_from(count).map_err(|_| StorageError::Damaged { table: "ledger_accounts" })
    }

    pub(crate) async fn last_hold(&self) -> Result<EntryId, StorageError> {
        let sql = format!("SELECT {HOLD_COLUMNS} FROM ledger_holds ORDER BY id DESC LIMIT 1");
        let last = self.rows(&sql, &[], HoldRecord::read).await?;
        Ok(last.first().map(|hold| hold.id).unwrap_or_default())
    }

    pub(crate) async fn last_entry(&self) -> Result<EntryId, StorageError> {
        let sql = format!("SELECT {ENTRY_COLUMNS} FROM ledger_entries ORDER BY id DESC LIMIT 1");
        let last = self.rows(&sql, &[], EntryRecord::read).await?;
        Ok(last.first().map(|entry| entry.id).unwrap_or_default())
    }

    pub(crate) async fn accounts(&self, from: usize, max: usize) -> Result<Vec<RawAccount>, StorageError> {
        let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts WHERE number >= $1 ORDER BY number LIMIT $2");
        let (from, max) = (i32::try_from(from).unwrap_or(i32::MAX), limit(max));
        self.rows(&sql, &[(&from, Type::INT4), (&max, Type::INT8)], account).await
    }

    pub(crate) async fn holds(&self, after: EntryId, max: usize) -> Result<Vec<RawHold>, StorageError> {
        let sql = format!("SELECT {HOLD_COLUMNS} FROM ledger_holds WHERE id > $1 ORDER BY id LIMIT $2");
        let (after, max) = (id_bytes(after.bits()), limit(max));
        self.rows(&sql, &[(&after, Type::BYTEA), (&max, Type::INT8)], hold).await
    }

    pub(crate) async fn entries(&self, after: EntryId, max: usize) -> Result<Vec<RawEntry>, StorageError> {
        let sql = format!("SELECT {ENTRY_COLUMNS} FROM ledger_entries WHERE id > $1 ORDER BY id LIMIT $2");
        let (after, max) = (id_bytes(after.bits()), limit(max));
        self.rows(&sql, &[(&after, Type::BYTEA), (&max, Type::INT8)], entry).await
    }

    pub(crate) async fn put_accounts(&self, accounts: &[RawAccount]) -> Result<(), LedgerError> {
        let record = |row: &RawAccount| {
            let RawAccount { number, parts, posted, held } = *row;
            AccountRecord { number, parts, posted, held }
        };
        let records: Vec<AccountRecord> = accounts.iter().map(record).collect();
        self.commit(|writer| Writing::moved(&records, Vec::new(), Vec::new(), writer)).await
    }

    pub(crate) async fn put_holds(&self, holds: &[RawHold]) -> Result<(), LedgerError> {
        let placed = holds.iter().map(|row| (row.id, row.hold.clone())).collect();
        self.commit(|writer| Writing::moved(&[], placed, Vec::new(), writer)).await
    }

    pub(crate) async fn put_entries(&self, entries: &[RawEntry]) -> Result<(), LedgerError> {
        let records = entries.iter().map(record).collect::<Result<Vec<_>, StorageError>>()?;
        months::make_for(&self.client, records.iter().map(|entry| entry.id)).await?;
        self.commit(|writer| Writing::moved(&[], Vec::new(), records, writer)).await
    }

    /// Writes in a transaction of the turn.
    async fn commit(&self, writing: impl FnOnce(i64) -> Writing) -> Result<(), LedgerError> {
        let nobody = || StorageError::Postgres(Box::new(PostgresError::TurnEnded));
        let (turn, writer) = self.writing.ok_or_else(nobody)?;
        turn.begin(&self.client).await.map_err(|error| StorageError::Postgres(Box::new(error)))?;
        writing(writer).commit_on(&self.client, &Statements::default()).await.map_err(|failed| match failed {
            Failed::Before(error, _) => error.into(),
            Failed::Fenced | Failed::Elsewhere | Failed::Unknown => LedgerError::CommitUnknown,
        })
    }
}

/// A number of rows for the database.
fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

fn account(row: &Row) -> Result<RawAccount, StorageError> {
    let AccountRecord { number, parts, posted, held } = AccountRecord::read(row)?;
    Ok(RawAccount { number, parts, posted, held })
}

fn hold(row: &Row) -> Result<RawHold, StorageError> {
    let HoldRecord { id, payer, limits, amount, expires_at, phase, fingerprint } = HoldRecord::read(row)?;
    let limits = limits.into_iter().collect();
    Ok(RawHold { id, hold: Hold { payer, limits, amount, expires_at, phase, fingerprint } })
}

/// An entry as the codec writes it.
fn entry(row: &Row) -> Result<RawEntry, StorageError> {
    let EntryRecord { id, kind, at, fingerprint, charged, legs, memo, .. } = EntryRecord::read(row)?;
    let body = codec::write_entry(&EntryParts { id, kind, at, fingerprint, charged, legs: &legs, memo: &memo });
    Ok(RawEntry { id, body: body.into() })
}

fn record(row: &RawEntry) -> Result<EntryRecord, StorageError> {
    let entry = codec::read_entry(row.id, &row.body).ok_or(StorageError::Damaged { table: "entries" })?;
    Ok(EntryRecord {
        id: row.id,
        commit: 0,
        kind: entry.kind,
        at: entry.at,
        fingerprint: entry.fingerprint,
        charged: entry.charged,
        legs: entry.legs,
        memo: entry.memo,
    })
}
