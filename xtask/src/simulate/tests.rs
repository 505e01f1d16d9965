//! Laws that every run keeps, whatever its parameters.

use super::figures::{Bound, Figures};
use super::model::Model;
use super::numbers::wide;
use super::parameters::Parameters;
use clap::Parser;

#[derive(Parser)]
#[command(args_override_self = true)]
struct Line {
    #[command(flatten)]
    parameters: Parameters,
}

/// The parameters of a short run, and what the line says.
fn parameters(line: &str) -> Parameters {
    let short = "simulate --seconds 1 --persons 500 --gateways 4 --callers 4 ".to_owned() + line;
    let parameters = Line::parse_from(short.split_whitespace()).parameters;
    parameters.check().expect("they can be simulated");
    parameters
}

fn run(line: &str) -> Figures {
    Model::new(&parameters(line)).run()
}

/// Nothing costs time.
const FREE: &str = "--apply-us 0 --person-us 0 --head-apply-us 0 --batch-us 0 --head-us 0 --end-us 0 --wait-us 0 \
    --client-us 0 --client-batch-us 0 --caller-us 0";

/// Runs of every kind.
const KINDS: [&str; 14] = [
    "",
    "--durable all",
    "--durable captures --standby-us 1000 --mark",
    "--commit-form apart",
    "--commit-form early --durable all --standby-us 500",
    "--shards 3",
    "--shards 3 --servers 2 --affinity",
    "--writers 1 --batch-max 1 --skew 120",
    "--cores 1 --client-us 20 --together",
    "--cores 2 --together --writers 2 --order turn --wal-file-ms 5 --durable all",
    "--rate 30 --request-ms 200",
    "--total-rate 20000",
    "--persons 1 --gateways 10",
    "--writers 3 --wait-us 0 --caller-us 0 --commit-us 0",
];

#[test]
fn the_same_seed_has_the_same_result() {
    for line in KINDS {
        let first = run(line);
        assert_eq!(first, run(line), "{line}");
        assert_ne!(first.counts, run(&format!("{line} --seed 2")).counts, "{line}: another seed is another run");
    }
}

#[test]
fn every_command_is_answered_once() {
    for line in KINDS {
        let counts = run(line).counts;
        assert!(counts.asked > 100, "{line}: {} were asked", counts.asked);
        assert_eq!((counts.answered, counts.strays), (counts.asked, 0), "{line}");
    }
}

#[test]
fn a_single_caller_waits_for_two_round_trips_and_a_durable_commit() {
    let alone = "--gateways 1 --callers 1 --round-trip-us 301 --commit-us 700";
    let times = |line: &str| run(&format!("{FREE} {alone} {line}")).counts.holds;
    let all = |line: &str, us: u64| {
        let times = times(line);
        assert!(times.len() > 100, "{line}");
        assert!(times.iter().all(|time| *time == us * 1_000), "{line}: {:?} to {:?}", times.first(), times.last());
    };
    all("", 2 * 301);
    all("--durable all", 2 * 301 + 700);
    all("--durable all --standby-us 900", 2 * 301 + 700 + 900);
    all("--durable captures", 2 * 301);
    all("--commit-form apart", 3 * 301);
    all("--commit-form early --durable all --standby-us 900", 2 * 301 + 700 + 900);
    all("--shards 4", 2 * 301);
    all("--batch-us 80 --apply-us 6 --person-us 10 --end-us 7", 2 * 301 + 96 + 7);
    all("--client-us 9 --client-batch-us 4", 2 * 301 + 13);
    all("--client-us 9 --client-batch-us 4 --together", 2 * 301 + 13);
}

#[test]
fn the_head_bounds_the_throughput() {
    for line in KINDS {
        let parameters = parameters(line);
        let counts = Model::new(&parameters).run().counts;
        // A commit may have begun before the measured part.
        let time = parameters.measured() * wide(parameters.shards);
        let least = parameters.head_locked(1) * counts.head_commits.saturating_sub(wide(parameters.shards));
        assert!(least <= time, "{line}: {} commits", counts.head_commits);
        assert!(counts.head_locked <= time, "{line}");
        if let Some(bound) = parameters.head_bound(parameters.batch_max) {
            let at_most = (bound + wide(parameters.batch_max * parameters.shards)) * parameters.seconds;
            assert!(counts.pairs <= at_most, "{line}: {} pairs", counts.pairs);
        }
    }
}

#[test]
fn more_gateways_do_not_raise_the_total_beyond_the_bound() {
    for durable in ["none", "all"] {
        for gateways in [1, 3, 10, 30, 100] {
            let line = format!("--gateways {gateways} --durable {durable} --batch-max 8 --cores 64 --persons 50000");
            let (parameters, figures) = (parameters(&line), run(&line));
            let bound = parameters.head_bound(parameters.batch_max).expect("the head is locked for some time");
            assert!(figures.pairs_per_s <= bound + 8, "{line}: {} of {bound}", figures.pairs_per_s);
            if gateways == 100 {
                assert_eq!(figures.bound, Bound::Head, "{line}: {figures:?}");
            }
        }
    }
}

#[test]
fn cores_are_never_busier_than_they_can_be() {
    for line in KINDS {
        let parameters = parameters(line);
        let figures = Model::new(&parameters).run();
        assert!(figures.cores_busy_permille <= 1_000, "{line}");
        assert!(figures.wallet_locked_permille <= 1_000, "{line}");
    }
    let figures = run("--cores 1 --gateways 20 --apply-us 500");
    assert_eq!(figures.bound, Bound::Cores, "{figures:?}");
}

#[test]
fn one_wallet_is_spent_by_one_transaction_at_a_time() {
    let line = format!("{FREE} --persons 1 --gateways 8 --callers 1 --round-trip-us 1000");
    let figures = run(&line);
    // The wallet is locked for a round trip: from the read to COMMIT.
    assert!((995..=1_001).contains(&figures.commits_per_s), "{figures:?}");
    assert_eq!(figures.bound, Bound::Wallets);
    let apart = run(&format!("{line} --affinity"));
    assert!(apart.pairs_per_s > figures.pairs_per_s, "a gateway alone puts them into one batch: {apart:?}");
}

#[test]
fn shards_raise_what_the_head_bounds() {
    let line = "--persons 5000 --gateways 40 --callers 8 --cores 64 --skew 0";
    let one = run(line);
    assert_eq!(one.bound, Bound::Head, "{one:?}");
    let four = run(&format!("{line} --shards 4"));
    assert!(four.pairs_per_s > one.pairs_per_s, "{} and {}", four.pairs_per_s, one.pairs_per_s);
}

#[test]
fn balances_are_changed_under_the_heads_lock() {
    let line = |us: u64| format!("--gateways 20 --cores 64 --wait-us 0 --person-us {us}");
    let (none, some) = (run(&line(0)), run(&line(1_000)));
    assert_eq!((none.bound, some.bound), (Bound::Head, Bound::Head));
    // The half of it, for at least one person of each batch.
    assert!(some.commits_per_s * 500 <= 1_000_000 * 2, "{some:?}");
    assert!(none.commits_per_s > some.commits_per_s * 2, "{none:?}");
}

#[test]
fn who_is_woken_for_the_head_takes_its_time() {
    let pairs = |us: u64| run(&format!("--gateways 40 --cores 64 --wait-us {us}")).pairs_per_s;
    let (soon, late) = (pairs(0), pairs(400));
    assert!(soon > late * 3 / 2, "{soon} and {late}");
}

#[test]
fn the_batches_of_a_gateway_are_decided_one_after_the_other() {
    let line = format!("{FREE} --gateways 1 --writers 8 --callers 64 --client-us 100");
    for cores in ["", "--together --cores 16"] {
        let figures = run(&format!("{line} {cores}"));
        assert!((4_900..=5_100).contains(&figures.pairs_per_s), "{cores}: two commands of 100 us a pair: {figures:?}");
        assert_eq!(figures.cores_busy_permille > 0, !cores.is_empty(), "{figures:?}");
    }
}

#[test]
fn callers_that_ask_again_later_are_in_the_batch_after_the_next() {
    let commands = |us: u64| {
        let line = format!("--gateways 1 --callers 64 --persons 100000 --caller-us {us}");
        run(&line).commands_per_commit_x10
    };
    let (at_once, later) = (commands(0), commands(20));
    assert!(at_once > 600, "{at_once}");
    assert!((250..=400).contains(&later), "{later}");
}

#[test]
fn persons_that_ask_in_turn_do_not_meet() {
    let waits = |line: &str| run(&format!("--gateways 10 --callers 8 {line}")).counts.times.wallets;
    assert!(waits("") > 0);
    assert_eq!(waits("--order turn"), 0);
}

#[test]
fn a_new_file_of_the_log_delays_every_hundredth_hold() {
    let p99 = |ms: u64| {
        let line = format!("--durable all --callers 128 --persons 100000 --wal-file-ms {ms}");
        run(&line).hold_p99_us
    };
    let (none, long) = (p99(0), p99(60));
    assert!(long > none + 30_000, "{none} and {long}");
}

#[test]
fn accepted_charges_are_at_risk_and_durable_ones_are_not() {
    let at_risk = |line: &str| run(line).unflushed_charges_max;
    assert_eq!(at_risk("--durable all"), 0);
    assert_eq!(at_risk("--durable captures"), 0);
    let (short, long) = (at_risk("--wal-writer-ms 50"), at_risk("--wal-writer-ms 400"));
    assert!(0 < short && short < long, "{short} and {long}");
}

#[test]
fn a_person_whose_requests_go_to_one_gateway_is_exposed_there_alone() {
    let line = "--persons 20 --gateways 10 --rate 20 --request-ms 300";
    assert_eq!(run(&format!("{line} --affinity")).exposed_gateways_max, 1);
    assert!(run(line).exposed_gateways_max > 3);
}

#[test]
fn holds_are_refused_where_too_many_wait() {
    let counts = run("--gateways 1 --writers 1 --batch-max 1 --batch-us 2000 --total-rate 50000 ").counts;
    assert!(counts.refused > 0, "{} wait", counts.waiting);
    assert_eq!((counts.answered, counts.strays), (counts.asked, 0));
}

#[test]
fn the_load_that_a_ledger_carries_is_found() {
    let base = parameters("--cores 64");
    let (found, figures) = super::capacity::find(&base);
    let rate = found.total_rate.expect("a load was looked for");
    assert_eq!(figures.bound, Bound::Load);
    assert!(figures.hold_p99_us <= base.hold_p99_max_ms * 1_000, "{figures:?}");
    let more = Parameters { total_rate: Some(rate + rate / 8), ..found };
    let more = Model::new(&more).run();
    assert!(more.bound != Bound::Load || more.hold_p99_us > base.hold_p99_max_ms * 1_000, "{rate}: {more:?}");
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    for name in ["gateways", "writers", "shards", "persons", "batch-max", "cores", "wal-writer-ms", "seconds"] {
        let line = format!("simulate --{name} 0");
        let refused = Line::parse_from(line.split_whitespace()).parameters.check();
        assert!(refused.is_err_and(|error| error.to_string().contains(name)), "{name}");
    }
}
