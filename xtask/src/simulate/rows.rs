//! Rows that transactions lock, each in the order in which it was asked for.

use super::numbers::{Nanos, Window};
use std::collections::VecDeque;

#[derive(Default)]
struct Row {
    /// The lane that has the lock, and since when.
    owner: Option<(usize, Nanos)>,
    waiting: VecDeque<usize>,
    /// For how long it was locked within the window.
    locked: Nanos,
}

/// Rows of one table.
pub(super) struct Rows {
    rows: Vec<Row>,
    window: Window,
}

impl Rows {
    pub(super) fn new(count: usize, window: Window) -> Self {
        Self { rows: std::iter::repeat_with(Row::default).take(count).collect(), window }
    }

    /// Whether the lane has the lock now. Otherwise it waits, and [`Self::release`] will name it.
    pub(super) fn lock(&mut self, row: usize, lane: usize, now: Nanos) -> bool {
        let Some(row) = self.rows.get_mut(row) else { return false };
        let is_free = row.owner.is_none();
        if is_free {
            row.owner = Some((lane, now));
        } else {
            row.waiting.push_back(lane);
        }
        is_free
    }

    /// The same for a lane that was woken: it waits before all others.
    pub(super) fn lock_again(&mut self, row: usize, lane: usize, now: Nanos) -> bool {
        let Some(row) = self.rows.get_mut(row) else { return false };
        let is_free = row.owner.is_none();
        if is_free {
            row.owner = Some((lane, now));
        } else {
            row.waiting.push_front(lane);
        }
        is_free
    }

    /// Ends a lock, and names the lane that has it next.
    pub(super) fn release(&mut self, row: usize, now: Nanos) -> Option<usize> {
        let next = self.wake(row, now)?;
        self.rows.get_mut(row)?.owner = Some((next, now));
        Some(next)
    }

    /// Ends a lock, and names the lane that may try next. Until it does, whoever comes has the lock.
    pub(super) fn wake(&mut self, row: usize, now: Nanos) -> Option<usize> {
        let row = self.rows.get_mut(row)?;
        let (_, since) = row.owner.take()?;
        row.locked = row.locked.saturating_add(self.window.overlap(since, now));
        row.waiting.pop_front()
    }

    /// The time for which the row that was locked longest was locked within the window.
    pub(super) fn longest(&self) -> Nanos {
        self.rows.iter().map(|row| row.locked).max().unwrap_or_default()
    }

    /// The same for all rows together.
    pub(super) fn total(&self) -> Nanos {
        self.rows.iter().map(|row| row.locked).fold(0, Nanos::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_goes_to_who_asked_first() {
        let mut rows = Rows::new(2, Window { from: 10, to: 30 });
        assert!(rows.lock(0, 7, 0));
        assert!(rows.lock(1, 7, 0), "another row");
        assert!(!rows.lock(0, 8, 5));
        assert!(!rows.lock(0, 9, 6));
        assert_eq!(rows.release(0, 15), Some(8));
        assert_eq!(rows.release(0, 25), Some(9));
        assert_eq!(rows.release(0, 40), None);
        assert_eq!(rows.longest(), 20, "the window alone counts");
        assert!(rows.lock(0, 7, 50));
    }

    #[test]
    fn who_comes_before_the_woken_one_has_the_lock() {
        let mut rows = Rows::new(1, Window { from: 0, to: 30 });
        assert!(rows.lock(0, 1, 0));
        assert!(!rows.lock(0, 2, 1));
        assert!(!rows.lock(0, 3, 2));
        assert_eq!(rows.wake(0, 5), Some(2));
        assert!(rows.lock(0, 4, 6), "it is free");
        assert!(!rows.lock_again(0, 2, 7));
        assert_eq!(rows.wake(0, 8), Some(2), "and not who came after it");
        assert!(rows.lock_again(0, 2, 9));
    }
}
