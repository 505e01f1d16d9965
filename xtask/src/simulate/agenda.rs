//! What happens next: events in the order of their times, and of their making where the time is the same.

use super::cores::Slice;
use super::numbers::Nanos;
use super::requests::Command;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Something that happens at a point in time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// A request arrives from outside, and another one will after it.
    Arrive,
    /// A caller of this gateway begins a request.
    Begin { gateway: usize },
    /// A command is asked for.
    Ask(Command),
    /// A lane takes what waits in its queue.
    Turn { lane: usize },
    /// The transaction of a lane goes on.
    Step { lane: usize },
    /// A part of some work on a server's core is done.
    Slice { server: usize, slice: Slice },
    /// A gateway's thread is done with a batch, on a machine of its own.
    Decided { gateway: usize },
    /// A flush of a server's disk is done.
    Flushed { server: usize },
    /// A server's WAL writer wakes up.
    WalWriter { server: usize },
    /// The measured part of the run ends.
    End,
}

struct Entry {
    at: Nanos,
    number: u64,
    event: Event,
}

/// Events that are to come.
#[derive(Default)]
pub(super) struct Agenda {
    entries: BinaryHeap<Reverse<Entry>>,
    made: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, at: Nanos, event: Event) {
        self.entries.push(Reverse(Entry { at, number: self.made, event }));
        self.made = self.made.saturating_add(1);
    }

    pub(super) fn next(&mut self) -> Option<(Nanos, Event)> {
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_as_they_were_made() {
        let mut agenda = Agenda::default();
        for (at, lane) in [(5, 0), (3, 1), (5, 2), (3, 3)] {
            agenda.add(at, Event::Turn { lane });
        }
        let order: Vec<_> = std::iter::from_fn(|| agenda.next())
            .map(|(at, event)| match event {
                Event::Turn { lane } => (at, lane),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(order, [(3, 1), (3, 3), (5, 0), (5, 2)]);
    }
}
