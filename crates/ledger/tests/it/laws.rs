//! Laws, for any sequence of commands and any interleaving of callers.

use crate::books::{Books, connect};
use opencredits_ledger::{
    Capture, ChangeLimit, Collect, Floor, Ledger, Leg, LimitChange, Most, OnShortfall, OpenAccount, PlaceHold, Transfer,
};
use opencredits_testkit::Postgres;
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use proptest::prelude::*;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Barrier;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
/// Accounts of a run: clearing, payable, bad debt, limits' contra, then wallets and limits.
const CLEARING: u8 = 0;
const PAYABLE: u8 = 1;
const BAD_DEBT: u8 = 2;
const CONTRA: u8 = 3;
const WALLETS: Range<u8> = 4..7;
const LIMITS: Range<u8> = 7..9;
/// What was spent of a limit that changes, and that limit.
const SPENT: u8 = 9;
const CHANGING: u8 = 10;

#[derive(Debug, Clone)]
enum Step {
    TopUp {
        id: u8,
        to: u8,
        amount: i64,
    },
    Move {
        id: u8,
        from: u8,
        to: u8,
        amount: i64,
    },
    Hold {
        id: u8,
        payer: u8,
        limit: Option<u8>,
        amount: i64,
    },
    Capture {
        id: u8,
        cost: i64,
        commission: i64,
        bad_debt: u8,
    },
    Collect {
        id: u8,
        from: u8,
        most: Option<i64>,
        shortfall: Option<u8>,
    },
    Flight {
        id: u8,
    },
    Void {
        id: u8,
    },
    Expire {
        after_ms: u64,
    },
    /// Another amount; begun anew where there is none.
    Change {
        id: u8,
        amount: Option<i64>,
    },
}

fn account(n: u8) -> AccountId {
    AccountId::from_bits(u128::from(n) + 1)
}

fn entry(n: u8) -> EntryId {
    EntryId::from_bits((u128::from(NOW.get()) << 80) | u128::from(n))
}

fn step() -> impl Strategy<Value = Step> {
    step_of(0..40)
}

/// A step under one of these ids: the fewer, the more often two steps meet.
fn step_of(id: Range<u8>) -> impl Strategy<Value = Step> {
    let amount = 0_i64..200;
    let spender = prop_oneof![WALLETS, LIMITS];
    prop_oneof![
        (id.clone(), spender, amount.clone()).prop_map(|(id, to, amount)| Step::TopUp { id, to, amount }),
        (id.clone(), WALLETS, WALLETS, amount.clone())
            .prop_map(|(id, from, to, amount)| { Step::Move { id, from, to, amount } }),
        (id.clone(), WALLETS, prop::option::of(prop_oneof![LIMITS, Just(CHANGING)]), amount.clone())
            .prop_map(|(id, payer, limit, amount)| Step::Hold { id, payer, limit, amount }),
        (id.clone(), WALLETS, prop::option::of(amount.clone()), prop::option::of(BAD_DEBT..LIMITS.end))
            .prop_map(|(id, from, most, shortfall)| Step::Collect { id, from, most, shortfall }),
        (id.clone(), prop::option::of(amount.clone())).prop_map(|(id, amount)| Step::Change { id, amount }),
        (id.clone(), amount.clone(), amount, BAD_DEBT..LIMITS.end)
            .prop_map(|(id, cost, commission, bad_debt)| Step::Capture { id, cost, commission, bad_debt }),
        id.clone().prop_map(|id| Step::Flight { id }),
        id.prop_map(|id| Step::Void { id }),
        (0_u64..3_000).prop_map(|after_ms| Step::Expire { after_ms }),
    ]
}

fn open(ledger: &Books) {
    for n in [CLEARING, PAYABLE, BAD_DEBT, CONTRA] {
        ledger.open_account(OpenAccount { id: account(n), floor: Floor::None, contra: None }, NOW).unwrap();
    }
    for n in WALLETS {
        ledger.open_account(OpenAccount { id: account(n), floor: Floor::Zero, contra: None }, NOW).unwrap();
    }
    let none = OpenAccount { id: account(SPENT), floor: Floor::None, contra: None };
    let changing = OpenAccount { id: account(CHANGING), floor: Floor::Zero, contra: Some(none.id) };
    for opened in [none, changing] {
        ledger.open_account(opened, NOW).unwrap();
    }
    for n in LIMITS {
        let contra = Some(account(CONTRA));
        ledger.open_account(OpenAccount { id: account(n), floor: Floor::Zero, contra }, NOW).unwrap();
    }
}

/// Takes a step, and tells its outcome or why it was refused.
fn take(ledger: &Books, step: &Step) -> String {
    let amount = |n: i64| NanoUsd::new(n);
    let transfer = |id, from, to, n| {
        let transfer = Transfer { id: entry(id), from: account(from), to: account(to), amount: amount(n), memo: b"" };
        format!("{:?}", ledger.transfer(transfer, NOW))
    };
    match *step {
        Step::TopUp { id, to, amount } => {
            transfer(id, if LIMITS.contains(&to) { CONTRA } else { CLEARING }, to, amount)
        }
        Step::Move { id, from, to, amount } => transfer(id, from, to, amount),
        Step::Hold { id, payer, limit, amount: n } => {
            let limits: Vec<AccountId> = limit.into_iter().map(account).collect();
            let expires_at = NOW.saturating_add_ms(u64::from(id) * 50);
            let hold =
                PlaceHold { id: entry(id), payer: account(payer), limits: &limits, amount: amount(n), expires_at };
            format!("{:?}", ledger.place_hold(hold, NOW))
        }
        Step::Capture { id, cost, commission, bad_debt } => {
            let leg = |to, n, on_shortfall| Leg { to: account(to), amount: amount(n), on_shortfall };
            let legs = [leg(PAYABLE, cost, OnShortfall::Full), leg(4, commission, OnShortfall::Proportional)];
            let capture = Capture { hold: entry(id), legs: &legs, bad_debt: account(bad_debt), memo: b"m" };
            format!("{:?}", ledger.capture(capture, NOW))
        }
        Step::Collect { id, from, most, shortfall } => {
            let (from, to, shortfall) = (account(from), account(CLEARING), shortfall.map(account));
            let most = most.map_or(Most::Owed, |n| Most::Amount(amount(n)));
            let collect = Collect { id: entry(id), from, to, most, shortfall, memo: b"" };
            format!("{:?}", ledger.collect(collect, NOW))
        }
        Step::Flight { id } => format!("{:?}", ledger.mark_in_flight(entry(id), NOW)),
        Step::Void { id } => format!("{:?}", ledger.void(entry(id), NOW)),
        Step::Change { id, amount: to } => {
            let change = match to {
                Some(to) => LimitChange::Amount { amount: amount(to), from: account(CLEARING) },
                None => LimitChange::Restart,
            };
            let change = ChangeLimit { id: entry(id), limit: account(CHANGING), change, memo: b"" };
            format!("{:?}", ledger.change_limit(change, NOW))
        }
        Step::Expire { after_ms } => {
            let now = NOW.saturating_add_ms(after_ms);
            format!("{:?}", ledger.expire_due(now, 5))
        }
    }
}

/// Balances never below their floor, but for a limit that may have been lowered; as much held as the open holds say, and all money in the world zero.
fn lawful(ledger: &Books) {
    let mut world = 0;
    let holds = ledger.holds();
    for row in ledger.accounts() {
        let (balance, id) = (row.balance, row.account.id);
        let on_it = holds.iter().filter(|hold| hold.payer == id || hold.limits.contains(&id));
        let held: i64 = on_it.map(|hold| hold.amount.get()).sum();
        world += balance.posted.get();
        assert_eq!((balance.held.get(), balance.leased.get()), (held, 0), "{row:?}");
        assert_eq!(balance.available.get(), balance.posted.get() - held, "{row:?}");
        let is_floored = row.account.floor == Floor::Zero && id != account(CHANGING);
        assert!(!is_floored || balance.available.get() >= 0, "{row:?}");
    }
    assert_eq!(world, 0);
}

fn shown(ledger: &Books) -> String {
    format!("{:?} {:?}", ledger.accounts(), ledger.holds())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn promise_07_whatever_is_asked_the_books_balance_and_nothing_goes_below_zero(steps in prop::collection::vec(step(), 0..60)) {
        let ledger = Books::in_memory();
        open(&ledger);
        for step in &steps {
            take(&ledger, step);
            lawful(&ledger);
        }
        prop_assert!(ledger.verify().is_clean());
    }

    #[test]
    fn a_restart_between_any_two_steps_changes_no_outcome(
        steps in prop::collection::vec(step(), 0..60), more in prop::collection::vec(step(), 0..60)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ledger.db");
        let (through, ledger) = (Books::in_memory(), Books::Own(Ledger::open(&file).unwrap()));
        open(&through);
        open(&ledger);
        for step in &steps {
            prop_assert_eq!(take(&ledger, step), take(&through, step));
        }
        drop(ledger);
        let ledger = Books::Own(Ledger::open(&file).unwrap());
        prop_assert_eq!(shown(&ledger), shown(&through));
        // What was finished before the restart is known by its id, and what is new is new.
        for step in steps.iter().chain(&more) {
            prop_assert_eq!(take(&ledger, step), take(&through, step));
        }
        lawful(&ledger);
        prop_assert!(ledger.verify().is_clean());
    }

    #[test]
    fn the_same_steps_in_the_same_order_have_the_same_outcomes(steps in prop::collection::vec(step(), 0..60)) {
        let [first, second] = [Books::in_memory(), Books::in_memory()];
        open(&first);
        open(&second);
        for step in &steps {
            prop_assert_eq!(take(&first, step), take(&second, step));
        }
        prop_assert_eq!(shown(&first), shown(&second));
    }

    #[test]
    fn taking_every_step_twice_changes_nothing(steps in prop::collection::vec(step(), 0..60)) {
        let [once, twice] = [Books::in_memory(), Books::in_memory()];
        open(&once);
        open(&twice);
        for step in steps.iter().filter(|step| !matches!(step, Step::Expire { .. })) {
            take(&once, step);
            take(&twice, step);
            take(&twice, step);
        }
        prop_assert_eq!(shown(&once), shown(&twice));
    }
}

/// Takes the steps of each lane on a thread of its own, with the handles in turn, and tells their outcomes.
fn take_at_once(ledgers: &[Books], lanes: &[Vec<Step>]) -> Vec<Vec<String>> {
    let start = Barrier::new(lanes.len());
    let run = |lane: &[Step], ledger: &Books| {
        start.wait();
        lane.iter().map(|step| take(ledger, step)).collect()
    };
    let run = &run;
    std::thread::scope(|scope| {
        let lanes = lanes.iter().zip(ledgers.iter().cycle());
        let threads: Vec<_> = lanes.map(|(lane, ledger)| scope.spawn(move || run(lane, ledger))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Opens accounts of which wallets and limits have something to lose.
fn fund(ledger: &Books) {
    open(ledger);
    for to in WALLETS.start..LIMITS.end {
        take(ledger, &Step::TopUp { id: 200 + to, to, amount: 300 });
    }
}

/// What was seen of lanes whose steps were taken at once.
struct Seen<'a> {
    lanes: &'a [Vec<Step>],
    outcomes: &'a [Vec<String>],
    end: &'a str,
}

impl Seen<'_> {
    /// Whether the steps can go on behind `order`, lane by lane, one after the other, so that each has the outcome that
    /// was seen and all end in the state that was seen. `tried` are the places from which they cannot.
    fn has_serial_order(&self, order: &mut Vec<usize>, tried: &mut HashSet<(Vec<usize>, String)>) -> bool {
        let ledger = Books::in_memory();
        fund(&ledger);
        let mut taken = vec![0; self.lanes.len()];
        for lane in order.iter().copied() {
            if take(&ledger, &self.lanes[lane][taken[lane]]) != self.outcomes[lane][taken[lane]] {
                return false;
            }
            taken[lane] += 1;
        }
        let state = shown(&ledger);
        let left = |lane: &usize| taken[*lane] < self.lanes[*lane].len();
        if !(0..self.lanes.len()).any(|lane| left(&lane)) {
            return state == self.end;
        }
        if !tried.insert((taken.clone(), state)) {
            return false;
        }
        (0..self.lanes.len()).filter(left).any(|lane| {
            order.push(lane);
            let found = self.has_serial_order(order, tried);
            order.pop();
            found
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_interleaving_of_callers_equals_some_serial_order(
        lanes in prop::collection::vec(prop::collection::vec(step_of(0..4), 1..6), 2..4)
    ) {
        has_some_serial_order(&[Books::in_memory()], &lanes);
    }
}

/// Takes the lanes at once, and checks that some order of their steps, one after the other, explains all that was seen.
fn has_some_serial_order(ledgers: &[Books], lanes: &[Vec<Step>]) {
    let ledger = &ledgers[0];
    fund(ledger);
    let outcomes = take_at_once(ledgers, lanes);
    lawful(ledger);
    let end = shown(ledger);
    let seen = Seen { lanes, outcomes: &outcomes, end: &end };
    assert!(seen.has_serial_order(&mut Vec::new(), &mut HashSet::new()), "{outcomes:?}");
    assert!(ledger.verify().is_clean());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_database_decides_as_memory_does(steps in prop::collection::vec(step(), 0..60)) {
        let Some(shared) = Books::in_database() else { return Ok(()) };
        let own = Books::in_memory();
        open(&shared);
        open(&own);
        for step in &steps {
            prop_assert_eq!(take(&shared, step), take(&own, step), "{:?}", step);
        }
        prop_assert_eq!(shown(&shared), shown(&own));
        prop_assert_eq!(shared.entries(), own.entries());
        lawful(&shared);
        prop_assert!(shared.verify().is_clean());
    }

    #[test]
    fn any_interleaving_of_two_processes_on_a_database_equals_some_serial_order(
        lanes in prop::collection::vec(prop::collection::vec(step_of(0..4), 1..6), 2..4)
    ) {
        let Some(server) = Postgres::shared() else { return Ok(()) };
        let database = server.database();
        has_some_serial_order(&[(); 2].map(|()| Books::Shared(connect(&database))), &lanes);
    }
}
