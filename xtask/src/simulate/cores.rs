//! The cores of a database server. Work that is longer than a slice gives way to what waits.

use super::numbers::{MILLISECOND, Nanos, Window};
use std::collections::VecDeque;

/// After so long on a core, work waits for its next turn, as the system's scheduler makes it do.
const SLICE: Nanos = MILLISECOND;

/// Whose work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worker {
    /// The database's process of a lane.
    Lane(usize),
    /// The thread of a gateway.
    Gateway(usize),
}

/// A part of some work, on a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) worker: Worker,
    pub(super) length: Nanos,
    /// The work that is left after it.
    pub(super) left: Nanos,
    /// The place of its cores in the list.
    group: usize,
}

/// Cores with one queue.
struct Group {
    free: usize,
    waiting: VecDeque<(Worker, Nanos)>,
}

/// The cores of a server, and the work that waits for one.
pub(super) struct Cores {
    groups: Vec<Group>,
    window: Window,
    busy: Nanos,
}

impl Cores {
    /// Cores that take the work of everyone, whichever is free.
    pub(super) fn shared(cores: usize, window: Window) -> Self {
        Self { groups: vec![Group { free: cores, waiting: VecDeque::new() }], window, busy: 0 }
    }

    /// Cores of which each has workers of its own, in turn.
    pub(super) fn pinned(cores: usize, window: Window) -> Self {
        let group = || Group { free: 1, waiting: VecDeque::new() };
        Self { groups: std::iter::repeat_with(group).take(cores).collect(), window, busy: 0 }
    }

    /// Begins work. The slice that starts now, unless every core is busy that could take it.
    pub(super) fn begin(&mut self, worker: Worker, work: Nanos, now: Nanos) -> Option<Slice> {
        let (Worker::Lane(number) | Worker::Gateway(number)) = worker;
        let place = number.checked_rem(self.groups.len())?;
        let group = self.groups.get_mut(place)?;
        if group.free == 0 {
            group.waiting.push_back((worker, work));
            return None;
        }
        group.free = group.free.saturating_sub(1);
        Some(self.start(place, (worker, work), now))
    }

    /// Ends a slice. The one that starts on its core now, if any.
    pub(super) fn end(&mut self, slice: Slice, now: Nanos) -> Option<Slice> {
        let group = self.groups.get_mut(slice.group)?;
        if slice.left > 0 {
            group.waiting.push_back((slice.worker, slice.left));
        }
        let Some(next) = group.waiting.pop_front() else {
            group.free = group.free.saturating_add(1);
            return None;
        };
        Some(self.start(slice.group, next, now))
    }

    fn start(&mut self, group: usize, (worker, work): (Worker, Nanos), now: Nanos) -> Slice {
        let length = work.min(SLICE);
        self.busy = self.busy.saturating_add(self.window.overlap(now, now.saturating_add(length)));
        Slice { worker, length, left: work.saturating_sub(length), group }
    }

    /// The time of all cores that was used within the window.
    pub(super) fn busy(&self) -> Nanos {
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Window = Window { from: 0, to: Nanos::MAX };

    #[test]
    fn long_work_gives_way() {
        let mut cores = Cores::shared(1, ALWAYS);
        let (one, other) = (Worker::Lane(1), Worker::Lane(2));
        let slice = |worker, length, left| Slice { worker, length, left, group: 0 };
        let long = cores.begin(one, SLICE + 5, 0).expect("a core is free");
        assert_eq!(long, slice(one, SLICE, 5));
        assert_eq!(cores.begin(other, 7, 1), None);
        let short = cores.end(long, SLICE).expect("the other work");
        assert_eq!(short, slice(other, 7, 0));
        let rest = cores.end(short, SLICE + 7).expect("the rest");
        assert_eq!(rest, slice(one, 5, 0));
        assert_eq!(cores.end(rest, SLICE + 12), None);
        assert_eq!(cores.busy(), SLICE + 12);
    }

    #[test]
    fn pinned_work_waits_for_its_core_though_another_is_free() {
        let (lane, gateway) = (Worker::Lane(2), Worker::Gateway(0));
        let mut cores = Cores::shared(2, ALWAYS);
        assert!(cores.begin(lane, 5, 0).is_some() && cores.begin(gateway, 5, 0).is_some());
        let mut cores = Cores::pinned(2, ALWAYS);
        let first = cores.begin(lane, 5, 0).expect("its core is free");
        assert_eq!(cores.begin(gateway, 5, 0), None);
        assert!(cores.begin(Worker::Lane(1), 5, 0).is_some());
        assert_eq!(cores.end(first, 5).map(|slice| slice.worker), Some(gateway));
    }
}
