//! What is told of a run: one line in the log, and metrics.

use super::job::JobTerms;
use crate::telemetry::families::{JOB_DURATION, JOB_RUNS};
use opencredits_store::{JobOutcome, JobRun};
use std::time::Duration;

/// Tells of a run. One that did its work stands in the log at the level `info`, or `debug` where the job runs all the time.
pub(super) fn tell(terms: &JobTerms, run: &JobRun, took: Duration) {
    let (job, outcome) = (terms.name, run.outcome.name());
    JOB_RUNS.counter_of(&[job, outcome]).increment(1);
    JOB_DURATION.histogram_of(&[job]).record(took.as_secs_f64());
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let did = run.detail.as_str();
    match run.outcome {
        JobOutcome::Done if terms.keeps_lease() => tracing::debug!(job, ms, outcome, did, "a job has run"),
        JobOutcome::Done => tracing::info!(job, ms, outcome, did, "a job has run"),
        JobOutcome::Failed => tracing::error!(job, ms, outcome, error = did, "a job has failed; trying again"),
        JobOutcome::Stopped => {
            tracing::warn!(job, ms, outcome, "a job was stopped with the process; the next start runs it again");
        }
    }
}
