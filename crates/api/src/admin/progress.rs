//! Requests that run, and how far they are.
//!
//! A tool that wants to show the progress of a request sends a number of its own with it, in the header
//! [`WATCH_HEADER`], and asks under that number meanwhile, over another connection.

use opencredits_units::{Measure, Progress, Stage};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The header with the number under which the progress of a request is asked for.
pub const WATCH_HEADER: &str = "opencredits-watch";
/// Requests that are watched at once. Further ones run as well, and tell no progress.
const RUNNING_MAX: usize = 64;

/// How far a request is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageView {
    /// What is being done; empty where the request tells nothing, or does not run.
    pub stage: String,
    /// How much is done.
    pub done: u64,
    /// How much there is to do, where that is known.
    pub of: Option<u64>,
    /// Whether bytes are counted.
    pub in_bytes: bool,
}

impl From<Stage> for StageView {
    fn from(stage: Stage) -> Self {
        let Stage { name, measure, done, of } = stage;
        Self { stage: name.to_owned(), done, of, in_bytes: measure == Measure::Bytes }
    }
}

/// The requests that are watched, by number.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<HashMap<u64, Progress>>);

/// A request that is watched. Dropping it ends that.
pub(super) struct Watched {
    running: Arc<Running>,
    id: u64,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.running.lock().remove(&self.id);
    }
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Progress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a request. `None` where too many are watched, or one under this number.
    pub(super) fn watch(self: &Arc<Self>, id: u64, progress: &Progress) -> Option<Watched> {
        let mut running = self.lock();
        if running.len() >= RUNNING_MAX || running.contains_key(&id) {
            return None;
        }
        running.insert(id, progress.clone());
        Some(Watched { running: Arc::clone(self), id })
    }

    pub(super) fn stage(&self, id: u64) -> Stage {
        self.lock().get(&id).map(Progress::stage).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_watched_until_it_ends_and_only_so_many_are() {
        let running = Arc::new(Running::default());
        let progress = Progress::default();
        progress.begin("copying", Measure::Bytes, Some(9));
        let watched = running.watch(7, &progress).unwrap();
        progress.advance(4);
        assert_eq!(running.stage(7).done, 4);
        assert!(running.watch(7, &Progress::default()).is_none(), "the number is taken");
        assert_eq!(running.stage(8), Stage::default());
        drop(watched);
        assert_eq!(running.stage(7), Stage::default());
        let all: Vec<_> = (0..).map_while(|id| running.watch(id, &progress)).collect();
        assert_eq!(all.len(), RUNNING_MAX);
        drop(all);
        assert!(running.watch(1, &progress).is_some());
    }
}
