//! A writer that is killed at a random moment loses nothing that it was told is on disk.

use opencredits_ledger::{
    Capture, EntryKind, Floor, Ledger, Leg, MEMO_BYTES_MAX, OnShortfall, OpenAccount, PlaceHold, Transfer,
};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const CLEARING: AccountId = AccountId::from_bits(1);
const WALLET: AccountId = AccountId::from_bits(2);
const PROVIDER: AccountId = AccountId::from_bits(3);
/// Threads of the writer.
const WRITERS: u64 = 4;
/// What every hold is for, and what is captured of it.
const HELD: i64 = 10;
const CHARGED: i64 = 3;
/// Makes the test's own program the writer.
const FILE_VARIABLE: &str = "LEDGER_CRASH_FILE";
const FIRST_VARIABLE: &str = "LEDGER_CRASH_FIRST";
/// How many rounds are made: `TEST_CRASH_ROUNDS`, or a few.
const ROUNDS_VARIABLE: &str = "TEST_CRASH_ROUNDS";
const ROUNDS: u64 = 5;
/// Rounds from one check to the next.
const ROUNDS_UNCHECKED: u64 = 20;
/// What ends a process at once.
const SIGKILL: i32 = 9;
/// Ids of one round, and from where on they are those of linked transfers.
const ROUND_IDS: u64 = 1 << 32;
const BULK: u64 = ROUND_IDS / 2;
/// Transfers that are linked.
const LINKED: u64 = 32;

fn id(n: u64) -> EntryId {
    EntryId::from_bits((u128::from(NOW.get()) << 80) | u128::from(n))
}

/// The writer: holds, captures or voids, and prints the number of each request once its decision is on disk.
#[test]
fn writer() {
    let (Some(file), Some(first)) = (crate::variable(FILE_VARIABLE), crate::variable(FIRST_VARIABLE)) else {
        return;
    };
    let first: u64 = first.parse().unwrap();
    let ledger = Ledger::open(file).unwrap();
    for (account, floor) in [(CLEARING, Floor::None), (WALLET, Floor::Zero), (PROVIDER, Floor::None)] {
        ledger.open_account(OpenAccount { id: account, floor, contra: None }, NOW).unwrap().accepted();
    }
    let top_up = Transfer { id: id(first), from: CLEARING, to: WALLET, amount: NanoUsd::new(1 << 40), memo: b"" };
    ledger.transfer(top_up, NOW).unwrap().wait().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let ledger = &ledger;
            scope.spawn(move || (0..BULK / WRITERS).for_each(|n| request(ledger, first + 1 + writer + n * WRITERS)));
        }
        (0..BULK / LINKED).for_each(|n| bulk(&ledger, first + BULK + n * LINKED));
    });
}

/// Fills the log, so that it is folded into the file every few rounds.
fn bulk(ledger: &Ledger, n: u64) {
    let memo = [7; MEMO_BYTES_MAX];
    let transfer = |n| Transfer { id: id(n), from: CLEARING, to: WALLET, amount: NanoUsd::new(1), memo: &memo };
    let transfers: Vec<_> = (n..n + LINKED).map(transfer).collect();
    ledger.transfer_linked(&transfers, NOW).unwrap().wait().unwrap();
    std::io::stdout().write_all(format!("\ndone {n}\n").as_bytes()).unwrap();
}

fn request(ledger: &Ledger, n: u64) {
    let expires_at = NOW.saturating_add_ms(1);
    let hold = PlaceHold { id: id(n), payer: WALLET, limits: &[], amount: NanoUsd::new(HELD), expires_at };
    ledger.place_hold(hold, NOW).unwrap().accepted();
    match n % 3 {
        0 => drop(ledger.void(id(n), NOW).unwrap().wait().unwrap()),
        1 => {
            let leg = Leg { to: PROVIDER, amount: NanoUsd::new(CHARGED), on_shortfall: OnShortfall::Full };
            let capture = Capture { hold: id(n), legs: &[leg], bad_debt: CLEARING, memo: b"usage" };
            ledger.capture(capture, NOW).unwrap().wait().unwrap();
        }
        // Stays held: the row must be there.
        _ => ledger.flush().unwrap(),
    }
    // One write: a line is whole or not there.
    std::io::stdout().write_all(format!("\ndone {n}\n").as_bytes()).unwrap();
}

/// Runs a writer, kills it so long after its first decision was on disk, and gives the numbers of all that were.
fn killed(file: &Path, first: u64, after: Duration) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::writer", "--nocapture", "--test-threads=1"])
        .env(FILE_VARIABLE, file)
        .env(FIRST_VARIABLE, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let (sender, numbers) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let told = lines.filter_map(|line| line.strip_prefix("done ")?.parse().ok());
        told.for_each(|number| sender.send(number).unwrap());
    });
    let Ok(number) = numbers.recv() else {
        panic!("the writer ended before anything was on disk");
    };
    let mut done = vec![number];
    std::thread::sleep(after);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(SIGKILL), "the writer ended by itself");
    reader.join().unwrap();
    done.extend(numbers);
    done
}

fn check_round(file: &Path, done: &[u64]) {
    let ledger = Ledger::open(file).unwrap();
    for n in done {
        match n % 3 {
            _ if n % ROUND_IDS >= BULK => {
                let all = (*n..n + LINKED).all(|n| ledger.entry(id(n)).unwrap().is_some());
                assert!(all, "of the transfers linked to {n} some are lost");
            }
            2 => assert!(ledger.hold(id(*n)).is_some(), "the hold {n} is lost"),
            rest => {
                let entry = ledger.entry(id(*n)).unwrap();
                let kind = if rest == 0 { EntryKind::Void } else { EntryKind::Capture };
                assert_eq!(entry.map(|entry| entry.kind), Some(kind), "the entry {n} is lost");
            }
        }
    }
    let report = ledger.verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}

#[test]
fn nothing_that_was_told_to_be_on_disk_is_lost_when_the_writer_is_killed() {
    let rounds = crate::variable(ROUNDS_VARIABLE).map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let (mut unchecked, mut total) = (Vec::new(), 0);
    for round in 0..rounds {
        let file = dir.path().join(format!("ledger-{}.db", round / ROUNDS_UNCHECKED));
        // Different moments, the same in every run: multiples of an odd number spread over 80 ms.
        let after = Duration::from_micros((round * 7_919) % 80_000);
        unchecked.extend(killed(&file, round * ROUND_IDS, after));
        // A check closes the file, which folds its log. Between checks the log of one writer is left to the next, so that
        // it grows until a writer folds it, and may be killed while it does.
        if (round + 1) % ROUNDS_UNCHECKED == 0 || round + 1 == rounds {
            total += unchecked.len();
            check_round(&file, &std::mem::take(&mut unchecked));
            std::fs::remove_file(file).unwrap();
        }
    }
    println!("{rounds} rounds, {total} decisions told to be on disk, none lost");
}

#[test]
fn a_log_that_is_cut_after_a_kill_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    killed(&file, 0, Duration::ZERO);
    let log = std::fs::File::options().write(true).open(dir.path().join("ledger.db-wal")).unwrap();
    log.set_len(log.metadata().unwrap().len() / 2).unwrap();
    let told = Ledger::open(&file).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told.contains("commits, with ") && told.contains("are missing"), "{told}");
    assert!(Ledger::accept_loss(&file).unwrap().is_some());
    assert!(Ledger::open(&file).unwrap().verify().unwrap().is_clean());
}
