//! The ledger on PostgreSQL: the pure core decides, the database locks.
//!
//! Commands wait in the queue of a connection. What has come while the last batch was on its way is the next batch (`lane`). A batch
//! is one transaction (`batch`): it locks and reads the rows that its commands name (`connection`, `session`, `known`), makes a state
//! of just these rows (`scope`), lets the same code decide as everywhere, and writes the effects (`write`, `statements`). `rows` and `schema` are the
//! tables, `reads` what is read without a lock, `processes` who shares the ledger, `verify` the check of everything. `migrate` is the
//! ledger as its rows, to be moved from or to a file.
//!
//! Entries are in parts by the months of their ids (`months`). Old ones are archived (`archive`) in a file (`archive_file`) and brought back
//! (`restore`); `closings` are what stays of them, and `verify_archives` checks both.

mod archive;
mod archive_error;
mod archive_file;
mod archived;
mod archives;
mod batch;
mod closings;
mod connection;
mod error;
mod known;
mod lane;
mod ledger;
#[cfg(feature = "sqlite")]
mod migrate;
mod month;
mod months;
mod processes;
mod reads;
mod requests;
mod restore;
mod rows;
mod schema;
mod scope;
mod seen;
mod session;
mod statements;
mod verify;
mod verify_archives;
mod write;

pub use archive::{Archives, PartRow};
pub use archive_error::ArchiveError;
pub use closings::Closing;
pub use ledger::{Decision, SharedLedger, SharedOptions};
#[cfg(feature = "sqlite")]
pub(crate) use migrate::RawDatabase;
pub use month::{EntriesPart, Month, MonthError};
pub use processes::{HEARTBEAT, ProcessRow};
