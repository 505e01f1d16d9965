//! A process that is killed while it projects leaves a read model from which the next one goes on.

use super::tests::House;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Makes the test's own program the process that is killed.
const FOLDER_VARIABLE: &str = "USAGE_CRASH_FOLDER";
const ROUND_VARIABLE: &str = "USAGE_CRASH_ROUND";
/// How many rounds are made: `TEST_CRASH_ROUNDS`, or a few.
const ROUNDS_VARIABLE: &str = "TEST_CRASH_ROUNDS";
const ROUNDS: u64 = 3;
/// Rounds from one check to the next.
const ROUNDS_UNCHECKED: u64 = 10;
/// Milliseconds between the requests of two rounds, so that ids rise.
const ROUND_MS: u64 = 100_000_000_000;

#[expect(clippy::disallowed_methods, reason = "how a test tells its own program, run again, what to be")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Requests and projections until it is killed.
#[tokio::test]
async fn projector() {
    let (Some(folder), Some(round)) = (variable(FOLDER_VARIABLE), variable(ROUND_VARIABLE)) else {
        return;
    };
    let round: u64 = round.parse().unwrap();
    let mut house = House::open(Path::new(&folder), round + 1, round * ROUND_MS).await;
    std::io::stdout().write_all(b"\nready\n").unwrap();
    loop {
        house.work();
        house.project().await;
    }
}

/// Runs a projector, and kills it so long after its beginning.
fn killed(folder: &Path, round: u64, after: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "usage::crash::projector", "--nocapture", "--test-threads=1"])
        .env(FOLDER_VARIABLE, folder)
        .env(ROUND_VARIABLE, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    assert!(output.lines().map_while(Result::ok).any(|line| line == "ready"), "the projector ended before it began");
    std::thread::sleep(after);
    assert!(child.try_wait().unwrap().is_none(), "the projector ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn the_read_model_of_a_killed_process_is_gone_on_with_and_misses_nothing() {
    let rounds = variable(ROUNDS_VARIABLE).map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    for round in 0..rounds {
        // Different moments, the same in every run: multiples of an odd number spread over 60 ms.
        killed(folder.path(), round, Duration::from_micros((round * 7_919) % 60_000));
        if (round + 1) % ROUNDS_UNCHECKED == 0 || round + 1 == rounds {
            let house = House::open(folder.path(), 0, (round + 1) * ROUND_MS - 1).await;
            house.compare().await;
            assert!(!house.entries().is_empty());
        }
    }
}
