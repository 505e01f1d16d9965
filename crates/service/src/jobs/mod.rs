//! The recurring jobs: each has a name, an interval and a function that may run again at any time.
//!
//! [`Jobs`] runs them, each in a task of its own, under leases in the store: of all processes one runs a job at a time.
//! A lease has a fencing token, so that a process that lost it changes nothing of the record. A failed job waits longer
//! each time. When the process ends, a run gets its time.
//!
//! A job whose interval is a minute at most keeps its lease from run to run and writes to the store once in 20 s, with what
//! it did since. Another one has a lease for each run.
//!
//! # Example
//! ```
//! use opencredits_service::jobs::{Figures, Job, JobTerms};
//! use std::{sync::Arc, time::Duration};
//! struct Prices;
//! impl Prices {
//!     async fn refresh(&self) -> Result<u64, std::io::Error> {
//!         Ok(7)
//!     }
//! }
//! const TERMS: JobTerms =
//!     JobTerms::every(Duration::from_secs(3_600), "refresh-prices").that("loads the price book anew");
//! let prices = Arc::new(Prices);
//! let job = Job::on(TERMS, &prices, |prices, _| async move {
//!     Ok(Figures::of("prices", prices.refresh().await?))
//! });
//! assert_eq!(job.terms().name, "refresh-prices");
//! ```

mod gateway;
mod job;
mod measures;
mod ports;
mod retention;
mod runner;
mod schedule;
mod slot;
mod stop;
#[cfg(test)]
mod tests;
mod verify;

pub use gateway::{expire, gateway_jobs, release_left, release_strays, renew_limits};
pub use job::{Figures, Job, JobFault, JobTerms};
pub use ports::{JobPorts, JobsError};
pub use retention::{RetentionDays, delete_old, retention_job};
pub use runner::{JobStatus, Jobs};
pub use stop::{RunSignal, StopSignal, StopSwitch};
pub use verify::verify_job;
