//! Notices on their way: a bounded queue for each channel, and what empties it.

use super::channels::{AlarmChannels, Channel};
use super::notice::Notice;
use crate::ports::Clock;
use crate::telemetry::families::ALARM_DELIVERIES;
use futures_util::StreamExt as _;
use opencredits_store::{AlarmRow, AlarmStates};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Notices that wait for a channel at most.
const WAITING_MAX: usize = 256;
/// Notices that a channel tells at once.
const AT_ONCE: usize = 8;
/// The waits before a notice is told again that was not taken, in ms: a quarter of an hour in all.
const WAITS_MS: [u64; 6] = [1_000, 5_000, 20_000, 60_000, 180_000, 600_000];

/// Records that a notice was told once all channels have ended with it.
pub(super) struct Ack {
    store: Arc<dyn AlarmStates>,
    row: AlarmRow,
    left: AtomicUsize,
}

impl Ack {
    /// The record of a notice that so many channels have to tell.
    pub(super) fn new(store: &Arc<dyn AlarmStates>, row: AlarmRow, channels: usize) -> Self {
        Self { store: Arc::clone(store), row, left: AtomicUsize::new(channels) }
    }

    /// One channel more has told it, or has given it up.
    pub(super) async fn ended(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) <= 1 {
            self.told().await;
        }
    }

    /// All have.
    pub(super) async fn told(&self) {
        if let Err(error) = self.store.alarm_told(&self.row).await {
            tracing::warn!(alarm = self.row.alarm, %error, "that an alarm was told is not stored; a restart tells it again");
        }
    }
}

/// A notice on its way.
struct Outgoing {
    notice: Arc<Notice>,
    ack: Arc<Ack>,
}

/// The queues of all channels.
pub(super) struct Queues(Vec<(&'static str, Sender<Outgoing>)>);

/// Tells what waits for a channel.
pub(super) struct Worker {
    channel: Arc<dyn Channel>,
    waiting: Receiver<Outgoing>,
    clock: Arc<dyn Clock>,
}

/// Counts what became of a notice.
pub(super) fn count(channel: &str, outcome: &str) {
    ALARM_DELIVERIES.counter_of(&[channel, outcome]).increment(1);
}

impl Queues {
    /// A queue for each channel, and what empties them.
    pub(super) fn of(channels: &AlarmChannels, clock: &Arc<dyn Clock>) -> (Self, Vec<Worker>) {
        let made = channels.iter().map(|channel| {
            let (sender, waiting) = mpsc::channel(WAITING_MAX);
            let worker = Worker { channel: Arc::clone(channel), waiting, clock: Arc::clone(clock) };
            ((channel.name(), sender), worker)
        });
        let (queues, workers) = made.unzip();
        (Self(queues), workers)
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts a notice into each queue.
    pub(super) async fn put(&self, notice: Notice, ack: Ack) {
        let (notice, ack) = (Arc::new(notice), Arc::new(ack));
        if self.0.is_empty() {
            ack.told().await;
        }
        for (name, queue) in &self.0 {
            let outgoing = Outgoing { notice: Arc::clone(&notice), ack: Arc::clone(&ack) };
            if queue.try_send(outgoing).is_err() {
                tracing::error!(channel = name, notice = notice.id, "too many alarms wait; this one is dropped");
                count(name, "dropped");
                ack.ended().await;
            }
        }
    }
}

impl Worker {
    /// Tells notices until nobody can put one in any more.
    pub(super) async fn run(self) {
        let Self { channel, waiting, clock } = self;
        let notices = futures_util::stream::unfold(waiting, |mut waiting| async move {
            let next = waiting.recv().await?;
            Some((next, waiting))
        });
        notices
            .for_each_concurrent(AT_ONCE, |outgoing| {
                let (channel, clock) = (&channel, &clock);
                async move {
                    deliver(&**channel, &outgoing.notice, &**clock).await;
                    outgoing.ack.ended().await;
                }
            })
            .await;
    }
}

/// Tells a notice, again where it is not taken.
async fn deliver(channel: &dyn Channel, notice: &Notice, clock: &dyn Clock) {
    let (name, id, alarm) = (channel.name(), &notice.id, notice.alarm);
    let mut waits = WAITS_MS.into_iter();
    loop {
        let Err(error) = channel.send(notice, clock.now()).await else {
            count(name, "delivered");
            return tracing::info!(channel = name, notice = id, alarm, "told of an alarm");
        };
        let Some(wait_ms) = waits.next().filter(|_| error.may_pass()) else {
            count(name, "given_up");
            return tracing::error!(channel = name, notice = id, alarm, %error, "an alarm cannot be told and is given up");
        };
        count(name, "retried");
        tracing::warn!(channel = name, notice = id, alarm, %error, wait_ms, "an alarm was not taken; trying again");
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }
}
