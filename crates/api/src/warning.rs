//! Warnings of what may happen often.

use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(60);

/// Warns of connections that are closed, without a line for each.
pub(crate) struct Warning {
    message: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    told: Option<Instant>,
    since: u64,
}

impl Warning {
    pub(crate) const fn new(message: &'static str) -> Self {
        Self { message, state: Mutex::new(State { told: None, since: 0 }) }
    }

    pub(crate) fn tell(&self) {
        let mut state = self.state.lock();
        state.since = state.since.saturating_add(1);
        if state.told.is_none_or(|told| told.elapsed() >= PAUSE) {
            tracing::warn!(connections = state.since, "{}", self.message);
            *state = State { told: Some(Instant::now()), since: 0 };
        }
    }
}
