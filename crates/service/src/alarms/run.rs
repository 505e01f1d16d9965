//! Watches the process, and tells of its alarms.

use super::book::{AlarmKey, Book, Change, Firing, Moment, Phase, Told};
use super::channels::AlarmChannels;
use super::clock_watch::{ClockWatch, Jump};
use super::conditions::View;
use super::history::History;
use super::notice::{Notice, labels_json};
use super::outgoing::{Queues, Worker, count};
use super::raised::AlarmLabels;
use super::rules::{RULES, Rule, Severity};
use crate::jobs::StopSignal;
use crate::ports::Clock;
use crate::telemetry::families::{ALARMS_FIRING, CLOCK_JUMPS};
use crate::telemetry::{Counts, Samples};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use metrics::Counter;
use opencredits_store::{AlarmRow, AlarmStates};
use opencredits_units::UnixMs;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How often alarms are evaluated.
const EVERY: Duration = Duration::from_secs(60);

/// Reads what alarms are about.
#[async_trait]
pub trait AlarmSource: Send + Sync {
    /// What a scrape would read now, and what was counted since the start; `None` at the end of the process.
    async fn read(&self) -> Option<(Samples, Counts)>;
}

/// What [`Alarms`] work on.
pub struct AlarmPorts {
    /// What alarms are about.
    pub source: Arc<dyn AlarmSource>,
    /// Their state over restarts.
    pub store: Arc<dyn AlarmStates>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// How alarms are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmSettings {
    /// How long an alarm fires until it is told again, in ms.
    pub repeat_ms: u64,
    /// The URL below which each alarm's page is.
    pub runbooks_url: String,
    /// The URL of the service, which notices name.
    pub service: String,
    /// How many times faster than written waits and windows pass: 1 but where alarms are tried out.
    pub pace: u32,
}

/// Whether an alarm waits or fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmPhase {
    /// Its condition holds, and not long enough.
    Pending,
    /// It fires.
    Firing,
}

/// An alarm that waits or fires, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmStatus {
    /// Its name.
    pub alarm: &'static str,
    /// How soon somebody has to look.
    pub severity: Severity,
    /// Its labels.
    pub labels: AlarmLabels,
    /// Whether it waits or fires.
    pub phase: AlarmPhase,
    /// Since when its condition holds.
    pub since: UnixMs,
    /// When it was last told; none while it waits.
    pub told_at: Option<UnixMs>,
    /// What it says; nothing while it waits.
    pub summary: String,
    /// Its page.
    pub runbook_url: String,
}

/// What a channel answered to a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmTest {
    /// The channel: `webhook` or `mail`.
    pub channel: &'static str,
    /// Why it did not take the notice; none where it did.
    pub error: Option<String>,
}

/// Watches the process, and tells of its alarms.
pub struct Alarms {
    ports: AlarmPorts,
    settings: ArcSwap<AlarmSettings>,
    channels: ArcSwap<AlarmChannels>,
    queues: Queues,
    /// Those of new channels, which [`Alarms::run`] takes.
    workers: Mutex<Vec<Worker>>,
    /// Told when there are new workers, and when the pace may be another one.
    has_workers: Notify,
    has_settings: Notify,
    state: Mutex<State>,
    jumps: Counter,
}

#[derive(Default)]
struct State {
    history: History,
    book: Book,
    clock: ClockWatch,
    clock_jumps: u64,
    steady: Steady,
}

/// The time of waits and windows, which may pass faster than written.
#[derive(Default)]
struct Steady {
    passed_ms: u64,
    ms: u64,
    pace: u32,
}

impl Steady {
    /// The time now; from here on it passes at this pace.
    fn at(&mut self, passed_ms: u64, pace: u32) -> u64 {
        let more = passed_ms.saturating_sub(self.passed_ms).saturating_mul(self.pace.into());
        *self = Self { passed_ms, ms: self.ms.saturating_add(more), pace };
        self.ms
    }
}

impl Alarms {
    /// Alarms that are told through these channels, once [`Alarms::run`] does.
    #[must_use]
    pub fn new(ports: AlarmPorts, settings: AlarmSettings, channels: AlarmChannels) -> Self {
        let queues = Queues::new(&ports.clock);
        let workers = Mutex::new(queues.exchange(&channels));
        Self {
            ports,
            settings: ArcSwap::from_pointee(settings),
            channels: ArcSwap::from_pointee(channels),
            queues,
            workers,
            has_workers: Notify::new(),
            has_settings: Notify::new(),
            state: Mutex::default(),
            jumps: CLOCK_JUMPS.counter_of(&[]),
        }
    }

    /// Tells by these settings and through these channels from now on. What waits or fires stays as it is. A notice that a
    /// channel has not taken yet is told by the one that takes its place: the webhook by the webhook, mails to an address by
    /// mails to that address. Where none does, it is given up.
    pub fn exchange(&self, settings: AlarmSettings, channels: AlarmChannels) {
        let workers = self.queues.exchange(&channels);
        self.workers.lock().extend(workers);
        self.settings.store(Arc::new(settings));
        self.channels.store(Arc::new(channels));
        self.has_workers.notify_one();
        self.has_settings.notify_one();
    }

    /// Makes what tells of alarms anew, so that [`Alarms::run`] can be called again.
    pub fn renew(&self) {
        let workers = self.queues.exchange(&self.channels.load());
        self.workers.lock().extend(workers);
        self.has_workers.notify_one();
    }

    /// Watches until it is told to stop. A notice that is on its way then is told by the next process. It can be called once,
    /// after [`Alarms::restore`], and again after [`Alarms::renew`].
    pub async fn run(&self, mut stop: StopSignal) {
        let telling = async {
            let mut told = FuturesUnordered::new();
            loop {
                told.extend(std::mem::take(&mut *self.workers.lock()).into_iter().map(Worker::run));
                tokio::select! {
                    () = self.has_workers.notified() => {}
                    Some(()) = told.next() => {}
                }
            }
        };
        let watching = async {
            let started = Instant::now();
            loop {
                let begun = Instant::now();
                self.evaluate(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)).await;
                tokio::select! {
                    () = sleep_until(begun + EVERY / self.settings.load().pace.max(1)) => {}
                    () = self.has_settings.notified() => {}
                }
            }
        };
        tokio::select! {
            () = stop.begun() => {}
            () = watching => {}
            () = telling => {}
        }
    }

    /// Reads everything, so many ms after the start, and tells what has changed.
    pub(super) async fn evaluate(&self, passed_ms: u64) {
        let Some((samples, counts)) = self.ports.source.read().await else { return };
        let (wall, settings) = (self.ports.clock.now(), self.settings.load_full());
        let changes = {
            let mut state = self.state.lock();
            let now = Moment { wall, steady_ms: state.steady.at(passed_ms, settings.pace) };
            if let Some(jump) = state.clock.read(wall, passed_ms) {
                tell_jump(jump);
                self.jumps.increment(1);
                state.clock_jumps = state.clock_jumps.saturating_add(1);
            }
            let counts = Counts { clock_jumps: state.clock_jumps, ..counts };
            state.step(now, (&samples, counts), settings.repeat_ms)
        };
        for change in changes {
            self.tell(change, false).await;
        }
    }

    /// Takes over what fired before the process began, and tells what was not told then.
    pub async fn restore(&self) {
        let rows = match self.ports.store.alarms().await {
            Ok(rows) => rows,
            Err(error) => {
                return tracing::error!(%error, "cannot read which alarms fire; those that do are told again");
            }
        };
        for row in rows {
            let Some((change, is_told)) = change_of(&row) else {
                self.forget(row).await;
                continue;
            };
            if change.told != Told::Resolved {
                self.state.lock().book.restore(change.key.clone(), change.firing.clone());
            }
            if !is_told {
                self.tell(change, true).await;
            }
        }
    }

    /// Forgets an alarm that does not exist any more.
    async fn forget(&self, row: AlarmRow) {
        let ended = AlarmRow { ended_at: Some(self.ports.clock.now()), ..row };
        let store = &self.ports.store;
        let forgotten = async {
            store.put_alarm(&ended).await?;
            store.alarm_told(&ended).await
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(alarm = ended.alarm, %error, "an alarm that there was once cannot be forgotten");
        }
    }

    /// Tells the log, the store and all channels.
    async fn tell(&self, change: Change, is_stored: bool) {
        let Some(rule) = Rule::of_name(change.key.alarm) else { return };
        let settings = self.settings.load_full();
        let notice = Notice::of(&change, rule, (&settings.runbooks_url, &settings.service));
        log(&notice, rule.severity);
        let row = row_of(&change);
        if !is_stored && let Err(error) = self.ports.store.put_alarm(&row).await {
            // A full disk is told of by webhook and mail, which need none.
            tracing::error!(alarm = rule.name, %error, "the state of an alarm is not stored; a restart does not know it");
        }
        self.queues.put(notice, (&self.ports.store, row)).await;
    }

    /// Tells every channel a notice that says nothing, and what each answers.
    pub async fn test(&self) -> Vec<AlarmTest> {
        let (now, settings, channels) = (self.ports.clock.now(), self.settings.load_full(), self.channels.load_full());
        let notice = Notice::test(now, (&settings.runbooks_url, &settings.service));
        let mut answers = Vec::new();
        for channel in channels.iter() {
            let error = channel.send(&notice, now).await.err().map(|error| error.to_string());
            count(channel.name(), if error.is_none() { "delivered" } else { "given_up" });
            answers.push(AlarmTest { channel: channel.name(), error });
        }
        answers
    }

    /// The alarms that wait or fire, by name and labels.
    #[must_use]
    pub fn list(&self) -> Vec<AlarmStatus> {
        let (state, settings) = (self.state.lock(), self.settings.load());
        let status = |(key, phase): (&AlarmKey, &Phase)| {
            let rule = Rule::of_name(key.alarm)?;
            let (phase, since, told_at, summary) = match phase {
                Phase::Pending { since, .. } => (AlarmPhase::Pending, *since, None, String::new()),
                Phase::Firing(firing) => {
                    (AlarmPhase::Firing, firing.since, Some(firing.told_at), firing.summary.clone())
                }
            };
            let runbook_url = rule.runbook_url(&settings.runbooks_url);
            let (alarm, severity, labels) = (rule.name, rule.severity, key.labels.clone());
            Some(AlarmStatus { alarm, severity, labels, phase, since, told_at, summary, runbook_url })
        };
        state.book.states().filter_map(status).collect()
    }

    /// Adds how many times each alarm fires.
    pub fn sample(&self, samples: &mut Samples) {
        let state = self.state.lock();
        for rule in &RULES {
            let is_it =
                |(key, phase): &(&AlarmKey, &Phase)| key.alarm == rule.name && matches!(phase, Phase::Firing(_));
            let firing = state.book.states().filter(is_it).count();
            samples.count(&ALARMS_FIRING, &[rule.name, rule.severity.name()], firing);
        }
    }
}

impl State {
    /// Takes a reading, and returns what is told of it.
    fn step(&mut self, now: Moment, (samples, counts): (&Samples, Counts), repeat_ms: u64) -> Vec<Change> {
        let Self { history, book, .. } = self;
        history.push(now.steady_ms, counts, samples);
        let view = View { now: now.wall, samples, history };
        let step = |rule: &'static Rule| {
            let is_unknown = |labels: &AlarmLabels| rule.is_unknown(labels, samples);
            book.step(rule, ((rule.condition)(&view), &is_unknown), now, repeat_ms)
        };
        RULES.iter().flat_map(step).collect()
    }
}

fn tell_jump(jump: Jump) {
    let (ms, direction) = match jump {
        Jump::Forward(ms) => (ms, "forward"),
        Jump::Back(ms) => (ms, "back"),
    };
    tracing::warn!(ms, direction, "the clock of the machine jumped");
}

fn log(notice: &Notice, severity: Severity) {
    let Notice { kind, alarm, summary, runbook_url, .. } = notice;
    let (told, labels) = (kind.name(), labels_json(&notice.labels));
    match (kind, severity) {
        (super::NoticeKind::Resolved, _) => tracing::info!(alarm, labels, told, summary, "an alarm has ended"),
        (_, Severity::Page) => tracing::error!(alarm, labels, told, summary, runbook_url, "an alarm fires"),
        (_, Severity::Ticket) => tracing::warn!(alarm, labels, told, summary, runbook_url, "an alarm fires"),
    }
}

/// A transition as a row.
fn row_of(change: &Change) -> AlarmRow {
    let Firing { since, told_at, repeats, summary, .. } = &change.firing;
    AlarmRow {
        alarm: change.key.alarm.to_owned(),
        labels: labels_json(&change.key.labels),
        summary: summary.clone(),
        since: *since,
        told_at: *told_at,
        repeats: *repeats,
        ended_at: (change.told == Told::Resolved).then_some(change.at),
        is_told: false,
    }
}

/// The transition that a row is of, and whether it was told; `None` where there is no such alarm any more.
fn change_of(row: &AlarmRow) -> Option<(Change, bool)> {
    let rule = Rule::of_name(&row.alarm)?;
    let key = AlarmKey { alarm: rule.name, labels: serde_json::from_str(&row.labels).ok()? };
    let firing = Firing::restored((row.since, row.told_at), row.repeats, row.summary.clone());
    let (told, at) = match (row.ended_at, row.repeats) {
        (Some(at), _) => (Told::Resolved, at),
        (None, 0) => (Told::Fired, row.told_at),
        (None, _) => (Told::Repeated, row.told_at),
    };
    Some((Change { told, key, firing, at }, row.is_told))
}
