//! A store as its rows, to be moved between a file and a database.
//!
//! Both engines have the same tables and columns. They are read from the schemas, so that a table that is added is moved as well. Rows are
//! read and written by their keys, in one order on both engines: the last row of a table tells where a move goes on. What SQLite makes of
//! the rows, such as its index of labels, is made anew by its triggers.
//!
//! `cell` is a value, `table` a table, `file` and `database` are the engines, and `store` a store on either.

mod cell;
mod database;
mod file;
mod store;
mod table;

pub use store::RawStore;
pub use table::{RawKey, RawRow, RawTable};
