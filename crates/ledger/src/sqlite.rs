//! The journal on SQLite: WAL, `synchronous=FULL`, one transaction a batch.

use crate::chain::{self, ChainHead, Loss};
use crate::chain_rows::{self, Tail};
use crate::codec::{self, AccountParts};
use crate::error::{LedgerError, StorageError};
use crate::head_file::{self, HeadFile, Recorded};
use crate::journal::{Batch, Bodies, Commits, Journal, Origin, Reader, Span, Step, Visitor};
use crate::sqlite_commits::SqliteCommits;
use crate::sqlite_rows::{bodies, from_key, key, limit};
use crate::state::State;
use crate::types::Floor;
use opencredits_units::{AccountId, EntryId, NanoUsd};
use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The version of the file format; raised whenever a table changes.
pub(crate) const FORM: i64 = 2;
/// The last version without a hash chain.
const FORM_WITHOUT_CHAIN: i64 = 1;
/// The length of the write-ahead log, in pages, at which it is merged into the file: 16 MiB, so that this is rare.
const CHECKPOINT_PAGES: i64 = 4_096;
/// Operations of SQLite in a step of long work: some microseconds.
const STEP_OPERATIONS: i32 = 1_000;

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

const ACCOUNTS: &str = "SELECT id, posted, floor, contra, number, commit_number FROM accounts ORDER BY number";
const OPEN_ACCOUNT: &str =
    "INSERT INTO accounts (number, id, posted, floor, contra, commit_number) VALUES (?1, ?2, 0, ?3, ?4, ?5)";

/// A hold whose entry exists is finished, whatever left its row behind; [`crate::Ledger::verify`] reports it.
const OPEN_HOLDS: &str = "
    SELECT id, body FROM holds WHERE NOT EXISTS (SELECT 1 FROM entries WHERE entries.id = holds.id) ORDER BY id
";

/// The writing side.
pub(crate) struct SqliteJournal {
    connection: Connection,
    path: PathBuf,
    /// The end of the chain, once the state was loaded. Nothing is written before.
    tail: Option<Tail>,
    record: HeadFile,
    /// Held as long as the journal lives, so that no other process opens the file.
    _lock: Lock,
}

/// A lock that ends with its owner.
pub(crate) struct Lock(File);

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
        if self.tail.is_some() {
            let _best_effort = self.connection.pragma_update(None, "wal_checkpoint", "truncate");
            let _best_effort = self.record.flush();
        }
    }
}

/// The reading side, on a connection of its own.
pub(crate) struct SqliteReader {
    connection: Mutex<Connection>,
    /// An iteration over everything takes long, so it has a connection of its own.
    path: PathBuf,
    commits: SqliteCommits,
}

/// Opens or creates the file, and locks it for this process.
pub(crate) fn open(path: &Path) -> Result<(SqliteJournal, SqliteReader), LedgerError> {
    let path = &real(path)?;
    let lock = lock(path)?;
    if let Some(loss) = loss_of_file(path)? {
        return Err(lost(loss, path).into());
    }
    make_private(path)?;
    let connection = connect(path)?;
    if let Some(loss) = loss_of_commits(&connection, path)? {
        return Err(lost(loss, path).into());
    }
    prepare(&connection)?;
    let record = head_file::beside(path);
    make_private(&record)?;
    let record = HeadFile::open(&record).map_err(StorageError::from)?;
    let commits = SqliteCommits::new(open_to_read(path)?);
    let reader = SqliteReader { connection: Mutex::new(open_to_read(path)?), path: path.clone(), commits };
    Ok((SqliteJournal { connection, path: path.clone(), tail: None, record, _lock: lock }, reader))
}

/// Sets the record of the last commit aside, when the file lacks commits that it names, and returns what is lost.
pub(crate) fn accept_loss(path: &Path) -> Result<Option<Loss>, LedgerError> {
    let path = &real(path)?;
    let _lock = lock(path)?;
    let loss = match loss_of_file(path)? {
        Some(loss) => Some(loss),
        None => loss_of_commits(&connect(path)?, path)?,
    };
    if loss.is_some() {
        std::fs::rename(head_file::beside(path), head_file::set_aside(path)).map_err(StorageError::from)?;
    }
    Ok(loss)
}

fn lost(loss: Loss, path: &Path) -> StorageError {
    StorageError::Lost { loss: Box::new(loss), ledger: path.to_owned() }
}

/// Opens the file without a write to it or to its log, which SQLite would fold into the file at the end otherwise: a
/// damaged log is kept for its repair.
fn connect(path: &Path) -> Result<Connection, StorageError> {
    let connection = opencredits_sqlite::open(path)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// What is lost when the file itself is gone: SQLite would delete the log of an empty file.
fn loss_of_file(path: &Path) -> Result<Option<Loss>, StorageError> {
    let is_there = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        found => found?.len() > 0,
    };
    let (false, Recorded::Head(named)) = (is_there, head_file::read(&head_file::beside(path))?) else {
        return Ok(None);
    };
    Ok(Some(Loss::Commits { named, found: ChainHead { commit: 0, entries: 0, hash: [0; 32] } }))
}

/// What the file and its log lack of the recorded commits.
fn loss_of_commits(connection: &Connection, path: &Path) -> Result<Option<Loss>, StorageError> {
    let recorded = head_file::read(&head_file::beside(path))?;
    if recorded == Recorded::Nothing {
        return Ok(None);
    }
    let tail = if form(connection)? < FORM { None } else { Some(chain_rows::tail(connection)?) };
    chain_rows::loss(connection, tail.as_ref(), recorded)
}

pub(crate) fn open_to_read(path: &Path) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(opencredits_sqlite::open_with_flags(path, flags)?)
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
pub(crate) fn real(path: &Path) -> Result<PathBuf, StorageError> {
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

/// What follows the ledger's name in that of the file that locks it. The file stays: after its deletion two processes could
/// lock two files.
pub const LOCK_ENDING: &str = ".lock";

/// Locks the ledger.
pub(crate) fn lock(path: &Path) -> Result<Lock, LedgerError> {
    let path = head_file::named(path, LOCK_ENDING);
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
pub(crate) fn make_private(path: &Path) -> Result<(), StorageError> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().create(true).truncate(false).write(true).mode(FILE_MODE).open(path)?;
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn make_private(path: &Path) -> Result<(), StorageError> {
    File::options().create(true).truncate(false).write(true).open(path)?;
    Ok(())
}

pub(crate) fn form(connection: &Connection) -> Result<i64, StorageError> {
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if (0..=FORM).contains(&found) { Ok(found) } else { Err(other_form(connection, found)) }
}

/// The error of a file whose form is another than this program can use.
pub(crate) fn other_form(connection: &Connection, found: i64) -> StorageError {
    StorageError::Version { path: connection.path().unwrap_or_default().into(), found, known: FORM }
}

fn prepare(connection: &Connection) -> Result<(), StorageError> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    if form(connection)? == FORM {
        return Ok(());
    }
    let transaction = begin(connection)?;
    // Another program may have upgraded it since.
    let found = form(&transaction)?;
    if found < FORM_WITHOUT_CHAIN {
        transaction.execute_batch(TABLES)?;
    }
    if found < FORM {
        transaction.execute_batch(chain_rows::TABLE)?;
        let numbered = (0..).zip(accounts(&transaction)?).map(|(number, row)| (number, row.parts, row.posted));
        chain_rows::begin(&transaction, &chain::anchor(numbered))?;
        transaction.pragma_update(None, "user_version", FORM)?;
    }
    Ok(transaction.commit()?)
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
        if let Some(loss) = loss_of_commits(&self.connection, &self.path)? {
            return Err(lost(loss, &self.path));
        }
        let tail = chain_rows::tail(&self.connection)?;
        let accounts = accounts(&self.connection)?.into_iter().map(|row| (row.parts, row.posted)).collect();
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
        let state = State::load(accounts, holds, last)?;
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        self.tail = Some(tail);
        Ok(state)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Span, StorageError> {
        let before = self.tail.ok_or(StorageError::Damaged { table: "chain" })?;
        let transaction = begin(&self.connection)?;
        let tail = chain_rows::append(&transaction, &before, batch)?;
        let commit = chain_rows::signed(tail.head.commit);
        for (number, parts) in &batch.opened {
            let floor = i64::from(parts.floor == Floor::None);
            transaction.prepare_cached(OPEN_ACCOUNT)?.execute(params![
                number,
                parts.id.bits().to_be_bytes(),
                floor,
                parts.contra,
                commit
            ])?;
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
                .prepare_cached("INSERT INTO entries (id, body, commit_number) VALUES (?1, ?2, ?3)")?
                .execute(params![key(*id), &**body, commit])?;
        }
        transaction.commit()?;
        self.tail = Some(tail);
        // The commit is on disk, whatever happens to its record: an older record notices less, and says nothing false.
        let _best_effort = self.record.record(&tail.head);
        Ok(Span { before: before.head, after: tail.head })
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
        bodies(statement.query(params![key(after), limit(max)])?)
    }

    fn entries_before(&self, before: EntryId, max: usize) -> Result<Bodies, StorageError> {
        let connection = self.connection.lock();
        let mut statement =
            connection.prepare_cached("SELECT id, body FROM entries WHERE id < ?1 ORDER BY id DESC LIMIT ?2")?;
        bodies(statement.query(params![key(before), limit(max)])?)
    }

    fn commits(&self) -> &dyn Commits {
        &self.commits
    }

    fn scan(&self, visitor: &mut dyn Visitor, step: Option<Step>) -> Result<(), StorageError> {
        let connection = open_to_read(&self.path)?;
        if let Some(mut step) = step {
            connection.progress_handler(STEP_OPERATIONS, Some(move || step().is_break()))?;
        }
        scan(&connection, visitor).map_err(|error| match error {
            StorageError::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                StorageError::Interrupted
            }
            other => other,
        })
    }

    fn head(&self) -> Result<Option<ChainHead>, StorageError> {
        // Number and hash are two queries: without a transaction a commit between them would mix two heads.
        let connection = self.connection.lock();
        let snapshot = connection.unchecked_transaction()?;
        Ok(Some(chain_rows::tail(&snapshot)?.head))
    }

    fn recorded(&self) -> Result<Option<ChainHead>, StorageError> {
        Ok(match head_file::read(&head_file::beside(&self.path))? {
            Recorded::Head(head) => Some(head),
            Recorded::Nothing | Recorded::Unreadable => None,
        })
    }
}

/// Shows every row as of one commit.
pub(crate) fn scan(connection: &Connection, visitor: &mut dyn Visitor) -> Result<(), StorageError> {
    let snapshot = connection.unchecked_transaction()?;
    let found: String = snapshot.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if found != "ok" {
        visitor.damage(found);
        return Ok(());
    }
    visitor.expect(chain_rows::tail(&snapshot)?.head.entries);
    let links = &chain_rows::Rows(&snapshot);
    for AccountRow { parts, posted, commit } in accounts(&snapshot)? {
        visitor.account(parts, posted, Origin { commit, links })?;
    }
    each_row(&snapshot, "SELECT id, body FROM holds ORDER BY id", |id, body| visitor.hold(id, body))?;
    let mut statement = snapshot.prepare("SELECT id, body, commit_number FROM entries ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (body, commit): (Vec<u8>, Option<i64>) = (row.get(1)?, row.get(2)?);
        let origin = Origin { commit: commit.map(i64::cast_unsigned), links };
        visitor.entry(from_key(row.get(0)?), &body, origin)?;
    }
    chain_rows::each(&snapshot, |link| visitor.link(link))
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

/// An account as its row has it.
pub(crate) struct AccountRow {
    pub(crate) parts: AccountParts,
    posted: NanoUsd,
    /// The commit that opened it; `None` when it is older than the chain.
    commit: Option<u64>,
}

/// The accounts by number, which must be dense.
pub(crate) fn accounts(connection: &Connection) -> Result<Vec<AccountRow>, StorageError> {
    let mut statement = connection.prepare(ACCOUNTS)?;
    let mut rows = statement.query([])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        let id: [u8; 16] = row.get(0)?;
        let floor = if row.get::<_, i64>(2)? == 0 { Floor::Zero } else { Floor::None };
        if usize::try_from(row.get::<_, i64>(4)?) != Ok(accounts.len()) {
            return Err(StorageError::Damaged { table: "accounts" });
        }
        let parts = AccountParts { id: AccountId::from_bits(u128::from_be_bytes(id)), floor, contra: row.get(3)? };
        let commit = row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned);
        accounts.push(AccountRow { parts, posted: NanoUsd::new(row.get(1)?), commit });
    }
    Ok(accounts)
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
