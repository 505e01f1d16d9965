//! How far a long piece of work is: counters that the work moves and others read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Measure {
    /// Things: entries, orders, sections.
    #[default]
    Count,
    /// Bytes.
    Bytes,
}

/// A stage of work as it is now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stage {
    /// What is being done; empty before the first stage.
    pub name: &'static str,
    /// What is counted.
    pub measure: Measure,
    /// How much is done. It may exceed `of`, which is what was known at the beginning.
    pub done: u64,
    /// How much there is to do, where that is known.
    pub of: Option<u64>,
}

/// How far a piece of work is. A clone is another handle to the same counters.
///
/// ```
/// use opencredits_units::{Measure, Progress};
///
/// let progress = Progress::default();
/// progress.begin("reading entries", Measure::Count, Some(10));
/// progress.advance(4);
/// let stage = progress.stage();
/// assert_eq!((stage.name, stage.done, stage.of), ("reading entries", 4, Some(10)));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    /// The stage, without what is done of it.
    stage: Mutex<Stage>,
    done: AtomicU64,
}

impl Progress {
    /// Begins a stage, of which nothing is done.
    pub fn begin(&self, name: &'static str, measure: Measure, of: Option<u64>) {
        let mut stage = self.0.stage.lock().unwrap_or_else(PoisonError::into_inner);
        *stage = Stage { name, measure, done: 0, of };
        self.0.done.store(0, Ordering::Relaxed);
    }

    /// So much more is done.
    pub fn advance(&self, by: u64) {
        self.0.done.fetch_add(by, Ordering::Relaxed);
    }

    /// The stage that the work is at.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let stage = self.0.stage.lock().unwrap_or_else(PoisonError::into_inner);
        Stage { done: self.0.done.load(Ordering::Relaxed), ..*stage }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_stage_begins_at_nothing_and_every_handle_sees_it() {
        let work = Progress::default();
        let watched = work.clone();
        assert_eq!(watched.stage(), Stage::default());
        work.begin("first", Measure::Bytes, None);
        work.advance(7);
        assert_eq!(watched.stage(), Stage { name: "first", measure: Measure::Bytes, done: 7, of: None });
        work.begin("second", Measure::Count, Some(2));
        work.advance(1);
        assert_eq!(watched.stage(), Stage { name: "second", measure: Measure::Count, done: 1, of: Some(2) });
    }
}
