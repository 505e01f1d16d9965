//! Migrations that several processes may begin at once.
//!
//! Whoever migrates holds a row of a table for that, and does everything in one transaction: the others wait for the row and find the
//! tables as they are to be. There are no advisory locks, so that other engines with PostgreSQL's protocol can do it.

use crate::connect::Client;
use crate::error::{DatabaseError, PostgresError};
use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use refinery_core::{Migration, Runner};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

/// Two processes that make the table of the lock at once may hinder each other so often.
const TRIES_MAX: u32 = 20;

/// Creates tables, or brings them up to date. What was migrated is kept in the table `history`, and the lock in `history` with
/// `_lock` at its end: each set of tables in a database has a name of its own.
///
/// # Errors
/// When the tables are those of a newer program, which are left as they are, or the database refuses.
pub async fn migrate(client: &mut Client, mut runner: Runner, history: &str) -> Result<(), PostgresError> {
    let known = runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max();
    let known = known.unwrap_or_default();
    if refuse_newer(version(client, history).await?, known)? {
        return Ok(());
    }
    make_lock(client, history).await?;
    let mut tries = 0;
    loop {
        tries += 1;
        match migrate_alone(client, &mut runner, (history, known)).await {
            Err(PostgresError::Database(error)) if error.is_repeatable() && tries < TRIES_MAX => {}
            done => return done,
        }
    }
}

/// Whether all is done; an error where more is done than this program knows.
fn refuse_newer(found: Option<i64>, known: i64) -> Result<bool, PostgresError> {
    match found {
        Some(found) if found > known => Err(PostgresError::Newer { found, known }),
        found => Ok(found == Some(known)),
    }
}

/// The version of the tables; none where there are none.
async fn version(client: &Client, history: &str) -> Result<Option<i64>, PostgresError> {
    let query = format!("SELECT CAST(max(version) AS bigint) FROM {history}");
    match client.query_one(&query, &[]).await {
        Ok(row) => Ok(row.try_get(0)?),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn make_lock(client: &Client, history: &str) -> Result<(), PostgresError> {
    let make = format!(
        "CREATE TABLE IF NOT EXISTS {history}_lock (one integer PRIMARY KEY);
        INSERT INTO {history}_lock (one) VALUES (1) ON CONFLICT DO NOTHING"
    );
    let mut tries = 0;
    loop {
        tries += 1;
        match client.batch_execute(&make).await {
            Err(error) if tries < TRIES_MAX && error.code().is_some_and(is_hindered) => {}
            made => return Ok(made?),
        }
    }
}

/// Whether another process makes the same table now.
fn is_hindered(code: &SqlState) -> bool {
    [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        // "tuple concurrently updated"
        SqlState::INTERNAL_ERROR,
    ]
    .contains(code)
}

async fn migrate_alone(
    client: &mut Client,
    runner: &mut Runner,
    (history, known): (&str, i64),
) -> Result<(), PostgresError> {
    let transaction = client.transaction().await?;
    transaction.query_one(&format!("SELECT one FROM {history}_lock FOR UPDATE"), &[]).await?;
    runner.set_migration_table_name(history);
    let mut migrating = Migrating { transaction };
    // A process of a newer program may have been here meanwhile: the rest would be its tables.
    let assert = Migrating::assert_migrations_table_query(history);
    migrating.transaction.batch_execute(&assert).await?;
    let newest = format!("SELECT CAST(max(version) AS bigint) FROM {history}");
    let found: Option<i64> = migrating.transaction.query_one(&newest, &[]).await?.try_get(0)?;
    if refuse_newer(found, known)? {
        return Ok(());
    }
    runner.run_async(&mut migrating).await?;
    Ok(migrating.transaction.commit().await?)
}

/// A transaction, in which the migrations run that would each have one of their own.
struct Migrating<'a> {
    transaction: Transaction<'a>,
}

impl AsyncTransaction for Migrating<'_> {
    type Error = DatabaseError;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, DatabaseError> {
        let mut done = 0_usize;
        for query in queries {
            self.transaction.batch_execute(query).await?;
            done = done.saturating_add(1);
        }
        Ok(done)
    }
}

impl AsyncQuery<Vec<Migration>> for Migrating<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, DatabaseError> {
        let rows = self.transaction.query(query, &[]).await?;
        let mut applied = Vec::with_capacity(rows.len());
        for row in rows {
            let (at, checksum): (String, String) = (row.try_get(2)?, row.try_get(3)?);
            // Neither decides anything: a row that was changed by hand differs from the migration, which is refused.
            let at = OffsetDateTime::parse(&at, &Rfc3339).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            let checksum = checksum.parse().unwrap_or_default();
            applied.push(Migration::applied(row.try_get(0)?, row.try_get(1)?, at, checksum));
        }
        Ok(applied)
    }
}

impl AsyncMigrate for Migrating<'_> {}
