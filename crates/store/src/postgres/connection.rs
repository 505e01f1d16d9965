//! A connection of the pool, and the transaction on it.

use super::cells::Cells;
use super::values::Value;
use crate::traits::{EngineError, StoreError};
use opencredits_postgres::{Object, Pool, PostgresError};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

/// A connection of the pool. One on which a transaction is left unfinished is closed instead of given back: the server undoes it.
pub(super) struct Connection {
    object: Option<Object>,
    is_in_transaction: AtomicBool,
    has_sent: AtomicBool,
}

impl Connection {
    pub(super) async fn of(pool: &Pool) -> Result<Self, StoreError> {
        let object = pool.get().await.map_err(PostgresError::from)?;
        Ok(Self { object: Some(object), is_in_transaction: AtomicBool::new(false), has_sent: AtomicBool::new(false) })
    }

    fn object(&self) -> Result<&Object, StoreError> {
        self.object.as_ref().ok_or(StoreError::Closing)
    }

    /// Whether anything was sent on it that may have been done.
    pub(super) fn has_sent(&self) -> bool {
        self.has_sent.load(Ordering::Relaxed)
    }

    /// A statement that is sent next.
    async fn prepared(&self, sql: &str) -> Result<Statement, StoreError> {
        let statement = self.object()?.prepare_cached(sql).await.map_err(refused)?;
        self.has_sent.store(true, Ordering::Relaxed);
        Ok(statement)
    }

    pub(super) async fn begin(&self) -> Result<(), StoreError> {
        self.is_in_transaction.store(true, Ordering::Relaxed);
        self.object()?.batch_execute("BEGIN").await.map_err(refused)
    }

    /// Commits what is done, and undoes what failed.
    pub(super) async fn end<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        let statement = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.object()?.batch_execute(statement).await;
        if ended.is_ok() {
            self.is_in_transaction.store(false, Ordering::Relaxed);
        }
        let done = done?;
        ended.map_err(refused)?;
        Ok(done)
    }

    /// Runs one statement; returns the number of its rows.
    pub(super) async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let statement = self.prepared(sql).await?;
        self.object()?.execute(&statement, &bound(values)).await.map_err(refused)
    }

    /// All rows that a statement returns.
    pub(super) async fn all<T>(
        &self,
        sql: &str,
        values: &[Value],
        read: impl Fn(&Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let statement = self.prepared(sql).await?;
        let rows = self.object()?.query(&statement, &bound(values)).await.map_err(refused)?;
        rows.iter().map(|row| read(&Cells(row))).collect()
    }

    /// The first row that a statement returns.
    pub(super) async fn one<T>(
        &self,
        sql: &str,
        values: &[Value],
        read: impl Fn(&Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.all(sql, values, read).await?.into_iter().next())
    }

    /// Runs a statement that must not be in a transaction and has no values.
    pub(super) async fn run_alone(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        match &self.object {
            Some(object) => object.batch_execute(sql).await,
            None => Ok(()),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_in_transaction.load(Ordering::Relaxed)
            && let Some(object) = self.object.take()
        {
            drop(Object::take(object));
        }
    }
}

fn bound(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// The error of a refused statement.
pub(super) fn refused(error: tokio_postgres::Error) -> StoreError {
    match error.code() {
        Some(code) if *code == SqlState::UNIQUE_VIOLATION => StoreError::Exists,
        Some(code) if *code == SqlState::FOREIGN_KEY_VIOLATION => StoreError::Orphan,
        _ => StoreError::Engine(EngineError::Postgres(error.into())),
    }
}
