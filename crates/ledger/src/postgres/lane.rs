//! A connection's queue: what has come while a batch was on its way is the next batch.

use super::batch;
use super::error::{Failed, Follows};
use super::known::Memory;
use super::requests::Waiting;
use super::session::Session;
use crate::error::{LedgerError, StorageError};
use opencredits_postgres::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep};

/// Commands of one batch.
const BATCH_MAX: usize = 1_024;
/// Commands that may wait in one queue before such as begin something are refused.
const WAITING_MAX: usize = 65_536;
/// How often a batch is repeated because others were faster, before its commands are tried one by one.
const REPEATS_MAX: u32 = 20;
/// Pauses between attempts to connect: the first, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Whoever begins something is told after so long that the outcome is not known.
const UNKNOWN_MAX: Duration = Duration::from_secs(10);

/// What the queue's both ends share.
#[derive(Default)]
pub(crate) struct Shared {
    is_away: AtomicBool,
    waiting: AtomicUsize,
    pub(crate) commits: AtomicU64,
}

/// The end of the queue where commands come in.
pub(crate) struct Lane {
    queue: UnboundedSender<Box<dyn Waiting>>,
    pub(crate) shared: Arc<Shared>,
}

impl Lane {
    /// Whether the database answers this connection.
    pub(crate) fn is_away(&self) -> bool {
        self.shared.is_away.load(Ordering::Acquire)
    }

    /// Commands that wait, and those of the batch on its way.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    pub(crate) fn put(&self, one: Box<dyn Waiting>) {
        if one.begins() {
            if self.is_away() {
                return one.refuse(LedgerError::Away);
            }
            if self.waiting() >= WAITING_MAX {
                return one
                    .refuse(LedgerError::Limit { what: "commands that wait for the database", max: WAITING_MAX });
            }
        }
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(refused) = self.queue.send(one) {
            refused.0.refuse(LedgerError::Poisoned);
        }
    }
}

/// The end where batches are made.
pub(crate) struct Worker {
    settings: Settings,
    session: Session,
    memory: Arc<Memory>,
    queue: UnboundedReceiver<Box<dyn Waiting>>,
    shared: Arc<Shared>,
    /// What came while the database was away.
    kept: Vec<Box<dyn Waiting>>,
}

/// Both ends of a new queue.
pub(crate) fn lane(settings: Settings, session: Session, memory: Arc<Memory>) -> (Lane, Worker) {
    let (sender, queue) = unbounded_channel();
    let shared = Arc::new(Shared::default());
    let worker = Worker { settings, session, memory, queue, shared: Arc::clone(&shared), kept: Vec::new() };
    (Lane { queue: sender, shared }, worker)
}

impl Worker {
    /// Works until nobody can ask any more and nothing waits.
    pub(crate) async fn run(mut self) {
        loop {
            let mut waiting = std::mem::take(&mut self.kept);
            if waiting.is_empty() && self.queue.recv_many(&mut waiting, BATCH_MAX).await == 0 {
                return;
            }
            self.settle(&mut waiting).await;
        }
    }

    /// Answers every command of the list.
    async fn settle(&mut self, waiting: &mut Vec<Box<dyn Waiting>>) {
        let (mut repeats, mut size, mut pause) = (0_u32, waiting.len(), PAUSE_MIN);
        while !waiting.is_empty() {
            let mut batch: Vec<_> = waiting.drain(..size.min(waiting.len())).collect();
            match batch::run(&mut self.session, &self.memory, &mut batch).await {
                Ok(()) => self.answer(batch),
                Err(Failed::Before(_, Follows::Again)) if repeats < REPEATS_MAX => {
                    repeats = repeats.saturating_add(1);
                    self.give_back(batch, waiting).await;
                }
                Err(Failed::Before(error, Follows::Again | Follows::Refused)) => {
                    if batch.len() == 1 {
                        self.refuse(std::mem::take(&mut batch), error);
                    }
                    // Whichever is at fault is found alone.
                    (repeats, size) = (0, 1);
                    self.give_back(batch, waiting).await;
                }
                Err(Failed::Before(_, Follows::Away)) => {
                    self.refuse_beginnings(&mut batch, || LedgerError::Away);
                    waiting.splice(..0, batch);
                    self.reconnect(waiting).await;
                    self.rest(pause).await;
                    pause = longer(pause);
                }
                Err(Failed::Elsewhere) => {
                    self.session.prepare_nothing();
                    self.give_back(batch, waiting).await;
                }
                Err(Failed::Fenced) => {
                    waiting.splice(..0, batch);
                    self.reconnect(waiting).await;
                }
                Err(Failed::Unknown) => {
                    if self.reconnect(&mut batch).await {
                        self.answer(batch);
                    } else {
                        waiting.splice(..0, batch);
                    }
                }
            }
        }
    }

    fn answer(&self, batch: Vec<Box<dyn Waiting>>) {
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        self.shared.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
        batch.into_iter().for_each(Waiting::answer);
    }

    fn refuse(&self, batch: Vec<Box<dyn Waiting>>, error: StorageError) {
        self.shared.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
        let mut error = Some(LedgerError::from(error));
        for one in batch {
            one.refuse(error.take().unwrap_or(LedgerError::CommitUnknown));
        }
    }

    /// Ends the failed transaction. What was in it is decided again.
    async fn give_back(&mut self, batch: Vec<Box<dyn Waiting>>, waiting: &mut Vec<Box<dyn Waiting>>) {
        waiting.splice(..0, batch);
        // Where this fails, the next batch does.
        let _ended = self.session.client.batch_execute("ROLLBACK").await;
    }

    fn refuse_beginnings(&self, waiting: &mut Vec<Box<dyn Waiting>>, error: impl Fn() -> LedgerError) {
        let (begins, rest): (Vec<_>, Vec<_>) = waiting.drain(..).partition(|one| one.begins());
        *waiting = rest;
        self.shared.waiting.fetch_sub(begins.len(), Ordering::Relaxed);
        begins.into_iter().for_each(|one| one.refuse(error()));
    }

    /// Keeps what waits in the queue, but for beginnings.
    fn refuse_queued(&mut self) {
        let mut kept = std::mem::take(&mut self.kept);
        while let Ok(one) = self.queue.try_recv() {
            kept.push(one);
        }
        self.refuse_beginnings(&mut kept, || LedgerError::Away);
        self.kept = kept;
    }

    /// Leaves alone for a while a database that lets itself be connected to and then refuses, such as for its full disk. Beginnings are
    /// refused meanwhile; one that comes after it is tried.
    async fn rest(&mut self, pause: Duration) {
        self.shared.is_away.store(true, Ordering::Release);
        sleep(pause).await;
        self.refuse_queued();
        self.shared.is_away.store(false, Ordering::Release);
    }

    /// Connects again, however long it takes, and tells whether the last batch was committed. Meanwhile whoever begins something
    /// is refused. What was sent stays: it is done or answered.
    async fn reconnect(&mut self, unknown: &mut Vec<Box<dyn Waiting>>) -> bool {
        let (since, mut pause) = (Instant::now(), PAUSE_MIN);
        self.session.cut();
        loop {
            let reopened = Session::reopen(&self.settings, &self.session).await;
            match reopened {
                Ok((session, is_committed)) => {
                    self.session = session;
                    // Another database may answer now.
                    self.memory.forget();
                    self.shared.is_away.store(false, Ordering::Release);
                    return is_committed;
                }
                Err(_) => self.shared.is_away.store(true, Ordering::Release),
            }
            self.refuse_queued();
            if since.elapsed() >= UNKNOWN_MAX {
                self.refuse_beginnings(unknown, || LedgerError::CommitUnknown);
            }
            if self.queue.is_closed() && self.queue.is_empty() && since.elapsed() >= UNKNOWN_MAX {
                // Nobody asks any more, and nobody waits for ever.
                for one in unknown.drain(..).chain(self.kept.drain(..)) {
                    one.refuse(LedgerError::CommitUnknown);
                }
                return false;
            }
            sleep(pause).await;
            pause = longer(pause);
        }
    }
}

fn longer(pause: Duration) -> Duration {
    pause.saturating_mul(2).min(PAUSE_MAX)
}
