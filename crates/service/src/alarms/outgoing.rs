//! Notices on their way: a bounded queue for each channel, and what empties it. A channel may be exchanged meanwhile: what
//! waits for it is told by the new one.

use super::channels::{AlarmChannels, Channel};
use super::notice::Notice;
use crate::ports::Clock;
use crate::telemetry::families::ALARM_DELIVERIES;
use futures_util::StreamExt as _;
use opencredits_store::{AlarmRow, AlarmStates};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
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

/// A channel that may be exchanged; none once the config has it no more.
struct Place {
    channel: Mutex<Option<Arc<dyn Channel>>>,
    exchanged: Notify,
}

impl Place {
    fn exchange(&self, channel: Option<Arc<dyn Channel>>) {
        *self.channel.lock() = channel;
        self.exchanged.notify_waiters();
    }
}

/// The queue of a channel.
struct Queue {
    place: Arc<Place>,
    /// The channel's name and where it tells, besides which a channel is another one.
    key: (&'static str, String),
    sender: Sender<Outgoing>,
}

/// The queues of all channels.
pub(super) struct Queues {
    queues: Mutex<Vec<Queue>>,
    clock: Arc<dyn Clock>,
}

/// Tells what waits for a channel.
pub(super) struct Worker {
    place: Arc<Place>,
    waiting: Receiver<Outgoing>,
    clock: Arc<dyn Clock>,
}

/// Counts what became of a notice.
pub(super) fn count(channel: &str, outcome: &str) {
    ALARM_DELIVERIES.counter_of(&[channel, outcome]).increment(1);
}

impl Queues {
    /// Without channels.
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { queues: Mutex::default(), clock: Arc::clone(clock) }
    }

    /// Tells through these channels from now on; returns what empties the queues of those that are new.
    pub(super) fn exchange(&self, channels: &AlarmChannels) -> Vec<Worker> {
        let mut queues = self.queues.lock();
        let mut before = std::mem::take(&mut *queues);
        let mut workers = Vec::new();
        for channel in channels.iter() {
            let key = (channel.name(), channel.place().to_owned());
            let kept = before
                .iter()
                .position(|queue| queue.key == key && !queue.sender.is_closed())
                .map(|at| before.swap_remove(at));
            let queue = kept.unwrap_or_else(|| {
                let (sender, waiting) = mpsc::channel(WAITING_MAX);
                let place = Arc::new(Place { channel: Mutex::default(), exchanged: Notify::new() });
                workers.push(Worker { place: Arc::clone(&place), waiting, clock: Arc::clone(&self.clock) });
                Queue { place, key, sender }
            });
            queue.place.exchange(Some(Arc::clone(channel)));
            queues.push(queue);
        }
        before.iter().for_each(|gone| gone.place.exchange(None));
        workers
    }

    /// Puts a notice into each queue. It is told once each channel has ended with it.
    pub(super) async fn put(&self, notice: Notice, (store, row): (&Arc<dyn AlarmStates>, AlarmRow)) {
        let notice = Arc::new(notice);
        let (ack, full, is_silent) = {
            let queues = self.queues.lock();
            let ack = Arc::new(Ack::new(store, row, queues.len()));
            let outgoing = || Outgoing { notice: Arc::clone(&notice), ack: Arc::clone(&ack) };
            let full = queues.iter().filter(|queue| queue.sender.try_send(outgoing()).is_err());
            let full: Vec<&'static str> = full.map(|queue| queue.key.0).collect();
            (Arc::clone(&ack), full, queues.is_empty())
        };
        if is_silent {
            ack.told().await;
        }
        for name in full {
            tracing::error!(channel = name, notice = notice.id, "too many alarms wait; this one is dropped");
            count(name, "dropped");
            ack.ended().await;
        }
    }
}

impl Worker {
    /// Tells notices until nobody can put one in any more.
    pub(super) async fn run(self) {
        let Self { place, waiting, clock } = self;
        let notices = futures_util::stream::unfold(waiting, |mut waiting| async move {
            let next = waiting.recv().await?;
            Some((next, waiting))
        });
        notices
            .for_each_concurrent(AT_ONCE, |outgoing| {
                let (place, clock) = (&place, &clock);
                async move {
                    deliver(place, &outgoing.notice, &**clock).await;
                    outgoing.ack.ended().await;
                }
            })
            .await;
    }
}

/// Tells a notice, again where it is not taken, and at once where the channel is exchanged.
async fn deliver(place: &Place, notice: &Notice, clock: &dyn Clock) {
    let (id, alarm) = (&notice.id, notice.alarm);
    let mut waits = WAITS_MS.into_iter();
    loop {
        let exchanged = place.exchanged.notified();
        let Some(channel) = place.channel.lock().clone() else {
            return tracing::warn!(notice = id, alarm, "an alarm is not told: the config has its channel no more");
        };
        let name = channel.name();
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
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
            () = exchanged => {}
        }
    }
}
