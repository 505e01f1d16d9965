//! The health of a route: its circuit breaker and its recent figures.

use opencredits_units::UnixMs;
use parking_lot::Mutex;

/// So many failures in a row open the circuit.
const FAILURES_MAX: u32 = 3;
/// How long the circuit stays open, in ms: meanwhile the route is tried last.
const OPEN_MS: u64 = 30_000;
/// The weight of a new figure in an average is one part in so many.
const SMOOTHING: u64 = 8;
/// The uptime covers about so many requests: beyond, the counts are halved.
const WINDOW: u64 = 1_000;
/// One hundred percent, in hundredths of a percent.
const ALL_BPS: u64 = 10_000;

/// Tracks the health of one route.
#[derive(Default)]
pub(super) struct HealthTracker(Mutex<State>);

#[derive(Default)]
struct State {
    failures_in_row: u32,
    open_until: UnixMs,
    served: u64,
    failed: u64,
    latency_ms: Option<u64>,
    /// In thousandths.
    tokens_per_s: Option<u64>,
    failed_at: Option<UnixMs>,
}

/// The health of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteHealth {
    /// Whether its circuit is open: it failed several times in a row, less than half a minute ago.
    pub is_out: bool,
    /// The share of served requests, in hundredths of a percent; `None` before the first.
    pub uptime: Option<u64>,
    /// The average time to the first byte, in ms.
    pub latency_ms: Option<u64>,
    /// The average output speed, in thousandths of a token a second.
    pub tokens_per_s: Option<u64>,
    /// Failures since the last answer.
    pub failures_in_row: u32,
    /// When it failed last, since the start.
    pub failed_at: Option<UnixMs>,
}

impl HealthTracker {
    /// Records an answer whose first byte came after `latency_ms`.
    pub(super) fn served(&self, latency_ms: u64) {
        let mut state = self.0.lock();
        state.failures_in_row = 0;
        state.open_until = UnixMs::default();
        state.served = state.served.saturating_add(1);
        state.latency_ms = Some(smoothed(state.latency_ms, latency_ms));
        state.fade();
    }

    /// Records a failure that the request did not cause.
    pub(super) fn failed(&self, now: UnixMs) {
        let mut state = self.0.lock();
        state.failures_in_row = state.failures_in_row.saturating_add(1);
        state.failed = state.failed.saturating_add(1);
        state.failed_at = Some(now);
        if state.failures_in_row >= FAILURES_MAX {
            // After that time one more request probes the route.
            state.open_until = now.saturating_add_ms(OPEN_MS);
        }
        state.fade();
    }

    /// Records the speed of an answer: `tokens` in `ms` from its first byte on.
    pub(super) fn produced(&self, tokens: u64, ms: u64) {
        if let Some(speed) = tokens.saturating_mul(1_000_000).checked_div(ms).filter(|_| tokens > 0) {
            let mut state = self.0.lock();
            state.tokens_per_s = Some(smoothed(state.tokens_per_s, speed));
        }
    }

    /// The health now.
    pub(super) fn route_health(&self, now: UnixMs) -> RouteHealth {
        let state = self.0.lock();
        let all = state.served.saturating_add(state.failed);
        RouteHealth {
            is_out: now < state.open_until,
            uptime: state.served.saturating_mul(ALL_BPS).checked_div(all),
            latency_ms: state.latency_ms,
            tokens_per_s: state.tokens_per_s,
            failures_in_row: state.failures_in_row,
            failed_at: state.failed_at,
        }
    }
}

impl State {
    fn fade(&mut self) {
        if self.served.saturating_add(self.failed) > WINDOW {
            self.served = self.served.div_ceil(2);
            self.failed = self.failed.div_euclid(2);
        }
    }
}

fn smoothed(average: Option<u64>, new: u64) -> u64 {
    let Some(average) = average else { return new };
    let rest = average.saturating_mul(SMOOTHING.saturating_sub(1));
    rest.saturating_add(new).div_euclid(SMOOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_circuit_opens_after_three_failures_in_a_row_and_closes_with_time_or_an_answer() {
        let (health, at) = (HealthTracker::default(), UnixMs::new(1_000_000));
        let out = |at: UnixMs| health.route_health(at).is_out;
        health.failed(at);
        health.failed(at);
        health.served(5);
        health.failed(at);
        health.failed(at);
        assert!(!out(at), "an answer was between them");
        health.failed(at);
        assert!(out(at) && !out(at.saturating_add_ms(OPEN_MS)));
        health.failed(at.saturating_add_ms(OPEN_MS));
        assert!(out(at.saturating_add_ms(OPEN_MS)), "the one request that tries it opens it again");
        health.served(5);
        assert!(!out(at));
    }

    #[test]
    fn figures_are_averages_of_what_was_seen() {
        let (health, at) = (HealthTracker::default(), UnixMs::new(1));
        let nothing = RouteHealth {
            is_out: false,
            uptime: None,
            latency_ms: None,
            tokens_per_s: None,
            failures_in_row: 0,
            failed_at: None,
        };
        assert_eq!(health.route_health(at), nothing);
        health.served(100);
        health.served(180);
        health.failed(at);
        health.produced(50, 1_000);
        let seen = health.route_health(at);
        assert_eq!((seen.latency_ms, seen.uptime, seen.tokens_per_s), (Some(110), Some(6_666), Some(50_000)));
        assert_eq!((seen.failures_in_row, seen.failed_at), (1, Some(at)));
    }
}
