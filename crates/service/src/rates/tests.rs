//! The rates of one process.

use super::*;
use futures_util::FutureExt;
use opencredits_units::UnixMs;
use std::sync::atomic::AtomicU64;

/// A minute begins.
pub(super) const START: UnixMs = UnixMs::new(1_789_999_980_000);

pub(super) struct Moved(AtomicU64);

impl Default for Moved {
    fn default() -> Self {
        Self(AtomicU64::new(START.get()))
    }
}

impl Clock for Moved {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.0.load(Ordering::SeqCst))
    }
}

fn made(rates: Rates) -> (Arc<Moved>, Arc<KeyRates>) {
    let moved = Arc::new(Moved::default());
    let clock: Arc<dyn Clock> = moved.clone();
    (moved, Arc::new(KeyRates::new(rates, None, &clock).unwrap()))
}

pub(super) fn pass(clock: &Moved, ms: u64) {
    clock.0.fetch_add(ms, Ordering::SeqCst);
}

pub(super) fn limited<T>(outcome: Result<T, Fault>) -> RateLimited {
    match outcome.err() {
        Some(Fault::Rate(limited)) => limited,
        other => panic!("{other:?}"),
    }
}

/// Counts in memory are asked without a runtime.
fn admit(rates: &Arc<KeyRates>) -> Result<RatePermit, Fault> {
    rates.admit().now_or_never().expect("it waits for nothing")
}

fn reserve(permit: &mut RatePermit, tokens: u64) -> Result<(), Fault> {
    permit.reserve(tokens).now_or_never().expect("it waits for nothing")
}

/// Reserves so many tokens, which nobody uses.
fn asked(rates: &Arc<KeyRates>, tokens: u64) -> Result<(), Fault> {
    reserve(&mut admit(rates).unwrap(), tokens)
}

#[test]
fn requests_of_a_minute_come_back_one_by_one() {
    let (clock, rates) = made(Rates { requests_per_minute: NonZeroU32::new(3), ..Rates::default() });
    for left in [2, 1, 0] {
        admit(&rates).unwrap();
        assert_eq!(rates.requests().unwrap().left, left);
    }
    let wait = RateLimited { kind: RateKind::Requests, max: 3, wait_ms: 20_000 };
    assert_eq!(limited(admit(&rates)), wait);
    assert_eq!(rates.requests(), Some(RateLeft { max: 3, left: 0, reset_ms: 60_000 }));
    pass(&clock, 19_999);
    assert_eq!(limited(admit(&rates)).wait_ms, 1);
    pass(&clock, 1);
    assert_eq!(rates.requests().unwrap().left, 1);
    admit(&rates).unwrap();
    assert!(admit(&rates).is_err());
    pass(&clock, 600_000);
    assert_eq!(rates.requests(), Some(RateLeft { max: 3, left: 3, reset_ms: 0 }));
    assert_eq!(rates.running(), 0);
}

#[test]
fn tokens_are_taken_by_estimate_and_settled_by_use() {
    let (clock, rates) = made(Rates { tokens_per_minute: NonZeroU32::new(600), ..Rates::default() });
    let mut permit = admit(&rates).unwrap();
    reserve(&mut permit, 100).unwrap();
    assert_eq!(rates.tokens().unwrap().left, 500);
    permit.settle(350);
    drop(permit);
    assert_eq!(rates.tokens().unwrap().left, 250, "what was used besides is taken");
    let mut less = admit(&rates).unwrap();
    reserve(&mut less, 200).unwrap();
    less.settle(50);
    drop(less);
    assert_eq!(rates.tokens().unwrap().left, 200, "what was taken too much is there again");
    asked(&rates, 150).unwrap();
    assert_eq!(rates.tokens().unwrap().left, 200, "and all of what nobody used");
    let refused = limited(asked(&rates, 201));
    assert_eq!((refused.kind, refused.max), (RateKind::Tokens, 600));
    pass(&clock, refused.wait_ms);
    asked(&rates, 201).unwrap();
}

#[test]
fn a_debt_is_paid_before_anything_else_is_admitted() {
    let (clock, rates) = made(Rates { tokens_per_minute: NonZeroU32::new(600), ..Rates::default() });
    let mut permit = admit(&rates).unwrap();
    reserve(&mut permit, 100).unwrap();
    permit.settle(1_700);
    drop(permit);
    assert_eq!(rates.tokens(), Some(RateLeft { max: 600, left: 0, reset_ms: 170_000 }));
    pass(&clock, 60_000);
    assert!(asked(&rates, 1).is_err(), "600 of 1,100 are paid");
    pass(&clock, 50_000);
    assert_eq!(limited(asked(&rates, 1)).wait_ms, 100, "all is paid, and nothing is left");
    pass(&clock, 100);
    asked(&rates, 1).unwrap();
}

#[test]
fn what_fits_into_no_minute_waits_for_a_full_one_and_owes_the_rest() {
    let (clock, rates) = made(Rates { tokens_per_minute: NonZeroU32::new(600), ..Rates::default() });
    let mut permit = admit(&rates).unwrap();
    reserve(&mut permit, 1_000).unwrap();
    permit.settle(1_000);
    drop(permit);
    pass(&clock, 40_000);
    assert_eq!(limited(asked(&rates, 1)).wait_ms, 100);
    pass(&clock, 100);
    asked(&rates, 1).unwrap();
}

#[test]
fn places_are_given_back_by_those_who_leave() {
    let (_, rates) = made(Rates { parallel_max: NonZeroU32::new(2), ..Rates::default() });
    let first = admit(&rates).unwrap();
    let _second = admit(&rates).unwrap();
    assert_eq!(limited(admit(&rates)).kind, RateKind::Parallel);
    drop(first);
    admit(&rates).unwrap();
    assert_eq!(rates.running(), 1);
    assert_eq!((rates.requests(), rates.tokens()), (None, None));
}

#[test]
fn requests_that_run_count_under_changed_rates() {
    let (clock, rates) = made(Rates { parallel_max: NonZeroU32::new(2), ..Rates::default() });
    let running = admit(&rates).unwrap();
    let clock: Arc<dyn Clock> = clock;
    let one = Rates { parallel_max: NonZeroU32::new(1), ..Rates::default() };
    let changed = Arc::new(KeyRates::new(one, Some(&rates), &clock).unwrap());
    assert!(admit(&changed).is_err());
    drop(running);
    admit(&changed).unwrap();
    assert!(KeyRates::new(Rates::default(), None, &clock).is_none());
}
