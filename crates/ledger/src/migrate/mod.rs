//! A ledger as its rows, to be moved between a file and a database.
//!
//! Accounts keep their numbers, entries and holds everything that they have, so that a replay after the move gets the first outcome. Rows
//! are read and written in one order, accounts by number and the others by id: what the target has tells where a move goes on. The target
//! has a hash chain of its own.
//!
//! `rows` are the rows, `file` is a ledger on SQLite, and `books` a ledger on either engine.

mod books;
mod file;
mod rows;

pub use books::{RawLedger, Written};
pub use rows::{RawAccount, RawEntry, RawHold};
