//! The cores of a database server. Work that is longer than a slice gives way to what waits.

use super::numbers::{MILLISECOND, Nanos, Window};
use std::collections::VecDeque;

/// After so long on a core, work waits for its next turn, as the system's scheduler makes it do.
const SLICE: Nanos = MILLISECOND;

/// A part of a transaction's work, on a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) lane: usize,
    pub(super) length: Nanos,
    /// The work that is left after it.
    pub(super) left: Nanos,
}

/// The cores of a server, and the work that waits for one.
pub(super) struct Cores {
    free: usize,
    waiting: VecDeque<(usize, Nanos)>,
    window: Window,
    busy: Nanos,
}

impl Cores {
    pub(super) fn new(cores: usize, window: Window) -> Self {
        Self { free: cores, waiting: VecDeque::new(), window, busy: 0 }
    }

    /// Begins work. The slice that starts now, unless every core is busy.
    pub(super) fn begin(&mut self, lane: usize, work: Nanos, now: Nanos) -> Option<Slice> {
        if self.free == 0 {
            self.waiting.push_back((lane, work));
            return None;
        }
        self.free = self.free.saturating_sub(1);
        Some(self.start(lane, work, now))
    }

    /// Ends a slice. The one that starts on its core now, if any.
    pub(super) fn end(&mut self, slice: Slice, now: Nanos) -> Option<Slice> {
        if slice.left > 0 {
            self.waiting.push_back((slice.lane, slice.left));
        }
        let Some((lane, work)) = self.waiting.pop_front() else {
            self.free = self.free.saturating_add(1);
            return None;
        };
        Some(self.start(lane, work, now))
    }

    fn start(&mut self, lane: usize, work: Nanos, now: Nanos) -> Slice {
        let length = work.min(SLICE);
        self.busy = self.busy.saturating_add(self.window.overlap(now, now.saturating_add(length)));
        Slice { lane, length, left: work.saturating_sub(length) }
    }

    /// The time of all cores that was used within the window.
    pub(super) fn busy(&self) -> Nanos {
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_work_gives_way() {
        let mut cores = Cores::new(1, Window { from: 0, to: Nanos::MAX });
        let long = cores.begin(1, SLICE + 5, 0).expect("a core is free");
        assert_eq!(long, Slice { lane: 1, length: SLICE, left: 5 });
        assert_eq!(cores.begin(2, 7, 1), None);
        let short = cores.end(long, SLICE).expect("the other work");
        assert_eq!(short, Slice { lane: 2, length: 7, left: 0 });
        let rest = cores.end(short, SLICE + 7).expect("the rest");
        assert_eq!(rest, Slice { lane: 1, length: 5, left: 0 });
        assert_eq!(cores.end(rest, SLICE + 12), None);
        assert_eq!(cores.busy(), SLICE + 12);
    }
}
