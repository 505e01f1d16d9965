//! Moves an installation from its files to a PostgreSQL database, and back, while nothing runs on either.
//!
//! # Invariants
//! - A move that was interrupted goes on where it stopped: rows are written in the order of their keys, so that what the target has tells
//!   the place.
//! - No gateway starts on a target that is not whole: a database is marked until everything was compared, and files are written in a folder
//!   of their own, which is renamed into its place at the end.
//! - The source verifies before its first row is read. The target has a hash chain of its own, which must not vouch for what was changed.
//! - The source is left as it is, except that its tables are brought up to date.
//!
//! `run` moves: `copy` writes the rows and `compare` compares them, in the order that `pages` knows. `staged` is the place of files that are
//! not whole yet, and `outcome` what is told at the end.

mod compare;
mod copy;
mod error;
mod outcome;
mod pages;
mod run;
mod staged;

pub use error::MigrateError;
pub use outcome::{Migrated, MovedTable};
pub use run::{Migrating, Way, migrate};
pub use staged::MOVING_DIR;
