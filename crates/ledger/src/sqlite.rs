//! The journal on SQLite: WAL, `synchronous=FULL`, one transaction a batch.

use crate::codec::{self, AccountParts};
use crate::error::{LedgerError, StorageError};
use crate::journal::{Batch, Bodies, Journal, Reader, Visitor};
use crate::state::State;
use crate::types::Floor;
use opencredits_units::{AccountId, EntryId, NanoUsd};
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The version of the file format; raised whenever a table changes.
const FORM: i64 = 1;
/// The length of the write-ahead log, in pages, at which it is merged into the file: 16 MiB, so that this is rare.
const CHECKPOINT_PAGES: i64 = 4_096;

/// The size of [`Journal::probe`]'s write. Far more than a page, since a failed batch leaves room for as much as it
/// wrote.
const PROBE_BYTES: i64 = 1 << 20;

/// How long SQLite retries while another program has the write lock, before it reports [`StorageError::Busy`].
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// Only the owner may read the ledger.
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS accounts (
        number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, posted INTEGER NOT NULL, floor INTEGER NOT NULL, contra INTEGER
    ) STRICT;
    CREATE TABLE IF NOT EXISTS holds (id BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS entries (id BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
";

/// A hold whose entry exists is finished, whatever left its row behind; [`crate::Ledger::verify`] reports it.
const OPEN_HOLDS: &str = "
    SELECT id, body FROM holds WHERE NOT EXISTS (SELECT 1 FROM entries WHERE entries.id = holds.id) ORDER BY id
";

/// The writing side.
pub(crate) struct SqliteJournal {
    connection: Connection,
    /// Held as long as the journal lives, so that no other process opens the file.
    _lock: Lock,
}

/// A lock that ends with its owner.
struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a child process that another thread is starting has it open for a moment more.
    fn drop(&mut self) {
        let _closed_next = self.0.unlock();
    }
}

impl Drop for SqliteJournal {
    /// Merges the write-ahead log into the file, so that a closed ledger is one file. The reader's connection, which
    /// closes last, cannot do it; a log that cannot be merged now is merged at the next start.
    fn drop(&mut self) {
        let _best_effort = self.connection.pragma_update(None, "wal_checkpoint", "truncate");
    }
}

/// The reading side, on a connection of its own.
pub(crate) struct SqliteReader {
    connection: Mutex<Connection>,
    /// An iteration over everything takes long, so it has a connection of its own.
    path: PathBuf,
}

/// Opens or creates the file, and locks it for this process.
pub(crate) fn open(path: &Path) -> Result<(SqliteJournal, SqliteReader), LedgerError> {
    let path = &real(path)?;
    let lock = lock(path)?;
    make_private(path)?;
    let connection = Connection::open(path).map_err(StorageError::from)?;
    prepare(&connection)?;
    let reader = SqliteReader { connection: Mutex::new(open_to_read(path)?), path: path.to_owned() };
    Ok((SqliteJournal { connection, _lock: lock }, reader))
}

fn open_to_read(path: &Path) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(path, flags)?)
}

/// Begins a write. While another program has the write lock, nothing is written.
fn begin(connection: &Connection) -> Result<Transaction<'_>, StorageError> {
    match Transaction::new_unchecked(connection, TransactionBehavior::Immediate) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Err(StorageError::Busy),
        begun => Ok(begun?),
    }
}

/// The canonical name of the file, so that two names of one file are one lock. The file is not opened for that: closing
/// it again would end the locks that SQLite has on it in this process.
fn real(path: &Path) -> Result<PathBuf, StorageError> {
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        found => return Ok(found?),
    }
    // It will be created. A dangling link leads to the place where it will be.
    if let Ok(target) = path.read_link() {
        return real(&path.parent().unwrap_or(path).join(target));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(std::io::Error::from(ErrorKind::InvalidInput))?;
    Ok(folder.canonicalize()?.join(name))
}

/// `ledger.db` is locked by `ledger.db.lock`, which stays: after its deletion two processes could lock two files.
fn lock(path: &Path) -> Result<Lock, LedgerError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    make_private(&path)?;
    let file = File::options().write(true).open(&path).map_err(StorageError::from)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Locked { path }),
        Err(TryLockError::Error(error)) => Err(StorageError::from(error).into()),
    }
}

/// Creates the file, readable by its owner only. SQLite gives the log beside it the same permissions.
#[cfg(unix)]
fn make_private(path: &Path) -> Result<(), StorageError> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().create(true).truncate(false).write(true).mode(FILE_MODE).open(path)?;
    Ok(())
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> Result<(), StorageError> {
    File::options().create(true).truncate(false).write(true).open(path)?;
    Ok(())
}

fn prepare(connection: &Connection) -> Result<(), StorageError> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        0 => {
            connection.execute_batch(TABLES)?;
            connection.pragma_update(None, "user_version", FORM)?;
        }
        FORM => {}
        _ => return Err(StorageError::Version { found, known: FORM }),
    }
    Ok(())
}

impl Journal for SqliteJournal {
    fn probe(&mut self) -> Result<(), StorageError> {
        let written = begin(&self.connection)?;
        written.execute_batch("DROP TABLE IF EXISTS probe; CREATE TABLE probe (room BLOB)")?;
        written.execute("INSERT INTO probe VALUES (zeroblob(?1))", [PROBE_BYTES])?;
        written.commit()?;
        Ok(self.connection.execute_batch("DROP TABLE probe")?)
    }

    fn load(&mut self) -> Result<State, StorageError> {
        let accounts = accounts(&self.connection)?;
        let mut holds = Vec::new();
        let mut damaged = false;
        each_row(&self.connection, OPEN_HOLDS, |id, body| match codec::read_hold(body) {
            Some(hold) => holds.push((id, hold)),
            None => damaged = true,
        })?;
        if damaged {
            return Err(StorageError::Damaged { table: "holds" });
        }
        let last: Option<[u8; 16]> = self.connection.query_row("SELECT max(id) FROM entries", [], |row| row.get(0))?;
        let last = last.map_or(EntryId::from_bits(0), from_key);
        State::load(accounts, holds, last)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StorageError> {
        let transaction = begin(&self.connection)?;
        for (number, parts) in &batch.opened {
            let floor = i64::from(parts.floor == Floor::None);
            transaction
                .prepare_cached("INSERT INTO accounts (number, id, posted, floor, contra) VALUES (?1, ?2, 0, ?3, ?4)")?
                .execute(params![number, parts.id.bits().to_be_bytes(), floor, parts.contra])?;
        }
        for (number, sum) in &batch.posted {
            transaction
                .prepare_cached("UPDATE accounts SET posted = ?2 WHERE number = ?1")?
                .execute(params![number, sum.get()])?;
        }
        for (id, hold) in &batch.holds {
            match hold {
                Some(hold) => transaction
                    .prepare_cached("INSERT OR REPLACE INTO holds (id, body) VALUES (?1, ?2)")?
                    .execute(params![key(*id), codec::write_hold(hold)])?,
                None => transaction.prepare_cached("DELETE FROM holds WHERE id = ?1")?.execute(params![key(*id)])?,
            };
        }
        for (id, body) in &batch.entries {
            transaction
                .prepare_cached("INSERT INTO entries (id, body) VALUES (?1, ?2)")?
                .execute(params![key(*id), &**body])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Reader for SqliteReader {
    fn entry(&self, id: EntryId) -> Result<Option<Arc<[u8]>>, StorageError> {
        let connection = self.connection.lock();
        let mut statement = connection.prepare_cached("SELECT body FROM entries WHERE id = ?1")?;
        let body: Option<Vec<u8>> = statement.query_row(params![key(id)], |row| row.get(0)).optional()?;
        Ok(body.map(Into::into))
    }

    fn entries(&self, after: EntryId, max: usize) -> Result<Bodies, StorageError> {
        let connection = self.connection.lock();
        let mut statement =
            connection.prepare_cached("SELECT id, body FROM entries WHERE id > ?1 ORDER BY id LIMIT ?2")?;
        let mut rows = statement.query(params![key(after), i64::try_from(max).unwrap_or(i64::MAX)])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let body: Vec<u8> = row.get(1)?;
            entries.push((from_key(row.get(0)?), body.into()));
        }
        Ok(entries)
    }

    fn scan(&self, visitor: &mut dyn Visitor) -> Result<(), StorageError> {
        let mut connection = open_to_read(&self.path)?;
        let snapshot = connection.transaction()?;
        let found: String = snapshot.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        if found != "ok" {
            visitor.damage(found);
            return Ok(());
        }
        for (parts, posted) in accounts(&snapshot)? {
            visitor.account(parts, posted);
        }
        each_row(&snapshot, "SELECT id, body FROM holds ORDER BY id", |id, body| visitor.hold(id, body))?;
        each_row(&snapshot, "SELECT id, body FROM entries ORDER BY id", |id, body| visitor.entry(id, body))
    }
}

fn each_row(connection: &Connection, query: &str, mut visit: impl FnMut(EntryId, &[u8])) -> Result<(), StorageError> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(1)?;
        visit(from_key(row.get(0)?), &body);
    }
    Ok(())
}

/// The accounts by number, which must be dense.
fn accounts(connection: &Connection) -> Result<Vec<(AccountParts, NanoUsd)>, StorageError> {
    let mut statement = connection.prepare("SELECT id, posted, floor, contra, number FROM accounts ORDER BY number")?;
    let mut rows = statement.query([])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        let id: [u8; 16] = row.get(0)?;
        let floor = if row.get::<_, i64>(2)? == 0 { Floor::Zero } else { Floor::None };
        if usize::try_from(row.get::<_, i64>(4)?) != Ok(accounts.len()) {
            return Err(StorageError::Damaged { table: "accounts" });
        }
        let parts = AccountParts { id: AccountId::from_bits(u128::from_be_bytes(id)), floor, contra: row.get(3)? };
        accounts.push((parts, NanoUsd::new(row.get(1)?)));
    }
    Ok(accounts)
}

/// Big-endian, so that SQLite sorts blobs as ids.
fn key(id: EntryId) -> [u8; 16] {
    id.bits().to_be_bytes()
}

fn from_key(key: [u8; 16]) -> EntryId {
    EntryId::from_bits(u128::from_be_bytes(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Ledger, Options};
    use crate::types::{OpenAccount, Transfer};
    use opencredits_units::UnixMs;

    /// The pages to which the file may grow at most.
    const PAGES_MAX: i64 = 40;

    #[test]
    fn a_file_that_may_not_grow_is_told_and_not_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        let (journal, reader) = open(&path).unwrap();
        journal.connection.pragma_update(None, "max_page_count", PAGES_MAX).unwrap();
        let ledger = Ledger::start(journal, Box::new(reader), Options::default()).unwrap();
        let (now, [from, to]) = (UnixMs::new(1), [1, 2].map(AccountId::from_bits));
        for id in [from, to] {
            ledger.open_account(OpenAccount { id, floor: Floor::None, contra: None }, now).unwrap().accepted();
        }
        let top_up = |n| {
            let transfer = Transfer { id: EntryId::from_bits(n), from, to, amount: NanoUsd::new(1), memo: &[7; 2_000] };
            ledger.transfer(transfer, now)?.wait()
        };
        let told = (1..1_000).take_while(|n| top_up(*n).is_ok()).count();
        assert!((10..100).contains(&told), "{told}");
        assert!(matches!(
            ledger.reload(),
            Err(LedgerError::Storage(StorageError::Sqlite(error))) if error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        ));
        assert!(matches!(top_up(2_000), Err(LedgerError::Poisoned)));
        drop(ledger);
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(usize::try_from(ledger.balance(to).unwrap().posted.get()), Ok(told));
        assert!(ledger.verify().unwrap().is_clean());
    }
}
