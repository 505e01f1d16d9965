//! A follower gets every entry once, whatever the order of ids, wherever it stops, however often the ledger is opened.

use opencredits_ledger::{
    Capture, Checkpoint, EntryRow, Floor, Ledger, Leg, OnShortfall, OpenAccount, PlaceHold, Transfer,
};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const CLEARING: AccountId = AccountId::from_bits(1);
const WALLET: AccountId = AccountId::from_bits(2);
const PROVIDER: AccountId = AccountId::from_bits(3);

fn id(n: u64) -> EntryId {
    EntryId::from_bits((u128::from(NOW.get()) << 80) | u128::from(n))
}

fn open(path: &Path) -> Ledger {
    let ledger = Ledger::open(path).unwrap();
    for (id, floor) in [(CLEARING, Floor::None), (WALLET, Floor::Zero), (PROVIDER, Floor::None)] {
        ledger.open_account(OpenAccount { id, floor, contra: None }, NOW).unwrap().accepted();
    }
    ledger
}

fn top_up(ledger: &Ledger, id: EntryId) {
    let transfer = Transfer { id, from: CLEARING, to: WALLET, amount: NanoUsd::new(1_000), memo: b"" };
    ledger.transfer(transfer, NOW).unwrap().accepted();
}

fn begin(ledger: &Ledger, id: EntryId) {
    let expires_at = NOW.saturating_add_ms(60_000);
    let hold = PlaceHold { id, payer: WALLET, limits: &[], amount: NanoUsd::new(5), expires_at };
    ledger.place_hold(hold, NOW).unwrap().accepted();
}

fn end(ledger: &Ledger, hold: EntryId) {
    let legs = [Leg { to: PROVIDER, amount: NanoUsd::new(3), on_shortfall: OnShortfall::Full }];
    ledger.capture(Capture { hold, legs: &legs, bad_debt: PROVIDER, memo: b"m" }, NOW).unwrap().accepted();
}

/// A follower: what it made of the entries, and its checkpoint, which are kept in one step.
#[derive(Default, Clone)]
struct Follower {
    place: Vec<u8>,
    seen: BTreeMap<u128, u32>,
    restarts: u32,
}

impl Follower {
    fn checkpoint(&self) -> Checkpoint {
        if self.place.is_empty() { Checkpoint::default() } else { Checkpoint::from_bytes(&self.place).unwrap() }
    }

    /// One portion; whether there was one.
    fn step(&mut self, ledger: &Ledger, max: usize) -> bool {
        let from = self.checkpoint();
        let changes = ledger.changes(&from, max).unwrap();
        if changes.restarted {
            self.seen.clear();
            self.restarts += 1;
        }
        for EntryRow { id, .. } in &changes.entries {
            *self.seen.entry(id.bits()).or_default() += 1;
        }
        self.place = changes.next.to_bytes();
        changes.restarted || changes.next != from
    }

    fn catch_up(&mut self, ledger: &Ledger, max: usize) {
        while self.step(ledger, max) {}
        assert_eq!(ledger.behind(&self.checkpoint()).unwrap(), 0);
    }

    fn must_have_all(&self, ledger: &Ledger) {
        let all = ledger.entries(EntryId::default(), usize::MAX).unwrap();
        let expect: BTreeMap<u128, u32> = all.iter().map(|entry| (entry.id.bits(), 1)).collect();
        assert_eq!(self.seen, expect);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Begin,
    /// Ends the oldest or the newest open hold.
    End(bool),
    /// A transfer whose id is anywhere.
    TopUp(u64),
    Flush,
    Follow(usize),
    /// The follower dies after it took a portion and before it kept it.
    Lose,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Begin),
        4 => any::<bool>().prop_map(Step::End),
        1 => any::<u64>().prop_map(Step::TopUp),
        2 => Just(Step::Flush),
        3 => (1..4_usize).prop_map(Step::Follow),
        1 => Just(Step::Lose),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn each_entry_is_given_once(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        let mut ledger = open(&path);
        top_up(&ledger, id(1));
        let (mut follower, mut next, mut holds) = (Follower::default(), 2_u64, VecDeque::new());
        for step in steps {
            match step {
                Step::Begin => {
                    begin(&ledger, id(next));
                    holds.push_back(id(next));
                    next += 1;
                }
                Step::End(oldest) => {
                    let hold = if oldest { holds.pop_front() } else { holds.pop_back() };
                    hold.into_iter().for_each(|hold| end(&ledger, hold));
                }
                // Far below and far above the ids of holds.
                Step::TopUp(n) => top_up(&ledger, EntryId::from_bits(u128::from(n) << (n % 64) | 1 << 70)),
                Step::Flush => ledger.flush().unwrap(),
                Step::Follow(max) => drop(follower.step(&ledger, max)),
                Step::Lose => drop(follower.clone().step(&ledger, 2)),
                Step::Reopen => {
                    drop(ledger);
                    ledger = open(&path);
                }
            }
        }
        ledger.flush().unwrap();
        follower.catch_up(&ledger, 3);
        follower.must_have_all(&ledger);
        prop_assert_eq!(follower.restarts, 0);
    }

    #[test]
    fn damaged_checkpoints_never_panic(bytes: Vec<u8>) {
        let _ = Checkpoint::from_bytes(&bytes);
    }
}

#[test]
fn a_follower_of_an_older_copy_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let ledger = open(&path);
    top_up(&ledger, id(1));
    ledger.flush().unwrap();
    drop(ledger);
    let files = ["ledger.db", "ledger.db.head"];
    let kept: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(dir.path().join(file)).unwrap()).collect();
    let ledger = open(&path);
    top_up(&ledger, id(2));
    ledger.flush().unwrap();
    let mut follower = Follower::default();
    follower.catch_up(&ledger, 10);
    drop(ledger);
    for (file, bytes) in files.iter().zip(&kept) {
        std::fs::write(dir.path().join(file), bytes).unwrap();
    }
    // The older copy goes on otherwise: as many commits, with other entries.
    let ledger = open(&path);
    top_up(&ledger, id(3));
    ledger.flush().unwrap();
    follower.catch_up(&ledger, 10);
    assert_eq!(follower.restarts, 1);
    follower.must_have_all(&ledger);
}

#[test]
fn a_follower_that_lags_further_than_the_memory_reaches_misses_nothing() {
    let ledger = Ledger::in_memory().unwrap();
    for (id, floor) in [(CLEARING, Floor::None), (WALLET, Floor::Zero)] {
        ledger.open_account(OpenAccount { id, floor, contra: None }, NOW).unwrap().accepted();
    }
    let mut follower = Follower::default();
    follower.catch_up(&ledger, 100);
    // More than the commits in memory may have.
    let memo = vec![7; 4_000];
    for n in 1..=4_000 {
        let transfer = Transfer { id: id(n), from: CLEARING, to: WALLET, amount: NanoUsd::new(1), memo: &memo };
        ledger.transfer(transfer, NOW).unwrap().accepted();
        if n % 100 == 0 {
            ledger.flush().unwrap();
        }
    }
    assert_eq!(ledger.behind(&follower.checkpoint()).unwrap(), 4_000);
    follower.catch_up(&ledger, 100);
    follower.must_have_all(&ledger);
}
