//! How far the journal is on disk, and the callers that wait for it, without an async runtime.

use crate::error::LedgerError;
use parking_lot::{Condvar, Mutex};
use std::task::{Poll, Waker};

/// Ranges of lost effects that are kept apart.
const LOST_MAX: usize = 64;

/// How far the journal has come, and the callers that wait for it.
#[derive(Default)]
pub(crate) struct Progress {
    inner: Mutex<Inner>,
    moved: Condvar,
}

#[derive(Default)]
struct Inner {
    /// Effects up to this mark are on disk or lost.
    decided: u64,
    /// Effects above the first and up to the second mark may be lost: their commit failed. All others are on disk.
    lost: Vec<(u64, u64)>,
    waiting: Vec<(u64, Waker)>,
}

impl Progress {
    /// The state of the effects up to `mark`: on disk, possibly lost, or not yet decided.
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

    /// Effects after the last decision, up to `mark`, may be lost, whatever is flushed later.
    pub(crate) fn unknown(&self, mark: u64) {
        self.wake(|inner| {
            let above = inner.decided;
            match inner.lost.last_mut().filter(|(_, to)| *to == above) {
                Some((_, to)) => *to = mark.max(above),
                None if mark > above => inner.lost.push((above, mark)),
                None => {}
            }
            if inner.lost.len() > LOST_MAX {
                // Effects between the oldest two ranges, long ago, count as lost, too.
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

    pub(crate) fn poll(&self, mark: u64, waker: &Waker) -> Poll<Result<(), LedgerError>> {
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
