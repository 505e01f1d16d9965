//! The jobs of a process: their tasks, their list, and runs that an operator asks for.

use super::job::{Job, JobTerms};
use super::ports::{JobPorts, JobsError};
use super::slot::Slot;
use super::stop::StopSignal;
use crate::telemetry::Samples;
use crate::telemetry::families::{JOB_FAILURES, JOB_INTERVAL, JOB_LAST_SUCCESS, JOB_RUNNING};
use opencredits_store::{JobOutcome, JobRecord, JobRun};
use opencredits_units::{Progress, UnixMs};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// How often the process looks for jobs that are late.
const WATCH: Duration = Duration::from_secs(1);

/// A job, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobStatus {
    /// Its name and when it runs.
    pub terms: JobTerms,
    /// What the store has of it.
    pub record: Option<JobRecord>,
    /// Since when this process runs it.
    pub running_since: Option<UnixMs>,
    /// The last run: of this process, else of the record.
    pub last: Option<JobRun>,
    /// When it last did its work, as far as this process or the record knows.
    pub last_success: Option<UnixMs>,
    /// When this process runs it next.
    pub next_at: Option<UnixMs>,
}

/// The jobs of a process.
pub struct Jobs {
    slots: Vec<Arc<Slot>>,
    ports: Arc<JobPorts>,
}

impl Jobs {
    /// These jobs, which run once [`Jobs::run`] does.
    #[must_use]
    pub fn new(jobs: Vec<Job>, ports: JobPorts) -> Self {
        let ports = Arc::new(ports);
        let slots = jobs.into_iter().map(|job| Arc::new(Slot::new(job, Arc::clone(&ports)))).collect();
        Self { slots, ports }
    }

    /// Runs the jobs until they are told to stop, and ends when all runs have ended. It can be called once.
    pub async fn run(&self, mut stop: StopSignal) {
        let mut tasks = JoinSet::new();
        for slot in &self.slots {
            tasks.spawn(Arc::clone(slot).serve(stop.clone()));
        }
        let mut watch = tokio::time::interval(WATCH);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.begun() => break,
                _ = watch.tick() => {
                    for slot in &self.slots {
                        slot.warn_if_late();
                    }
                }
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Every job, by name, with what the store has of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<JobStatus>, JobsError> {
        let records = self.ports.leases.jobs().await?;
        let now = self.ports.clock.now();
        let status = |slot: &Arc<Slot>| {
            let record = records.iter().find(|record| record.name == slot.terms().name).cloned();
            let seen = slot.seen();
            let ms = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let done = |run: &JobRun| (run.outcome == JobOutcome::Done).then_some(run.ended_at);
            let of_record = record.as_ref().and_then(|record| record.last.as_ref()).and_then(done);
            JobStatus {
                last_success: seen.last_success.max(of_record),
                terms: *slot.terms(),
                running_since: seen.running_since,
                last: seen.last.or_else(|| record.as_ref()?.last.clone()),
                next_at: seen.due_in.map(|wait| now.saturating_add_ms(ms(wait))),
                record,
            }
        };
        let mut all: Vec<JobStatus> = self.slots.iter().map(status).collect();
        all.sort_by_key(|status| status.terms.name);
        Ok(all)
    }

    /// Adds how each job stands, those of a mode.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sample(&self, mode: &str, samples: &mut Samples) -> Result<(), JobsError> {
        let now = self.ports.clock.now();
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        for status in self.list().await? {
            let labels = &[mode, status.terms.name];
            samples.ms(&JOB_INTERVAL, labels, ms(status.terms.interval));
            samples.ms(&JOB_RUNNING, labels, status.running_since.map_or(0, |since| now.ms_since(since)));
            samples.count(&JOB_FAILURES, labels, status.record.map_or(0, |record| record.failures));
            if let Some(at) = status.last_success {
                samples.ms(&JOB_LAST_SUCCESS, labels, at.get());
            }
        }
        Ok(())
    }

    /// Runs a job now, under its lease; a run that failed is a run, too.
    ///
    /// # Errors
    /// When there is no such job, when somebody runs it already, when the process ends, or when the store fails.
    pub async fn run_now(&self, name: &str) -> Result<JobRun, JobsError> {
        self.run_now_watched(name, &Progress::default()).await
    }

    /// The same; the run tells in `progress` how far it is.
    ///
    /// # Errors
    /// As [`Jobs::run_now`].
    pub async fn run_now_watched(&self, name: &str, progress: &Progress) -> Result<JobRun, JobsError> {
        let slot = self.slots.iter().find(|slot| slot.terms().name == name);
        let unknown = || {
            let mut names: Vec<&str> = self.slots.iter().map(|slot| slot.terms().name).collect();
            names.sort_unstable();
            JobsError::Unknown { name: name.to_owned(), known: names.join(", ") }
        };
        slot.ok_or_else(unknown)?.run_now(progress).await
    }
}
