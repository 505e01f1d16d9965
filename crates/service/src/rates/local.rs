//! The counts of a key in memory, where one process has all of its requests.

use crate::ports::Clock;
use crate::rate_limited::{RateKind, RateLeft, RateLimited, signed};
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use opencredits_store::Rates;
use opencredits_units::UnixMs;
use parking_lot::Mutex;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;

/// Our clock, as the rate limiters want it.
#[derive(Clone)]
struct PortClock(Arc<dyn Clock>);

impl governor::clock::Clock for PortClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now().get())
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, PortClock, StateInformationMiddleware>;

/// Requests in a minute: all at once, or one by one as they come back.
struct RequestWindow {
    max: NonZeroU32,
    clock: PortClock,
    limiter: Limiter,
    /// What the limiter had left when it last admitted one, and when that was.
    last: Mutex<(u32, UnixMs)>,
}

impl RequestWindow {
    fn new(max: NonZeroU32, clock: &Arc<dyn Clock>) -> Self {
        let last = Mutex::new((max.get(), clock.now()));
        let clock = PortClock(Arc::clone(clock));
        let limiter = RateLimiter::direct_with_clock(Quota::per_minute(max), clock.clone())
            .with_middleware::<StateInformationMiddleware>();
        Self { max, clock, limiter, last }
    }

    /// Admits one; else says how long to wait, in ms.
    fn take(&self) -> Result<(), u64> {
        let mut last = self.last.lock();
        match self.limiter.check() {
            Ok(snapshot) => {
                *last = (snapshot.remaining_burst_capacity(), self.clock.0.now());
                Ok(())
            }
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                Err(u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1))
            }
        }
    }

    /// What was left, and what has come back since.
    fn standing(&self, now: UnixMs) -> RateLeft {
        let (left, at) = *self.last.lock();
        let max = u64::from(self.max.get());
        let passed = now.ms_since(at).min(MINUTE_MS);
        let left = u64::from(left).saturating_add(passed.saturating_mul(max).div_euclid(MINUTE_MS)).min(max);
        let reset_ms = max.saturating_sub(left).saturating_mul(MINUTE_MS).div_ceil(max);
        RateLeft { max: self.max.get(), left: u32::try_from(left).unwrap_or(u32::MAX), reset_ms }
    }
}

/// Tokens in a minute, which come back evenly. What a request used is known at its end only, so that they can be given back
/// and owed, which no limiter of governor's can.
struct TokenBudget {
    max: NonZeroU32,
    clock: Arc<dyn Clock>,
    /// What was left at a time, in parts of a token: one comes back in a millisecond for each token of a minute. Below zero
    /// it is owed.
    left: Mutex<(i64, UnixMs)>,
}

/// Parts of a token.
const PARTS: i64 = 60_000;

fn parts(tokens: u64) -> i64 {
    signed(tokens).saturating_mul(PARTS)
}

impl TokenBudget {
    fn new(max: NonZeroU32, clock: &Arc<dyn Clock>) -> Self {
        let left = Mutex::new((parts(max.get().into()), clock.now()));
        Self { max, clock: Arc::clone(clock), left }
    }

    /// What is left now.
    fn filled(&self, (left, at): (i64, UnixMs), now: UnixMs) -> i64 {
        let come = i64::try_from(now.ms_since(at)).unwrap_or(i64::MAX).saturating_mul(i64::from(self.max.get()));
        left.saturating_add(come).min(parts(self.max.get().into()))
    }

    /// Takes so many; else says how long to wait for them, in ms. More than a minute has is taken from a full one, and the
    /// rest is owed.
    fn take(&self, tokens: u64) -> Result<(), u64> {
        let mut left = self.left.lock();
        let now = self.clock.now();
        let there = self.filled(*left, now);
        let missing = parts(tokens).min(parts(self.max.get().into())).saturating_sub(there);
        if missing > 0 {
            return Err(u64::try_from(missing).unwrap_or(u64::MAX).div_ceil(u64::from(self.max.get())));
        }
        *left = (there.saturating_sub(parts(tokens)), now);
        Ok(())
    }

    /// Takes so many without a question, or gives them back.
    fn owe(&self, tokens: i64) {
        let mut left = self.left.lock();
        let now = self.clock.now();
        let there = self.filled(*left, now).saturating_sub(tokens.saturating_mul(PARTS));
        *left = (there.min(parts(self.max.get().into())), now);
    }

    fn standing(&self, now: UnixMs) -> RateLeft {
        let there = self.filled(*self.left.lock(), now);
        let missing = parts(self.max.get().into()).saturating_sub(there);
        RateLeft {
            max: self.max.get(),
            left: u32::try_from(there.max(0).div_euclid(PARTS)).unwrap_or(u32::MAX),
            reset_ms: u64::try_from(missing).unwrap_or_default().div_ceil(u64::from(self.max.get())),
        }
    }
}

/// The counts of a key of which no other process has any.
pub(super) struct LocalCounts {
    clock: Arc<dyn Clock>,
    requests: Option<RequestWindow>,
    tokens: Option<TokenBudget>,
}

impl LocalCounts {
    pub(super) fn new(rates: Rates, clock: &Arc<dyn Clock>) -> Self {
        Self {
            clock: Arc::clone(clock),
            requests: rates.requests_per_minute.map(|max| RequestWindow::new(max, clock)),
            tokens: rates.tokens_per_minute.map(|max| TokenBudget::new(max, clock)),
        }
    }

    /// Counts a request.
    pub(super) fn take_request(&self) -> Result<(), RateLimited> {
        let Some(window) = &self.requests else { return Ok(()) };
        let max = window.max.get();
        window.take().map_err(|wait_ms| RateLimited { kind: RateKind::Requests, max, wait_ms })
    }

    /// Takes so many tokens; returns how many that were.
    pub(super) fn reserve(&self, tokens: u64) -> Result<u64, RateLimited> {
        let Some(budget) = &self.tokens else { return Ok(0) };
        let max = budget.max.get();
        budget.take(tokens).map_err(|wait_ms| RateLimited { kind: RateKind::Tokens, max, wait_ms })?;
        Ok(tokens)
    }

    /// Replaces the tokens that were taken by those that were used.
    pub(super) fn settle(&self, reserved: u64, used: u64) {
        if let Some(budget) = &self.tokens {
            budget.owe(signed(used).saturating_sub(signed(reserved)));
        }
    }

    /// What is left of requests and of tokens.
    pub(super) fn left(&self) -> (Option<RateLeft>, Option<RateLeft>) {
        let now = self.clock.now();
        (
            self.requests.as_ref().map(|window| window.standing(now)),
            self.tokens.as_ref().map(|budget| budget.standing(now)),
        )
    }
}
