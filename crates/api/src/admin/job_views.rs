//! What operators ask about recurring jobs, and what they are shown.

use opencredits_service::jobs::JobStatus;
use opencredits_store::{JobRecord, JobRun};
use opencredits_units::UnixMs;
use serde::{Deserialize, Serialize};

/// A request about jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum JobRequest {
    /// Lists them.
    List,
    /// Runs one now, under its lease.
    Run {
        /// Its name.
        name: String,
    },
}

/// A run of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRunView {
    /// Its beginning.
    pub started_at_ms: UnixMs,
    /// How long it took.
    pub duration_ms: u64,
    /// `done`, `failed` or `stopped`.
    pub outcome: String,
    /// What it did, in figures, or its error.
    pub detail: String,
}

impl From<JobRun> for JobRunView {
    fn from(run: JobRun) -> Self {
        Self {
            started_at_ms: run.started_at,
            duration_ms: run.ended_at.ms_since(run.started_at),
            outcome: run.outcome.name().to_owned(),
            detail: run.detail,
        }
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// Its name.
    pub name: String,
    /// What it does; nothing where no gateway runs.
    pub description: String,
    /// From one run to the next; nothing where no gateway runs.
    pub interval_ms: Option<u64>,
    /// The last run.
    pub last: Option<JobRunView>,
    /// Since when it runs.
    pub running_since_ms: Option<UnixMs>,
    /// When it runs next.
    pub next_at_ms: Option<UnixMs>,
    /// Who has its lease.
    pub held_by: Option<String>,
    /// The end of that lease.
    pub held_until_ms: Option<UnixMs>,
    /// The runs so far, as far as they were reported.
    pub runs: u64,
    /// The failures in a row.
    pub failures: u64,
}

impl From<JobRecord> for JobView {
    fn from(record: JobRecord) -> Self {
        Self {
            name: record.name,
            description: String::new(),
            interval_ms: None,
            last: record.last.map(Into::into),
            running_since_ms: None,
            next_at_ms: None,
            held_until_ms: record.lease.as_ref().map(|lease| lease.until),
            held_by: record.lease.map(|lease| lease.holder),
            runs: record.runs,
            failures: record.failures,
        }
    }
}

impl From<JobStatus> for JobView {
    fn from(status: JobStatus) -> Self {
        let lease = status.record.as_ref().and_then(|record| record.lease.clone());
        Self {
            name: status.terms.name.to_owned(),
            description: status.terms.description.to_owned(),
            interval_ms: u64::try_from(status.terms.interval.as_millis()).ok(),
            last: status.last.map(Into::into),
            running_since_ms: status.running_since,
            next_at_ms: status.next_at.filter(|_| status.running_since.is_none()),
            held_until_ms: lease.as_ref().map(|lease| lease.until),
            held_by: lease.map(|lease| lease.holder),
            runs: status.record.as_ref().map_or(0, |record| record.runs),
            failures: status.record.map_or(0, |record| record.failures),
        }
    }
}
