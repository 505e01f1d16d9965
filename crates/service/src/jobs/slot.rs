//! One job in its process: when it runs, under which lease, and how it went.

use super::job::{Job, JobTerms};
use super::measures;
use super::ports::{JobPorts, JobsError};
use super::schedule::{late_after, retry_after, wait_since};
use super::stop::StopSignal;
use futures_util::FutureExt as _;
use opencredits_store::{Acquired, JobLease, JobOutcome, JobReport, JobRun, StoreError};
use opencredits_units::{Progress, UnixMs};
use parking_lot::Mutex;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// How long a lease lasts: the time after which another process may run the jobs of one that died.
const LEASE_MS: u64 = 60_000;
const LEASE: Duration = Duration::from_millis(LEASE_MS);
/// The time from one renewal to the next.
const RENEWAL: Duration = Duration::from_secs(20);
/// The wait after a renewal that the store did not answer.
const RENEWAL_AGAIN: Duration = Duration::from_secs(5);
/// The shortest wait for a lease that somebody else has.
const POLL_LEAST: Duration = Duration::from_secs(1);
/// The longest text of a run, in bytes.
const DETAIL_BYTES_MAX: usize = 500;
/// Orders to run a job that wait at once.
const ORDERS_MAX: usize = 1;

/// Where an operator who runs a job is answered, and where the run tells how far it is.
type Order = (oneshot::Sender<Result<JobRun, JobsError>>, Progress);

/// One job in its process.
pub(super) struct Slot {
    job: Job,
    ports: Arc<JobPorts>,
    shared: Mutex<Shared>,
    /// Where the run that goes on tells how far it is.
    progress: Mutex<Progress>,
    orders: mpsc::Sender<Order>,
    /// Taken by the task that serves the slot.
    ordered: Mutex<Option<mpsc::Receiver<Order>>>,
}

/// What others see of a slot.
#[derive(Default)]
struct Shared {
    /// The beginning of the run that goes on, and the lease that it has.
    running: Option<(UnixMs, JobLease)>,
    /// When the next run begins.
    due: Option<Instant>,
    /// When it should have begun; `None` while somebody else runs it.
    expected: Option<Instant>,
    is_told_late: bool,
    last: Option<JobRun>,
    last_success: Option<UnixMs>,
}

/// What others see of a slot, now.
pub(super) struct Seen {
    pub(super) running_since: Option<UnixMs>,
    pub(super) due_in: Option<Duration>,
    pub(super) last: Option<JobRun>,
    pub(super) last_success: Option<UnixMs>,
}

/// A lease that this process has.
struct Held {
    lease: JobLease,
    renew_at: Instant,
    /// It lasts until then at least: a lease begins after it was asked for.
    lasts_until: Instant,
}

impl Held {
    /// A lease that was asked for at this moment.
    fn new(lease: JobLease, asked: Instant) -> Self {
        Self { lease, renew_at: asked + RENEWAL, lasts_until: asked + LEASE }
    }

    /// Whether it surely lasts. A clock that was set, or a machine that has slept, is found by one of both.
    fn lasts(&self, now: UnixMs) -> bool {
        self.lease.until > now && Instant::now() < self.lasts_until
    }
}

/// What the task of a slot knows.
struct Course {
    due: Instant,
    held: Option<Held>,
    failures: u64,
    /// Runs that the store has not heard of.
    unreported: u64,
    is_reported: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    Due,
    Asked,
}

impl Slot {
    pub(super) fn new(job: Job, ports: Arc<JobPorts>) -> Self {
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        Self {
            job,
            ports,
            shared: Mutex::default(),
            progress: Mutex::default(),
            orders,
            ordered: Mutex::new(Some(ordered)),
        }
    }

    pub(super) const fn terms(&self) -> &JobTerms {
        self.job.terms()
    }

    pub(super) fn seen(&self) -> Seen {
        let shared = self.shared.lock();
        Seen {
            running_since: shared.running.as_ref().map(|(since, _)| *since),
            due_in: shared.due.map(|due| due.saturating_duration_since(Instant::now())),
            last: shared.last.clone(),
            last_success: shared.last_success,
        }
    }

    /// Runs the job now, in the task that serves the slot: it goes on, also where nobody waits for its end any more.
    pub(super) async fn run_now(&self, progress: &Progress) -> Result<JobRun, JobsError> {
        if let Some((_, lease)) = &self.shared.lock().running {
            return Err(held(lease));
        }
        let (answer, answered) = oneshot::channel();
        self.orders
            .try_send((answer, progress.clone()))
            .map_err(|_| JobsError::NotServed { name: self.terms().name })?;
        answered.await.map_err(|_| JobsError::NotServed { name: self.terms().name })?
    }

    /// Runs the job when it is due or asked for, until it is told to stop.
    pub(super) async fn serve(self: Arc<Self>, mut stop: StopSignal) {
        let Some(mut ordered) = self.ordered.lock().take() else { return };
        let mut course = self.begin().await;
        loop {
            self.shared.lock().due = Some(course.due);
            let order = tokio::select! {
                biased;
                () = stop.begun() => break,
                order = ordered.recv() => order,
                () = sleep_until(course.due) => None,
            };
            let (order, progress) = order.unzip();
            let reason = if order.is_some() { Reason::Asked } else { Reason::Due };
            *self.progress.lock() = progress.unwrap_or_default();
            let ended = self.turn(&mut course, reason, &mut stop).await;
            if let Some(order) = order {
                let _nobody_waits = order.send(ended);
            }
        }
        drop(ordered);
        self.end(course).await;
    }

    async fn begin(&self) -> Course {
        let (wait, failures) = match self.since_last().await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(job = self.terms().name, %error, "cannot read when a job ran last; running it now");
                (Duration::ZERO, 0)
            }
        };
        let due = Instant::now() + wait;
        self.shared.lock().expected = Some(due);
        Course { due, held: None, failures, unreported: 0, is_reported: false }
    }

    /// How long to wait after what the store says of the last run, and the failures in a row.
    async fn since_last(&self) -> Result<(Duration, u64), StoreError> {
        let records = self.ports.leases.jobs().await?;
        let record = records.into_iter().find(|record| record.name == self.terms().name);
        let started = record.as_ref().and_then(|record| record.last.as_ref()).map(|last| last.started_at);
        let failures = record.map_or(0, |record| record.failures);
        let interval = if failures == 0 { self.terms().interval } else { Duration::ZERO };
        let now = self.ports.leases.job_clock(self.now()).await?;
        Ok((wait_since(started, interval, now), failures))
    }

    async fn turn(&self, course: &mut Course, reason: Reason, stop: &mut StopSignal) -> Result<JobRun, JobsError> {
        let held = match self.lease(course, reason).await {
            Ok(Some(held)) => held,
            // Another process has run it meanwhile; only what is due can come here.
            Ok(None) => return Err(JobsError::NotServed { name: self.terms().name }),
            Err(error) => {
                self.postpone(course, &error);
                return Err(error);
            }
        };
        let begun = Instant::now();
        let (run, held) = self.run(held, stop).await;
        course.failures = match run.outcome {
            JobOutcome::Done => 0,
            JobOutcome::Failed => course.failures.saturating_add(1),
            JobOutcome::Stopped => course.failures,
        };
        measures::tell(self.terms(), &run, begun.elapsed());
        let ending = if stop.is_begun() { Ending::Last } else { Ending::More(reason) };
        self.report(course, held, (&run, ending)).await;
        let JobTerms { interval, retry_max, .. } = *self.terms();
        course.due = match course.failures {
            0 => begun + interval,
            failures => Instant::now() + retry_after(interval, failures, retry_max),
        };
        let mut shared = self.shared.lock();
        shared.running = None;
        shared.last = Some(run.clone());
        if run.outcome == JobOutcome::Done {
            shared.last_success = Some(run.ended_at);
        }
        shared.expected = Some(begun + interval);
        shared.is_told_late &= run.outcome != JobOutcome::Done;
        Ok(run)
    }

    /// The lease of a run; `None` where another process has just run what was due.
    async fn lease(&self, course: &mut Course, reason: Reason) -> Result<Option<Held>, JobsError> {
        // Where it is in doubt, the store knows.
        if let Some(mut held) = course.held.take()
            && (held.lasts(self.now()) || self.renew(&mut held).await)
        {
            return Ok(Some(held));
        }
        let (asked, now) = (Instant::now(), self.now());
        let lease = match self.ports.leases.acquire_job(self.terms().name, &self.ports.holder, now, LEASE_MS).await? {
            Acquired::New(lease) => lease,
            Acquired::Held(lease) => return Err(held(&lease)),
        };
        if reason == Reason::Due && !self.terms().keeps_lease() {
            let wait = match self.since_last().await {
                Ok((wait, _)) => wait,
                Err(error) => {
                    // Nobody would run the job until the lease ends by itself.
                    let _ends_by_itself = self.ports.leases.release_job(&lease).await;
                    return Err(error.into());
                }
            };
            // Of one's own last run the record is a moment younger than the schedule.
            if wait > POLL_LEAST {
                self.ports.leases.release_job(&lease).await?;
                course.due = Instant::now() + wait;
                self.shared.lock().expected = Some(course.due);
                return Ok(None);
            }
        }
        Ok(Some(Held::new(lease, asked)))
    }

    /// Waits where there was no lease.
    fn postpone(&self, course: &mut Course, error: &JobsError) {
        let JobTerms { name, interval, retry_max, .. } = *self.terms();
        let wait = match error {
            JobsError::Held { until, .. } => {
                self.shared.lock().expected = None;
                interval.min(Duration::from_millis(until.ms_since(self.now())))
            }
            error => {
                tracing::warn!(job = name, %error, "cannot take the lease of a job; trying again");
                course.failures = course.failures.saturating_add(1);
                retry_after(interval, course.failures, retry_max)
            }
        };
        course.due = Instant::now() + wait.max(POLL_LEAST);
    }

    /// One run, whose lease is renewed as long as it lasts; without a lease where it was lost.
    async fn run(&self, mut held: Held, stop: &mut StopSignal) -> (JobRun, Option<Held>) {
        let started_at = self.now();
        {
            let mut shared = self.shared.lock();
            shared.running = Some((started_at, held.lease.clone()));
            shared.expected = Some(Instant::now() + self.terms().interval);
        }
        let mut work = AssertUnwindSafe(self.job.begin(stop.of_run(&self.progress.lock()))).catch_unwind();
        let (outcome, detail, is_lost) = loop {
            tokio::select! {
                biased;
                ended = &mut work => break match ended {
                    Ok(Ok(figures)) => (JobOutcome::Done, figures.to_string(), false),
                    Ok(Err(error)) => (JobOutcome::Failed, error.to_string(), false),
                    Err(_) => (JobOutcome::Failed, "it panicked; report this".to_owned(), false),
                },
                () = stop.over() => break (JobOutcome::Stopped, "the process ended".to_owned(), false),
                () = sleep_until(held.renew_at) => {
                    if !self.renew(&mut held).await {
                        break (JobOutcome::Failed, "its lease was lost to another process".to_owned(), true);
                    }
                }
            }
        };
        let run = JobRun { started_at, ended_at: self.now(), outcome, detail: shortened(detail) };
        (run, (!is_lost).then_some(held))
    }

    /// Renews a lease; whether it is still ours.
    async fn renew(&self, held: &mut Held) -> bool {
        let (asked, now) = (Instant::now(), self.now());
        match self.ports.leases.renew_job(&held.lease, now, LEASE_MS).await {
            Ok(true) => {
                let until = now.saturating_add_ms(LEASE_MS);
                *held = Held::new(JobLease { until, ..held.lease.clone() }, asked);
                if let Some((_, lease)) = &mut self.shared.lock().running {
                    lease.until = until;
                }
                true
            }
            Ok(false) => false,
            Err(error) => {
                tracing::warn!(job = self.terms().name, %error, "cannot renew the lease of a job; trying again");
                held.renew_at = Instant::now() + RENEWAL_AGAIN;
                held.lasts(now)
            }
        }
    }

    /// Reports a run to the store where it is time for that, and keeps the lease or gives it back.
    async fn report(&self, course: &mut Course, held: Option<Held>, (run, ending): (&JobRun, Ending)) {
        course.unreported = course.unreported.saturating_add(1);
        let Some(mut held) = held else { return };
        let keeps = self.terms().keeps_lease() && ending != Ending::Last;
        let is_plain = ending == Ending::More(Reason::Due) && run.outcome == JobOutcome::Done && course.is_reported;
        if keeps && is_plain && Instant::now() < held.renew_at {
            course.held = Some(held);
            return;
        }
        let (asked, now) = (Instant::now(), self.now());
        let report = JobReport { run: run.clone(), runs: course.unreported, failures: course.failures };
        match self.ports.leases.report_job(&held.lease, &report, now, keeps.then_some(LEASE_MS)).await {
            Ok(true) => {
                course.unreported = 0;
                // After a failure the next success is told at once, too.
                course.is_reported = run.outcome == JobOutcome::Done;
                held.lease.until = now.saturating_add_ms(LEASE_MS);
                course.held = keeps.then(|| Held::new(held.lease, asked));
            }
            Ok(false) => {
                tracing::warn!(job = self.terms().name, "the lease of a job was lost; how it ran is not recorded");
            }
            Err(error) => {
                tracing::warn!(job = self.terms().name, %error, "cannot record how a job ran; trying again");
                course.held = keeps.then_some(held);
            }
        }
    }

    /// Reports what the store has not heard of, and gives the lease back.
    async fn end(&self, course: Course) {
        let Some(held) = course.held else { return };
        let last = self.shared.lock().last.clone();
        let ended = match last.filter(|_| course.unreported > 0) {
            Some(run) => {
                let report = JobReport { run, runs: course.unreported, failures: course.failures };
                self.ports.leases.report_job(&held.lease, &report, self.now(), None).await
            }
            None => self.ports.leases.release_job(&held.lease).await,
        };
        if let Err(error) = ended {
            tracing::warn!(job = self.terms().name, %error, "cannot give the lease of a job back; it ends by itself");
        }
    }

    /// Warns once of a job that has not begun for three intervals; whether it does so now.
    pub(super) fn warn_if_late(&self) -> bool {
        let JobTerms { name, interval, .. } = *self.terms();
        let mut shared = self.shared.lock();
        let Some(expected) = shared.expected else { return false };
        let late = Instant::now().saturating_duration_since(expected);
        if late <= late_after(interval) || shared.is_told_late {
            return false;
        }
        shared.is_told_late = true;
        let (late_s, is_running) = (late.as_secs(), shared.running.is_some());
        drop(shared);
        tracing::warn!(job = name, late_s, is_running, "a job is late by more than three intervals");
        true
    }

    fn now(&self) -> UnixMs {
        self.ports.clock.now()
    }
}

/// Whether a further run of this process follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Last,
    More(Reason),
}

fn held(lease: &JobLease) -> JobsError {
    JobsError::Held { name: lease.job.clone(), holder: lease.holder.clone(), until: lease.until }
}

fn shortened(mut text: String) -> String {
    let mut end = DETAIL_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.truncate(end);
    text
}
