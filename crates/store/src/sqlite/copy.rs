//! A copy of the store's file, as a backup has it.

use super::mode::mode_of;
use super::rows::{count, id};
use super::schema::{refuse_newer, version};
use crate::traits::StoreError;
use opencredits_keys::Mode;
use opencredits_units::AccountId;
use rusqlite::OpenFlags;
use std::path::Path;

const ACCOUNTS: &str = "
    SELECT wallet FROM users UNION SELECT earnings FROM partners
    UNION SELECT limit_account FROM user_keys WHERE limit_account IS NOT NULL
";

/// The same of the tables that came with version 4.
const LIMIT_ACCOUNTS: &str = "UNION SELECT limit_account FROM person_caps UNION SELECT limit_account FROM grants";
/// The version that they came with.
const LIMITS_SINCE: i64 = 4;

/// The content of a copy of a store, read without a change to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreCopy {
    /// The number of people.
    pub users: u64,
    /// The number of partners.
    pub partners: u64,
    /// The number of keys, revoked ones too.
    pub keys: u64,
    /// The accounts of the ledger that the rows name.
    pub accounts: Vec<AccountId>,
    /// The mode that its data is of; `None` where it was made before modes were marked.
    pub mode: Option<Mode>,
}

impl StoreCopy {
    /// Reads a copy that nobody writes, of this version or an older one. Rows that belong to nothing are an error.
    ///
    /// # Errors
    /// When the file cannot be read, or was written by a newer program.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = opencredits_sqlite::open_with_flags(path, flags)?;
        let found = version(&connection)?;
        refuse_newer(found)?;
        let is_orphaned = connection.prepare("PRAGMA foreign_key_check")?.exists([])?;
        if is_orphaned {
            return Err(StoreError::Damaged { table: "user_keys" });
        }
        let rows =
            |table: &str| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| count(row, 0));
        let more = if found >= LIMITS_SINCE { LIMIT_ACCOUNTS } else { "" };
        let mut statement = connection.prepare(&format!("{ACCOUNTS} {more}"))?;
        let accounts = statement.query_map([], |row| id(row, 0))?.collect::<Result<_, _>>()?;
        let mode = mode_of(&connection)?;
        Ok(Self { users: rows("users")?, partners: rows("partners")?, keys: rows("user_keys")?, accounts, mode })
    }
}
