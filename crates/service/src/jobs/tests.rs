//! The jobs of one process and of two, on a real store, while the time of the test passes at once.

use super::slot::Slot;
use super::{Figures, Job, JobFault, JobPorts, JobTerms, Jobs, JobsError, RetentionDays, StopSwitch, delete_old};
use crate::ports::Clock;
use async_trait::async_trait;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use opencredits_store::{
    Acquired, AuditLog, AuditRecord, JobLease, JobLeases, JobOutcome, JobRecord, JobReport, JobRun, SqliteStore,
    StoreError,
};
use opencredits_units::{EntryId, UnixMs};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

const START_MS: u64 = 1_790_000_000_000;
const SECOND: Duration = Duration::from_secs(1);

/// A clock that goes with the test's time.
struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> UnixMs {
        UnixMs::new(START_MS + u64::try_from(self.0.elapsed().as_millis()).unwrap())
    }
}

/// A clock that is so far ahead of the test's, or behind it.
struct SkewedClock(Arc<TestClock>, i64);

impl Clock for SkewedClock {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.0.now().get().saturating_add_signed(self.1))
    }
}

/// A store that judges by a clock of its own, as PostgreSQL does.
struct OwnClock(SqliteStore, Arc<TestClock>);

#[async_trait]
impl JobLeases for OwnClock {
    async fn acquire_job(&self, job: &str, holder: &str, now: UnixMs, ms: u64) -> Result<Acquired, StoreError> {
        let at = self.1.now();
        let told = |lease: JobLease| JobLease { until: now.saturating_add_ms(lease.until.ms_since(at)), ..lease };
        Ok(match self.0.acquire_job(job, holder, at, ms).await? {
            Acquired::New(lease) => Acquired::New(told(lease)),
            Acquired::Held(lease) => Acquired::Held(told(lease)),
        })
    }

    async fn renew_job(&self, lease: &JobLease, _: UnixMs, ms: u64) -> Result<bool, StoreError> {
        self.0.renew_job(lease, self.1.now(), ms).await
    }

    async fn report_job(
        &self,
        lease: &JobLease,
        report: &JobReport,
        now: UnixMs,
        keep_ms: Option<u64>,
    ) -> Result<bool, StoreError> {
        let at = self.1.now();
        let told = |time: UnixMs| UnixMs::new(at.get() - now.ms_since(time));
        let (started_at, ended_at) = (told(report.run.started_at), told(report.run.ended_at));
        let run = JobRun { started_at, ended_at, ..report.run.clone() };
        self.0.report_job(lease, &JobReport { run, ..report.clone() }, at, keep_ms).await
    }

    async fn release_job(&self, lease: &JobLease) -> Result<bool, StoreError> {
        self.0.release_job(lease).await
    }

    async fn end_job_leases(&self) -> Result<u64, StoreError> {
        self.0.end_job_leases().await
    }

    async fn jobs(&self) -> Result<Vec<JobRecord>, StoreError> {
        self.0.jobs().await
    }

    async fn job_clock(&self, _: UnixMs) -> Result<UnixMs, StoreError> {
        Ok(self.1.now())
    }
}

/// What a job of a test does, and when it did.
#[derive(Default)]
struct Work {
    /// How long a run takes.
    takes: Duration,
    /// Runs that fail before one does its work.
    failing: u32,
    panics: bool,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    begun_s: Vec<u64>,
    ended: u32,
    running: u32,
    running_max: u32,
}

/// A store and a clock that several processes share.
struct House {
    store: SqliteStore,
    clock: Arc<TestClock>,
    begun: Instant,
    _folder: tempfile::TempDir,
}

/// The jobs of a process, which run.
struct Process {
    jobs: Arc<Jobs>,
    task: JoinHandle<()>,
    switch: StopSwitch,
}

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
        let begun = Instant::now();
        Self { store, clock: Arc::new(TestClock(begun)), begun, _folder: folder }
    }

    fn ports(&self, holder: &str) -> JobPorts {
        JobPorts { leases: Arc::new(self.store.clone()), clock: self.clock.clone(), holder: holder.to_owned() }
    }

    /// Those of a process whose clock is so far ahead of the store's, or behind it.
    fn skewed_ports(&self, holder: &str, ahead_ms: i64) -> JobPorts {
        let leases = Arc::new(OwnClock(self.store.clone(), Arc::clone(&self.clock)));
        JobPorts { leases, clock: Arc::new(SkewedClock(Arc::clone(&self.clock), ahead_ms)), holder: holder.to_owned() }
    }

    fn job(&self, interval: Duration, work: &Arc<Work>) -> Job {
        let begun = self.begun;
        Job::on(JobTerms::every(interval, "tidy"), work, move |work, _| async move {
            let number = {
                let mut log = work.log.lock();
                log.begun_s.push(begun.elapsed().as_secs());
                log.running += 1;
                log.running_max = log.running_max.max(log.running);
                u32::try_from(log.begun_s.len()).unwrap()
            };
            assert!(!(work.panics && number == 1), "as the test wants it");
            sleep(work.takes).await;
            let mut log = work.log.lock();
            log.running -= 1;
            log.ended += 1;
            if number <= work.failing { Err::<_, JobFault>("no luck".into()) } else { Ok(Figures::of("things", 7)) }
        })
    }

    fn start(&self, holder: &str, job: Job) -> Process {
        Process::start(self.ports(holder), job)
    }

    /// Waits until so many seconds after the beginning of the test, and a bit, so that what begins then has begun.
    async fn at(&self, seconds: u64) {
        sleep_until(self.begun + Duration::from_secs(seconds) + Duration::from_millis(300)).await;
    }

    async fn record(&self) -> JobRecord {
        self.store.jobs().await.unwrap().into_iter().next().unwrap()
    }
}

impl Process {
    #[expect(clippy::disallowed_methods, reason = "a process of its own for a test")]
    fn start(ports: JobPorts, job: Job) -> Self {
        let jobs = Arc::new(Jobs::new(vec![job], ports));
        let (switch, signal) = StopSwitch::new();
        let running = Arc::clone(&jobs);
        let task = tokio::spawn(async move { running.run(signal).await });
        Self { jobs, task, switch }
    }

    /// Ends it in order, with so much time for what runs.
    async fn stop(self, within: Duration) {
        self.switch.stop_by(Instant::now() + within);
        self.task.await.unwrap();
    }

    /// Ends it as `kill -9` does.
    async fn kill(self) {
        self.task.abort();
        // The switch outlives it: dropped before, it would end the jobs in order.
        assert!(self.task.await.is_err());
        drop(self.switch);
    }
}

fn work(takes: Duration) -> Arc<Work> {
    Arc::new(Work { takes, ..Work::default() })
}

#[tokio::test(start_paused = true)]
async fn a_frequent_job_runs_at_its_interval_under_one_lease_and_writes_once_in_a_while() {
    let house = House::open();
    let work = work(Duration::ZERO);
    let process = house.start("a", house.job(2 * SECOND, &work));
    house.at(15).await;
    let expect: Vec<u64> = (0..8).map(|n| 2 * n).collect();
    assert_eq!(work.log.lock().begun_s, expect);
    let record = house.record().await;
    let lease = record.lease.unwrap();
    assert_eq!((record.runs, lease.token, lease.holder.as_str()), (1, 1, "a"), "the first run is told at once");
    house.at(25).await;
    let record = house.record().await;
    assert_eq!((record.runs, record.lease.unwrap().token), (11, 1), "the others together, with a renewal");
    process.stop(SECOND).await;
    let record = house.record().await;
    assert_eq!((record.runs, record.lease), (13, None), "the end tells the rest, and gives the lease back");
    let last = record.last.unwrap();
    assert_eq!((last.outcome, last.detail.as_str()), (JobOutcome::Done, "things 7"));
}

#[tokio::test(start_paused = true)]
async fn of_two_processes_one_runs_a_job_and_the_other_goes_on_when_that_one_ends_or_dies() {
    let house = House::open();
    let works = [work(Duration::ZERO), work(Duration::ZERO), work(Duration::ZERO)];
    let count = |n: usize| works[n].log.lock().begun_s.len();
    let first = house.start("a", house.job(2 * SECOND, &works[0]));
    house.at(1).await;
    let second = house.start("b", house.job(2 * SECOND, &works[1]));
    house.at(20).await;
    assert!(count(0) >= 10);
    assert_eq!(count(1), 0, "while one has the lease, the other does not run it");
    let refused = second.jobs.run_now("tidy").await;
    assert!(matches!(&refused, Err(JobsError::Held { holder, .. }) if holder == "a"), "{refused:?}");
    first.stop(SECOND).await;
    house.at(30).await;
    assert!(count(1) >= 3, "what was given back goes on within an interval");
    second.kill().await;
    let third = house.start("c", house.job(2 * SECOND, &works[2]));
    house.at(45).await;
    assert_eq!(count(2), 0, "the lease of a process that died lasts to its end");
    house.at(100).await;
    assert!(count(2) > 0, "and then passes on");
    assert_eq!(house.record().await.lease.unwrap().holder, "c");
    third.stop(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn a_rare_job_has_a_lease_for_each_run_and_is_run_by_one_process_in_its_interval() {
    let house = House::open();
    let works = [work(Duration::ZERO), work(Duration::ZERO)];
    let hour = Duration::from_secs(3_600);
    let processes = [house.start("a", house.job(hour, &works[0])), house.start("b", house.job(hour, &works[1]))];
    house.at(2 * 3_600 + 1_800).await;
    let runs: usize = works.iter().map(|work| work.log.lock().begun_s.len()).sum();
    assert_eq!(runs, 3, "one run at the start and one in each hour");
    let record = house.record().await;
    assert_eq!((record.lease, record.runs), (None, 3));
    for process in processes {
        process.stop(SECOND).await;
    }
}

/// Clocks that are minutes apart: those of two processes, each against the store's, in ms.
const APART: [[i64; 2]; 3] = [[600_000, -600_000], [-600_000, 600_000], [0, 600_000]];

#[tokio::test(start_paused = true)]
async fn processes_whose_clocks_are_minutes_apart_run_a_job_in_turn_and_none_starves() {
    for [of_first, of_second] in APART {
        let house = House::open();
        let works = [work(Duration::ZERO), work(Duration::ZERO)];
        let count = |n: usize| works[n].log.lock().begun_s.len();
        let first = Process::start(house.skewed_ports("a", of_first), house.job(2 * SECOND, &works[0]));
        house.at(1).await;
        let second = Process::start(house.skewed_ports("b", of_second), house.job(2 * SECOND, &works[1]));
        house.at(121).await;
        assert_eq!((count(0), count(1)), (61, 0), "who has the lease keeps it, and the other does not run: {of_first}");
        let refused = second.jobs.run_now("tidy").await;
        assert!(matches!(&refused, Err(JobsError::Held { holder, .. }) if holder == "a"), "{refused:?}");
        first.kill().await;
        house.at(200).await;
        assert!(count(1) > 5, "the lease of a process that died passes on after its time: {of_first}");
        second.stop(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rare_job_is_run_once_in_its_interval_also_where_clocks_are_minutes_apart() {
    for skews in APART {
        let house = House::open();
        let work = work(Duration::ZERO);
        let hour = Duration::from_secs(3_600);
        let [first, second] = skews.map(|ahead_ms| {
            Process::start(house.skewed_ports(&format!("clock {ahead_ms}"), ahead_ms), house.job(hour, &work))
        });
        house.at(2 * 3_600 + 1_800).await;
        assert_eq!(work.log.lock().begun_s.len(), 3, "one run at the start and one in each hour: {skews:?}");
        first.stop(SECOND).await;
        second.stop(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_start_what_is_overdue_runs_at_once_and_the_rest_when_it_is_due() {
    let house = House::open();
    let work = work(Duration::ZERO);
    let hour = Duration::from_secs(3_600);
    house.start("a", house.job(hour, &work)).stop_after_first(&house).await;
    house.at(600).await;
    let early = house.start("b", house.job(hour, &work));
    house.at(3_599).await;
    assert_eq!(work.log.lock().begun_s, [0]);
    house.at(3_601).await;
    assert_eq!(work.log.lock().begun_s, [0, 3_600]);
    early.stop(SECOND).await;
    house.at(20_000).await;
    let late = house.start("c", house.job(hour, &work));
    house.at(20_001).await;
    assert_eq!(work.log.lock().begun_s, [0, 3_600, 20_000]);
    late.stop(SECOND).await;
}

impl Process {
    async fn stop_after_first(self, house: &House) {
        house.at(0).await;
        self.stop(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_waits_longer_each_time_and_is_as_before_once_it_works() {
    let house = House::open();
    let work = Arc::new(Work { failing: 4, ..Work::default() });
    let process = house.start("a", house.job(2 * SECOND, &work));
    house.at(29).await;
    assert_eq!(house.record().await.failures, 4);
    house.at(35).await;
    assert_eq!(work.log.lock().begun_s, [0, 2, 6, 14, 30, 32, 34]);
    let record = house.record().await;
    assert_eq!((record.failures, record.last.unwrap().outcome), (0, JobOutcome::Done));
    process.stop(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_panics_has_failed_and_runs_again() {
    let house = House::open();
    let work = Arc::new(Work { panics: true, ..Work::default() });
    let process = house.start("a", house.job(2 * SECOND, &work));
    house.at(1).await;
    let last = house.record().await.last.unwrap();
    assert_eq!(last.outcome, JobOutcome::Failed);
    assert!(last.detail.contains("panicked"), "{}", last.detail);
    house.at(3).await;
    assert_eq!(work.log.lock().ended, 1);
    process.stop(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_is_never_run_twice_at_once_and_an_order_says_who_runs_it() {
    let house = House::open();
    let work = work(10 * SECOND);
    let process = house.start("a", house.job(2 * SECOND, &work));
    house.at(3).await;
    let refused = process.jobs.run_now("tidy").await.unwrap_err();
    assert!(matches!(&refused, JobsError::Held { holder, .. } if holder == "a"), "{refused}");
    assert!(refused.to_string().contains("a runs tidy and holds its lease until 2026-09-21T"), "{refused}");
    let unknown = process.jobs.run_now("tidi").await.unwrap_err().to_string();
    assert_eq!(unknown, "no job tidi; there are tidy");
    let list = process.jobs.list().await.unwrap();
    assert_eq!(list[0].running_since, Some(UnixMs::new(START_MS)));
    house.at(65).await;
    let (running_max, begun_s) = {
        let log = work.log.lock();
        (log.running_max, log.begun_s.clone())
    };
    assert_eq!((running_max, begun_s.len()), (1, 7), "{begun_s:?}");
    process.stop(20 * SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn an_order_runs_a_job_at_once_and_tells_what_it_did() {
    let house = House::open();
    let work = Arc::new(Work { failing: 2, ..Work::default() });
    let process = house.start("a", house.job(Duration::from_secs(3_600), &work));
    house.at(1).await;
    let run = process.jobs.run_now("tidy").await.unwrap();
    assert_eq!((run.outcome, run.detail.as_str()), (JobOutcome::Failed, "no luck"), "a failed run is a run");
    let run = process.jobs.run_now("tidy").await.unwrap();
    assert_eq!((run.outcome, run.detail.as_str()), (JobOutcome::Done, "things 7"));
    let list = process.jobs.list().await.unwrap();
    let next = list[0].next_at.unwrap();
    assert!(next.ms_since(UnixMs::new(START_MS)) > 3_600_000, "{next:?}");
    assert_eq!(house.record().await.runs, 3);
    let jobs = Arc::clone(&process.jobs);
    process.stop(SECOND).await;
    let refused = jobs.run_now("tidy").await;
    assert!(matches!(refused, Err(JobsError::NotServed { .. })), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_gets_its_time_at_the_end_of_the_process_and_is_stopped_beyond_it() {
    for (within, expect, ended) in [(10, JobOutcome::Done, 1), (2, JobOutcome::Stopped, 0)] {
        let house = House::open();
        let work = work(6 * SECOND);
        let process = house.start("a", house.job(2 * SECOND, &work));
        house.at(1).await;
        let before = Instant::now();
        process.stop(Duration::from_secs(within)).await;
        assert!(before.elapsed() < 6 * SECOND, "nothing is waited for beyond the run");
        let record = house.record().await;
        assert_eq!((record.lease, record.last.unwrap().outcome), (None, expect), "{within}");
        let log = work.log.lock();
        assert_eq!((log.ended, log.begun_s.len()), (ended, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_of_an_hour_renews_its_lease_and_ends_when_that_is_lost() {
    let house = House::open();
    let work = work(Duration::from_secs(3_600));
    let process = house.start("a", house.job(2 * Duration::from_secs(3_600), &work));
    house.at(1_800).await;
    let lease = house.record().await.lease.unwrap();
    assert!(lease.until > house.clock.now(), "it is renewed while the run lasts");
    assert_eq!(lease.token, 1);
    house.store.end_job_leases().await.unwrap();
    house.at(1_830).await;
    let last = house.record().await.last;
    assert_eq!((work.log.lock().ended, last), (0, None), "what lost its lease reports nothing");
    let last = process.jobs.list().await.unwrap()[0].last.clone().unwrap();
    assert_eq!(last.outcome, JobOutcome::Failed);
    assert!(last.detail.contains("lease was lost"), "{}", last.detail);
    process.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_late_job_is_told_of_once() {
    let house = House::open();
    let work = work(60 * SECOND);
    let slot = Arc::new(Slot::new(house.job(4 * SECOND, &work), Arc::new(house.ports("a"))));
    let (switch, signal) = StopSwitch::new();
    #[expect(clippy::disallowed_methods, reason = "a process of its own for a test")]
    let task = tokio::spawn(Arc::clone(&slot).serve(signal));
    let mut told = Vec::new();
    for seconds in 1..100 {
        house.at(seconds).await;
        told.extend(slot.warn_if_late().then_some(seconds));
    }
    // The first run begins in time and lasts until 60; the second should have begun at 4, the third at 64.
    assert_eq!(told, [16, 76]);
    switch.stop_by(Instant::now());
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_run_is_counted_by_its_outcome_and_a_success_has_its_time() {
    let recorder = DebuggingRecorder::new();
    let _here = metrics::set_default_local_recorder(&recorder);
    let house = House::open();
    let work = Arc::new(Work { failing: 1, takes: SECOND, ..Work::default() });
    let process = house.start("a", house.job(10 * SECOND, &work));
    house.at(29).await;
    let last_success = process.jobs.list().await.unwrap()[0].last_success;
    assert_eq!(last_success, Some(UnixMs::new(START_MS + 22 * 1_000)));
    process.stop(SECOND).await;
    let mut found: Vec<(String, String)> = Vec::new();
    for (key, _, _, value) in recorder.snapshotter().snapshot().into_vec() {
        let labels: Vec<String> =
            key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let value = match value {
            DebugValue::Counter(count) => count.to_string(),
            DebugValue::Gauge(value) => value.to_string(),
            DebugValue::Histogram(values) => format!("{values:?}"),
        };
        found.push((format!("{}{{{}}}", key.key().name(), labels.join(",")), value));
    }
    found.sort();
    let expect = [
        ("opencredits_job_duration_seconds{job=tidy}", "[1.0, 1.0, 1.0]"),
        ("opencredits_job_runs_total{job=tidy,outcome=done}", "2"),
        ("opencredits_job_runs_total{job=tidy,outcome=failed}", "1"),
    ];
    let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, expect);
}

#[tokio::test]
async fn records_are_kept_for_their_days_and_zero_is_for_ever() {
    let house = House::open();
    let now = UnixMs::new(START_MS);
    let day_ms = |days: u64| UnixMs::new(START_MS - days * UnixMs::DAY_MS);
    for days in 1..=4 {
        let (at, text) = (day_ms(days), String::new);
        let id = EntryId::at(at, [1; 10]);
        let record = AuditRecord { id, at, actor: text(), action: text(), subject: text(), detail: text() };
        house.store.add_audit(&record).await.unwrap();
    }
    let check = async |audits, expect: &str, left: usize| {
        let days = RetentionDays { audits, ..RetentionDays::default() };
        let figures = delete_old(&house.store, days, (now, &|| false)).await.unwrap();
        assert_eq!(figures.to_string(), expect);
        assert_eq!(house.store.audits(EntryId::default(), 9).await.unwrap().len(), left);
    };
    check(0, "nothing to do", 4).await;
    check(4, "nothing to do", 4).await;
    check(3, "audit records 1", 3).await;
    check(1, "audit records 2", 1).await;
    check(1, "nothing to do", 1).await;
}
