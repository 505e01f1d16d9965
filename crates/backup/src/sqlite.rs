//! Copies of SQLite files as of one moment, while others write to them.

use crate::error::BackupError;
use crate::files::{self, FLUSH_BYTES};
use crate::stop::Stop;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, Row};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The pages that are copied at once: 1 MiB of the usual 4 KiB.
const PAGES: i32 = 256;
/// The steps after which the copy is flushed.
const STEPS: usize = FLUSH_BYTES >> 20;
/// How long a lock of another program is waited for.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// A database as of one moment. Its writers go on; their log grows until this is dropped.
pub(crate) struct Snapshot {
    connection: Connection,
    path: PathBuf,
}

impl Snapshot {
    /// Begins to read: the moment is now.
    pub(crate) fn begin(path: PathBuf) -> Result<Self, BackupError> {
        let begun = open_to_read(&path).and_then(|connection| {
            connection.execute_batch("BEGIN")?;
            // The transaction begins with its first read.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        });
        let connection = begun.map_err(BackupError::sqlite("read", &path))?;
        Ok(Self { connection, path })
    }

    /// Its size.
    pub(crate) fn bytes(&self) -> Result<u64, BackupError> {
        Ok(self.page_bytes()?.saturating_mul(self.pragma("page_count")?))
    }

    fn page_bytes(&self) -> Result<u64, BackupError> {
        self.pragma("page_size")
    }

    fn pragma(&self, name: &str) -> Result<u64, BackupError> {
        // SQLCipher tells the size of a page as text.
        let text = |row: &Row<'_>| row.get::<_, String>(0).map(|text| text.parse().unwrap_or_default());
        let figure = |row: &Row<'_>| row.get::<_, i64>(0).or_else(|_| text(row));
        let found = self.connection.pragma_query_value(None, name, figure);
        Ok(found.map_err(BackupError::sqlite("read", &self.path))?.cast_unsigned())
    }

    /// Copies it page by page into a new file, which needs no log beside it, and flushes that.
    pub(crate) fn copy_to(self, to: &Path, stop: &Stop) -> Result<(), BackupError> {
        let file = files::create(to)?;
        let opened = opencredits_sqlite::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE);
        let mut target = opened.map_err(BackupError::sqlite("write", to))?;
        // The copy is flushed here, and deleted where it is not finished: it needs no journal.
        let wrong = || BackupError::sqlite("write", to);
        target.pragma_update(None, "synchronous", "off").map_err(wrong())?;
        target.pragma_update(None, "journal_mode", "off").map_err(wrong())?;
        self.copy_pages((&mut target, &file), to, stop)?;
        target.pragma_update(None, "journal_mode", "delete").map_err(wrong())?;
        drop(target);
        file.sync_all().map_err(BackupError::file("flush", to))
    }

    fn copy_pages(&self, (target, file): (&mut Connection, &File), to: &Path, stop: &Stop) -> Result<(), BackupError> {
        let wrong = || BackupError::sqlite("copy", &self.path);
        let backup = Backup::new(&self.connection, target).map_err(wrong())?;
        let (page_bytes, mut copied) = (self.page_bytes()?, 0);
        for step in 1_usize.. {
            stop.check()?;
            let result = backup.step(PAGES).map_err(BackupError::sqlite("write", to))?;
            let at = backup.progress();
            let pages = u64::try_from(at.pagecount.saturating_sub(at.remaining)).unwrap_or_default();
            stop.progress().advance(pages.saturating_sub(copied).saturating_mul(page_bytes));
            copied = pages;
            match result {
                StepResult::Done => break,
                StepResult::Busy | StepResult::Locked => std::thread::sleep(Duration::from_millis(10)),
                _ if step.is_multiple_of(STEPS) => file.sync_data().map_err(BackupError::file("flush", to))?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether the file is a database. It must be none that this process has open: closing it would end SQLite's locks.
pub(crate) fn is_database(path: &Path) -> Result<bool, BackupError> {
    opencredits_sqlite::is_database(path).map_err(BackupError::file("read", path))
}

/// SQLite's own check of a copy.
pub(crate) fn check(path: &Path) -> Result<(), BackupError> {
    let findings = open_to_read(path).and_then(|connection| {
        let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        rows.collect::<Result<Vec<_>, _>>()
    });
    let findings = findings.map_err(BackupError::sqlite("read", path))?;
    if findings == ["ok"] { Ok(()) } else { Err(BackupError::Unsound { path: path.to_owned(), findings }) }
}

fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = opencredits_sqlite::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    Ok(connection)
}
