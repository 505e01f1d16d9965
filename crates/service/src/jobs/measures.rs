//! What is told of a run: one line in the log, and metrics.

use super::job::JobTerms;
use metrics::{counter, gauge, histogram};
use opencredits_store::{JobOutcome, JobRun};
use std::time::Duration;

/// The runs of a job, by how they ended.
const RUNS: &str = "opencredits_job_runs_total";
/// How long its runs took.
const DURATION: &str = "opencredits_job_duration_seconds";
/// When it last did its work, as a Unix time.
const LAST_SUCCESS: &str = "opencredits_job_last_success_seconds";

/// Tells of a run. One that did its work stands in the log at the level `info`, or `debug` where the job runs all the time.
pub(super) fn tell(terms: &JobTerms, run: &JobRun, took: Duration) {
    let (job, outcome) = (terms.name, run.outcome.name());
    counter!(RUNS, "job" => job, "outcome" => outcome).increment(1);
    histogram!(DURATION, "job" => job).record(took.as_secs_f64());
    if run.outcome == JobOutcome::Done {
        gauge!(LAST_SUCCESS, "job" => job).set(Duration::from_millis(run.ended_at.get()).as_secs_f64());
    }
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
