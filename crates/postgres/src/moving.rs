//! Data that is moved into a database from elsewhere: the mark that it is not whole yet, and the turn of whoever moves it.
//!
//! Whoever moves data takes a turn, which ends the turn before. Each transaction that writes begins with its turn. So what an earlier
//! process has sent is done before the next turn begins, or never.

use crate::connect::Client;
use crate::error::PostgresError;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

const IS_THERE: &str = "SELECT count(*) FROM information_schema.tables
    WHERE table_schema = current_schema() AND table_name = 'opencredits_migration'";
const MAKE: &str = "CREATE TABLE IF NOT EXISTS opencredits_migration (
    one boolean PRIMARY KEY CHECK (one), source text NOT NULL, turn bigint NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(), ended_at timestamptz
)";
const MARK: &str = "INSERT INTO opencredits_migration (one, source, turn) VALUES (true, $1, 0) ON CONFLICT DO NOTHING";
/// It waits for a transaction of the turn before.
const TAKE: &str =
    "UPDATE opencredits_migration SET turn = turn + 1 WHERE source = $1 AND ended_at IS NULL RETURNING turn";
const HOLD: &str = "SELECT turn FROM opencredits_migration WHERE turn = $1 AND ended_at IS NULL FOR UPDATE";
const END: &str = "UPDATE opencredits_migration SET ended_at = now() WHERE turn = $1 AND ended_at IS NULL";
const FIND: &str = "SELECT source, ended_at IS NOT NULL FROM opencredits_migration";

/// What a database says of data that is moved into it, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// What is moved, in words of who moves it.
    pub source: String,
    /// Whether all of it is there.
    pub is_ended: bool,
}

impl Move {
    fn read(row: &Row) -> Result<Self, PostgresError> {
        Ok(Self { source: row.try_get(0)?, is_ended: row.try_get(1)? })
    }
}

/// The data that is moved into a database, or was; none where none ever was.
///
/// # Errors
/// When the database cannot be read.
pub async fn found_move(client: &Client) -> Result<Option<Move>, PostgresError> {
    let tables: i64 = client.query_typed_one(IS_THERE, &[]).await?.try_get(0)?;
    if tables == 0 {
        return Ok(None);
    }
    client.query_typed_opt(FIND, &[]).await?.as_ref().map(Move::read).transpose()
}

/// Refuses a database whose data is not whole.
///
/// # Errors
/// [`PostgresError::Unfinished`], or when the database cannot be read.
pub async fn refuse_unfinished_move(client: &Client) -> Result<(), PostgresError> {
    match found_move(client).await? {
        Some(Move { is_ended: false, .. }) => Err(PostgresError::Unfinished),
        Some(_) | None => Ok(()),
    }
}

/// The right to write into a database what is moved there. The next one ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn(i64);

impl Turn {
    /// Marks the database where it has no mark, and takes a turn. `None` where something else is moved into it, or all is there. It waits
    /// until no transaction of an earlier turn is left.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn take(client: &Client, source: &str) -> Result<Option<Self>, PostgresError> {
        client.batch_execute(MAKE).await?;
        let named: [(&(dyn ToSql + Sync), Type); 1] = [(&source, Type::TEXT)];
        client.execute_typed(MARK, &named).await?;
        match client.query_typed_opt(TAKE, &named).await? {
            Some(row) => Ok(Some(Self(row.try_get(0)?))),
            None => Ok(None),
        }
    }

    /// Begins a transaction that writes.
    ///
    /// # Errors
    /// [`PostgresError::TurnEnded`] when another one was taken; or when the database refuses.
    pub async fn begin(self, client: &Client) -> Result<(), PostgresError> {
        client.batch_execute("BEGIN").await?;
        let held = client.query_typed_opt(HOLD, &[(&self.0, Type::INT8)]).await?;
        if held.is_some() {
            return Ok(());
        }
        client.batch_execute("ROLLBACK").await?;
        Err(PostgresError::TurnEnded)
    }

    /// Says that all is there.
    ///
    /// # Errors
    /// [`PostgresError::TurnEnded`] when another turn was taken; or when the database refuses.
    pub async fn end(self, client: &Client) -> Result<(), PostgresError> {
        let ended = client.execute_typed(END, &[(&self.0, Type::INT8)]).await?;
        if ended == 1 { Ok(()) } else { Err(PostgresError::TurnEnded) }
    }
}
