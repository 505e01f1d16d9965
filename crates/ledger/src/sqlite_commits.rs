//! The commits of a SQLite journal, for a follower, on a connection of its own: a pass must not delay look-ups.

use crate::chain::ChainHead;
use crate::chain_rows::{self, signed};
use crate::error::StorageError;
use crate::journal::{Bodies, Commits, Which};
use crate::sqlite_rows::{bodies, from_key, key, limit};
use opencredits_units::EntryId;
use parking_lot::Mutex;
use rusqlite::{Connection, params};

/// Entries that are older than the chain have no commit number.
const WRITTEN: &str = "
    SELECT id, body FROM entries
    WHERE id > ?1 AND coalesce(commit_number, 0) > ?2 AND coalesce(commit_number, 0) <= ?3 ORDER BY id LIMIT ?4
";

pub(crate) struct SqliteCommits(Mutex<Connection>);

impl SqliteCommits {
    pub(crate) const fn new(connection: Connection) -> Self {
        Self(Mutex::new(connection))
    }
}

impl Commits for SqliteCommits {
    fn last(&self) -> Result<ChainHead, StorageError> {
        let connection = self.0.lock();
        // Number and hash are two queries of one snapshot.
        let snapshot = connection.unchecked_transaction()?;
        Ok(chain_rows::tail(&snapshot)?.head)
    }

    fn has(&self, head: &ChainHead) -> Result<bool, StorageError> {
        let connection = self.0.lock();
        let snapshot = connection.unchecked_transaction()?;
        let last = chain_rows::tail(&snapshot)?.head.commit;
        Ok(head.commit <= last && chain_rows::hash_at(&snapshot, head.commit)? == Some(head.hash))
    }

    fn below(&self, commit: u64, mut count: u64) -> Result<EntryId, StorageError> {
        let connection = self.0.lock();
        let mut statement = connection.prepare_cached("SELECT id, commit_number FROM entries ORDER BY id DESC")?;
        let mut rows = statement.query([])?;
        while count > 0 {
            let Some(row) = rows.next()? else { return Ok(EntryId::default()) };
            let written = row.get::<_, Option<i64>>(1)?.map_or(0, i64::cast_unsigned);
            count = count.saturating_sub(u64::from(written > commit));
            if count == 0 {
                return Ok(EntryId::from_bits(from_key(row.get(0)?).bits().saturating_sub(1)));
            }
        }
        Ok(EntryId::from_bits(u128::MAX))
    }

    fn written(&self, which: Which) -> Result<Bodies, StorageError> {
        let connection = self.0.lock();
        let mut statement = connection.prepare_cached(WRITTEN)?;
        let after_commit = which.after_commit.map_or(-1, signed);
        bodies(statement.query(params![
            key(which.after),
            after_commit,
            signed(which.until_commit),
            limit(which.max)
        ])?)
    }
}
