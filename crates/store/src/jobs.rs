//! The recurring jobs, and what may be deleted after some time: records and ports.

use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;

/// The right of one process to run a job, until its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLease {
    /// The name of the job.
    pub job: String,
    /// Who has it.
    pub holder: String,
    /// The fencing token: it grows with every lease of the job.
    pub token: u64,
    /// Its end, by the clock of the process that asked for it; in a [`JobRecord`] by that of the store.
    pub until: UnixMs,
}

/// The result of asking for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// It is the caller's.
    New(JobLease),
    /// Somebody has it already.
    Held(JobLease),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    /// It did its work.
    Done,
    /// It failed, and is tried again.
    Failed,
    /// The process ended before it did.
    Stopped,
}

impl JobOutcome {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Stopped];

    /// Its name, in the store, in logs and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// The last run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRun {
    /// Its beginning.
    pub started_at: UnixMs,
    /// Its end.
    pub ended_at: UnixMs,
    /// How it ended.
    pub outcome: JobOutcome,
    /// What it did, in figures, or its error.
    pub detail: String,
}

/// What the holder of a lease reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReport {
    /// The last run.
    pub run: JobRun,
    /// The runs since the last report, this one included.
    pub runs: u64,
    /// The failures in a row up to now.
    pub failures: u64,
}

/// What is stored of a job. Its times are by the clock of the store ([`JobLeases::job_clock`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// The name.
    pub name: String,
    /// The last lease, unless it was given back; it may be over.
    pub lease: Option<JobLease>,
    /// When the last lease was taken.
    pub leased_at: Option<UnixMs>,
    /// The last run that was reported.
    pub last: Option<JobRun>,
    /// The runs so far.
    pub runs: u64,
    /// The failures in a row up to the last report.
    pub failures: u64,
}

/// The leases of jobs: one process runs a job at a time.
///
/// PostgreSQL goes by its own clock, since those of the processes may differ by minutes: it decides which lease has ended, and takes `now`
/// only to tell times by the clock of who asks, and to store theirs by its own. SQLite goes by `now`: its processes are on one machine.
#[async_trait]
pub trait JobLeases: Send + Sync {
    /// Takes the lease of a job for so many ms, unless somebody's lasts.
    async fn acquire_job(&self, job: &str, holder: &str, now: UnixMs, ms: u64) -> Result<Acquired, StoreError>;
    /// Lets a lease that lasts end in so many ms; returns whether it was still the caller's.
    async fn renew_job(&self, lease: &JobLease, now: UnixMs, ms: u64) -> Result<bool, StoreError>;
    /// Stores how runs under a lease went, and gives the lease back, or lets it end in so many ms; one that was given back stays
    /// so. Returns whether nobody has taken a lease since; otherwise nothing is stored.
    async fn report_job(
        &self,
        lease: &JobLease,
        report: &JobReport,
        now: UnixMs,
        keep_ms: Option<u64>,
    ) -> Result<bool, StoreError>;
    /// Gives a lease back; returns whether nobody has taken one since.
    async fn release_job(&self, lease: &JobLease) -> Result<bool, StoreError>;
    /// Ends every lease, and refuses what their holders still write. Only for a caller who knows that no other process runs
    /// jobs. Returns how many leases there were.
    async fn end_job_leases(&self) -> Result<u64, StoreError>;
    /// Every job that ever had a lease, by name.
    async fn jobs(&self) -> Result<Vec<JobRecord>, StoreError>;
    /// The time by which leases end, and by which records tell theirs.
    async fn job_clock(&self, now: UnixMs) -> Result<UnixMs, StoreError>;
}

/// Deletes what is of no more use after some time. Each call deletes some rows at most, and returns how many.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Records of changes from before `before`.
    async fn delete_audits(&self, before: UnixMs) -> Result<u64, StoreError>;
    /// Rows of mails that were sent or given up before `before`, and whose recipient and figures are deleted.
    async fn delete_mails(&self, before: UnixMs) -> Result<u64, StoreError>;
    /// Orders from before `before` that nobody paid, nor can pay any more.
    async fn delete_unpaid_orders(&self, before: UnixMs) -> Result<u64, StoreError>;
    /// Applications of partners that were decided before `before`.
    async fn delete_applications(&self, before: UnixMs) -> Result<u64, StoreError>;
    /// Blocks of the index of requests whose requests are all from before `before`.
    async fn delete_request_index(&self, before: UnixMs) -> Result<u64, StoreError>;
    /// Secrets of rotated keys that are not valid any more at `now`.
    async fn delete_retired_secrets(&self, now: UnixMs) -> Result<u64, StoreError>;
    /// Device requests, codes and token families that are over before `before`. The keys of such families that have expired are
    /// revoked.
    async fn delete_ended_grants(&self, before: UnixMs) -> Result<u64, StoreError>;
}
