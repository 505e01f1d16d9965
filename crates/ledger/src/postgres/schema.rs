//! The tables, and how they come to be.

use super::error::Trouble;
use super::months;
use crate::error::StorageError;
use opencredits_postgres::refuse_unfinished_move;
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// The version of the tables; raised whenever one changes.
pub(crate) const FORM: i64 = 3;

/// Several processes may start at once, and `IF NOT EXISTS` does not see what another one is just making.
const TRIES: usize = 50;
const BETWEEN: Duration = Duration::from_millis(50);
/// The pause after an attempt in which others kept the tables locked: writers, which waited behind it, go on meanwhile.
const PAUSE: Duration = Duration::from_secs(2);

/// `ledger_head` and `ledger_numbers` have one row each. Amounts are nano-USD, times milliseconds since 1970, ids 16 bytes. Legs are
/// 12 bytes each: the account's number and the amount, big-endian. The limits of a hold are 4 bytes each.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS ledger_accounts (
    number integer PRIMARY KEY, id bytea NOT NULL UNIQUE, floor smallint NOT NULL, contra integer,
    posted bigint NOT NULL, held bigint NOT NULL, commit bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS ledger_holds (
    id bytea PRIMARY KEY, payer integer NOT NULL, limits bytea NOT NULL, amount bigint NOT NULL,
    expires_at bigint NOT NULL, phase smallint NOT NULL, fingerprint bigint NOT NULL, writer bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_holds_due ON ledger_holds (expires_at);
CREATE TABLE IF NOT EXISTS ledger_commits (
    commit bigint PRIMARY KEY, entries bigint NOT NULL, digest bytea NOT NULL, hash bytea NOT NULL, writer bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger_writers (
    writer bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, batch bigint NOT NULL, looks bigint NOT NULL, process bigint
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS ledger_numbers (one boolean PRIMARY KEY CHECK (one), accounts integer NOT NULL);
CREATE TABLE IF NOT EXISTS ledger_head (
    one boolean PRIMARY KEY CHECK (one), commit bigint NOT NULL, entries bigint NOT NULL, hash bytea NOT NULL
) WITH (fillfactor = 10);
INSERT INTO ledger_numbers VALUES (true, 0) ON CONFLICT DO NOTHING;
INSERT INTO ledger_head VALUES (true, 0, 0, '') ON CONFLICT DO NOTHING;
";

/// The entries, in a table for each month (`months`) and one for all others.
const ENTRIES: &str = "
CREATE TABLE IF NOT EXISTS ledger_entries (
    id bytea PRIMARY KEY, commit bigint NOT NULL, kind smallint NOT NULL, at bigint NOT NULL,
    fingerprint bigint NOT NULL, charged bigint NOT NULL, legs bytea NOT NULL, memo bytea NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX IF NOT EXISTS ledger_entries_commit ON ledger_entries (commit);
CREATE TABLE IF NOT EXISTS ledger_entries_default PARTITION OF ledger_entries DEFAULT;
";

/// What form 2 adds to form 1: the processes. Connections of programs of form 1 have none.
const FORM_2: &str = "
CREATE TABLE IF NOT EXISTS ledger_processes (
    process bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(), seen_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
ALTER TABLE ledger_writers ADD COLUMN IF NOT EXISTS process bigint;
";

/// What form 3 adds to form 2, besides the months: what stays of archived entries. Before, all entries were in one table.
const FORM_3: &str = "
CREATE TABLE IF NOT EXISTS ledger_closings (
    closing bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, commit bigint NOT NULL, part text NOT NULL, entries bigint NOT NULL,
    last_commit bigint NOT NULL, last_at bigint NOT NULL, ids bytea NOT NULL, file bytea NOT NULL, restored boolean NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS ledger_closings_part ON ledger_closings (part) WHERE NOT restored;
CREATE TABLE IF NOT EXISTS ledger_closing_sums (
    closing bigint NOT NULL, number integer NOT NULL, amount bigint NOT NULL, PRIMARY KEY (closing, number)
);
CREATE TABLE IF NOT EXISTS ledger_closing_ids (low bytea PRIMARY KEY, closing bigint NOT NULL, ids bytea NOT NULL);
DELETE FROM ledger_form WHERE form < 3;
INSERT INTO ledger_form VALUES (3) ON CONFLICT DO NOTHING;
";

/// One process at a time brings the tables up to date: the others wait, and find it done.
const ALONE: &str = "BEGIN; CREATE TABLE IF NOT EXISTS ledger_form (form bigint PRIMARY KEY);
    LOCK TABLE ledger_form IN ACCESS EXCLUSIVE MODE";
/// The newest form, and whether all entries are in one table.
const STATE: &str = "SELECT (SELECT coalesce(max(form), 0) FROM ledger_form),
    EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('ledger_entries') AND relkind = 'r')";

/// Locks what batches lock, in their order, before the entries of a table in use are divided. Writers wait behind it, so it waits
/// only so long.
const KEEP_OUT: &str = "SET LOCAL lock_timeout = 2000; LOCK TABLE ledger_writers IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE;";

/// Makes the tables that are not there, and brings those of an older program up to date. Tables of a newer one are refused, and left
/// as they are, and so are those into which data is being moved.
pub(crate) async fn prepare(client: &Client) -> Result<(), StorageError> {
    refuse_unfinished_move(client).await.map_err(Trouble::from)?;
    make(client).await?;
    // Where it fails, who shares the ledger does it later. Until then entries of a missing month are in the table of all others.
    let _later = months::make_ahead(client).await;
    Ok(())
}

/// The same for who moves the data.
pub(crate) async fn make(client: &Client) -> Result<(), StorageError> {
    let mut tries = 0;
    loop {
        match found(client).await? {
            Some(form) if form > FORM => return Err(StorageError::NewerTables { found: form, known: FORM }),
            Some(FORM) => return Ok(()),
            Some(_) | None => {}
        }
        match bring_up(client).await {
            Ok(()) => {}
            Err(error) if tries < TRIES && is_race(&error) => {
                tries = tries.saturating_add(1);
                // The failed transaction is still open.
                client.batch_execute("ROLLBACK").await.map_err(Trouble::of)?;
                let is_busy = error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE);
                tokio::time::sleep(if is_busy { PAUSE } else { BETWEEN }).await;
            }
            Err(error) => return Err(Trouble::of(error).into()),
        }
    }
}

/// Makes what is missing, in one transaction. Another program may make the tables of an older form meanwhile, so that those of a new
/// database are brought up to date as well.
async fn bring_up(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(ALONE).await?;
    let state = client.query_typed_one(STATE, &[]).await?;
    let (form, is_one_table): (i64, bool) = (state.try_get(0)?, state.try_get(1)?);
    if form >= FORM {
        return client.batch_execute("ROLLBACK").await;
    }
    let (keep_out, entries) = match is_one_table {
        true => (KEEP_OUT, months::divide(months::present(client).await?, ENTRIES)),
        false => ("", ENTRIES.to_owned()),
    };
    client.batch_execute(&format!("{keep_out} {TABLES} {FORM_2} {entries} {FORM_3} COMMIT")).await
}

/// Whether there are tables of a ledger.
pub(crate) async fn is_there(client: &Client) -> Result<bool, StorageError> {
    Ok(found(client).await?.is_some())
}

/// The newest form that the database has; `None` before the first process has made the tables.
async fn found(client: &Client) -> Result<Option<i64>, StorageError> {
    let read = client.query_typed_one("SELECT max(form) FROM ledger_form", &[]).await;
    match read {
        Ok(row) => Ok(row.try_get(0).map_err(Trouble::of)?),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
        Err(error) => Err(Trouble::of(error).into()),
    }
}

/// Whether another process has made the same thing at the same time, or uses the tables.
fn is_race(error: &tokio_postgres::Error) -> bool {
    let codes = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::LOCK_NOT_AVAILABLE,
        // A catalogue row that two have changed.
        SqlState::INTERNAL_ERROR,
    ];
    error.code().is_some_and(|code| codes.contains(code))
}
