//! What jobs work on, and how orders about them are refused.

use crate::ports::Clock;
use opencredits_store::{JobLeases, StoreError};
use opencredits_units::UnixMs;
use std::sync::Arc;

/// The ports of [`Jobs`](super::Jobs).
pub struct JobPorts {
    /// The leases.
    pub leases: Arc<dyn JobLeases>,
    /// The clock, for records, and for leases where the store has none of its own; within the process, time is measured without it.
    pub clock: Arc<dyn Clock>,
    /// The name of this process among those that may run jobs.
    pub holder: String,
}

/// An order about jobs was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobsError {
    /// There is no such job here.
    #[error("no job {name}; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// Somebody runs it.
    #[error("{holder} runs {name} and holds its lease until {}; ask again then", time(*until))]
    Held {
        /// The job.
        name: String,
        /// Who has the lease.
        holder: String,
        /// The end of the lease, which is renewed while it runs.
        until: UnixMs,
    },
    /// The process is starting or ending, or an order for it waits already.
    #[error("{name} cannot be run now; ask again in a moment")]
    NotServed {
        /// The job.
        name: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn time(at: UnixMs) -> String {
    let seconds = i64::try_from(at.as_secs()).ok();
    let at = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    at.map_or_else(|| "?".to_owned(), |at| at.to_string())
}
