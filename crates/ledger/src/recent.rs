//! The last commits in memory, so that a follower that keeps up reads nothing from the disk.

use crate::chain::ChainHead;
use crate::journal::{Bodies, Span};
use std::collections::VecDeque;

/// Bytes of commits that are kept in memory for a follower. One that lags further reads them from the disk.
const RECENT_BYTES_MAX: usize = 8 << 20;
/// The memory that an entry takes besides its body, about.
const ENTRY_BYTES: usize = 64;
/// The last commits, in memory.
#[derive(Default)]
pub(crate) struct Recent {
    /// Whether anybody follows.
    is_wanted: bool,
    commits: VecDeque<(Span, Bodies)>,
    bytes: usize,
}

impl Recent {
    /// Keeps commits from now on.
    pub(crate) fn want(&mut self) {
        self.is_wanted = true;
    }

    pub(crate) fn push(&mut self, span: Span, entries: &Bodies) {
        if !self.is_wanted {
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes_of(entries));
        self.commits.push_back((span, entries.clone()));
        while self.bytes > RECENT_BYTES_MAX && self.pop() {}
    }

    fn pop(&mut self) -> bool {
        let Some((_, entries)) = self.commits.pop_front() else { return false };
        self.bytes = self.bytes.saturating_sub(bytes_of(&entries));
        true
    }

    /// The commits after `done`, until they have `max` entries, and the last of them; `None` when the next one is not in
    /// memory. What is covered is dropped.
    pub(crate) fn after(&mut self, done: &ChainHead, max: usize) -> Option<(Bodies, ChainHead)> {
        self.want();
        while self.commits.front().is_some_and(|(span, _)| span.after.commit <= done.commit) && self.pop() {}
        let (mut last, mut found) = (*done, Bodies::new());
        for (span, entries) in &self.commits {
            if span.before != last || found.len() >= max {
                break;
            }
            found.extend(entries.iter().cloned());
            last = span.after;
        }
        (last != *done).then_some((found, last))
    }
}

fn bytes_of(entries: &Bodies) -> usize {
    entries.iter().fold(ENTRY_BYTES, |sum, (_, body)| sum.saturating_add(body.len()).saturating_add(ENTRY_BYTES))
}
