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

    /// Ends a lock, and names the lane that has it next.
    pub(super) fn release(&mut self, row: usize, now: Nanos) -> Option<usize> {
        let row = self.rows.get_mut(row)?;
        let (_, since) = row.owner.take()?;
        row.locked = row.locked.saturating_add(self.window.overlap(since, now));
        let next = row.waiting.pop_front()?;
        row.owner = Some((next, now));
        Some(next)
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
}
