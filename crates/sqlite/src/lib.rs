//! Opens SQLite files, encrypted where the process has a key.
//!
//! A process has one key for all of its files, and sets it by [`prepare`] before the first of them is opened. Without the feature
//! `sqlcipher` there is no key, and [`prepare`] refuses one: plain SQLite would ignore it and write in the clear.
//!
//! # What it refuses to do
//! It knows no table and no setting of a database. It looks for no key: whoever calls it has read one.
//!
//! # Invariants
//! - A file is opened under the process's key, or not at all: [`prepare`] refuses a plain file where there is a key, and an encrypted
//!   one where there is none or another.
//! - A key is in no error and in no `Debug`.
//!
//! # Example
//! ```
//! # let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("notes.db");
//! opencredits_sqlite::prepare(None, [&path]).unwrap();
//! let connection = opencredits_sqlite::open(&path).unwrap();
//! connection.execute_batch("CREATE TABLE notes (text TEXT NOT NULL)").unwrap();
//! ```

mod error;
mod key;
mod open;
mod reencrypt;

pub use error::FileKeyError;
pub use key::FileKey;
pub use open::{CAN_ENCRYPT, has_key, is_database, open, open_with_flags, prepare};
pub use reencrypt::{Reencrypted, reencrypt};
