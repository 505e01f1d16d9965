//! The statements of every batch. Each connection prepares them once, so that the database neither parses nor plans them again.
//!
//! A pool between this process and the database may give each transaction another connection of its own, on which the name of a
//! prepared statement means nothing, or something else. So the first statement of a transaction tells which connection executes it.
//! Where it is not the one that has prepared them, the transaction is rolled back, and nothing is prepared any more.

use super::rows::{ACCOUNT_COLUMNS, ENTRY_COLUMNS, HOLD_COLUMNS};
use hashbrown::HashMap;
use std::borrow::Cow;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, Statement};

/// Counts the batch and makes the settings of its transaction. A process that is paused in the middle of it keeps its locks for ten
/// seconds at most. Plans are made once for all values and look rows up by their keys, however few rows there were when they were made.
const COUNT: &str = "WITH counted AS (
        UPDATE ledger_writers SET batch = batch + 1 WHERE writer = $1 AND batch = $2 RETURNING true
    )
    SELECT pg_backend_pid(), EXISTS (SELECT FROM counted),
        set_config('idle_in_transaction_session_timeout', '10000', true),
        set_config('synchronous_commit', CASE WHEN $3 THEN current_setting('synchronous_commit') ELSE 'off' END, true),
        set_config('plan_cache_mode', 'force_generic_plan', true),
        set_config('enable_seqscan', 'off', true),
        set_config('jit', 'off', true)";
const PLACE: &str = "INSERT INTO ledger_holds (id, payer, limits, amount, expires_at, phase, fingerprint, writer)
    SELECT *, $8 FROM UNNEST($1, $2, $3, $4, $5, $6, $7)";
/// An id stands for one command, whichever accounts it names. So an entry without a hold has a row among the holds for a moment: whoever
/// places a hold under its id meanwhile waits for the end of this transaction, and then finds the entry.
const CLAIM: &str = "INSERT INTO ledger_holds (id, payer, limits, amount, expires_at, phase, fingerprint, writer)
    SELECT id, 0, '', 0, 0, 0, 0, $2 FROM UNNEST($1) AS claimed(id)";
/// Fails with [`tokio_postgres::error::SqlState::DIVISION_BY_ZERO`] where an id is an entry's: the batch is decided anew.
const GUARD: &str = "SELECT 1 / CASE WHEN EXISTS (
        SELECT FROM ledger_entries WHERE id = ANY($1) AND id BETWEEN $2 AND $3
    ) THEN 0 ELSE 1 END";
const CHANGE: &str = "UPDATE ledger_holds SET expires_at = changed.expires_at, phase = changed.phase
    FROM UNNEST($1, $2, $3) AS changed(id, expires_at, phase) WHERE ledger_holds.id = changed.id";
const END: &str = "DELETE FROM ledger_holds WHERE id = ANY($1)";
const LOCK_HOUSE: &str = "SELECT FROM ledger_accounts WHERE number = ANY($1) ORDER BY number FOR UPDATE";
const GAIN: &str = "UPDATE ledger_accounts SET posted = ledger_accounts.posted + gained.posted,
        held = ledger_accounts.held + gained.held
    FROM UNNEST($1, $2, $3) AS gained(number, posted, held) WHERE ledger_accounts.number = gained.number";
/// The head is locked from here to the end of the transaction, so that commits have one order. Its hash is
/// [`super::rows::commit_hash`].
const ENTER: &str = "WITH head AS (
        UPDATE ledger_head SET commit = commit + 1, entries = entries + $1,
            hash = sha256(hash || int8send(commit + 1) || int8send(entries + $1) || $2)
        RETURNING commit, entries, hash
    ), made AS (
        INSERT INTO ledger_commits (commit, entries, digest, hash, writer)
        SELECT commit, entries, $2, hash, $3 FROM head
    )
    INSERT INTO ledger_entries (id, commit, kind, at, fingerprint, charged, legs, memo)
    SELECT made.id, head.commit, made.kind, made.at, made.fingerprint, made.charged, made.legs, made.memo
    FROM head, UNNEST($4, $5, $6, $7, $8, $9, $10) AS made(id, kind, at, fingerprint, charged, legs, memo)";

/// Values of a statement, in the order of its parameters.
pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A statement of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sql {
    Count,
    LockAccounts,
    Holds,
    Entries,
    Place,
    Claim,
    Guard,
    Change,
    End,
    LockHouse,
    Gain,
    Enter,
}

impl Sql {
    const ALL: [Self; 12] = [
        Self::Count,
        Self::LockAccounts,
        Self::Holds,
        Self::Entries,
        Self::Place,
        Self::Claim,
        Self::Guard,
        Self::Change,
        Self::End,
        Self::LockHouse,
        Self::Gain,
        Self::Enter,
    ];

    fn text(self) -> Cow<'static, str> {
        match self {
            Self::Count => COUNT.into(),
            Self::LockAccounts => format!(
                "SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts WHERE number = ANY($1) ORDER BY number FOR UPDATE"
            )
            .into(),
            Self::Holds => format!("SELECT {HOLD_COLUMNS} FROM ledger_holds WHERE id = ANY($1)").into(),
            Self::Entries => {
                format!("SELECT {ENTRY_COLUMNS} FROM ledger_entries WHERE id = ANY($1) AND id BETWEEN $2 AND $3").into()
            }
            Self::Place => PLACE.into(),
            Self::Claim => CLAIM.into(),
            Self::Guard => GUARD.into(),
            Self::Change => CHANGE.into(),
            Self::End => END.into(),
            Self::LockHouse => LOCK_HOUSE.into(),
            Self::Gain => GAIN.into(),
            Self::Enter => ENTER.into(),
        }
    }

    const fn types(self) -> &'static [Type] {
        match self {
            Self::Count => &[Type::INT8, Type::INT8, Type::BOOL],
            Self::LockAccounts | Self::LockHouse => &[Type::INT4_ARRAY],
            Self::Holds | Self::End => &[Type::BYTEA_ARRAY],
            Self::Entries | Self::Guard => &[Type::BYTEA_ARRAY, Type::BYTEA, Type::BYTEA],
            Self::Place => &[
                Type::BYTEA_ARRAY,
                Type::INT4_ARRAY,
                Type::BYTEA_ARRAY,
                Type::INT8_ARRAY,
                Type::INT8_ARRAY,
                Type::INT2_ARRAY,
                Type::INT8_ARRAY,
                Type::INT8,
            ],
            Self::Claim => &[Type::BYTEA_ARRAY, Type::INT8],
            Self::Change => &[Type::BYTEA_ARRAY, Type::INT8_ARRAY, Type::INT2_ARRAY],
            Self::Gain => &[Type::INT4_ARRAY, Type::INT8_ARRAY, Type::INT8_ARRAY],
            Self::Enter => &[
                Type::INT8,
                Type::BYTEA,
                Type::INT8,
                Type::BYTEA_ARRAY,
                Type::INT2_ARRAY,
                Type::INT8_ARRAY,
                Type::INT8_ARRAY,
                Type::INT8_ARRAY,
                Type::BYTEA_ARRAY,
                Type::BYTEA_ARRAY,
            ],
        }
    }
}

/// The lowest and the highest of these ids: between them the database looks into the months of entries that they are of, and into no
/// others.
pub(crate) fn ends<'a>(ids: &'a [Vec<u8>]) -> (&'a [u8], &'a [u8]) {
    let end = |id: Option<&'a Vec<u8>>| id.map(Vec::as_slice).unwrap_or_default();
    (end(ids.iter().min()), end(ids.iter().max()))
}

/// What a connection has prepared: everything, or nothing.
#[derive(Default)]
pub(crate) struct Statements {
    prepared: HashMap<Sql, Statement>,
    /// The connection of the database that has prepared them.
    backend: i32,
}

/// What became of counting a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Yes,
    /// Another connection owns the row.
    Fenced,
    /// Another connection of the database has answered than the one that has prepared the statements.
    Elsewhere,
}

impl Statements {
    /// Prepares all of them; nothing where the database refuses it, since a pool is between.
    pub(crate) async fn prepare(client: &Client) -> Result<Self, Error> {
        match Self::prepared(client).await {
            // As where another process has prepared a statement of the same name there.
            Err(error) if is_of_another(&error) => {
                client.batch_execute("ROLLBACK").await?;
                Ok(Self::default())
            }
            done => done,
        }
    }

    async fn prepared(client: &Client) -> Result<Self, Error> {
        client.batch_execute("BEGIN").await?;
        let mut prepared = HashMap::new();
        for sql in Sql::ALL {
            prepared.insert(sql, client.prepare_typed(&sql.text(), sql.types()).await?);
        }
        let backend = client.query_typed_one("SELECT pg_backend_pid()", &[]).await?.try_get(0)?;
        client.batch_execute("COMMIT").await?;
        Ok(Self { prepared, backend })
    }

    /// Counts the batch of a writer as the first statement of its transaction.
    pub(crate) async fn count(
        &self,
        client: &Client,
        (writer, batch): (i64, i64),
        is_durable: bool,
    ) -> Result<Counted, Error> {
        let rows = self.query(client, Sql::Count, &[&writer, &batch, &is_durable]).await;
        let is_prepared = !self.prepared.is_empty();
        let rows = match rows {
            Err(error) if is_prepared && is_of_another(&error) => return Ok(Counted::Elsewhere),
            rows => rows?,
        };
        let answered = rows.first().map(|row| Ok((row.try_get::<_, i32>(0)?, row.try_get::<_, bool>(1)?)));
        Ok(match answered {
            Some(Ok((backend, _))) if is_prepared && backend != self.backend => Counted::Elsewhere,
            Some(Ok((_, true))) => Counted::Yes,
            Some(Ok((_, false))) => Counted::Fenced,
            Some(Err(_)) | None if is_prepared => Counted::Elsewhere,
            Some(Err(error)) => return Err(error),
            None => Counted::Fenced,
        })
    }

    pub(crate) async fn query(&self, client: &Client, sql: Sql, values: Values<'_>) -> Result<Vec<Row>, Error> {
        match self.prepared.get(&sql) {
            Some(statement) => client.query(statement, values).await,
            None => client.query_typed(&sql.text(), &typed(sql, values)).await,
        }
    }

    pub(crate) async fn execute(&self, client: &Client, sql: Sql, values: Values<'_>) -> Result<(), Error> {
        match self.prepared.get(&sql) {
            Some(statement) => client.execute(statement, values).await.map(drop),
            None => client.execute_typed(&sql.text(), &typed(sql, values)).await.map(drop),
        }
    }
}

/// Whether the database does not know the statement, or knows another one by its name: no such statement, other parameters, a name that
/// is taken (PostgreSQL, appendix A: classes of codes).
fn is_of_another(error: &Error) -> bool {
    let classes = ["08", "22", "26", "42"];
    error.code().is_some_and(|code| classes.iter().any(|class| code.code().starts_with(class)))
}

fn typed<'a>(sql: Sql, values: Values<'a>) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    values.iter().copied().zip(sql.types().iter().cloned()).collect()
}
