//! People's data: what they may ask of it, and what operators owe them.
//!
//! - [`address_keys`] finds the keys that addresses are encrypted with; [`rotation_job`] keeps all addresses at the newest.
//! - [`Privacy`] restricts, objects, switches notices, deletes accounts, publishes versions of the policy, and says what is held.
//! - [`Exporter`] writes everything about a person as one archive.
//!
//! # Invariants
//! - After a deletion nothing tells who the person was. Books stay under the opaque id, and a refund or dispute that comes
//!   later still finds its account.
//! - Who is restricted, leaving or gone spends and buys nothing.
//! - What a person asked for is a record of changes without content.

mod address_keys;
mod deletion;
mod error;
mod export;
mod jobs;
mod notifications;
mod policies;
mod report;
mod rotation;
mod state;
#[cfg(test)]
mod tests;

pub use address_keys::{
    AddressKeysError, CREDENTIAL, DEV_ADDRESS_KEYS_FILE, address_keys, check_address_keys, fresh_address_key, keeping,
};
pub use deletion::{DeletionPreview, Leaving};
pub use error::PrivacyError;
pub use export::{ExportClosed, ExportSink, ExportTables, Exporter};
pub use jobs::{privacy_jobs, rotation_job};
pub use notifications::NoticeChoice;
pub use policies::NewPolicy;
pub use report::{AddressKeyReport, PrivacyReport};
pub use state::{Asker, Privacy, PrivacyPorts, PrivacyTables};
