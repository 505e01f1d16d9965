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
    i64::try_from(tokens).unwrap_or(i64::MAX).saturating_mul(PARTS)
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

/// The rates of one key, for all of its requests.
pub struct KeyRates {
    rates: Rates,
    clock: Arc<dyn Clock>,
    requests: Option<RequestWindow>,
    tokens: Option<TokenBudget>,
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
        Some(Self {
            rates,
            clock: Arc::clone(clock),
            requests: rates.requests_per_minute.map(|max| RequestWindow::new(max, clock)),
            tokens: rates.tokens_per_minute.map(|max| TokenBudget::new(max, clock)),
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
            requests.take().map_err(|wait_ms| RateLimited { kind: RateKind::Requests, max, wait_ms })?;
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

    /// What is left of the requests of this minute, where they are bounded, and of its tokens, where those are.
    #[must_use]
    pub fn left(&self) -> (Option<RateLeft>, Option<RateLeft>) {
        let now = self.clock.now();
        (
            self.requests.as_ref().map(|window| window.standing(now)),
            self.tokens.as_ref().map(|budget| budget.standing(now)),
        )
    }

    /// What is left of the requests of this minute, where they are bounded.
    #[must_use]
    pub fn requests(&self) -> Option<RateLeft> {
        self.left().0
    }

    /// What is left of the tokens of this minute, where they are bounded.
    #[must_use]
    pub fn tokens(&self) -> Option<RateLeft> {
        self.left().1
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
        rates.admit().unwrap().reserve(150).unwrap();
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
        pass(&clock, 50_000);
        assert_eq!(rates.admit().unwrap().reserve(1).unwrap_err().wait_ms, 100, "all is paid, and nothing is left");
        pass(&clock, 100);
        rates.admit().unwrap().reserve(1).unwrap();
    }

    #[test]
    fn what_fits_into_no_minute_waits_for_a_full_one_and_owes_the_rest() {
        let (clock, rates) = made(Rates { tokens_per_minute: NonZeroU32::new(600), ..Rates::default() });
        let mut permit = rates.admit().unwrap();
        permit.reserve(1_000).unwrap();
        permit.settle(1_000);
        drop(permit);
        pass(&clock, 40_000);
        assert_eq!(rates.admit().unwrap().reserve(1).unwrap_err().wait_ms, 100);
        pass(&clock, 100);
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
