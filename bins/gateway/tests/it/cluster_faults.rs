//! Gateways, workers and a database that are killed, paused, cut off, or have wrong clocks.

use crate::cluster_fixture::{Answer, CHARGE, Cluster, Running, WHOLE, now, under_load, within};
use crate::fixture::Fixture;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

/// Holds of a gateway that is gone are released within this time: after its last sign of life others wait for 30 s,
/// and longer on a busy machine: a worker that has missed a heartbeat itself judges nobody until it is steady.
const RELEASED: Duration = Duration::from_secs(90);
/// The jobs of a worker that is gone are run by another one within this time: its leases last for 60 s.
const TAKEN_OVER: Duration = Duration::from_secs(90);
/// And not before this time: they are renewed every 20 s, once a run has ended.
const LEASED: Duration = Duration::from_secs(30);
/// Jobs that keep their lease from run to run, the first every two seconds,
const ALL_THE_TIME: [&str; 3] = ["expire-holds", "project-usage", "renew-limits"];
/// and jobs that have a lease for each run, and run every ten minutes or hour.
const NOW_AND_THEN: [&str; 3] = ["forget-claims", "retention", "verify-books"];
/// After the database was away, requests are served within this time.
const SERVED_AGAIN: Duration = Duration::from_secs(10);
/// Rounds of kills and pauses, where the environment says nothing else.
const ROUNDS: u64 = 20;
/// A round in so many pauses a gateway and a worker until the holds of the one are released and the jobs of the other are taken over.
const LONG_PAUSE_EACH: u64 = 40;
/// How far clocks are behind and ahead where they are apart, in seconds.
const BEHIND: i64 = -240;
const AHEAD: i64 = 240;
/// From so many rounds on, it is seen at the end that no hold is left.
const MANY_ROUNDS: u64 = 100;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// What a gateway says of a request, and whether it knows it.
fn look_up(cluster: &Cluster, gateway: usize, secret: &str, answer: &Answer) -> String {
    cluster.gateways[gateway].get(&format!("/v1/generation?id={}", answer.generation()), secret)
}

#[test]
fn holds_of_a_gateway_that_is_killed_in_the_middle_of_streams_end_within_a_minute_and_the_others_go_on() {
    let Some(mut cluster) = Cluster::of(2, 1) else { return };
    let key = cluster.person("one", 1_000 * CHARGE);
    cluster.upstream.hold_streams();
    let begin =
        |gateway: usize, count: usize| -> Vec<Running> { (0..count).map(|_| cluster.stream(gateway, &key)).collect() };
    let (of_killed, of_other) = (begin(0, 5), begin(1, 3));
    cluster.has_in_flight(8);
    cluster.gateways[0].signal("-KILL");
    let mut answers = vec![cluster.chat(1, &key, WHOLE)];
    assert_eq!(answers[0].status(), 200, "{}", answers[0].0);
    let took = within(RELEASED, "the holds of the killed gateway end", || cluster.holds() == 3);
    eprintln!("released {took:?} after the kill");
    assert_eq!(cluster.charges_and_releases(), (1, 5));
    cluster.audit();
    cluster.upstream.release_streams();
    answers.extend(of_other.into_iter().map(Running::end));
    assert_eq!(cluster.check_charges(&answers), 4, "the others' streams came to their end");
    for stream in of_killed {
        let found = look_up(&cluster, 1, &key.secret, &stream.so_far());
        assert!(found.starts_with("HTTP/1.1 404"), "{found}");
    }
    cluster.restart_gateway(0);
    answers.push(cluster.chat(0, &key, WHOLE));
    assert_eq!(cluster.check_charges(&answers), 5);
    assert_eq!((cluster.charges_and_releases(), cluster.holds()), ((5, 5), 0), "nothing is charged once more");
}

#[test]
fn a_gateway_that_was_paused_until_its_hold_was_released_charges_once_when_it_goes_on() {
    let Some(cluster) = Cluster::of(2, 1) else { return };
    let key = cluster.person("one", 1_000 * CHARGE);
    cluster.upstream.hold_streams();
    let paused = cluster.stream(0, &key);
    cluster.has_in_flight(1);
    cluster.gateways[0].signal("-STOP");
    let took = within(RELEASED, "the hold of the paused gateway ends", || cluster.holds() == 0);
    eprintln!("released {took:?} after the pause began");
    assert_eq!(cluster.charges_and_releases(), (0, 1));
    cluster.upstream.release_streams();
    cluster.gateways[0].signal("-CONT");
    let mut answers = vec![paused.end()];
    assert!(answers[0].acknowledged().is_some(), "{}", answers[0].0);
    assert_eq!(cluster.charges_and_releases(), (1, 1), "charged late, and once");
    for gateway in [0, 1] {
        let found = look_up(&cluster, gateway, &key.secret, &answers[0]);
        assert!(found.starts_with("HTTP/1.1 200") && found.contains("\"total_cost\":0.00164,"), "{gateway}: {found}");
    }
    answers.push(cluster.chat(0, &key, WHOLE));
    assert_eq!(cluster.check_charges(&answers), 2, "it serves as before");
}

#[test]
fn requests_while_the_database_is_restarted_are_refused_clearly_and_none_that_was_answered_is_lost() {
    let Some(cluster) = Cluster::apart(2) else { return };
    let key = cluster.person("one", 1_000_000 * CHARGE);
    let answers = under_load(&cluster.addresses, (&key, 6), || {
        std::thread::sleep(seconds(1));
        cluster.server().kill("QUIT");
        std::thread::sleep(seconds(2));
        cluster.server().start_again();
        let since = now();
        for gateway in [0, 1] {
            within(SERVED_AGAIN, "requests are served again", || cluster.chat(gateway, &key, WHOLE).status() == 200);
        }
        eprintln!("served by all {:?} after the database", since.elapsed());
        std::thread::sleep(seconds(1));
    });
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status() != 200).collect();
    for answer in &refused {
        let is_clear = answer.status() == 503
            && answer.header("retry-after").is_some()
            && answer.0.contains("\"error_type\":\"server\"")
            && answer.0.contains("\"retryable\":true");
        assert!(is_clear, "{}", answer.0);
    }
    assert!(!refused.is_empty(), "whoever began something while the database was away was told");
    let served = cluster.check_charges(&answers);
    assert_eq!(served, answers.len() - refused.len(), "each answer came to its end");
    eprintln!("{served} served, {} refused", refused.len());
    within(SERVED_AGAIN, "no hold is left", || cluster.holds() == 0);
    cluster.audit();
}

/// The jobs that a process has run, by its log.
fn jobs_run(log: &str) -> BTreeSet<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let runs = lines.filter(|line| line["message"] == "a job has run");
    runs.map(|line| line["job"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_job_runs_at_one_worker_at_a_time_and_those_of_a_killed_worker_are_taken_over() {
    let Some(cluster) = Cluster::of(2, 2) else { return };
    let of_worker = |at: usize| jobs_run(&cluster.workers[at].log());
    within(seconds(20), "every job is run", || {
        let run = &of_worker(0) | &of_worker(1);
        ALL_THE_TIME.iter().chain(&NOW_AND_THEN).all(|job| run.contains(*job))
    });
    // Some have run several times by then.
    std::thread::sleep(seconds(6));
    let both = &of_worker(0) & &of_worker(1);
    assert!(both.is_empty(), "two workers have run {both:?}");
    let [first, second] = [0, 1].map(|at| cluster.workers[at].id());
    let others = format!("holder NOT LIKE '% {first} %' AND holder NOT LIKE '% {second} %'");
    assert_eq!(cluster.sql(&format!("SELECT name, holder FROM jobs WHERE {others}")), "");

    let killed = usize::from(!of_worker(0).contains("expire-holds"));
    let id = cluster.workers[killed].id();
    let token = || cluster.number("SELECT token FROM jobs WHERE name = 'expire-holds'");
    let before = token();
    cluster.workers[killed].signal("-KILL");
    let names = ALL_THE_TIME.join("', '");
    let of_killed = format!("SELECT count(*) FROM jobs WHERE name IN ('{names}') AND holder LIKE '% {id} %'");
    within(TAKEN_OVER, "the jobs of the killed worker are taken over", || cluster.number(&of_killed) == 0);
    assert!(token() > before);
    within(seconds(20), "the other worker runs them", || {
        ALL_THE_TIME.iter().all(|job| of_worker(1 - killed).contains(*job))
    });
    let of_gateways: BTreeSet<String> = cluster.gateways.iter().flat_map(|gateway| jobs_run(&gateway.log())).collect();
    assert_eq!(of_gateways, BTreeSet::new(), "gateways run none");
    assert_eq!(cluster.sql(&format!("SELECT name, holder FROM jobs WHERE {others}")), "");
}

/// A clock that differs from that of the machine.
const CLOCK: &str = include_str!("cluster_clock.c");
/// The variable that names what a process loads first.
const PRELOADED: &str = "LD_PRELOAD";

/// A library with a clock that is ahead by so many seconds. `None`, and a word on standard error, where there is no compiler.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn clock(folder: &Fixture, ahead: i64) -> Option<String> {
    let source = folder.file(&format!("clock{ahead}.c"), CLOCK);
    let (library, offset) = (format!("{source}.so"), format!("-DOFFSET={ahead}"));
    let Ok(made) = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, &source, &offset]).status() else {
        eprintln!("skipped: there is no compiler of C; Debian has it in the package gcc");
        return None;
    };
    assert!(made.success());
    Some(library)
}

/// The variables of a process with a clock. By the one that is ahead, holds of the other gateway are over when they are placed.
fn with(library: &str) -> [(&str, &str); 3] {
    let terms = [("OPENCREDITS_UPSTREAM_TOTAL_MS", "60000"), ("OPENCREDITS_LEDGER_HOLD_EXPIRY_MS", "70000")];
    [terms[0], terms[1], (PRELOADED, library)]
}

#[test]
fn holds_of_gateways_whose_clocks_are_minutes_apart_live_on_until_their_requests_end() {
    let Some(mut cluster) = Cluster::of(0, 0) else { return };
    let folder = Fixture::new();
    let (Some(behind), Some(ahead)) = (clock(&folder, BEHIND), clock(&folder, AHEAD)) else { return };
    cluster.add_gateways(1, &with(&behind));
    cluster.add_gateways(1, &with(&ahead));
    let key = cluster.person("one", 1_000 * CHARGE);
    cluster.upstream.hold_streams();
    let streams: Vec<Running> = (0..6).map(|at| cluster.stream(at % 2, &key)).collect();
    cluster.has_in_flight(6);
    cluster.add_worker(&with(&ahead));
    let looks = || cluster.workers[0].log().matches("\"job\":\"expire-holds\"").count();
    within(seconds(30), "the worker looks for holds to end", || looks() >= 3);
    assert_eq!((cluster.holds(), cluster.charges_and_releases()), (6, (0, 0)));
    cluster.upstream.release_streams();
    let answers: Vec<Answer> = streams.into_iter().map(Running::end).collect();
    assert_eq!(cluster.check_charges(&answers), 6);
    assert_eq!((cluster.holds(), cluster.charges_and_releases()), (0, (6, 0)), "each is charged by its own hold");
}

/// How often a worker has run a job, by its log.
fn runs(cluster: &Cluster, worker: usize, job: &str) -> u64 {
    let log = cluster.workers[worker].log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.map(|line| u64::from(line["message"] == "a job has run" && line["job"] == job)).sum()
}

/// Of two workers with these clocks the first one runs each job, once in its interval. After it is killed the second one does so once
/// the leases have ended, and the first one does not when it is there again.
fn check_jobs_of(clocks: [i64; 2]) {
    let Some(mut cluster) = Cluster::of(1, 0) else { return };
    let folder = Fixture::new();
    let [Some(first), Some(second)] = clocks.map(|ahead| clock(&folder, ahead)) else { return };
    cluster.add_worker(&[(PRELOADED, first.as_str())]);
    let all = || ALL_THE_TIME.iter().chain(&NOW_AND_THEN);
    within(seconds(20), "the first worker runs every job", || all().all(|job| runs(&cluster, 0, job) > 0));
    cluster.add_worker(&[(PRELOADED, second.as_str())]);

    let (since, before) = (now(), runs(&cluster, 0, ALL_THE_TIME[0]));
    std::thread::sleep(seconds(20));
    let (count, most) = (runs(&cluster, 0, ALL_THE_TIME[0]) - before, since.elapsed().as_secs() / 2 + 2);
    assert!((3..=most).contains(&count), "{count} runs, {most} at most");
    let check_second = |cluster: &Cluster| {
        for job in NOW_AND_THEN {
            assert_eq!((runs(cluster, 0, job), runs(cluster, 1, job)), (1, 0), "{job}");
        }
    };
    check_second(&cluster);
    for job in ALL_THE_TIME {
        assert_eq!(runs(&cluster, 1, job), 0, "{job}");
    }

    cluster.workers[0].signal("-KILL");
    let took = within(TAKEN_OVER, "the second worker runs the jobs of the first", || {
        ALL_THE_TIME.iter().all(|job| runs(&cluster, 1, job) > 0)
    });
    assert!(took >= LEASED, "the leases lasted for {took:?} only");
    check_second(&cluster);

    let before = runs(&cluster, 1, ALL_THE_TIME[0]);
    cluster.restart_worker(0);
    std::thread::sleep(seconds(10));
    assert!(runs(&cluster, 1, ALL_THE_TIME[0]) > before, "the second worker goes on");
    for job in all() {
        assert_eq!(runs(&cluster, 0, job), 0, "{job}");
    }
}

#[test]
fn a_worker_whose_clock_is_minutes_behind_runs_each_job_once_a_period_until_its_leases_move() {
    check_jobs_of([BEHIND, AHEAD]);
}

#[test]
fn a_worker_whose_clock_is_minutes_ahead_runs_each_job_once_a_period_until_its_leases_move() {
    check_jobs_of([AHEAD, BEHIND]);
}

/// Xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn index(&mut self, bound: u64) -> usize {
        usize::try_from(self.below(bound)).unwrap()
    }
}

/// Kills or pauses one of four gateways and two workers.
fn disturb(cluster: &mut Cluster, random: &mut Random, round: u64) {
    let (gateway, worker) = (random.index(4), random.index(2));
    let pause = Duration::from_millis(100 + random.below(500));
    match random.below(4) {
        _ if round.is_multiple_of(LONG_PAUSE_EACH) => {
            let both = |signal: &str| {
                cluster.gateways[gateway].signal(signal);
                cluster.workers[worker].signal(signal);
            };
            paused(both, RELEASED);
        }
        0 => cluster.restart_gateway(gateway),
        1 => cluster.restart_worker(worker),
        2 => paused(|signal| cluster.gateways[gateway].signal(signal), pause),
        _ => paused(|signal| cluster.workers[worker].signal(signal), pause),
    }
    std::thread::sleep(Duration::from_millis(100));
}

fn paused(send: impl Fn(&str), pause: Duration) {
    send("-STOP");
    std::thread::sleep(pause);
    send("-CONT");
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how many there are")]
fn rounds() -> u64 {
    std::env::var("TEST_CLUSTER_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

#[test]
fn gateways_and_workers_that_are_killed_and_paused_at_random_under_load_lose_and_double_nothing() {
    let Some(mut cluster) = Cluster::of(0, 0) else { return };
    let folder = Fixture::new();
    for ahead in [BEHIND, AHEAD] {
        let clock = clock(&folder, ahead);
        let variables: Vec<(&str, &str)> = clock.iter().map(|library| (PRELOADED, library.as_str())).collect();
        cluster.add_gateways(2, &variables);
        cluster.add_worker(&variables);
    }
    let key = cluster.person("one", 1_000_000 * CHARGE);
    let (rounds, seed, addresses) = (rounds(), u64::from(std::process::id()) + 1, cluster.addresses.clone());
    eprintln!("{rounds} rounds from the seed {seed}");
    let mut random = Random(seed);
    let answers = under_load(&addresses, (&key, 8), || {
        for round in 1..=rounds {
            disturb(&mut cluster, &mut random, round);
            if round.is_multiple_of(10) {
                cluster.audit();
            }
        }
    });
    let acknowledged = cluster.check_charges(&answers);
    eprintln!("{acknowledged} of {} requests were acknowledged", answers.len());
    assert!(acknowledged > 0);
    if rounds >= MANY_ROUNDS {
        within(2 * RELEASED, "no hold is left", || cluster.holds() == 0);
        cluster.check_charges(&answers);
    }
}
