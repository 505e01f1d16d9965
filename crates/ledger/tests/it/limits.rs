//! Limits that change: raised, lowered, and begun anew.

use crate::table::check;
use opencredits_ledger::{
    Capture, ChangeLimit, Floor, Ledger, LedgerError, Leg, LimitChange, OnShortfall, OpenAccount, PlaceHold, Transfer,
};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use proptest::prelude::*;
use std::collections::HashMap;

const START: &str = "
    account C none
    account P none
    account W zero
    account S none
    account L zero S
    transfer T1 C W 1000   | ok
    limit X1 L C 100       | ok
    balance L              | 100 0 100
";

fn after_start(table: &str) {
    check(&format!("{START}{table}"));
}

#[test]
fn a_limit_counts_what_was_spent_of_it_however_often_its_amount_changes() {
    after_start(
        "
        hold H1 W+L 60         | 940
        capture H1 P=40        | 40/40
        balance L              | 60 0 60
        balance S              | 40 0 40
        limit X2 L C 150       | ok
        balance L              | 110 0 110
        limit X3 L C 50        | ok
        balance L              | 10 0 10
        hold H2 W+L 11         | L needs 11 has 10
        hold H2 W+L 10         | 950
        void H2                | ok
        limit X4 L C 100       | ok
        balance L              | 60 0 60
        balance S              | 40 0 40
    ",
    );
}

#[test]
fn a_limit_below_what_was_spent_gives_nothing_and_loses_nothing_when_it_is_raised_again() {
    after_start(
        "
        hold H1 W+L 80         | 920
        capture H1 P=80        | 80/80
        limit X2 L C 30        | ok
        balance L              | -50 0 -50
        hold H2 W+L 1          | L needs 1 has -50
        reopen
        balance L              | -50 0 -50
        limit X3 L C 100       | ok
        balance L              | 20 0 20
        hold H3 W+L 21         | L needs 21 has 20
    ",
    );
}

#[test]
fn a_limit_lowered_below_its_open_holds_honours_them_and_takes_no_other() {
    after_start(
        "
        hold H1 W+L 40         | 960
        hold H2 W+L 50         | 910
        limit X2 L C 30        | ok
        balance L              | 30 90 -60
        hold H3 W+L 1          | L needs 1 has -60
        reopen
        capture H1 P=40        | 40/40
        balance L              | -10 50 -60
        capture H2 P=10        | 10/10
        balance L              | -20 0 -20
        balance S              | 50 0 50
        balance W              | 950 0 950
        balance BAD            | 0 0 0
        hold H3 W+L 1          | L needs 1 has -20
        limit X3 L C 60        | ok
        balance L              | 10 0 10
        hold H4 W+L 10         | 940
    ",
    );
}

#[test]
fn a_lowered_limit_pays_no_charge_above_its_hold() {
    after_start(
        "
        hold H1 W+L 40         | 960
        limit X2 L C 20        | ok
        capture H1 P=45        | 45/40
        balance BAD            | -5 0 -5
        balance L              | -20 0 -20
    ",
    );
}

#[test]
fn a_restart_gives_the_whole_amount_once_and_open_holds_count_when_they_are_captured() {
    after_start(
        "
        hold H1 W+L 60         | 940
        capture H1 P=60        | 60/60
        hold H2 W+L 30         | 910
        limit D1 L restart     | ok
        balance L              | 100 30 70
        balance S              | 0 0 0
        capture H2 P=20        | 20/20
        balance L              | 80 0 80
        balance S              | 20 0 20
        limit D1 L restart     | ok again
        reopen
        limit D1 L restart     | ok again
        balance L              | 80 0 80
        limit D2 L restart     | ok
        balance L              | 100 0 100
    ",
    );
}

#[test]
fn a_restart_gives_the_amount_that_the_limit_has_then() {
    after_start(
        "
        hold H1 W+L 60         | 940
        capture H1 P=60        | 60/60
        limit X2 L C 40        | ok
        balance L              | -20 0 -20
        limit D1 L restart     | ok
        balance L              | 40 0 40
        limit X3 L C 0         | ok
        hold H2 W+L 1          | L needs 1 has 0
        limit D2 L restart     | ok
        balance L              | 0 0 0
    ",
    );
}

#[test]
fn a_change_is_decided_once_under_its_id_and_only_for_limits() {
    after_start(
        "
        limit X1 L C 100       | ok again
        limit X1 L C 90        | mismatch
        limit X1 L restart     | mismatch
        limit T1 L restart     | mismatch
        limit 0 L restart      | mismatch
        limit X5 W C 10        | W is no limit
        limit X5 C restart     | C is no limit
        limit X5 N restart     | no account N
        limit X5 L N 10        | no account N
        limit X5 L S 10        | L is no limit
        limit X5 L L 10        | L is no limit
        limit X5 L C -1        | amount
        limit X5 L W 2000      | W needs 1900 has 1000
        balance L              | 100 0 100
        transfer X1 C W 100    | mismatch
    ",
    );
}

#[derive(Debug, Clone)]
enum Step {
    Hold { id: u8, amount: i64 },
    Capture { id: u8, charge: i64 },
    Void { id: u8 },
    Amount(i64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let amount = 0_i64..200;
    prop_oneof![
        (any::<u8>(), amount.clone()).prop_map(|(id, amount)| Step::Hold { id: id % 8, amount }),
        (any::<u8>(), amount.clone()).prop_map(|(id, charge)| Step::Capture { id: id % 8, charge }),
        any::<u8>().prop_map(|id| Step::Void { id: id % 8 }),
        amount.prop_map(Step::Amount),
        Just(Step::Restart),
    ]
}

const WALLET: u128 = 1;
const SOURCE: u128 = 2;
const SPENT: u128 = 3;
const LIMIT: u128 = 4;
const PAYABLE: u128 = 5;
const BAD_DEBT: u128 = 6;

/// What a limit is by its definition: an amount, what was spent of it, and what is held.
#[derive(Default)]
struct Model {
    amount: i64,
    spent: i64,
    holds: HashMap<u8, i64>,
}

impl Model {
    fn available(&self) -> i64 {
        self.amount - self.spent - self.holds.values().sum::<i64>()
    }
}

struct Run {
    ledger: Ledger,
    model: Model,
    /// The ids of holds: each is used once.
    ids: HashMap<u8, EntryId>,
    next: u128,
}

impl Run {
    fn new() -> Self {
        let ledger = Ledger::in_memory().unwrap();
        for n in [SOURCE, SPENT, PAYABLE, BAD_DEBT] {
            open(&ledger, n, Floor::None, None);
        }
        open(&ledger, WALLET, Floor::Zero, None);
        open(&ledger, LIMIT, Floor::Zero, Some(AccountId::from_bits(SPENT)));
        let (from, to) = (AccountId::from_bits(SOURCE), AccountId::from_bits(WALLET));
        let id = EntryId::from_bits(1 << 60);
        let transfer = Transfer { id, from, to, amount: NanoUsd::new(1 << 40), memo: b"" };
        ledger.transfer(transfer, UnixMs::new(1)).unwrap().accepted();
        Self { ledger, model: Model::default(), ids: HashMap::new(), next: 1 << 90 }
    }

    fn fresh(&mut self) -> EntryId {
        self.next += 1;
        EntryId::from_bits(self.next)
    }

    fn take(&mut self, step: &Step) {
        let now = UnixMs::new(1);
        match *step {
            Step::Hold { id, amount } => {
                if self.model.holds.contains_key(&id) {
                    return;
                }
                let hold = PlaceHold {
                    id: self.fresh(),
                    payer: AccountId::from_bits(WALLET),
                    limits: &[AccountId::from_bits(LIMIT)],
                    amount: NanoUsd::new(amount),
                    expires_at: UnixMs::new(10),
                };
                let placed = self.ledger.place_hold(hold, now).map(|held| held.accepted());
                assert_eq!(placed.is_ok(), amount <= self.model.available(), "{placed:?}");
                if placed.is_ok() {
                    self.model.holds.insert(id, amount);
                    self.ids.insert(id, hold.id);
                }
            }
            Step::Capture { id, charge } => {
                let Some(held) = self.model.holds.remove(&id) else { return };
                // Its hold is honoured, and what is free beside it pays for more.
                let free = (self.model.available() - held).max(0);
                let collected = charge.min(free + held);
                let leg = Leg {
                    to: AccountId::from_bits(PAYABLE),
                    amount: NanoUsd::new(charge),
                    on_shortfall: OnShortfall::Full,
                };
                let bad_debt = AccountId::from_bits(BAD_DEBT);
                let capture = Capture { hold: self.ids[&id], legs: &[leg], bad_debt, memo: b"" };
                let captured = self.ledger.capture(capture, now).unwrap().accepted();
                assert_eq!(captured.collected.get(), collected);
                self.model.spent += collected;
            }
            Step::Void { id } => {
                if self.model.holds.remove(&id).is_some() {
                    self.ledger.void(self.ids[&id], now).unwrap().accepted();
                }
            }
            Step::Amount(to) => {
                let from = AccountId::from_bits(SOURCE);
                self.change(LimitChange::Amount { amount: NanoUsd::new(to), from });
                self.model.amount = to;
            }
            Step::Restart => {
                self.change(LimitChange::Restart);
                self.model.spent = 0;
            }
        }
    }

    /// Makes a change twice, of which once counts.
    fn change(&mut self, change: LimitChange) {
        let change = ChangeLimit { id: self.fresh(), limit: AccountId::from_bits(LIMIT), change, memo: b"" };
        for _ in 0..2 {
            self.ledger.change_limit(change, UnixMs::new(1)).unwrap().accepted();
        }
    }
}

fn open(ledger: &Ledger, n: u128, floor: Floor, contra: Option<AccountId>) {
    ledger.open_account(OpenAccount { id: AccountId::from_bits(n), floor, contra }, UnixMs::new(1)).unwrap().accepted();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_is_asked_a_limit_has_its_amount_less_what_was_spent_and_is_held(
        steps in prop::collection::vec(step(), 0..80)
    ) {
        let mut run = Run::new();
        for step in &steps {
            run.take(step);
            let balance = run.ledger.balance(AccountId::from_bits(LIMIT)).unwrap();
            prop_assert_eq!(balance.available.get(), run.model.available());
            prop_assert_eq!(run.ledger.balance(AccountId::from_bits(SPENT)).unwrap().posted.get(), run.model.spent);
        }
        run.ledger.flush().unwrap();
        prop_assert!(run.ledger.verify().unwrap().is_clean());
    }
}

#[test]
fn changes_and_holds_at_once_never_hold_more_than_the_amount() {
    let run = Run::new();
    let ledger = &run.ledger;
    let limit = AccountId::from_bits(LIMIT);
    let held = std::sync::atomic::AtomicI64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u128 {
            let held = &held;
            scope.spawn(move || {
                for n in 0..200_u128 {
                    let id = EntryId::from_bits((1 << 100) + thread * 1_000 + n);
                    let (payer, amount, now) = (AccountId::from_bits(WALLET), NanoUsd::new(1), UnixMs::new(1));
                    let hold = PlaceHold { id, payer, limits: &[limit], amount, expires_at: UnixMs::new(10) };
                    match ledger.place_hold(hold, now).map(|done| done.accepted()) {
                        Ok(_) => drop(held.fetch_add(1, std::sync::atomic::Ordering::SeqCst)),
                        Err(LedgerError::InsufficientFunds { account, .. }) => assert_eq!(account, limit),
                        Err(error) => panic!("{error}"),
                    }
                    let amount = NanoUsd::new(if n % 2 == 0 { 100 } else { 50 });
                    let change = LimitChange::Amount { amount, from: AccountId::from_bits(SOURCE) };
                    let id = EntryId::from_bits((1 << 101) + thread * 1_000 + n);
                    ledger.change_limit(ChangeLimit { id, limit, change, memo: b"" }, now).unwrap().accepted();
                }
            });
        }
    });
    let held = held.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(ledger.balance(limit).unwrap().held.get(), held);
    assert!((50..=100).contains(&held), "{held}");
}
