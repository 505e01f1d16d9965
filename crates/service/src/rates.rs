//! How fast a key may send: requests and tokens in a minute, and requests at once.
//!
//! A request takes its place when it arrives. Its estimated input is taken from the tokens of the minute before anything is
//! sent; what it used besides is owed once it is charged, and later requests wait until that is paid off. The counts are in
//! memory: they bound the load and no money.

use crate::ports::Clock;
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use opencredits_store::Rates;
use opencredits_units::UnixMs;
use parking_lot::Mutex;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;
/// How long a request that finds no place is told to wait, in ms: how long others run is unknown.
const PARALLEL_WAIT_MS: u64 = 1_000;

/// What a key has too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateKind {
    /// Requests in a minute.
    Requests,
    /// Tokens in a minute.
    Tokens,
    /// Requests at once.
    Parallel,
}

/// A request came too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key has used up {kind:?}, at most {max}; try again in {wait_ms} ms")]
pub struct RateLimited {
    /// What the key has too much of.
    pub kind: RateKind,
    /// The largest number.
    pub max: u32,
    /// When it makes sense to try again, in ms from now.
    pub wait_ms: u64,
}

/// What is left of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLeft {
    /// The largest number in a minute.
    pub max: u32,
    /// The number that is left now.
    pub left: u32,
    /// When all of it is left again, in ms from now.
    pub reset_ms: u64,
}

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

/// A number in a minute, which fills again evenly.
struct Window {
    max: NonZeroU32,
    clock: PortClock,
    limiter: Limiter,
    state: Mutex<Left>,
}

struct Left {
    /// What the limiter had left when it last gave something, and when that was.
    left: u32,
    at: UnixMs,
    /// What is to be taken besides; below zero what was taken too much.
    owed: i64,
}

impl Window {
    fn new(max: NonZeroU32, clock: &Arc<dyn Clock>) -> Self {
        let at = clock.now();
        let clock = PortClock(Arc::clone(clock));
        let limiter = RateLimiter::direct_with_clock(Quota::per_minute(max), clock.clone())
            .with_middleware::<StateInformationMiddleware>();
        Self { max, clock, limiter, state: Mutex::new(Left { left: max.get(), at, owed: 0 }) }
    }

    /// Takes so many, and what is owed before; else says how long to wait for them, in ms. More than fits into a minute is
    /// taken from a full one, and the rest is owed.
    fn take(&self, count: u64) -> Result<(), u64> {
        let mut state = self.state.lock();
        while state.owed > 0 {
            let part = self.part(state.owed);
            self.draw(&mut state, part)?;
            state.owed = state.owed.saturating_sub(i64::from(part.get()));
        }
        let due = i64::try_from(count).unwrap_or(i64::MAX).saturating_add(state.owed);
        if due <= 0 {
            state.owed = due;
            return Ok(());
        }
        let part = self.part(due);
        self.draw(&mut state, part)?;
        state.owed = due.saturating_sub(i64::from(part.get()));
        Ok(())
    }

    /// Owes so many more, or fewer, and takes what is there of them.
    fn owe(&self, count: i64) {
        let mut state = self.state.lock();
        state.owed = state.owed.saturating_add(count);
        let there = self.left(&state, self.clock.0.now());
        let now = u32::try_from(state.owed.max(0)).unwrap_or(u32::MAX).min(there);
        if let Some(part) = NonZeroU32::new(now)
            && self.draw(&mut state, part).is_ok()
        {
            state.owed = state.owed.saturating_sub(i64::from(part.get()));
        }
    }

    fn part(&self, due: i64) -> NonZeroU32 {
        u32::try_from(due).ok().and_then(NonZeroU32::new).map_or(self.max, |due| due.min(self.max))
    }

    fn draw(&self, state: &mut Left, count: NonZeroU32) -> Result<(), u64> {
        match self.limiter.check_n(count) {
            Ok(Ok(snapshot)) => {
                (state.left, state.at) = (snapshot.remaining_burst_capacity(), self.clock.0.now());
                Ok(())
            }
            Ok(Err(until)) => {
                let wait = until.wait_time_from(self.clock.now());
                Err(u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1))
            }
            // No part is larger than what fits.
            Err(_) => Err(MINUTE_MS),
        }
    }

    /// What the limiter has left: what it had, and what has come since.
    fn left(&self, state: &Left, now: UnixMs) -> u32 {
        let max = u64::from(self.max.get());
        let come = now.ms_since(state.at).min(MINUTE_MS).saturating_mul(max).div_euclid(MINUTE_MS);
        u32::try_from(u64::from(state.left).saturating_add(come).min(max)).unwrap_or(u32::MAX)
    }

    fn standing(&self) -> RateLeft {
        let state = self.state.lock();
        let max = i64::from(self.max.get());
        let left = i64::from(self.left(&state, self.clock.0.now())).saturating_sub(state.owed);
        let missing = u64::try_from(max.saturating_sub(left).max(0)).unwrap_or_default();
        RateLeft {
            max: self.max.get(),
            left: u32::try_from(left.clamp(0, max)).unwrap_or_default(),
            reset_ms: missing.saturating_mul(MINUTE_MS).div_ceil(u64::from(self.max.get())),
        }
    }
}

/// The rates of one key, for all of its requests.
pub struct KeyRates {
    rates: Rates,
    requests: Option<Window>,
    tokens: Option<Window>,
    /// The requests that run.
    running: Arc<AtomicU32>,
}

impl KeyRates {
    /// Fresh rates; `None` where nothing is bounded. Requests of `before` that run still count.
    #[must_use]
    pub fn new(rates: Rates, before: Option<&Self>, clock: &Arc<dyn Clock>) -> Option<Self> {
        if rates == Rates::default() {
            return None;
        }
        let window = |max: Option<NonZeroU32>| max.map(|max| Window::new(max, clock));
        Some(Self {
            rates,
            requests: window(rates.requests_per_minute),
            tokens: window(rates.tokens_per_minute),
            running: before.map(|before| Arc::clone(&before.running)).unwrap_or_default(),
        })
    }

    /// The figures that they were made of.
    #[must_use]
    pub const fn rates(&self) -> Rates {
        self.rates
    }

    /// Admits a request: it has its place until the permit is dropped.
    ///
    /// # Errors
    /// When too many run, or too many came within a minute.
    pub fn admit(self: &Arc<Self>) -> Result<RatePermit, RateLimited> {
        let permit = self.place()?;
        if let Some(requests) = &self.requests {
            let max = requests.max.get();
            requests.take(1).map_err(|wait_ms| RateLimited { kind: RateKind::Requests, max, wait_ms })?;
        }
        Ok(permit)
    }

    fn place(self: &Arc<Self>) -> Result<RatePermit, RateLimited> {
        let max = self.rates.parallel_max.map_or(u32::MAX, NonZeroU32::get);
        let more = |running: u32| (running < max).then(|| running.saturating_add(1));
        let placed = self.running.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        placed.map_err(|_| RateLimited { kind: RateKind::Parallel, max, wait_ms: PARALLEL_WAIT_MS })?;
        Ok(RatePermit { of: Arc::clone(self), reserved: 0 })
    }

    /// The number of requests that run.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.running.load(Ordering::SeqCst)
    }

    /// What is left of the requests of this minute, where they are bounded.
    #[must_use]
    pub fn requests(&self) -> Option<RateLeft> {
        self.requests.as_ref().map(Window::standing)
    }

    /// What is left of the tokens of this minute, where they are bounded.
    #[must_use]
    pub fn tokens(&self) -> Option<RateLeft> {
        self.tokens.as_ref().map(Window::standing)
    }
}

/// The place of a request among those of its key. Dropping it gives the place back, and the tokens that nobody settled.
pub struct RatePermit {
    of: Arc<KeyRates>,
    reserved: u64,
}

impl RatePermit {
    /// Takes the estimated input, before anything is sent.
    ///
    /// # Errors
    /// When the minute has too few tokens left.
    pub fn reserve(&mut self, tokens: u64) -> Result<(), RateLimited> {
        let Some(window) = &self.of.tokens else { return Ok(()) };
        let max = window.max.get();
        window.take(tokens).map_err(|wait_ms| RateLimited { kind: RateKind::Tokens, max, wait_ms })?;
        self.reserved = self.reserved.saturating_add(tokens);
        Ok(())
    }

    /// Replaces what was taken by what was used.
    pub fn settle(&mut self, tokens: u64) {
        if let Some(window) = &self.of.tokens {
            let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            window.owe(signed(tokens).saturating_sub(signed(self.reserved)));
        }
        self.reserved = 0;
    }
}

impl Drop for RatePermit {
    fn drop(&mut self) {
        if self.reserved > 0 {
            self.settle(0);
            self.reserved = 0;
        }
        self.of.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    struct Moved(AtomicU64);

    impl Clock for Moved {
        fn now(&self) -> UnixMs {
            UnixMs::new(self.0.load(Ordering::SeqCst))
        }
    }

    fn made(rates: Rates) -> (Arc<Moved>, Arc<KeyRates>) {
        let moved = Arc::new(Moved(AtomicU64::new(1_790_000_000_000)));
        let clock: Arc<dyn Clock> = moved.clone();
        (moved, Arc::new(KeyRates::new(rates, None, &clock).unwrap()))
    }

    fn pass(clock: &Moved, ms: u64) {
        clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    #[test]
    fn requests_of_a_minute_come_back_one_by_one() {
        let (clock, rates) = made(Rates { requests_per_minute: NonZeroU32::new(3), ..Rates::default() });
        for left in [2, 1, 0] {
            rates.admit().unwrap();
            assert_eq!(rates.requests().unwrap().left, left);
        }
        let limited = RateLimited { kind: RateKind::Requests, max: 3, wait_ms: 20_000 };
        assert_eq!(rates.admit().err(), Some(limited));
        assert_eq!(rates.requests(), Some(RateLeft { max: 3, left: 0, reset_ms: 60_000 }));
        pass(&clock, 19_999);
        assert_eq!(rates.admit().err().unwrap().wait_ms, 1);
        pass(&clock, 1);
        assert_eq!(rates.requests().unwrap().left, 1);
        rates.admit().unwrap();
        assert!(rates.admit().is_err());
        pass(&clock, 600_000);
        assert_eq!(rates.requests(), Some(RateLeft { max: 3, left: 3, reset_ms: 0 }));
        assert_eq!(rates.running(), 0);
    }

    #[test]
    fn tokens_are_taken_by_estimate_and_settled_by_use() {
        let (clock, rates) = made(Rates { tokens_per_minute: NonZeroU32::new(600), ..Rates::default() });
        let mut permit = rates.admit().unwrap();
        permit.reserve(100).unwrap();
        assert_eq!(rates.tokens().unwrap().left, 500);
        permit.settle(350);
        drop(permit);
        assert_eq!(rates.tokens().unwrap().left, 250, "what was used besides is taken");
        let mut less = rates.admit().unwrap();
        less.reserve(200).unwrap();
        less.settle(50);
        drop(less);
        assert_eq!(rates.tokens().unwrap().left, 200, "what was taken too much is there again");
        drop(rates.admit().map(|mut permit| permit.reserve(150)));
        assert_eq!(rates.tokens().unwrap().left, 200, "and all of what nobody used");
        let limited = rates.admit().unwrap().reserve(201).unwrap_err();
        assert_eq!((limited.kind, limited.max), (RateKind::Tokens, 600));
        pass(&clock, limited.wait_ms);
        rates.admit().unwrap().reserve(201).unwrap();
    }

    #[test]
    fn a_debt_is_paid_before_anything_else_is_admitted() {
        let (clock, rates) = made(Rates { tokens_per_minute: NonZeroU32::new(600), ..Rates::default() });
        let mut permit = rates.admit().unwrap();
        permit.reserve(100).unwrap();
        permit.settle(1_700);
        drop(permit);
        assert_eq!(rates.tokens(), Some(RateLeft { max: 600, left: 0, reset_ms: 170_000 }));
        pass(&clock, 60_000);
        assert!(rates.admit().unwrap().reserve(1).is_err(), "600 of 1,100 are paid");
        pass(&clock, 49_000);
        assert!(rates.admit().unwrap().reserve(1).is_err(), "10 are left to pay");
        pass(&clock, 1_100);
        rates.admit().unwrap().reserve(1).unwrap();
    }

    #[test]
    fn what_fits_into_no_minute_waits_for_a_full_one_and_owes_the_rest() {
        let (clock, rates) = made(Rates { tokens_per_minute: NonZeroU32::new(600), ..Rates::default() });
        let mut permit = rates.admit().unwrap();
        permit.reserve(1_000).unwrap();
        permit.settle(1_000);
        drop(permit);
        pass(&clock, 39_000);
        assert!(rates.admit().unwrap().reserve(1).is_err());
        pass(&clock, 1_100);
        rates.admit().unwrap().reserve(1).unwrap();
    }

    #[test]
    fn places_are_given_back_by_those_who_leave() {
        let (_, rates) = made(Rates { parallel_max: NonZeroU32::new(2), ..Rates::default() });
        let first = rates.admit().unwrap();
        let _second = rates.admit().unwrap();
        assert_eq!(rates.admit().err().unwrap().kind, RateKind::Parallel);
        drop(first);
        rates.admit().unwrap();
        assert_eq!(rates.running(), 1);
        assert_eq!((rates.requests(), rates.tokens()), (None, None));
    }

    #[test]
    fn requests_that_run_count_under_changed_rates() {
        let (clock, rates) = made(Rates { parallel_max: NonZeroU32::new(2), ..Rates::default() });
        let running = rates.admit().unwrap();
        let clock: Arc<dyn Clock> = clock;
        let one = Rates { parallel_max: NonZeroU32::new(1), ..Rates::default() };
        let changed = Arc::new(KeyRates::new(one, Some(&rates), &clock).unwrap());
        assert!(changed.admit().is_err());
        drop(running);
        changed.admit().unwrap();
        assert!(KeyRates::new(Rates::default(), None, &clock).is_none());
    }
}
