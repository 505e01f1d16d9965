//! A job: its terms, its work, and what a run did.

use super::stop::RunSignal;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The longest interval with which a job keeps its lease between two runs.
const KEPT_MAX: Duration = Duration::from_secs(60);
/// The bounds of the longest wait after failures, where the terms do not say.
const RETRY_MAX_LEAST: Duration = Duration::from_secs(300);
const RETRY_MAX_MOST: Duration = Duration::from_secs(3_600);

/// Why a run failed.
pub type JobFault = Box<dyn std::error::Error + Send + Sync>;
/// What a run comes to.
type Ending = Result<Figures, JobFault>;
/// A run.
pub(super) type Running = Pin<Box<dyn Future<Output = Ending> + Send>>;

/// The name of a job and when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobTerms {
    /// Its name, of small letters and hyphens.
    pub name: &'static str,
    /// What it does, for operators.
    pub description: &'static str,
    /// From the beginning of a run to that of the next.
    pub interval: Duration,
    /// The longest wait after failures.
    pub retry_max: Duration,
}

impl JobTerms {
    /// A job of this name that begins once in an interval.
    #[must_use]
    pub const fn every(interval: Duration, name: &'static str) -> Self {
        let retry_max = match interval.as_secs() {
            seconds if seconds < RETRY_MAX_LEAST.as_secs() => RETRY_MAX_LEAST,
            seconds if seconds > RETRY_MAX_MOST.as_secs() => RETRY_MAX_MOST,
            _ => interval,
        };
        Self { name, description: "", interval, retry_max }
    }

    /// The same with a description.
    #[must_use]
    pub const fn that(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// The same with another longest wait after failures.
    #[must_use]
    pub const fn retried_within(self, retry_max: Duration) -> Self {
        Self { retry_max, ..self }
    }

    /// Whether it keeps its lease between two runs.
    #[must_use]
    pub fn keeps_lease(&self) -> bool {
        self.interval <= KEPT_MAX
    }
}

/// What a run did, in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures(Vec<(&'static str, u64)>);

impl Figures {
    /// One figure.
    #[must_use]
    pub fn of(name: &'static str, count: u64) -> Self {
        Self::default().with(name, count)
    }

    /// The same and one more.
    #[must_use]
    pub fn with(mut self, name: &'static str, count: u64) -> Self {
        self.0.push((name, count));
        self
    }

    /// The same with a number of things in memory.
    #[must_use]
    pub fn with_len(self, name: &'static str, count: usize) -> Self {
        self.with(name, u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut done = self.0.iter().filter(|(_, count)| *count > 0);
        let Some((name, count)) = done.next() else {
            return f.write_str("nothing to do");
        };
        write!(f, "{name} {count}")?;
        done.try_for_each(|(name, count)| write!(f, ", {name} {count}"))
    }
}

/// A recurring job. Its work may run again at any time and may be dropped at any `await`: what it did stays done, and the
/// next run goes on.
pub struct Job {
    terms: JobTerms,
    work: Box<dyn Fn(RunSignal) -> Running + Send + Sync>,
}

impl Job {
    /// A job that does this work on `subject` in each run.
    pub fn on<S, W, F>(terms: JobTerms, subject: &Arc<S>, work: W) -> Self
    where
        S: Send + Sync + ?Sized + 'static,
        W: Fn(Arc<S>, RunSignal) -> F + Send + Sync + 'static,
        F: Future<Output = Ending> + Send + 'static,
    {
        let subject = Arc::clone(subject);
        Self { terms, work: Box::new(move |signal| Box::pin(work(Arc::clone(&subject), signal))) }
    }

    /// Its name and when it runs.
    #[must_use]
    pub const fn terms(&self) -> &JobTerms {
        &self.terms
    }

    pub(super) fn begin(&self, signal: RunSignal) -> Running {
        (self.work)(signal)
    }
}
