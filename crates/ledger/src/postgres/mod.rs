//! The ledger on PostgreSQL: the pure core decides, the database locks.
//!
//! Commands wait in the queue of a connection. What has come while the last batch was on its way is the next batch (`lane`). A batch
//! is one transaction (`batch`): it locks and reads the rows that its commands name (`connection`, `session`, `known`), makes a state
//! of just these rows (`scope`), lets the same code decide as everywhere, and writes the effects (`write`, `statements`). `rows` and `schema` are the
//! tables, `reads` what is read without a lock, `processes` who shares the ledger, `verify` the check of everything. `migrate` is the
//! ledger as its rows, to be moved from or to a file.

mod batch;
mod connection;
mod error;
mod known;
mod lane;
mod ledger;
#[cfg(feature = "sqlite")]
mod migrate;
mod processes;
mod reads;
mod requests;
mod rows;
mod schema;
mod scope;
mod seen;
mod session;
mod statements;
mod verify;
mod write;

pub use ledger::{Decision, SharedLedger, SharedOptions};
#[cfg(feature = "sqlite")]
pub(crate) use migrate::RawDatabase;
pub use processes::{HEARTBEAT, ProcessRow};
