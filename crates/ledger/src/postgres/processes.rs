//! The processes that share a ledger. Each start of one has a row, whose number is its epoch and which says when it was seen last.
//!
//! A hold names the connection that placed it, and the connection its process, so that the holds of a process that has died can be
//! told from those of the others. Only the database's clock counts here: those of the processes may be minutes apart.

use super::connection::{PATIENCE, connect};
use super::error::Trouble;
use super::months;
use super::reads::Reads;
use super::rows::{HOLD_COLUMNS, HoldRecord};
use super::schema;
use crate::error::{LedgerError, StorageError};
use crate::types::HoldRow;
use opencredits_postgres::Settings;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, SimpleQueryMessage};

/// How often a process of a shared ledger tells the database that it is there. One is silent after several of them at the earliest.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// Once this process was seen so often after the database was away, the others have been seen again as well.
const STEADY: u32 = 4;
/// After so many heartbeats, an hour, a process looks whether the tables of the coming months are there.
const MONTHS: u32 = 720;
/// A longer time is taken as a hundred years, which the database can still subtract.
const SILENT_MAX_MS: i64 = 3_153_600_000_000;

const ENTER: &str = "INSERT INTO ledger_processes (name) VALUES ($1) RETURNING process";
/// The process's row is there, unless somebody has forgotten it while it was silent.
const WRITER: &str = "WITH kept AS (
        INSERT INTO ledger_processes (process, name) OVERRIDING SYSTEM VALUE VALUES ($1, $2) ON CONFLICT DO NOTHING
    )
    INSERT INTO ledger_writers (batch, looks, process) VALUES (0, 0, $1) RETURNING writer";
const BEAT: &str = "INSERT INTO ledger_processes (process, name) OVERRIDING SYSTEM VALUE VALUES ($1, $2)
    ON CONFLICT (process) DO UPDATE SET seen_at = clock_timestamp()";
const LIST: &str = "SELECT process, name,
        greatest(0, extract(epoch FROM clock_timestamp() - started_at) * 1000)::bigint,
        greatest(0, extract(epoch FROM clock_timestamp() - seen_at) * 1000)::bigint,
        coalesce(placed.holds, 0), process = $1
    FROM ledger_processes LEFT JOIN (
        SELECT process, count(*) AS holds FROM ledger_holds JOIN ledger_writers USING (writer) GROUP BY process
    ) AS placed USING (process)
    ORDER BY process";
const OTHERS: &str = "SELECT count(*) FROM ledger_processes
    WHERE process <> $1 AND seen_at >= clock_timestamp() - $2 * interval '1 millisecond'";
const TABLE: &str = "ledger_processes";

/// A process of a shared ledger: one start of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRow {
    /// Its number. A later start has a higher one.
    pub process: u64,
    /// Its name, which other processes may have as well.
    pub name: String,
    /// How long ago it started, by the database's clock.
    pub started_ms_ago: u64,
    /// How long ago it was seen last, by the database's clock.
    pub seen_ms_ago: u64,
    /// The number of its open holds.
    pub holds: u64,
    /// Whether it is the one that asks.
    pub is_self: bool,
}

/// This process.
pub(crate) struct Process {
    pub(crate) number: i64,
    pub(crate) name: String,
    /// How often it was seen since the database did not answer it last.
    beats: AtomicU32,
}

impl Process {
    /// Makes the tables where there are none, and a row for this start.
    pub(crate) async fn enter(settings: &Settings, name: String) -> Result<Self, StorageError> {
        let client = connect(settings).await?.client;
        schema::prepare(&client).await?;
        let row = client.query_typed_one(ENTER, &[(&name, Type::TEXT)]).await.map_err(Trouble::of)?;
        let number = row.try_get(0).map_err(Trouble::of)?;
        Ok(Self { number, name, beats: AtomicU32::new(STEADY) })
    }

    /// Makes a row for a connection of this process that writes, and gives its number.
    pub(crate) async fn writer(&self, client: &Client) -> Result<i64, Trouble> {
        let own: [(&(dyn ToSql + Sync), Type); 2] = [(&self.number, Type::INT8), (&self.name, Type::TEXT)];
        let row = client.query_typed_one(WRITER, &own).await.map_err(Trouble::of)?;
        row.try_get(0).map_err(Trouble::of)
    }

    /// Tells the database every [`HEARTBEAT`] that this process is there, through a connection of its own. It never ends.
    pub(crate) async fn beat(&self, settings: &Settings) {
        let (mut connected, mut beats) = (None, 0_u32);
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            connected = self.tell(settings, connected).await.ok();
            self.count(connected.is_some());
            beats = beats.saturating_add(1);
            if beats >= MONTHS {
                beats = 0;
                connected = make_months(connected).await;
            }
        }
    }

    /// One heartbeat. It gives the connection back where the database has answered.
    async fn tell(&self, settings: &Settings, connected: Option<Client>) -> Result<Client, Trouble> {
        let client = match connected {
            Some(client) => client,
            None => connect(settings).await?.client,
        };
        let own: [(&(dyn ToSql + Sync), Type); 2] = [(&self.number, Type::INT8), (&self.name, Type::TEXT)];
        // It waits for no disk and no standby.
        let telling = async {
            tokio::join!(
                biased;
                client.batch_execute("BEGIN; SET LOCAL synchronous_commit = off"),
                client.execute_typed(BEAT, &own),
                client.batch_execute("COMMIT"),
            )
        };
        let answers = tokio::time::timeout(PATIENCE, telling).await.map_err(|_| Trouble::silent())?;
        let (begun, told, committed) = answers;
        begun.and(told.map(drop)).and(committed).map_err(Trouble::of)?;
        Ok(client)
    }

    fn count(&self, was_seen: bool) {
        let beats = if was_seen { self.beats.load(Ordering::Relaxed).saturating_add(1) } else { 0 };
        self.beats.store(beats, Ordering::Relaxed);
    }

    /// Whether a process that is silent is so for its own reasons. Right after the database was away, all are.
    pub(crate) fn is_steady(&self) -> bool {
        self.beats.load(Ordering::Relaxed) >= STEADY
    }
}

/// Makes the tables of the coming months. It gives the connection back where the database has answered.
async fn make_months(connected: Option<Client>) -> Option<Client> {
    let client = connected?;
    // Where it cannot be done now, there is another time.
    let answered = tokio::time::timeout(PATIENCE, months::make_ahead(&client)).await.is_ok();
    answered.then_some(client)
}

impl Reads {
    /// Every process, by number.
    pub(crate) async fn processes(&self, own: i64) -> Result<Vec<ProcessRow>, LedgerError> {
        Ok(self.rows(LIST, &[(&own, Type::INT8)], process_row).await?)
    }

    /// The number of other processes that were seen within so long.
    pub(crate) async fn others(&self, own: i64, within: Duration) -> Result<u32, LedgerError> {
        let within = millis(within);
        let which: [(&(dyn ToSql + Sync), Type); 2] = [(&own, Type::INT8), (&within, Type::INT8)];
        let found = self.rows(OTHERS, &which, count).await?;
        Ok(found.first().map_or(0, |others| u32::try_from(*others).unwrap_or(u32::MAX)))
    }

    /// The open holds of other processes that were silent for so long, at most so many, the oldest first.
    pub(crate) async fn abandoned(
        &self,
        own: i64,
        silent_for: Duration,
        max: usize,
    ) -> Result<Vec<HoldRow>, LedgerError> {
        let sql = format!(
            "SELECT {HOLD_COLUMNS} FROM ledger_holds WHERE writer IN (
                SELECT writer FROM ledger_writers JOIN ledger_processes USING (process)
                WHERE process <> $1 AND seen_at < clock_timestamp() - $2 * interval '1 millisecond'
             ) ORDER BY id LIMIT $3"
        );
        let (silent_for, max) = (millis(silent_for), i64::try_from(max).unwrap_or(i64::MAX));
        let which: [(&(dyn ToSql + Sync), Type); 3] =
            [(&own, Type::INT8), (&silent_for, Type::INT8), (&max, Type::INT8)];
        let found = self.rows(&sql, &which, HoldRecord::read).await?;
        Ok(self.hold_rows(found).await?)
    }

    /// Forgets the other processes that were silent for so long and have no holds, and tells how many.
    pub(crate) async fn forget_silent(&self, own: i64, silent_for: Duration) -> Result<u64, StorageError> {
        let silent_for = millis(silent_for);
        // The time of the transaction, so that each of its statements means the same processes.
        let which = format!("process <> {own} AND seen_at < now() - {silent_for} * interval '1 millisecond'");
        self.forget(&which).await
    }

    /// Forgets this process, where it has no holds. Its connections that write have ended.
    pub(crate) async fn leave(&self, own: i64) -> Result<u64, StorageError> {
        self.forget(&format!("process = {own}")).await
    }

    /// The rows are locked first: a batch that is on its way ends before the holds are looked for, and a later one finds its
    /// connection's row gone and begins anew. The statements are one message, and so one transaction that always ends.
    async fn forget(&self, which: &str) -> Result<u64, StorageError> {
        let sql = format!(
            "SET LOCAL lock_timeout = '5s';
             SELECT FROM ledger_processes WHERE {which} ORDER BY process FOR UPDATE;
             SELECT FROM ledger_writers WHERE process IN (SELECT process FROM ledger_processes WHERE {which})
                ORDER BY writer FOR UPDATE;
             DELETE FROM ledger_writers WHERE process IN (SELECT process FROM ledger_processes WHERE {which})
                AND process NOT IN (
                    SELECT process FROM ledger_writers JOIN ledger_holds USING (writer) WHERE process IS NOT NULL
                );
             DELETE FROM ledger_processes WHERE {which} AND NOT EXISTS (
                SELECT FROM ledger_writers WHERE ledger_writers.process = ledger_processes.process
             )"
        );
        let answers = self.client().await?.simple_query(&sql).await.map_err(Trouble::of)?;
        let forgotten = answers.iter().rev().find_map(|answer| match answer {
            SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
            _ => None,
        });
        Ok(forgotten.unwrap_or_default())
    }
}

/// A time as the database's statements take it.
fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).map_or(SILENT_MAX_MS, |millis| millis.min(SILENT_MAX_MS))
}

fn count(row: &Row) -> Result<i64, StorageError> {
    row.try_get(0).map_err(|_| StorageError::Damaged { table: TABLE })
}

fn process_row(row: &Row) -> Result<ProcessRow, StorageError> {
    let damaged = || StorageError::Damaged { table: TABLE };
    let number = |column: usize| {
        let number = row.try_get::<_, i64>(column).ok().and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(damaged)
    };
    Ok(ProcessRow {
        process: number(0)?,
        name: row.try_get(1).map_err(|_| damaged())?,
        started_ms_ago: number(2)?,
        seen_ms_ago: number(3)?,
        holds: number(4)?,
        is_self: row.try_get(5).map_err(|_| damaged())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_database_was_away_others_get_some_heartbeats_of_time() {
        let process = Process { number: 1, name: "ledger".to_owned(), beats: AtomicU32::new(STEADY) };
        assert!(process.is_steady(), "one that has just started");
        process.count(false);
        for _ in 1..STEADY {
            process.count(true);
            assert!(!process.is_steady());
        }
        process.count(true);
        assert!(process.is_steady());
    }

    #[test]
    fn a_time_that_no_calendar_has_is_taken_as_a_long_one() {
        assert_eq!(millis(Duration::from_secs(60)), 60_000);
        assert_eq!(millis(Duration::MAX), SILENT_MAX_MS);
    }
}
