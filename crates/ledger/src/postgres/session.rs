//! A connection that writes, and the row that tells which of its batches were committed.

use super::error::{Failed, Trouble};
use super::rows::{ACCOUNT_COLUMNS, AccountRecord};
use super::schema;
use crate::codec::Number;
use crate::error::StorageError;
use opencredits_postgres::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// How PostgreSQL's notice begins when a commit stopped waiting for the standby (syncrep.c, since 9.1).
const WAIT_CANCELLED: &str = "canceling";
/// A database that does not answer a read for so long is taken as away.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A look for a commit may wait for the transaction and for the standby. It can be repeated on another connection.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// A connection.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// The row that this connection owns. Whoever counts a batch in it first is the owner.
    pub(crate) writer: i64,
    /// The number of batches that were committed.
    pub(crate) batch: i64,
    /// Whether a commit has stopped waiting for the standby.
    pub(crate) was_cancelled: Arc<AtomicBool>,
    pub(crate) patience: Duration,
}

/// What a batch may open accounts with.
#[derive(Default)]
pub(crate) struct Opening {
    /// The next account's number.
    pub(crate) next: Number,
    /// Accounts that were opened meanwhile.
    pub(crate) found: Vec<AccountRecord>,
}

/// Connects, and tells whether a commit has stopped waiting for the standby.
pub(crate) async fn connect(settings: &Settings) -> Result<(Client, Arc<AtomicBool>), Trouble> {
    let was_cancelled = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&was_cancelled);
    let client = opencredits_postgres::connect_with_notices(settings, move |notice| {
        if notice.message().starts_with(WAIT_CANCELLED) {
            theirs.store(true, Ordering::Release);
        }
    });
    let client = tokio::time::timeout(PATIENCE, client).await.map_err(|_| Trouble::silent())?;
    Ok((client?, was_cancelled))
}

impl Session {
    /// Connects with a row of its own.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, StorageError> {
        let (client, was_cancelled) = connect(settings).await?;
        schema::prepare(&client).await?;
        let row = client
            .query_typed_one("INSERT INTO ledger_writers (batch, looks) VALUES (0, 0) RETURNING writer", &[])
            .await
            .map_err(Trouble::of)?;
        let writer = row.try_get(0).map_err(Trouble::of)?;
        Ok(Self { client, writer, batch: 0, was_cancelled, patience: PATIENCE })
    }

    /// Connects with a row that another connection has used, and tells whether the batch after the `batch`th was committed. It
    /// waits until no transaction of that other connection is left, and until what was committed is as durable as a commit can be.
    pub(crate) async fn reopen(settings: &Settings, writer: i64, batch: i64) -> Result<(Self, bool), StorageError> {
        let (client, was_cancelled) = connect(settings).await?;
        let sql = "UPDATE ledger_writers SET looks = looks + 1 WHERE writer = $1 RETURNING batch";
        let found = loop {
            let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] = [(&writer, Type::INT8)];
            let look = client.query_typed_opt(sql, &parameters);
            let row =
                tokio::time::timeout(LOOK_MAX, look).await.map_err(|_| Trouble::silent())?.map_err(Trouble::of)?;
            if !was_cancelled.swap(false, Ordering::AcqRel) {
                break row;
            }
        };
        let found: Option<i64> = found.map(|row| row.try_get(0)).transpose().map_err(Trouble::of)?;
        let is_committed = found.is_some_and(|found| found > batch);
        let batch = found.unwrap_or(batch);
        Ok((Self { client, writer, batch, was_cancelled, patience: PATIENCE }, is_committed))
    }

    /// Counts the batch; `false` where another connection owns the row.
    pub(crate) async fn claim(&self) -> Result<bool, tokio_postgres::Error> {
        let sql = "UPDATE ledger_writers SET batch = batch + 1 WHERE writer = $1 AND batch = $2";
        let counted = self.client.execute_typed(sql, &[(&self.writer, Type::INT8), (&self.batch, Type::INT8)]).await?;
        Ok(counted == 1)
    }

    /// Locks the numbering of accounts, where the batch may open some, and reads those of `unknown` that are there by now.
    pub(crate) async fn numbers(&self, opens: bool, unknown: &Vec<Vec<u8>>) -> Result<Opening, Failed> {
        if !opens {
            return Ok(Opening::default());
        }
        let found = format!("SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts WHERE id = ANY($1)");
        let of_ids: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] = [(unknown, Type::BYTEA_ARRAY)];
        let (next, found) = tokio::join!(
            biased;
            self.client.query_typed_one("SELECT accounts FROM ledger_numbers FOR UPDATE", &[]),
            self.client.query_typed(&found, &of_ids),
        );
        let next: i32 = next?.try_get(0)?;
        let found = found?.iter().map(AccountRecord::read).collect::<Result<_, _>>()?;
        Ok(Opening { next: next.cast_unsigned(), found })
    }
}
