//! A connection that writes, and the row that tells which of its batches were committed.

use super::connection::{Connected, PATIENCE, connect};
use super::error::{Failed, Trouble};
use super::processes::Process;
use super::rows::{ACCOUNT_COLUMNS, AccountRecord};
use super::statements::{Counted, Statements};
use crate::codec::Number;
use crate::error::StorageError;
use opencredits_postgres::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// A look for a commit may wait for the transaction and for the standby. It can be repeated on another connection.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// A connection.
pub(crate) struct Session {
    pub(crate) client: Client,
    work: AbortHandle,
    pub(crate) statements: Statements,
    /// Statements that are used no more. Dropped before the client they would be closed by their names, which may be another process's
    /// behind the pool.
    retired: Option<Statements>,
    /// Whether a new connection prepares its statements.
    prepares: bool,
    pub(crate) process: Arc<Process>,
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

impl Session {
    /// Connects with a row of its own.
    pub(crate) async fn open(settings: &Settings, process: &Arc<Process>) -> Result<Self, StorageError> {
        let connected = connect(settings).await?;
        let writer = process.writer(&connected.client).await?;
        let statements = Statements::prepare(&connected.client).await.map_err(Trouble::of)?;
        Ok(Self::of(connected, statements, true, Arc::clone(process), (writer, 0)))
    }

    fn of(
        connected: Connected,
        statements: Statements,
        prepares: bool,
        process: Arc<Process>,
        (writer, batch): (i64, i64),
    ) -> Self {
        let Connected { client, work, was_cancelled } = connected;
        let (retired, patience) = (None, PATIENCE);
        Self { client, work, statements, retired, prepares, process, writer, batch, was_cancelled, patience }
    }

    /// Ends the connection at once. What waits for a lock there is undone when it gets it, and keeps nobody waiting any longer.
    pub(crate) fn cut(&self) {
        self.work.abort();
    }

    /// Prepares nothing any more, since a pool is between.
    pub(crate) fn prepare_nothing(&mut self) {
        self.prepares = false;
        if self.retired.is_none() {
            self.retired = Some(std::mem::take(&mut self.statements));
        }
    }

    /// Connects with the row of another connection, and tells whether the batch that came last there was committed. It waits until
    /// no transaction of that other connection is left, and until what was committed is as durable as a commit can be.
    pub(crate) async fn reopen(settings: &Settings, last: &Self) -> Result<(Self, bool), StorageError> {
        let connected = connect(settings).await?;
        let process = Arc::clone(&last.process);
        let (writer, batch, is_committed) = match look(&connected, last.writer).await? {
            Some(batch) => (last.writer, batch, batch > last.batch),
            None => {
                // The process was forgotten, and so had no holds. The same commands under the same ids change nothing twice.
                let row = tokio::time::timeout(LOOK_MAX, process.writer(&connected.client));
                (row.await.map_err(|_| Trouble::silent())??, 0, false)
            }
        };
        let statements = match last.prepares {
            true => {
                let prepared = tokio::time::timeout(LOOK_MAX, Statements::prepare(&connected.client)).await;
                prepared.map_err(|_| Trouble::silent())?.map_err(Trouble::of)?
            }
            false => Statements::default(),
        };
        Ok((Self::of(connected, statements, last.prepares, process, (writer, batch)), is_committed))
    }

    /// Counts the batch, as the first statement of its transaction.
    pub(crate) async fn count(&self, is_durable: bool) -> Result<Counted, tokio_postgres::Error> {
        self.statements.count(&self.client, (self.writer, self.batch), is_durable).await
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

/// The batches that were committed of a writer, once no transaction of it is left.
async fn look(connected: &Connected, writer: i64) -> Result<Option<i64>, StorageError> {
    let sql = "UPDATE ledger_writers SET looks = looks + 1 WHERE writer = $1 RETURNING batch";
    loop {
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] = [(&writer, Type::INT8)];
        let look = connected.client.query_typed_opt(sql, &parameters);
        let row = tokio::time::timeout(LOOK_MAX, look).await.map_err(|_| Trouble::silent())?.map_err(Trouble::of)?;
        if !connected.was_cancelled.swap(false, Ordering::AcqRel) {
            return Ok(row.map(|row| row.try_get(0)).transpose().map_err(Trouble::of)?);
        }
    }
}
