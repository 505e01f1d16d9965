//! Waiting for the disk, without an async runtime.

use crate::error::LedgerError;
use crate::persister::Core;
use parking_lot::{Condvar, Mutex};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Ranges of lost effects that are told apart.
const LOST_MAX: usize = 64;

/// How far the journal has come, and who waits for it.
#[derive(Default)]
pub(crate) struct Progress {
    inner: Mutex<Inner>,
    moved: Condvar,
}

#[derive(Default)]
struct Inner {
    /// What became of effects up to here is decided.
    decided: u64,
    /// Effects above the first and up to the second mark may be lost: their commit failed. All others are on disk.
    lost: Vec<(u64, u64)>,
    waiting: Vec<(u64, Waker)>,
}

impl Progress {
    /// What is known of the effects up to `mark`: on disk, unknown, or not yet decided.
    fn of(inner: &Inner, mark: u64) -> Option<Result<(), LedgerError>> {
        if mark > inner.decided {
            return None;
        }
        let lost = inner.lost.iter().any(|(above, to)| mark > *above && mark <= *to);
        Some(if lost { Err(LedgerError::CommitUnknown) } else { Ok(()) })
    }

    /// Everything up to `mark` is on disk.
    pub(crate) fn flushed(&self, mark: u64) {
        self.wake(|inner| inner.decided = inner.decided.max(mark));
    }

    /// What came after the last decision, up to `mark`, may be lost: for good, whatever is flushed later.
    pub(crate) fn unknown(&self, mark: u64) {
        self.wake(|inner| {
            let above = inner.decided;
            match inner.lost.last_mut().filter(|(_, to)| *to == above) {
                Some((_, to)) => *to = mark.max(above),
                None if mark > above => inner.lost.push((above, mark)),
                None => {}
            }
            if inner.lost.len() > LOST_MAX {
                // Whoever waits for what lies between the oldest two, which is long ago, is told the worse.
                let (oldest, _) = inner.lost.remove(0);
                inner.lost.iter_mut().take(1).for_each(|(above, _)| *above = oldest);
            }
            inner.decided = above.max(mark);
        });
    }

    fn wake(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.inner.lock();
        change(&mut inner);
        let decided = inner.decided;
        let (ready, rest) = std::mem::take(&mut inner.waiting).into_iter().partition(|(mark, _)| *mark <= decided);
        inner.waiting = rest;
        drop(inner);
        self.moved.notify_all();
        let ready: Vec<(u64, Waker)> = ready;
        for (_, waker) in ready {
            waker.wake();
        }
    }

    pub(crate) fn wait(&self, mark: u64) -> Result<(), LedgerError> {
        let mut inner = self.inner.lock();
        loop {
            if let Some(known) = Self::of(&inner, mark) {
                return known;
            }
            self.moved.wait(&mut inner);
        }
    }

    fn poll(&self, mark: u64, waker: &Waker) -> Poll<Result<(), LedgerError>> {
        let mut inner = self.inner.lock();
        match Self::of(&inner, mark) {
            Some(known) => Poll::Ready(known),
            None => {
                inner.waiting.push((mark, waker.clone()));
                Poll::Pending
            }
        }
    }
}

/// A decision that every reader sees already, and its way to the disk.
#[must_use = "say whether to wait for the disk: `accepted()`, `durable().await` or `wait()`"]
pub struct Accepted<T> {
    /// The outcome.
    pub value: T,
    pub(crate) mark: u64,
    pub(crate) core: Arc<Core>,
}

impl<T> Accepted<T> {
    /// The outcome, without waiting: it is on disk with the next batch.
    pub fn accepted(self) -> T {
        self.value
    }

    /// Resolves once the decision is on disk.
    pub fn durable(&self) -> Durable {
        self.core.hurry(self.mark);
        Durable { mark: self.mark, core: Arc::clone(&self.core) }
    }

    /// Blocks until the decision is on disk.
    ///
    /// # Errors
    /// [`LedgerError::CommitUnknown`] when the commit failed.
    pub fn wait(self) -> Result<T, LedgerError> {
        self.core.hurry(self.mark);
        self.core.progress.wait(self.mark)?;
        Ok(self.value)
    }
}

/// Resolves once a decision is on disk; fails with [`LedgerError::CommitUnknown`] when the commit failed.
#[must_use = "a future does nothing unless it is polled"]
pub struct Durable {
    mark: u64,
    core: Arc<Core>,
}

impl Future for Durable {
    type Output = Result<(), LedgerError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.core.progress.poll(self.mark, context.waker())
    }
}
