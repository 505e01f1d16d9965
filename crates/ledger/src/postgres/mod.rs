//! The ledger on PostgreSQL: the pure core decides, the database locks.
//!
//! Commands wait in the queue of a connection. What has come while the last batch was on its way is the next batch (`lane`). A batch
//! is one transaction (`batch`): it locks and reads the rows that its commands name (`session`, `known`), makes a state of just these
//! rows (`scope`), lets the same code decide as everywhere, and writes the effects (`write`). `rows` and `schema` are the tables,
//! `reads` what is read without a lock, `verify` the check of everything.

mod batch;
mod error;
mod known;
mod lane;
mod ledger;
mod reads;
mod requests;
mod rows;
mod schema;
mod scope;
mod session;
mod verify;
mod write;

pub use ledger::{Decision, SharedLedger, SharedOptions};
