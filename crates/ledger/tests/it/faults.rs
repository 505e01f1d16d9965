//! Disks that fail: nothing is promised that is not kept.

use opencredits_ledger::{
    Finding, Floor, Ledger, LedgerError, OpenAccount, Options, PlaceHold, Replay, StorageError, Transfer, VerifyReport,
};
use opencredits_units::{AccountId, EntryId, NanoUsd, Progress, UnixMs};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const CLEARING: AccountId = AccountId::from_bits(1);
const WALLET: AccountId = AccountId::from_bits(2);
const FILE_VARIABLE: &str = "LEDGER_FAULTS_FILE";
/// Tells [`writer`] from [`flusher`]: a file that makes flushes fail while it is there.
const SIGN_VARIABLE: &str = "LEDGER_FLUSHES_FAIL";
/// The writer's bound on a file's size, in blocks of 512 bytes: a real EFBIG from the kernel, on the log and the file.
const FILE_BLOCKS_MAX: u64 = 600;

fn open(path: &Path) -> Ledger {
    let ledger = Ledger::open_with(path, Options { gather: Duration::ZERO }).unwrap();
    for (id, floor) in [(CLEARING, Floor::None), (WALLET, Floor::Zero)] {
        ledger.open_account(OpenAccount { id, floor, contra: None }, NOW).unwrap().wait().unwrap();
    }
    ledger
}

fn top_up(ledger: &Ledger, n: u128) -> Result<(), LedgerError> {
    let memo = [7; 2_000];
    let id = EntryId::from_bits((u128::from(NOW.get()) << 80) | n);
    let transfer = Transfer { id, from: CLEARING, to: WALLET, amount: NanoUsd::new(1), memo: &memo };
    ledger.transfer(transfer, NOW)?.wait().map(|_| ())
}

/// Fills the disk and checks what the ledger says of it; runs in a process of its own with a bound on files.
#[test]
fn writer() {
    let Some(file) = crate::variable(FILE_VARIABLE) else {
        return;
    };
    let ledger = open(Path::new(&file));
    let mut told = 0;
    let error = (0..100_000).map(|n| top_up(&ledger, n)).find_map(|outcome| match outcome {
        Ok(()) => {
            told += 1;
            None
        }
        Err(error) => Some(error),
    });
    assert!(matches!(error, Some(LedgerError::CommitUnknown)), "{error:?}");
    assert!(matches!(top_up(&ledger, 200_000), Err(LedgerError::Poisoned)), "it fails closed");
    assert!(matches!(ledger.reload(), Err(LedgerError::Storage(_))), "the disk is still full");
    assert!(!ledger.is_sound());
    assert!(ledger.verify().unwrap().is_clean());
    println!("\ntold {told}");
}

#[test]
fn a_full_disk_is_told_and_what_was_told_before_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    // A shell sets the bound; SIGXFSZ is ignored, so that the write fails instead of killing the process.
    let script = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS_MAX}; exec \"$0\" --exact faults::writer --nocapture");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(FILE_VARIABLE, &file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let told: i64 = text.lines().find_map(|line| line.strip_prefix("told ")).unwrap().parse().unwrap();
    assert!(told > 10, "the disk was full at once");
    // With room again the next process finds everything, and goes on.
    let ledger = open(&file);
    let balance = ledger.balance(WALLET).unwrap().posted.get();
    assert!(balance == told || balance == told + 1, "{balance} is on disk, {told} were told");
    top_up(&ledger, 300_000).unwrap();
    assert_eq!(ledger.balance(WALLET).unwrap().posted.get(), balance + 1);
    assert!(ledger.verify().unwrap().is_clean());
}

/// Copies the file and its log as a crash would leave them, and tells what a ledger finds in the copy.
fn balance_after_a_crash(file: &Path) -> NanoUsd {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ledger.db", "ledger.db-wal"] {
        std::fs::copy(file.with_file_name(name), dir.path().join(name)).unwrap();
    }
    let ledger = Ledger::open(dir.path().join("ledger.db")).unwrap();
    assert!(ledger.verify().unwrap().is_clean());
    ledger.balance(WALLET).unwrap().posted
}

/// Has flushes fail and checks what the ledger says of it; runs in a process of its own, with `flushes_fail.c`.
#[test]
fn flusher() {
    let (Some(file), Some(sign)) = (crate::variable(FILE_VARIABLE), crate::variable(SIGN_VARIABLE)) else {
        return;
    };
    let file = Path::new(&file);
    let ledger = open(file);
    top_up(&ledger, 1).unwrap();
    std::fs::write(&sign, "").unwrap();
    assert!(matches!(top_up(&ledger, 2), Err(LedgerError::CommitUnknown)));
    assert!(matches!(ledger.reload(), Err(LedgerError::Storage(_))), "flushes still fail");
    assert!(matches!(top_up(&ledger, 2), Err(LedgerError::Poisoned)), "it fails closed");
    std::fs::remove_file(&sign).unwrap();
    ledger.reload().unwrap();
    // The batch whose flush failed was whole in the log. What was read must be what any later reader finds.
    let found = ledger.balance(WALLET).unwrap().posted;
    assert_eq!(balance_after_a_crash(file), found);
    top_up(&ledger, 2).unwrap();
    assert_eq!(ledger.balance(WALLET).unwrap().posted, NanoUsd::new(2));
    assert_eq!(balance_after_a_crash(file), NanoUsd::new(2));
    println!("\nflushed");
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_reload_reads_after_a_failed_flush_is_what_a_crash_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("flushes_fail.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/flushes_fail.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status().unwrap();
    assert!(compiled.success());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::flusher", "--nocapture"])
        .env("LD_PRELOAD", &library)
        .env(FILE_VARIABLE, dir.path().join("ledger.db"))
        .env(SIGN_VARIABLE, dir.path().join("flushes-fail"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("flushed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_file_that_is_no_ledger_is_refused_at_the_door() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    std::fs::write(&file, vec![42; 8_192]).unwrap();
    assert!(matches!(Ledger::open(&file), Err(LedgerError::Storage(_))));
}

#[test]
fn a_row_that_was_damaged_behind_our_back_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let ledger = open(&file);
    top_up(&ledger, 1).unwrap();
    let damage = |sql: &str| {
        let connection = rusqlite::Connection::open(&file).unwrap();
        assert_eq!(connection.execute(sql, []).unwrap(), 1);
    };
    damage("UPDATE accounts SET posted = posted + 5 WHERE number = 1");
    let report = ledger.verify().unwrap();
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    damage("UPDATE accounts SET posted = posted - 5 WHERE number = 1");
    assert!(ledger.verify().unwrap().is_clean());
    damage("UPDATE entries SET body = x'00'");
    assert!(!ledger.verify().unwrap().is_clean());
}

#[test]
fn a_verification_in_steps_sees_one_commit_finds_the_same_and_ends_when_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let ledger = open(&file);
    for n in 0..500 {
        top_up(&ledger, n).unwrap();
    }
    let (steps, writer) = (Arc::new(AtomicU64::new(0)), ledger.clone());
    let counted = Arc::clone(&steps);
    let step = move || {
        let n = counted.fetch_add(1, Ordering::SeqCst);
        top_up(&writer, 1_000 + u128::from(n)).unwrap();
        ControlFlow::Continue(())
    };
    let report = ledger.verify_in_steps(&Progress::default(), step).unwrap();
    assert!(report.is_clean() && report.entries <= 501, "{} entries, {:?}", report.entries, report.findings);
    assert!(steps.load(Ordering::SeqCst) > 3, "{steps:?} steps");
    let ended = ledger.verify_in_steps(&Progress::default(), || ControlFlow::Break(()));
    assert!(matches!(ended, Err(LedgerError::Storage(StorageError::Interrupted))), "{ended:?}");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute("UPDATE accounts SET posted = posted + 5 WHERE number = 1", []).unwrap();
    let found = |report: VerifyReport| report.findings;
    let in_steps = ledger.verify_in_steps(&Progress::default(), || ControlFlow::Continue(())).map(found).unwrap();
    assert_eq!((in_steps.len(), in_steps), (1, ledger.verify().map(found).unwrap()));
}

/// Damages a file with a wallet behind our back; what is found, and that the file is not opened again.
fn check_damage(sql: &str, found: &[Finding]) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let ledger = open(&file);
    rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    assert_eq!(ledger.verify().unwrap().findings, found, "{sql}");
    drop(ledger);
    assert!(matches!(Ledger::open(&file), Err(LedgerError::Storage(_))), "{sql}");
}

#[test]
fn accounts_and_holds_that_cannot_be_are_found_and_not_opened() {
    let contra = "UPDATE accounts SET contra = 9 WHERE number = 1";
    check_damage(contra, &[Finding::DamagedAccount(WALLET), Finding::ChangedCommit { commit: 2 }]);
    // A file of before ids were unique.
    let twice = "
        CREATE TABLE old (number INTEGER PRIMARY KEY, id BLOB NOT NULL, posted INTEGER NOT NULL,
            floor INTEGER NOT NULL, contra INTEGER, commit_number INTEGER) STRICT;
        INSERT INTO old SELECT * FROM accounts;
        INSERT INTO old SELECT 2, id, posted, floor, contra, commit_number FROM accounts WHERE number = 0;
        DROP TABLE accounts;
        ALTER TABLE old RENAME TO accounts;
    ";
    let not_written = Finding::NotOfCommit { row: CLEARING.to_string(), commit: 1 };
    check_damage(twice, &[Finding::DamagedAccount(CLEARING), not_written]);
    // Reserved, no fingerprint, ends at 1, minus one, of account 1.
    let negative = "INSERT INTO holds VALUES (x'00000000000000000000000000000001', x'000000000000000000010101')";
    check_damage(negative, &[Finding::UnreadableHold(EntryId::from_bits(1))]);
}

#[test]
fn a_file_that_is_damaged_below_its_rows_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let ledger = open(&file);
    (0..100).for_each(|n| top_up(&ledger, n).unwrap());
    drop(ledger);
    let mut bytes = std::fs::read(&file).unwrap();
    let last_page = bytes.len() - 4_096;
    bytes[last_page..].fill(0x55);
    std::fs::write(&file, bytes).unwrap();
    let ledger = Ledger::open(&file).unwrap();
    assert!(matches!(ledger.verify().unwrap().findings.as_slice(), [Finding::DamagedFile(_)]));
}

#[test]
fn a_hold_whose_entry_is_there_is_finished_and_verify_tells_of_its_row() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let id = EntryId::at(NOW, [1; 10]);
    let ledger = open(&file);
    top_up(&ledger, 1).unwrap();
    let hold = PlaceHold { id, payer: WALLET, limits: &[], amount: NanoUsd::new(1), expires_at: NOW };
    ledger.place_hold(hold, NOW).unwrap().wait().unwrap();
    let other = rusqlite::Connection::open(&file).unwrap();
    let row: Vec<u8> = other.query_row("SELECT body FROM holds", [], |row| row.get(0)).unwrap();
    ledger.void(id, NOW).unwrap().wait().unwrap();
    other
        .execute("INSERT INTO holds SELECT id, ?1 FROM entries WHERE id = ?2", (row, id.bits().to_be_bytes()))
        .unwrap();
    drop((ledger, other));
    let ledger = Ledger::open(&file).unwrap();
    assert_eq!(ledger.balance(WALLET).unwrap().available, NanoUsd::new(1), "it keeps nothing");
    assert_eq!(ledger.place_hold(hold, NOW).unwrap().wait().unwrap().replay, Replay::Finished);
    assert_eq!(ledger.verify().unwrap().findings, [Finding::OpenAndFinished(id)]);
}

#[test]
fn a_hold_that_is_ended_right_after_the_file_was_opened_is_gone_from_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let id = EntryId::at(NOW, [1; 10]);
    let ledger = open(&file);
    top_up(&ledger, 1).unwrap();
    let hold = PlaceHold { id, payer: WALLET, limits: &[], amount: NanoUsd::new(1), expires_at: NOW };
    ledger.place_hold(hold, NOW).unwrap().wait().unwrap();
    drop(ledger);
    let ledger = Ledger::open(&file).unwrap();
    ledger.void(id, NOW).unwrap().wait().unwrap();
    drop(ledger);
    let ledger = Ledger::open(&file).unwrap();
    assert_eq!(ledger.holds(), []);
    assert_eq!(ledger.balance(WALLET).unwrap().available, NanoUsd::new(1));
}

#[test]
fn a_second_process_is_told_who_has_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let first = open(&file);
    let error = Ledger::open(&file).err().unwrap();
    assert!(matches!(error, LedgerError::Locked { .. }));
    assert!(error.to_string().contains("admin socket"), "{error}");
    drop(first);
    assert!(Ledger::open(&file).is_ok());
}

#[test]
#[cfg(unix)]
fn a_file_is_locked_by_whatever_name_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let [file, link] = ["ledger.db", "link.db"].map(|name| dir.path().join(name));
    // The link is there first, and leads to nothing yet.
    std::os::unix::fs::symlink("ledger.db", &link).unwrap();
    let ledger = Ledger::open(&link).unwrap();
    for name in [&file, &link] {
        assert!(matches!(Ledger::open(name), Err(LedgerError::Locked { .. })), "{name:?}");
    }
    drop(ledger);
    let ledger = Ledger::open(&file).unwrap();
    assert!(matches!(Ledger::open(&link), Err(LedgerError::Locked { .. })));
    drop(ledger);
    assert!(Ledger::open(&link).is_ok());
}

#[test]
fn another_programs_write_lock_is_waited_for_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let ledger = open(&file);
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| top_up(&ledger, 1));
        // Longer than SQLite itself would wait.
        std::thread::sleep(Duration::from_millis(2_500));
        assert!(!waiting.is_finished() && ledger.is_sound());
        other.execute_batch("COMMIT").unwrap();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(ledger.balance(WALLET).unwrap().posted, NanoUsd::new(1));
}

#[test]
fn entries_are_read_while_a_walk_over_everything_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let ledger = open(&file);
    for n in 0..500 {
        top_up(&ledger, n).unwrap();
    }
    std::thread::scope(|scope| {
        let verifies: Vec<_> = (0..3).map(|_| scope.spawn(|| ledger.verify().unwrap().is_clean())).collect();
        assert_eq!(ledger.entries(EntryId::default(), 10).unwrap().len(), 10);
        assert!(verifies.into_iter().all(|verify| verify.join().unwrap()));
    });
}
