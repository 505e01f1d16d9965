//! What one writes first: balances in a table, one durable transaction an operation.

use super::books::{PEOPLE, held_nano, legs_nano, limit, memo, request, wallet};
use crate::outcome::Outcome;
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::{Duration, Instant};

const TABLES: &str = "
    CREATE TABLE accounts (id BLOB PRIMARY KEY, posted INTEGER NOT NULL, held INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE holds (id BLOB PRIMARY KEY, payer BLOB NOT NULL, cap BLOB NOT NULL, amount INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE entries (id BLOB PRIMARY KEY, payer BLOB NOT NULL, amount INTEGER NOT NULL, memo BLOB NOT NULL) STRICT, WITHOUT ROWID;
";
const HOUSE: [u128; 3] = [2, 3, 4];
const FUNDS: i64 = 1_000_000_000_000_000;

/// Pairs a second. However many callers there are, SQLite lets one write at a time; this is that one, without the
/// cost of the others' waiting.
pub(super) fn pairs_per_s(path: &Path, length: Duration) -> Outcome<f64> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(TABLES)?;
    let filling = connection.transaction()?;
    let people = (0..1_000).flat_map(|person| [wallet(person).bits(), limit(person).bits()]);
    for id in people.chain(HOUSE) {
        filling.prepare_cached("INSERT INTO accounts VALUES (?1, ?2, 0)")?.execute(params![id.to_be_bytes(), FUNDS])?;
    }
    filling.commit()?;
    let memo = memo()?;
    let start = Instant::now();
    let mut pairs = 0_u32;
    while start.elapsed() < length {
        hold(&mut connection, pairs)?;
        capture(&mut connection, pairs, &memo)?;
        pairs += 1;
    }
    Ok(f64::from(pairs) / start.elapsed().as_secs_f64())
}

fn hold(connection: &mut Connection, number: u32) -> Outcome {
    let request = request(number.into(), PEOPLE);
    let accounts = [wallet(request.person), limit(request.person)].map(|id| id.bits().to_be_bytes());
    let transaction = connection.transaction()?;
    for id in accounts {
        let changed = transaction
            .prepare_cached("UPDATE accounts SET held = held + ?2 WHERE id = ?1 AND posted - held >= ?2")?
            .execute(params![id, held_nano()])?;
        if changed == 0 {
            return Err("the naive wallet is empty".into());
        }
    }
    transaction.prepare_cached("INSERT INTO holds VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        request.id.bits().to_be_bytes(),
        accounts[0],
        accounts[1],
        held_nano()
    ])?;
    Ok(transaction.commit()?)
}

fn capture(connection: &mut Connection, number: u32, memo: &[u8]) -> Outcome {
    let id = request(number.into(), PEOPLE).id.bits().to_be_bytes();
    let charge: i64 = legs_nano().iter().sum();
    let transaction = connection.transaction()?;
    let (payer, cap, amount): (Vec<u8>, Vec<u8>, i64) = transaction
        .prepare_cached("DELETE FROM holds WHERE id = ?1 RETURNING payer, cap, amount")?
        .query_row(params![id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for account in [&payer, &cap] {
        transaction
            .prepare_cached("UPDATE accounts SET held = held - ?2, posted = posted - ?3 WHERE id = ?1")?
            .execute(params![account, amount, charge])?;
    }
    for (account, leg) in HOUSE.iter().zip(legs_nano()) {
        transaction
            .prepare_cached("UPDATE accounts SET posted = posted + ?2 WHERE id = ?1")?
            .execute(params![account.to_be_bytes(), leg])?;
    }
    transaction
        .prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id, payer, charge, memo])?;
    Ok(transaction.commit()?)
}
