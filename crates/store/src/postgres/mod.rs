//! The store on PostgreSQL, which several processes may use at once.
//!
//! Where SQLite's one connection does one thing after the other, a statement here decides and writes in one, or a transaction locks the
//! rows that it decides by. Each takes its locks in one order: a row of `locks`, people, then others. Statements are plain, and
//! a transaction that failed because of others is done again.

mod agreed;
mod alarms;
mod applications;
mod audit;
mod backlog;
mod bills;
mod cells;
mod changes;
mod codes;
mod connection;
mod connections;
mod devices;
mod emails;
mod holdings;
mod jobs;
mod keys;
mod limits;
mod mail;
mod notices;
mod operator;
mod orders;
mod partners;
mod passkeys;
mod payers;
mod people;
mod policies;
mod prices;
mod privacy;
mod publishable;
mod rates;
mod retention;
mod rotations;
mod secret_keys;
mod sessions;
mod usage;
mod usage_model;
mod usage_queries;
mod values;

use crate::columns::{MODE_SETTING, mode_named};
use crate::sealing::AddressKeeping;
use crate::traits::{EngineError, Settings as _, StoreError};
use cells::Cells;
use connection::Connection;
use opencredits_keys::Mode;
use opencredits_postgres::{Client, Pool, PostgresError, Settings, migrate, pool, refuse_unfinished_move};
use std::future::Future;
use std::sync::Arc;
use values::{Value, v};

mod embedded {
    refinery::embed_migrations!("migrations-postgres");
}

/// The table of what was migrated. The ledger may be in the same database.
const HISTORY: &str = "store_schema_history";
/// Connections of a pool, where nothing else is said.
const CONNECTIONS_MAX: usize = 16;
/// Work that others hinder is done so often.
const TRIES_MAX: u32 = 20;

/// Where a store is.
#[derive(Debug, Clone)]
pub struct Databases {
    /// The database that is written, and read where it matters what is there now.
    pub primary: Settings,
    /// A copy of it for what may be old: lists of changes, what operators look up, and usage while it has all that the other has.
    pub replica: Option<Settings>,
    /// Connections to each of them at most.
    pub connections_max: usize,
}

/// Implements every trait of this crate on PostgreSQL. A clone is another handle to the same store.
#[derive(Clone)]
pub struct PostgresStore {
    primary: Pool,
    /// For what may be old.
    replica: Option<Pool>,
    /// Where the primary is, for a connection beside the pool.
    settings: Arc<Settings>,
    addresses: Arc<AddressKeeping>,
}

impl PostgresStore {
    /// Opens the store in a database, and migrates its tables. What may be old is read from `replica` where there is one. Addresses are
    /// kept as they are: for tests, and for tools that keep none.
    ///
    /// # Errors
    /// When the database cannot be used, was written by a newer program, or has data that is not whole yet.
    pub async fn open(primary: Settings, replica: Option<Settings>) -> Result<Self, StoreError> {
        let databases = Databases { primary, replica, connections_max: CONNECTIONS_MAX };
        Self::open_with(databases, AddressKeeping::Plain).await
    }

    /// The same, with addresses kept in this way.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(databases: Databases, addresses: AddressKeeping) -> Result<Self, StoreError> {
        let Databases { primary, replica, connections_max } = databases;
        let mut client = opencredits_postgres::connect(&primary).await?;
        refuse_unfinished_move(&client).await?;
        prepare(&mut client).await?;
        drop(client);
        let settings = Arc::new(primary);
        let primary = pool(&settings, connections_max)?;
        let replica = replica.map(|replica| pool(&replica, connections_max)).transpose()?;
        Ok(Self { primary, replica, settings, addresses: Arc::new(addresses) })
    }

    /// The same, for the data of a mode, with which a new store is marked: play credits are never taken for real ones.
    ///
    /// # Errors
    /// When the store is marked with the other mode, or cannot be written.
    pub async fn of_mode(self, mode: Mode) -> Result<Self, StoreError> {
        let kept = self.setting(MODE_SETTING, mode.name().as_bytes()).await?;
        match mode_named(&kept) {
            Some(found) if found == mode => Ok(self),
            Some(found) => Err(StoreError::OtherMode { found, expected: mode }),
            None => Err(StoreError::Damaged { table: "settings" }),
        }
    }

    fn reads(&self) -> &Pool {
        self.replica.as_ref().unwrap_or(&self.primary)
    }

    /// The first row that a query finds.
    async fn one<T: Send>(&self, sql: &str, values: &[Value], read: Read<T>) -> Result<Option<T>, StoreError> {
        let query = |connection: Arc<Connection>| async move { connection.one(sql, values, read).await };
        repeated(&self.primary, Repeat::EvenLost, query).await
    }

    /// All rows that a query finds.
    async fn all<T: Send>(&self, sql: &str, values: &[Value], read: Read<T>) -> Result<Vec<T>, StoreError> {
        let query = |connection: Arc<Connection>| async move { connection.all(sql, values, read).await };
        repeated(&self.primary, Repeat::EvenLost, query).await
    }

    /// All rows that a query finds which may be old.
    async fn old<T: Send>(&self, sql: &str, values: &[Value], read: Read<T>) -> Result<Vec<T>, StoreError> {
        let query = |connection: Arc<Connection>| async move { connection.all(sql, values, read).await };
        repeated(self.reads(), Repeat::EvenLost, query).await
    }

    /// Several queries whose rows may be old.
    async fn read<T, F>(&self, queries: impl Fn(Arc<Connection>) -> F + Send + Sync) -> Result<T, StoreError>
    where
        T: Send,
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        repeated(self.reads(), Repeat::EvenLost, queries).await
    }

    /// Runs one statement that writes; returns the number of its rows.
    async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let write = |connection: Arc<Connection>| async move { connection.execute(sql, values).await };
        repeated(&self.primary, Repeat::Hindered, write).await
    }

    /// The first row of one statement that writes.
    async fn write_one<T: Send>(&self, sql: &str, values: &[Value], read: Read<T>) -> Result<Option<T>, StoreError> {
        let write = |connection: Arc<Connection>| async move { connection.one(sql, values, read).await };
        repeated(&self.primary, Repeat::Hindered, write).await
    }

    /// Runs `work` in a transaction, again where others hindered it. An error undoes all of it.
    async fn transaction<T, F>(&self, work: impl Fn(Arc<Connection>) -> F + Send + Sync) -> Result<T, StoreError>
    where
        T: Send,
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let work = &work;
        let whole = |connection: Arc<Connection>| async move {
            connection.begin().await?;
            let done = work(Arc::clone(&connection)).await;
            connection.end(done).await
        };
        repeated(&self.primary, Repeat::Hindered, whole).await
    }
}

/// Makes the tables, or brings them up to date.
pub(crate) async fn prepare(client: &mut Client) -> Result<(), StoreError> {
    Ok(migrate(client, embedded::migrations::runner(), HISTORY).await?)
}

/// Reads a row.
type Read<T> = fn(&Cells<'_>) -> Result<T, StoreError>;

/// After which failures work is done again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Where others hindered it, or the connection was lost before anything was sent.
    Hindered,
    /// Also where the connection was lost: it only reads.
    EvenLost,
}

async fn repeated<T, F>(
    pool: &Pool,
    repeat: Repeat,
    work: impl Fn(Arc<Connection>) -> F + Send + Sync,
) -> Result<T, StoreError>
where
    T: Send,
    F: Future<Output = Result<T, StoreError>> + Send,
{
    let mut tries = 0;
    loop {
        tries += 1;
        let connection = Arc::new(Connection::of(pool).await?);
        let error = match work(Arc::clone(&connection)).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let again = match &error {
            StoreError::Engine(EngineError::Postgres(PostgresError::Database(error))) => {
                let is_harmless = repeat == Repeat::EvenLost || !connection.has_sent();
                error.is_repeatable() || (error.is_lost() && is_harmless)
            }
            _ => false,
        };
        if !again || tries >= TRIES_MAX {
            return Err(error);
        }
    }
}

/// Waits until nobody else does what one at a time may do, and keeps others from it to the end of the transaction.
async fn lock(transaction: &Connection, name: &'static str) -> Result<(), StoreError> {
    transaction.execute("SELECT name FROM locks WHERE name = $1 FOR UPDATE", &[v(name)]).await?;
    Ok(())
}

/// The same for what concerns one person. Who is not there is not locked: what refers to them is refused.
async fn lock_person(transaction: &Connection, user: opencredits_units::UserId) -> Result<(), StoreError> {
    transaction.execute("SELECT id FROM users WHERE id = $1 FOR UPDATE", &[v(user)]).await?;
    Ok(())
}

impl From<PostgresError> for StoreError {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::Newer { found, known } => Self::Newer { found, known },
            error => Self::Engine(error.into()),
        }
    }
}
