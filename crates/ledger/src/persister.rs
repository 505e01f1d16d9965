//! Group commit: decisions in memory go to the disk in batches.
//!
//! There is one lock. Under it a caller decides and its effects join the log; under it the persister takes the log and
//! leaves an empty one. The log is the batch, so batches grow with the load.

use crate::error::{LedgerError, StorageError};
use crate::journal::{Batch, Journal, Reader, Span};
use crate::progress::Progress;
use crate::recent::Recent;
use crate::state::{Effects, State};
use crate::watch::CommitWatch;
use hashbrown::HashSet;
use opencredits_units::EntryId;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The state that callers and the persister share.
pub(crate) struct Core {
    pub(crate) log: Mutex<Log>,
    work: Condvar,
    pub(crate) progress: Progress,
    pub(crate) reader: Box<dyn Reader>,
    /// The last commits, for a follower.
    pub(crate) recent: Mutex<Recent>,
    /// How long effects may gather while no caller waits for the disk.
    gather: Duration,
    pub(crate) commits: AtomicU64,
    /// Who is told of commits.
    pub(crate) watch: OnceLock<Arc<dyn CommitWatch>>,
    /// The number of findings of the last verification; none before the first.
    pub(crate) findings: Mutex<Option<u64>>,
}

/// The state, and the effects that are not on disk yet.
pub(crate) struct Log {
    pub(crate) state: State,
    effects: Effects,
    /// The number of effects ever decided.
    mark: u64,
    /// The number of them that are on disk, or were lost in a failed commit.
    settled: u64,
    /// Effects up to this mark must be written without gathering.
    hurry: u64,
    health: Health,
    orders: Orders,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Sound,
    /// A commit failed; nothing is decided until the state is reloaded.
    Poisoned,
    /// The persister has ended; nothing is decided any more.
    Ended,
}

#[derive(Default)]
struct Orders {
    stop: bool,
    /// The callers that wait for a reload; each gets one.
    reloads: VecDeque<Sender<Result<(), StorageError>>>,
}

/// The next task of the persister.
enum Work {
    Write(Effects, u64),
    Reload(Sender<Result<(), StorageError>>),
    Stop,
}

impl Log {
    /// The number of effects that wait for the disk, including those being written.
    pub(crate) fn unflushed(&self) -> usize {
        usize::try_from(self.mark.saturating_sub(self.settled)).unwrap_or(usize::MAX)
    }
}

impl Core {
    pub(crate) fn new(state: State, reader: Box<dyn Reader>, gather: Duration) -> Arc<Self> {
        let (effects, health, orders) = (Vec::new(), Health::Sound, Orders::default());
        let log = Log { state, effects, mark: 0, settled: 0, hurry: 0, health, orders };
        Arc::new(Self {
            log: Mutex::new(log),
            work: Condvar::new(),
            progress: Progress::default(),
            reader,
            recent: Mutex::default(),
            gather,
            commits: AtomicU64::new(0),
            watch: OnceLock::new(),
            findings: Mutex::default(),
        })
    }

    /// Runs `decide` under the lock, unless `unflushed_max` effects wait for the disk already; its effects join the
    /// log. Returns the decision and the mark to wait for.
    pub(crate) fn decide<T>(
        &self,
        unflushed_max: usize,
        decide: impl FnOnce(&mut State, &mut Effects) -> Result<T, LedgerError>,
    ) -> Result<(T, u64), LedgerError> {
        let mut log = self.log.lock();
        if log.health != Health::Sound {
            return Err(LedgerError::Poisoned);
        }
        if log.unflushed() >= unflushed_max {
            return Err(LedgerError::Limit { what: "changes that wait for the disk", max: unflushed_max });
        }
        let before = log.effects.len();
        let Log { state, effects, .. } = &mut *log;
        let value = decide(state, effects)?;
        let added = log.effects.len().saturating_sub(before);
        log.mark = log.mark.saturating_add(u64::try_from(added).unwrap_or(u64::MAX));
        let mark = log.mark;
        drop(log);
        if before == 0 && added > 0 {
            self.work.notify_one();
        }
        Ok((value, mark))
    }

    /// Ends the gathering, since a caller waits for the effects up to `mark`.
    pub(crate) fn hurry(&self, mark: u64) {
        let mut log = self.log.lock();
        if mark > log.hurry {
            log.hurry = mark;
            drop(log);
            self.work.notify_one();
        }
    }

    /// The mark of all decisions so far.
    pub(crate) fn mark(&self) -> u64 {
        self.log.lock().mark
    }

    fn stops(&self) -> bool {
        self.log.lock().orders.stop
    }

    pub(crate) fn stop(&self) {
        self.log.lock().orders.stop = true;
        self.work.notify_one();
    }

    /// Makes the persister read the state anew, and waits for it.
    pub(crate) fn reload(&self) -> Result<(), LedgerError> {
        let (sender, outcome) = mpsc::channel();
        let mut log = self.log.lock();
        if log.health == Health::Ended {
            return Err(LedgerError::Poisoned);
        }
        log.orders.reloads.push_back(sender);
        drop(log);
        self.work.notify_one();
        Ok(outcome.recv().map_err(|_| LedgerError::Poisoned)??)
    }

    /// Whether the last commit succeeded.
    pub(crate) fn is_sound(&self) -> bool {
        self.log.lock().health == Health::Sound
    }

    fn next(&self) -> Work {
        let mut log = self.log.lock();
        loop {
            if let Some(waiting) = log.orders.reloads.pop_front() {
                return Work::Reload(waiting);
            }
            if !log.effects.is_empty() {
                break;
            }
            if log.orders.stop {
                return Work::Stop;
            }
            self.work.wait(&mut log);
        }
        let taken = log.mark.saturating_sub(u64::try_from(log.effects.len()).unwrap_or(u64::MAX));
        while log.hurry <= taken && !log.orders.stop && !self.gather.is_zero() {
            if self.work.wait_for(&mut log, self.gather).timed_out() {
                break;
            }
        }
        let spare = Vec::with_capacity(log.effects.len());
        Work::Write(std::mem::replace(&mut log.effects, spare), log.mark)
    }

    fn committed(&self, mark: u64) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.progress.flushed(mark);
        let mut log = self.log.lock();
        log.settled = log.settled.max(mark);
        let unflushed = log.effects.len();
        log.state.forget_old(unflushed);
    }

    /// Fails closed: the fate of waiting effects is unknown, new commands are refused.
    fn poison(&self, health: Health) {
        let mut log = self.log.lock();
        log.health = health;
        log.effects.clear();
        if health == Health::Ended {
            // A caller that waits for a reload sees the end of its channel.
            log.orders.reloads.clear();
        }
        log.settled = log.mark;
        let mark = log.mark;
        drop(log);
        self.progress.unknown(mark);
    }

    /// Continues with the state from disk. All ids have left the memory with the replaced state.
    fn reloaded(&self, mut loaded: State) {
        let mut log = self.log.lock();
        loaded.forgettings = log.state.forgettings.wrapping_add(1);
        log.state = loaded;
        log.health = Health::Sound;
        // The state that was read is on disk. New waiting callers have marks above all that may be lost.
        log.mark = log.mark.saturating_add(1);
        log.settled = log.mark;
        let mark = log.mark;
        drop(log);
        self.progress.flushed(mark);
    }
}

/// Fails closed when the persister ends, in particular by a panic: no decision would be written any more.
struct End<'a>(&'a Core);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.poison(Health::Ended);
    }
}

/// Writes until it is told to stop and nothing is left.
///
/// `written` are the holds in the journal. They are read before any caller can end one.
pub(crate) fn run(core: &Core, mut journal: impl Journal, mut written: HashSet<EntryId>) {
    let _end = End(core);
    loop {
        match core.next() {
            Work::Stop => return,
            Work::Write(effects, mark) => write(core, &mut journal, &mut written, (&effects, mark)),
            Work::Reload(waiting) => {
                let outcome = if core.is_sound() {
                    // The memory is ahead of the disk, never behind it.
                    Ok(())
                } else {
                    journal.probe().and_then(|()| journal.load()).map(|state| {
                        written = state.holds.keys().copied().collect();
                        core.reloaded(state);
                    })
                };
                // The caller may be gone.
                let _gone = waiting.send(outcome);
            }
        }
    }
}

fn write(core: &Core, journal: &mut impl Journal, written: &mut HashSet<EntryId>, (effects, mark): (&Effects, u64)) {
    let batch = Batch::of(effects, |id| written.contains(&id));
    let Ok(span) = commit(core, journal, &batch) else { return core.poison(Health::Poisoned) };
    for (id, hold) in &batch.holds {
        match hold {
            Some(_) => written.insert(*id),
            None => written.remove(id),
        };
    }
    core.recent.lock().push(span, &batch.entries);
    core.committed(mark);
}

fn commit(core: &Core, journal: &mut impl Journal, batch: &Batch) -> Result<Span, StorageError> {
    let watch = core.watch.get();
    if let Some(watch) = watch {
        watch.begins();
    }
    let outcome = loop {
        match journal.commit(batch) {
            // Nothing is written and nothing is lost yet: the persister waits until the other program releases the
            // lock, however long. Callers that wait for the disk wait, too; only a caller that drops the ledger does
            // not wait for ever.
            Err(StorageError::Busy) if !core.stops() => {}
            outcome => break outcome,
        }
    };
    if let Some(watch) = watch {
        watch.ended();
    }
    outcome
}
