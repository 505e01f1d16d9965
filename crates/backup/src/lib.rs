//! Backups of a data folder: consistent, verified copies that are made while the gateway runs, and their restoration.
//!
//! A backup is a folder `opencredits-YYYYMMDDTHHMMSSZ` with a copy of each file and a `manifest.json`, which has the size
//! and the hash of each file, the head of the ledger's hash chain, and counts.
//!
//! # Invariants
//! - A backup is written under another name, and renamed once it is verified and flushed: one that is unfinished never
//!   looks finished.
//! - Ledger and store are as of one moment. Their snapshots begin while the store stands still: an account is opened
//!   before the row that names it, and a key is stored before the first entry that names it, so neither file names what
//!   the other lacks.
//! - Nothing is restored that differs from its manifest by a byte, or whose ledger does not verify.
//! - Restoring deletes no data: what is replaced is moved aside.
//! - Files are for their owner alone.
//!
//! # What it refuses to do
//! It copies the data folder only: the config, the keys of vendors and the program are elsewhere. It encrypts nothing
//! of its own, so that copies are as encrypted as the files are, and sends nothing to other machines.
//!
//! # Reading the code
//! `take` makes a backup: `sqlite` copies databases, `files` copies the rest and hashes. `manifest` is its description,
//! `check` verifies a folder against it, and `restore` puts a backup back. `migrate` moves an installation from its files to a database, and
//! back.

mod check;
mod error;
mod files;
mod manifest;
mod migrate;
mod priority;
mod restore;
mod sqlite;
mod stop;
mod take;

pub use check::{Checked, check, check_watched};
pub use error::BackupError;
pub use manifest::{CopiedFile, FORMAT, LedgerCounts, MANIFEST_FILE, Manifest, StoreCounts};
pub use migrate::{MOVING_DIR, MigrateError, Migrated, Migrating, MovedTable, Way, migrate};
pub use priority::give_way;
pub use restore::{Restored, Restoring, restore};
pub use stop::Stop;
pub use take::{Source, Taken, take};

/// The ledger's file in a data folder.
pub const LEDGER_FILE: &str = "ledger.db";
/// The store's file in a data folder.
pub const STORE_FILE: &str = "store.db";
