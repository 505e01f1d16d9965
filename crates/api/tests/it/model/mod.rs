//! Random sequences of what may happen to a whole service, against a small model of its books.
//!
//! After each step the ledger is verified, the balance sheet has no difference in any currency, both books of the
//! processor agree, and every balance is the one that the model predicts: wallets, debts, frozen credits, limits,
//! partners' earnings and debts, revenue, and the money at the processor.
//!
//! A failing sequence is shrunk before it is printed. `TEST_MODEL_SEEDS` runs more of them, and
//! `TEST_MODEL_SEED` one.

mod checks;
mod deeds;
mod mails;
mod reference;
mod steps;
mod world;

use crate::engine::OnlyOnFiles;
use deeds::{Run, Tally};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use steps::{Step, sequence};

const SEEDS: u64 = 200;
const LENGTH: usize = 40;
/// Runs of a failing sequence with a step less.
const SHRINKS_MAX: usize = 300;

/// Runs a sequence, and says what was wrong at which step.
fn outcome(seed: u64, steps: &[Step]) -> Result<Tally, String> {
    let mut at = None;
    let told = catch_unwind(AssertUnwindSafe(|| {
        let mut run = Run::new(seed);
        for (number, step) in steps.iter().enumerate() {
            at = Some(number);
            run.step(number, *step);
        }
        run.tally()
    }));
    told.map_err(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
        format!("at step {at:?}: {}", words.unwrap_or_default())
    })
}

/// The same sequence without the steps that its failure does not need.
fn shrunk(seed: u64, mut steps: Vec<Step>) -> Vec<Step> {
    let mut tries = 0;
    let mut at = steps.len();
    while at > 0 && tries < SHRINKS_MAX {
        at -= 1;
        let mut fewer = steps.clone();
        fewer.remove(at);
        tries += 1;
        if outcome(seed, &fewer).is_err() {
            steps = fewer;
            // What a step needed may not be needed any more.
            at = at.min(steps.len());
        }
    }
    steps
}

fn check(seed: u64) -> Tally {
    let steps = sequence(seed, LENGTH);
    let first = match outcome(seed, &steps) {
        Ok(tally) => return tally,
        Err(first) => first,
    };
    let steps = shrunk(seed, steps);
    let mut told = format!("seed {seed} fails {first}\nshrunk to {} steps:\n", steps.len());
    for (number, step) in steps.iter().enumerate() {
        writeln!(told, "{number:3} {step}").unwrap();
    }
    let last = outcome(seed, &steps).err().unwrap_or_default();
    panic!("{told}{last}");
}

#[expect(clippy::disallowed_methods, reason = "who runs the tests says how long")]
fn number_in(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The seeds of one of two threads.
fn check_half(half: u64) {
    if OnlyOnFiles::Files.leaves_out() {
        return;
    }
    if let Some(seed) = number_in("TEST_MODEL_SEED") {
        if half == 0 {
            check(seed);
        }
        return;
    }
    let seeds = number_in("TEST_MODEL_SEEDS").unwrap_or(SEEDS);
    let mut all = Tally::new();
    for (what, times) in (0..seeds).filter(|seed| seed % 2 == half).flat_map(check) {
        *all.entry(what).or_default() += times;
    }
    // A test in which nothing happens finds nothing.
    for what in MUST_HAPPEN.iter().filter(|_| seeds >= SEEDS) {
        assert!(all.get(what).is_some_and(|times| *times >= 3), "{what}: {all:?}");
    }
}

/// What the sequences of each half must have had.
const MUST_HAPPEN: [&str; 17] = [
    "answers",
    "refused requests",
    "crashes",
    "bookings",
    "debts",
    "disputes of credits that were spent",
    "orders in euros",
    "top-ups",
    "commission taken back",
    "commission restored",
    "payouts",
    "refused payouts",
    "corrections",
    "refused corrections",
    "charges given back",
    "charges not given back",
    "refunds that were told",
];

#[test]
fn whatever_happens_every_balance_is_the_one_that_the_model_predicts() {
    check_half(0);
}

#[test]
fn whatever_else_happens_every_balance_is_the_one_that_the_model_predicts() {
    check_half(1);
}
