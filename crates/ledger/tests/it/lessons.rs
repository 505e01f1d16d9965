//! Bugs that cost others money, each a test.
//!
//! Some need a disk of our own making and are in `src/tests.rs`: no read on the way of a request, and no hold from a ledger
//! that is full, poisoned or behind. Others only a whole gateway can show:
//! - no route is free, and none goes around the limits: api's `apis.rs`, the same use ends in the same entry through every API.
//! - a limit that was set is kept and counts: service's `accounts/tests.rs`, a rich wallet does not help a poor key; api's
//!   `lookups.rs`, a key shows its limit.
//! - a hold is the worst case: api's `refusals.rs`, what is not covered is refused with what would be.

use crate::books::Books;
use opencredits_ledger::{
    Capture, EntryKind, Floor, Ledger, LedgerError, Leg, OnShortfall, OpenAccount, Options, PlaceHold, Replay, Transfer,
};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const CLEARING: AccountId = AccountId::from_bits(1);
const WALLET: AccountId = AccountId::from_bits(2);
const PROVIDER: AccountId = AccountId::from_bits(3);
const PARTNER: AccountId = AccountId::from_bits(4);
const BAD_DEBT: AccountId = AccountId::from_bits(5);
const LIMIT: AccountId = AccountId::from_bits(6);
const LIMITS: AccountId = AccountId::from_bits(7);
const SUBSCRIPTION: AccountId = AccountId::from_bits(8);

fn id(n: u64) -> EntryId {
    EntryId::from_bits((u128::from(NOW.get()) << 80) | u128::from(n))
}

/// One in memory, and one in a database where there is PostgreSQL.
fn ledgers(balance: i64, limit: i64) -> Vec<Books> {
    let ledgers: Vec<Books> = Books::in_database().into_iter().chain([Books::in_memory()]).collect();
    ledgers.iter().for_each(|ledger| open(ledger, balance, limit));
    ledgers
}

/// One in memory.
fn ledger(balance: i64, limit: i64) -> Books {
    let ledger = Books::in_memory();
    open(&ledger, balance, limit);
    ledger
}

fn open(ledger: &Books, balance: i64, limit: i64) {
    for account in [CLEARING, PROVIDER, PARTNER, BAD_DEBT, LIMITS] {
        ledger.open_account(OpenAccount { id: account, floor: Floor::None, contra: None }, NOW).unwrap();
    }
    ledger.open_account(OpenAccount { id: WALLET, floor: Floor::Zero, contra: None }, NOW).unwrap();
    ledger.open_account(OpenAccount { id: LIMIT, floor: Floor::Zero, contra: Some(LIMITS) }, NOW).unwrap();
    for (n, from, to, amount) in [(1, CLEARING, WALLET, balance), (2, LIMITS, LIMIT, limit)] {
        let transfer = Transfer { id: id(n), from, to, amount: NanoUsd::new(amount), memo: b"" };
        ledger.transfer(transfer, NOW).unwrap();
    }
}

fn hold(ledger: &Books, n: u64, limits: &[AccountId], amount: i64) -> Result<Replay, LedgerError> {
    let expires_at = NOW.saturating_add_ms(1_000);
    let hold = PlaceHold { id: id(n), payer: WALLET, limits, amount: NanoUsd::new(amount), expires_at };
    ledger.place_hold(hold, NOW).map(|held| held.replay)
}

fn capture(ledger: &Books, n: u64, cost: i64, commission: i64) -> Result<i64, LedgerError> {
    let leg = |to, amount, on_shortfall| Leg { to, amount: NanoUsd::new(amount), on_shortfall };
    let legs = [leg(PROVIDER, cost, OnShortfall::Full), leg(PARTNER, commission, OnShortfall::Proportional)];
    let capture = Capture { hold: id(n), legs: &legs, bad_debt: BAD_DEBT, memo: b"" };
    ledger.capture(capture, NOW).map(|done| done.collected.get())
}

fn available(ledger: &Books, account: AccountId) -> i64 {
    ledger.balance(account).unwrap().available.get()
}

/// The account that has too little for a hold.
fn refuser(outcome: Result<Replay, LedgerError>) -> AccountId {
    match outcome {
        Err(LedgerError::InsufficientFunds { account, .. }) => account,
        other => panic!("not refused for lack of funds: {other:?}"),
    }
}

/// Runs `work` on many threads at once, `each` times on every one.
fn together(threads: u64, each: u64, work: impl Fn(u64) + Sync) {
    let start = Barrier::new(usize::try_from(threads).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                (0..each).for_each(|n| work(thread * each + n));
            });
        }
    });
}

#[test]
fn check_and_deduct_is_one_step_so_that_a_thousand_concurrent_holds_cannot_overdraw() {
    for ledger in &ledgers(100, 0) {
        let (held, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        together(8, 125, |n| match hold(ledger, 10 + n, &[], 7) {
            Ok(_) => drop(held.fetch_add(1, Ordering::Relaxed)),
            Err(LedgerError::InsufficientFunds { .. }) => drop(refused.fetch_add(1, Ordering::Relaxed)),
            Err(other) => panic!("{other}"),
        });
        assert_eq!((held.into_inner(), refused.into_inner()), (14, 986));
        assert_eq!(available(ledger, WALLET), 2);
    }
}

#[test]
fn a_balance_a_hundred_times_the_estimate_is_not_trusted_more() {
    for ledger in &ledgers(100_000, 0) {
        hold(ledger, 10, &[], 1).unwrap();
        assert_eq!(available(ledger, WALLET), 99_999);
    }
}

#[test]
fn a_rich_user_with_a_poor_key_is_refused() {
    for ledger in &ledgers(1_000_000, 10) {
        assert_eq!(refuser(hold(ledger, 10, &[LIMIT], 11)), LIMIT);
        assert_eq!(available(ledger, WALLET), 1_000_000, "the wallet is untouched");
    }
}

#[test]
fn a_limit_is_checked_in_the_same_step_as_the_wallet() {
    for ledger in &ledgers(1_000_000, 100) {
        let held = AtomicU64::new(0);
        together(8, 50, |n| {
            if hold(ledger, 10 + n, &[LIMIT], 30).is_ok() {
                held.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(held.into_inner(), 3);
        assert_eq!((available(ledger, LIMIT), available(ledger, WALLET)), (10, 1_000_000 - 90));
    }
}

#[test]
fn money_comes_from_the_payer_that_is_named_and_in_the_order_that_is_named() {
    for ledger in &ledgers(10, 0) {
        ledger.open_account(OpenAccount { id: SUBSCRIPTION, floor: Floor::Zero, contra: None }, NOW).unwrap();
        let pay = |n, from, to, amount| Transfer { id: id(n), from, to, amount: NanoUsd::new(amount), memo: b"" };
        ledger.transfer(pay(3, CLEARING, SUBSCRIPTION, 100), NOW).unwrap();
        // The wallet pays what it has and never more; the person's other money is not touched.
        hold(ledger, 10, &[], 10).unwrap();
        assert_eq!(capture(ledger, 10, 210, 0).unwrap(), 10);
        assert_eq!((available(ledger, WALLET), available(ledger, SUBSCRIPTION)), (0, 100));
        assert_eq!(refuser(hold(ledger, 11, &[], 5)), WALLET);
        // Who wants one source after the other says so: all or none.
        let first_one_then_the_other = [pay(12, SUBSCRIPTION, WALLET, 100), pay(13, WALLET, PROVIDER, 101)];
        assert!(ledger.transfer_linked(&first_one_then_the_other, NOW).is_err());
        assert_eq!((available(ledger, WALLET), available(ledger, SUBSCRIPTION)), (0, 100));
    }
}

#[test]
fn a_limit_refuses_at_its_end_and_not_a_nano_dollar_before() {
    for ledger in &ledgers(1_000, 100) {
        hold(ledger, 10, &[LIMIT], 99).unwrap();
        assert_eq!(refuser(hold(ledger, 11, &[LIMIT], 2)), LIMIT);
        hold(ledger, 11, &[LIMIT], 1).unwrap();
        assert_eq!(refuser(hold(ledger, 12, &[LIMIT], 1)), LIMIT);
        // What was held and not used is no use of the limit.
        capture(ledger, 10, 49, 0).unwrap();
        assert_eq!(refuser(hold(ledger, 12, &[LIMIT], 51)), LIMIT);
        hold(ledger, 12, &[LIMIT], 50).unwrap();
    }
}

#[test]
fn a_balance_is_exact_at_once_and_for_everybody_though_nothing_is_on_disk_yet() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { gather: Duration::from_secs(3_600) };
    let ledger = Ledger::open_with(dir.path().join("ledger.db"), options).unwrap();
    let books = Books::Own(ledger.clone());
    open(&books, 1_000, 0);
    ledger.flush().unwrap();
    let commits = ledger.stats().commits;
    for n in 10..110 {
        hold(&books, n, &[], 8).unwrap();
        let before = 1_000 - 5 * i64::try_from(n - 10).unwrap();
        std::thread::scope(|scope| scope.spawn(|| assert_eq!(available(&books, WALLET), before - 8)).join().unwrap());
        capture(&books, n, 5, 0).unwrap();
        std::thread::scope(|scope| scope.spawn(|| assert_eq!(available(&books, WALLET), before - 5)).join().unwrap());
        assert_eq!(books.entry(id(n)).unwrap().charged, NanoUsd::new(5));
    }
    assert_eq!(ledger.stats().commits, commits);
}

#[test]
fn a_hold_on_a_limit_that_is_not_there_fails_closed() {
    for ledger in &ledgers(100, 0) {
        let unknown = AccountId::from_bits(99);
        assert!(matches!(hold(ledger, 10, &[unknown], 1), Err(LedgerError::UnknownAccount { .. })));
        assert_eq!(available(ledger, WALLET), 100);
    }
}

#[test]
fn amounts_that_would_wrap_are_refused() {
    for ledger in &ledgers(i64::MAX, 0) {
        let more = Transfer { id: id(10), from: CLEARING, to: WALLET, amount: NanoUsd::new(1), memo: b"" };
        assert!(matches!(ledger.transfer(more, NOW), Err(LedgerError::Amount)));
        assert!(matches!(hold(ledger, 11, &[], -5), Err(LedgerError::Amount)));
        assert_eq!(available(ledger, WALLET), i64::MAX);
    }
}

#[test]
fn a_hold_whose_request_vanished_is_no_counter_that_stays_reserved_for_ever() {
    for ledger in &ledgers(100, 0) {
        hold(ledger, 10, &[], 60).unwrap();
        hold(ledger, 11, &[], 40).unwrap();
        capture(ledger, 11, 40, 0).unwrap();
        let expired = ledger.expire_due(NOW.saturating_add_ms(1_000), 10).unwrap();
        assert_eq!(expired.voided, [id(10)]);
        assert_eq!(available(ledger, WALLET), 60);
    }
}

#[test]
fn commission_is_paid_from_what_was_collected_so_that_user_and_partner_cannot_mint_money() {
    for ledger in &ledgers(10, 0) {
        hold(ledger, 10, &[], 10).unwrap();
        assert_eq!(capture(ledger, 10, 50, 50).unwrap(), 10);
        assert_eq!(available(ledger, PARTNER), 5, "half of what was collected, not of what was charged");
        assert_eq!(available(ledger, WALLET), 0);
    }
}

#[test]
fn settling_again_pays_nobody_twice() {
    for ledger in &ledgers(1_000, 0) {
        hold(ledger, 10, &[], 100).unwrap();
        together(8, 20, |_| assert_eq!(capture(ledger, 10, 30, 10).unwrap(), 40));
        assert_eq!((available(ledger, WALLET), available(ledger, PARTNER)), (960, 10));
    }
}

#[test]
fn a_payment_that_is_told_of_many_times_at_once_is_credited_once() {
    for ledger in &ledgers(0, 0) {
        let first = AtomicU64::new(0);
        together(8, 50, |_| {
            let transfer =
                Transfer { id: id(77), from: CLEARING, to: WALLET, amount: NanoUsd::new(500), memo: b"payment" };
            if ledger.transfer(transfer, NOW).unwrap().replay == Replay::First {
                first.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!((first.into_inner(), available(ledger, WALLET)), (1, 500));
    }
}

#[test]
fn a_credit_that_was_refused_can_be_tried_again_under_its_id() {
    for ledger in &ledgers(100, 0) {
        let transfer = Transfer { id: id(77), from: WALLET, to: CLEARING, amount: NanoUsd::new(150), memo: b"" };
        assert!(ledger.transfer(transfer, NOW).is_err());
        let more = Transfer { id: id(78), from: CLEARING, to: WALLET, amount: NanoUsd::new(50), memo: b"" };
        ledger.transfer(more, NOW).unwrap();
        assert_eq!(ledger.transfer(transfer, NOW).unwrap().replay, Replay::First);
    }
}

#[test]
fn the_same_id_twice_inside_one_batch_is_one_request() {
    for ledger in &ledgers(100, 0) {
        assert_eq!(hold(ledger, 10, &[], 60).unwrap(), Replay::First);
        assert_eq!(hold(ledger, 10, &[], 60).unwrap(), Replay::Open);
        capture(ledger, 10, 20, 0).unwrap();
        assert_eq!(hold(ledger, 10, &[], 60).unwrap(), Replay::Finished);
        assert_eq!(available(ledger, WALLET), 80);
        assert!(ledger.verify().is_clean());
    }
}

#[test]
fn an_id_is_remembered_when_it_has_long_left_the_memory() {
    let ledger = ledger(1_000_000, 0);
    hold(&ledger, 10, &[], 60).unwrap();
    capture(&ledger, 10, 20, 0).unwrap();
    for n in 100..40_100 {
        hold(&ledger, n, &[], 1).unwrap();
        capture(&ledger, n, 1, 0).unwrap();
        if n % 1_000 == 0 {
            ledger.verify();
        }
    }
    assert_eq!(hold(&ledger, 10, &[], 60).unwrap(), Replay::Finished);
    assert!(matches!(hold(&ledger, 10, &[], 61), Err(LedgerError::IdempotencyMismatch { .. })));
    assert_eq!(capture(&ledger, 10, 99, 0).unwrap(), 20);
    assert_eq!(ledger.entry(id(10)).unwrap().kind, EntryKind::Capture);
}

#[test]
#[cfg(unix)]
fn a_closed_ledger_is_one_file_that_only_its_owner_reads() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let ledger = Ledger::open(&path).unwrap();
    ledger.open_account(OpenAccount { id: WALLET, floor: Floor::Zero, contra: None }, NOW).unwrap().wait().unwrap();
    let modes = || -> Vec<_> {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().metadata().unwrap());
        files.filter(|file| file.len() > 0).map(|file| file.mode() & 0o777).collect()
    };
    assert!(modes().len() >= 2, "the file and its write-ahead log");
    assert!(modes().iter().all(|mode| *mode == 0o600), "{:?}", modes());
    drop(ledger);
    let copy = dir.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    assert_eq!(Ledger::open(&copy).unwrap().accounts().len(), 1);
}

#[test]
fn the_entries_of_an_account_are_found_by_time() {
    let ledger = ledger(1_000_000, 1_000_000);
    // A transfer a second, every third to the partner.
    for n in 0..2_500_u64 {
        let made = NOW.saturating_add_ms(1_000 * n);
        let mut random = [0; 10];
        random[2..].copy_from_slice(&n.to_be_bytes());
        let (from, to) = if n % 3 == 0 { (CLEARING, PARTNER) } else { (CLEARING, PROVIDER) };
        let transfer = Transfer { id: EntryId::at(made, random), from, to, amount: NanoUsd::new(1), memo: b"" };
        ledger.transfer(transfer, made).unwrap();
    }
    let at = |seconds: u64| EntryId::at(NOW.saturating_add_ms(1_000 * seconds), [0; 10]);
    let check = |after: EntryId, until: u64, max: usize, expect: usize| {
        let until = NOW.saturating_add_ms(1_000 * until);
        let found = ledger.entries_of(PARTNER, after, until, max);
        assert_eq!(found.len(), expect);
        assert!(found.iter().all(|row| row.id.made_at() < until && row.legs.iter().any(|(of, _)| *of == PARTNER)));
        found.last().map(|row| row.id)
    };
    check(EntryId::default(), 2_500, 10_000, 834);
    check(at(300), 600, 10_000, 100);
    let last = check(at(300), 600, 60, 60).unwrap();
    check(last, 600, 60, 40);
    check(at(2_499), 9_999, 10, 1);
    check(at(2_500), 9_999, 10, 0);
}
