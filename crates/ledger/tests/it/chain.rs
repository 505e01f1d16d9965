//! The hash chain: what is changed, exchanged or missing is found, and what is lost at the end is told at the start.

use opencredits_ledger::{
    ChainHead, Finding, Floor, Ledger, LedgerError, Loss, OpenAccount, Options, PlaceHold, StorageError, Transfer,
    VerifyReport,
};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use proptest::prelude::*;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const CLEARING: AccountId = AccountId::from_bits(1);
const WALLET: AccountId = AccountId::from_bits(2);
/// Commits of [`open`]: one for each account.
const OPENING: u64 = 2;
/// The bytes of a frame of the log: a page and its header.
const FRAME_BYTES: usize = 4_096 + 24;

fn id(n: u64) -> EntryId {
    EntryId::from_bits((u128::from(NOW.get()) << 80) | u128::from(n))
}

/// Opens a ledger with two accounts, in which every call that waits is a commit.
fn open(file: &Path) -> Ledger {
    let ledger = Ledger::open_with(file, Options { gather: Duration::from_secs(3_600) }).unwrap();
    for (id, floor) in [(CLEARING, Floor::None), (WALLET, Floor::Zero)] {
        ledger.open_account(OpenAccount { id, floor, contra: None }, NOW).unwrap().wait().unwrap();
    }
    ledger
}

/// One commit.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// So many transfers, each of the same amount.
    Transfers { entries: u64, amount: i64 },
    /// A hold, which makes no entry.
    Hold,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_u64..4, 1_i64..9).prop_map(|(entries, amount)| Step::Transfers { entries, amount }),
        1 => Just(Step::Hold),
    ]
}

/// Takes a step as the commit `n`, and gives the head after it.
fn take(ledger: &Ledger, n: u64, step: Step) -> ChainHead {
    match step {
        Step::Transfers { entries, amount } => {
            let amount = NanoUsd::new(amount);
            let transfer = |at| Transfer { id: id(n * 100 + at), from: CLEARING, to: WALLET, amount, memo: b"memo" };
            let transfers: Vec<_> = (0..entries).map(transfer).collect();
            ledger.transfer_linked(&transfers, NOW).unwrap().wait().unwrap();
        }
        Step::Hold => {
            let hold =
                PlaceHold { id: id(n * 100), payer: WALLET, limits: &[], amount: NanoUsd::ZERO, expires_at: NOW };
            ledger.place_hold(hold, NOW).unwrap().wait().unwrap();
        }
    }
    ledger.head().unwrap().unwrap()
}

fn take_all(ledger: &Ledger, from: u64, steps: &[Step]) -> Vec<ChainHead> {
    (from..).zip(steps).map(|(n, step)| take(ledger, n, *step)).collect()
}

const ONE: Step = Step::Transfers { entries: 1, amount: 1 };
const THREE: Step = Step::Transfers { entries: 3, amount: 1 };

/// A ledger in a folder of its own.
struct Books {
    dir: TempDir,
    file: PathBuf,
}

impl Books {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ledger.db");
        Self { dir, file }
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.dir.path().join(format!("ledger.db{ending}"))
    }

    /// The files as `kill -9` would leave them now.
    fn killed(&self) -> Self {
        let copy = Self::new();
        for ending in ["", "-wal", ".head"] {
            std::fs::copy(self.path(ending), copy.path(ending)).unwrap();
        }
        copy
    }

    fn sql(&self, sql: &str) {
        Connection::open(&self.file).unwrap().execute_batch(sql).unwrap();
    }

    /// What is lost, when the ledger is not opened for that.
    fn loss(&self) -> Option<Loss> {
        match Ledger::open(&self.file) {
            Ok(_) => None,
            Err(LedgerError::Storage(StorageError::Lost { loss, .. })) => Some(*loss),
            Err(other) => panic!("{other}"),
        }
    }
}

/// The findings of the chain alone.
fn of_chain(report: &VerifyReport) -> Vec<Finding> {
    let others = |finding: &&Finding| !matches!(finding, Finding::WrongSum { .. } | Finding::Unbalanced(..));
    report.findings.iter().filter(others).cloned().collect()
}

#[test]
fn the_head_counts_commits_and_entries_and_survives_a_restart() {
    let books = Books::new();
    let ledger = open(&books.file);
    let heads = take_all(&ledger, 1, &[ONE, Step::Hold, Step::Hold, THREE, Step::Hold]);
    let counts: Vec<_> = heads.iter().map(|head| (head.commit - OPENING, head.entries)).collect();
    assert_eq!(counts, [(1, 1), (2, 1), (3, 1), (4, 4), (5, 4)]);
    assert_eq!((heads[0].hash, heads[3].hash), (heads[2].hash, heads[4].hash), "holds are in no hash");
    assert_ne!(heads[0].hash, heads[3].hash);
    drop(ledger);
    let ledger = Ledger::open(&books.file).unwrap();
    assert_eq!(ledger.head().unwrap(), heads.last().copied());
    let covered = ledger.verify().unwrap().chain.unwrap();
    assert_eq!((Some(&covered.head), covered.entries, covered.first), (heads.last(), 4, Some(id(100))));
}

#[test]
fn commits_without_an_entry_leave_one_row_however_many_they_are() {
    let books = Books::new();
    let ledger = open(&books.file);
    take_all(&ledger, 1, &[ONE, Step::Hold, Step::Hold, Step::Hold, Step::Hold]);
    let rows = || -> i64 {
        let connection = Connection::open(&books.file).unwrap();
        connection.query_row("SELECT count(*) FROM chain", [], |row| row.get(0)).unwrap()
    };
    // The beginning, two accounts, the entry, and the last commit.
    assert_eq!(rows(), 5);
    take(&ledger, 6, ONE);
    assert_eq!(rows(), 5);
    assert!(ledger.verify().unwrap().is_clean());
}

#[test]
fn a_ledger_in_memory_has_no_chain() {
    let ledger = Ledger::in_memory().unwrap();
    assert_eq!((ledger.head().unwrap(), ledger.verify().unwrap().chain), (None, None));
    let named = ChainHead { commit: 1, entries: 0, hash: [1; 32] };
    assert!(matches!(ledger.verify_with(named).unwrap().findings[..], [Finding::Lost(Loss::Commits { .. })]));
}

/// Changes the rows of six commits behind our back: two accounts, and entries 1, 3, 1 and 3 at a time.
fn check_change(sql: &str, found: &[Finding]) {
    let books = Books::new();
    let ledger = open(&books.file);
    take_all(&ledger, 1, &[ONE, THREE, ONE, THREE]);
    books.sql(sql);
    assert_eq!(of_chain(&ledger.verify().unwrap()), found, "{sql}");
}

#[test]
fn verify_names_the_commit_that_is_not_as_it_was_written() {
    let changed = |commit| Finding::ChangedCommit { commit };
    let missing = |commit, missing| Finding::IncompleteCommit { commit, missing };
    let entry = |n: u64| format!("x'{:032x}'", id(n).bits());
    let not_of = |n, commit| Finding::NotOfCommit { row: id(n).to_string(), commit };
    let (first, inner, last) = (entry(100), entry(201), entry(402));
    let memo = |id: &str| format!("UPDATE entries SET body = CAST(body || x'00' AS BLOB) WHERE id = {id}");

    check_change("SELECT 1", &[]);
    check_change(&memo(&inner), &[changed(4)]);
    check_change(&format!("{}; {}", memo(&first), memo(&last)), &[changed(3), changed(6)]);
    check_change(&format!("UPDATE entries SET id = {} WHERE id = {inner}", entry(299)), &[changed(4)]);
    check_change(&format!("DELETE FROM entries WHERE id = {inner}"), &[missing(4, 1)]);
    check_change("DELETE FROM entries WHERE commit_number = 4", &[missing(4, 3)]);
    let added =
        format!("INSERT INTO entries SELECT {}, body, commit_number FROM entries WHERE id = {first}", entry(999));
    check_change(&added, &[not_of(999, 3)]);
    let moved = format!("UPDATE entries SET commit_number = 5 WHERE id = {inner}");
    check_change(&moved, &[changed(5), not_of(300, 5), missing(4, 1)]);
    let unknown = format!("UPDATE entries SET commit_number = 77 WHERE id = {inner}");
    check_change(&unknown, &[not_of(201, 77), missing(4, 1)]);
    // An entry that claims to be older than the chain moves money that was not there then.
    let old = format!("UPDATE entries SET commit_number = NULL WHERE id = {inner}");
    check_change(&old, &[Finding::ChangedAnchor, missing(4, 1)]);
    check_change("UPDATE accounts SET floor = 1 WHERE number = 1", &[changed(2)]);
    check_change("UPDATE chain SET hash = zeroblob(32) WHERE number = 0", &[changed(1), Finding::ChangedAnchor]);
    // The row of a commit is checked with the commit, and as what the next one goes on from.
    check_change("UPDATE chain SET hash = zeroblob(32) WHERE number = 4", &[changed(4), changed(5)]);
    check_change("UPDATE chain SET hash = x'00' WHERE number = 4", &[changed(4), changed(5)]);
    let not_of_4 = [not_of(200, 4), not_of(201, 4), not_of(202, 4)];
    check_change("DELETE FROM chain WHERE number = 4", &[&not_of_4[..], &[missing(5, 3)]].concat());
}

/// Changes one byte of one value of a row, and says which.
fn change_byte(connection: &Connection, (table, column): (&str, &str), row: u64, place: usize, by: u8) -> String {
    let query = format!("SELECT CAST({column} AS BLOB) FROM {table} ORDER BY 1 LIMIT 1 OFFSET ?1");
    let value: Vec<u8> = connection.query_row(&query, [i64::try_from(row).unwrap()], |row| row.get(0)).unwrap();
    let mut changed = value.clone();
    let at = place % changed.len();
    changed[at] ^= by;
    let update = format!("UPDATE OR REPLACE {table} SET {column} = ?1 WHERE {column} = ?2");
    connection.execute(&update, (&changed, &value)).unwrap();
    format!("{table}.{column} {value:?} became {changed:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_changed_byte_of_an_entry_or_a_commit_is_found(
        steps in prop::collection::vec(step(), 1..8),
        which in prop::sample::select(vec![("entries", "body"), ("entries", "id"), ("chain", "hash"), ("accounts", "id")]),
        row: prop::sample::Index, place: usize, by in 1_u8..,
    ) {
        let books = Books::new();
        let ledger = open(&books.file);
        take_all(&ledger, 1, &[&[ONE], &steps[..]].concat());
        prop_assert!(ledger.verify().unwrap().is_clean());
        let connection = Connection::open(&books.file).unwrap();
        let (table, column) = which;
        let count = format!("SELECT count(*) FROM {table} WHERE {column} IS NOT NULL");
        let rows: i64 = connection.query_row(&count, [], |row| row.get(0)).unwrap();
        // Rows without a value come first.
        let nulls: i64 = connection
            .query_row(&format!("SELECT count(*) FROM {table} WHERE {column} IS NULL"), [], |row| row.get(0))
            .unwrap();
        let row = row.index(usize::try_from(rows).unwrap()) + usize::try_from(nulls).unwrap();
        let what = change_byte(&connection, which, u64::try_from(row).unwrap(), place, by);
        prop_assert!(!of_chain(&ledger.verify().unwrap()).is_empty(), "{what}");
    }

    #[test]
    fn a_ledger_has_every_head_of_its_own_and_none_of_a_longer_or_another_one(
        before in prop::collection::vec(step(), 0..6),
        after in prop::collection::vec(step(), 1..6),
        other in prop::collection::vec(step(), 1..6),
    ) {
        let books = Books::new();
        let ledger = open(&books.file);
        let kept = take_all(&ledger, 1, &before);
        drop(ledger);
        // A copy of this moment, which is then the ledger again, as after a roll-back.
        let copy = Books::new();
        std::fs::copy(&books.file, &copy.file).unwrap();
        let ledger = open(&books.file);
        let lost = take_all(&ledger, 100, &after);
        for head in kept.iter().chain(&lost) {
            prop_assert!(ledger.verify_with(*head).unwrap().is_clean());
        }
        let rolled_back = open(&copy.file);
        for head in &kept {
            prop_assert!(rolled_back.verify_with(*head).unwrap().is_clean());
        }
        let found = rolled_back.head().unwrap().unwrap();
        for head in &lost {
            let report = rolled_back.verify_with(*head).unwrap();
            prop_assert_eq!(report.findings, [Finding::Lost(Loss::Commits { named: *head, found })]);
        }
        // It goes on in another way. What lacks an entry has another hash; holds are in none.
        take_all(&rolled_back, 200, &other);
        for head in lost.iter().filter(|head| head.hash != found.hash) {
            let report = rolled_back.verify_with(*head).unwrap();
            prop_assert!(matches!(report.findings[..], [Finding::Lost(_)]), "{report:?}");
        }
        for head in &kept {
            prop_assert!(rolled_back.verify_with(*head).unwrap().is_clean());
        }
    }
}

/// A ledger that was killed after six commits with nine entries, all of them in its log.
fn killed() -> (Books, ChainHead) {
    let books = Books::new();
    let ledger = open(&books.file);
    let heads = take_all(&ledger, 1, &[THREE, THREE, THREE, Step::Hold]);
    (books.killed(), heads[3])
}

/// Changes the files of a killed ledger. It must say so at its start, change nothing, and start once that is accepted.
fn check_loss(what: &str, change: impl FnOnce(&Books)) {
    let (books, named) = killed();
    change(&books);
    let files = || ["", "-wal", ".head"].map(|ending| std::fs::read(books.path(ending)).unwrap_or_default());
    let before = files();
    let loss = books.loss().unwrap_or_else(|| panic!("{what}: nothing is told"));
    assert_eq!(books.loss(), Some(loss), "{what}: it is told again");
    assert!(files() == before, "{what}: the files are as they were");
    if let Loss::Commits { named: of_file, found } = loss {
        assert_eq!(of_file, named, "{what}");
        assert!(found.commit < named.commit && found.entries <= named.entries, "{what}");
    }
    assert_eq!(Ledger::accept_loss(&books.file).unwrap(), Some(loss), "{what}");
    assert_eq!(std::fs::read(books.path(".head.lost")).unwrap(), before[2], "{what}");
    let ledger = open(&books.file);
    take(&ledger, 10, ONE);
    assert!(ledger.verify().unwrap().is_clean(), "{what}");
    assert_eq!(ledger.verify_with(named).unwrap().is_clean(), loss == Loss::Unreadable, "{what}");
    drop(ledger);
    assert_eq!((books.loss(), Ledger::accept_loss(&books.file).unwrap()), (None, None), "{what}");
}

/// Changes the log of a killed ledger, as [`check_loss`].
fn check_log(what: &str, change: impl FnOnce(&mut Vec<u8>)) {
    check_loss(what, |books| {
        let mut log = std::fs::read(books.path("-wal")).unwrap();
        change(&mut log);
        std::fs::write(books.path("-wal"), log).unwrap();
    });
}

#[test]
fn a_damaged_log_is_told_at_the_start_and_is_no_hindrance_once_that_is_accepted() {
    check_log("cut to half", |log| log.truncate(log.len() / 2));
    check_log("cut by a byte", |log| log.truncate(log.len() - 1));
    check_log("cut by the last frame", |log| log.truncate(log.len() - FRAME_BYTES));
    check_log("empty", Vec::clear);
    check_log("zeroed", |log| log.fill(0));
    check_log("a byte in the middle", |log| {
        let middle = log.len() / 2;
        log[middle] ^= 1;
    });
    check_log("a byte of its head", |log| log[20] ^= 1);
    check_log("a byte of the last frame", |log| {
        let last = log.len() - 7;
        log[last] ^= 1;
    });
    check_loss("missing", |books| std::fs::remove_file(books.path("-wal")).unwrap());
    check_loss("no file", |books| std::fs::remove_file(&books.file).unwrap());
    check_loss("an empty file", |books| std::fs::write(&books.file, "").unwrap());
    check_loss("a record that is none", |books| std::fs::write(books.path(".head"), "head_").unwrap());
    check_loss("an older file", |books| {
        let other = Books::new();
        drop(open(&other.file));
        std::fs::remove_file(books.path("-wal")).unwrap();
        std::fs::copy(&other.file, &books.file).unwrap();
    });
    check_loss("another ledger", |books| {
        let other = Books::new();
        let ledger = open(&other.file);
        take_all(&ledger, 50, &[ONE; 9]);
        drop(ledger);
        std::fs::remove_file(books.path("-wal")).unwrap();
        std::fs::copy(&other.file, &books.file).unwrap();
    });
}

#[test]
fn the_message_of_a_loss_says_how_much_is_gone_and_what_to_do() {
    let (books, _) = killed();
    std::fs::remove_file(books.path("-wal")).unwrap();
    let error = Ledger::open(&books.file).err().unwrap().to_string();
    for part in ["the last 6 commits, with 9 entries, are missing", "ledger.db.head says", "`ledger accept-loss`"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_killed_ledger_whose_log_is_whole_is_opened_whatever_its_record_lacks() {
    let open_again = |what: &str, change: fn(&Books)| {
        let (books, named) = killed();
        change(&books);
        let ledger = Ledger::open(&books.file).unwrap();
        assert!(ledger.verify_with(named).unwrap().is_clean(), "{what}");
        assert_eq!(Ledger::accept_loss(books.dir.path().join("other.db")).unwrap(), None);
    };
    open_again("nothing is wrong", |_| {});
    open_again("no record", |books| std::fs::remove_file(books.path(".head")).unwrap());
    open_again("an empty record", |books| std::fs::write(books.path(".head"), "").unwrap());
    open_again("a zeroed record", |books| std::fs::write(books.path(".head"), [0; 1_024]).unwrap());
    open_again("an older record", |books| {
        let mut record = std::fs::read(books.path(".head")).unwrap();
        // The second slot has the last commit, since the number of commits is even.
        record[512..].fill(b' ');
        std::fs::write(books.path(".head"), record).unwrap();
    });
}

#[test]
fn a_running_ledger_tells_by_verify_of_commits_that_are_gone_behind_its_back() {
    let books = Books::new();
    let ledger = open(&books.file);
    let heads = take_all(&ledger, 1, &[ONE, ONE]);
    // As consistent as one can make it: the last entry, its sums and its commit are gone.
    books.sql(
        "DELETE FROM entries WHERE commit_number = 4; DELETE FROM chain WHERE number = 4;
         UPDATE accounts SET posted = posted - 1 WHERE number = 1;
         UPDATE accounts SET posted = posted + 1 WHERE number = 0;",
    );
    let lost = Finding::Lost(Loss::Commits { named: heads[1], found: heads[0] });
    assert_eq!(ledger.verify().unwrap().findings, [lost]);
}

/// A ledger as the program before the chain left it, with two entries.
fn without_chain() -> Books {
    let books = Books::new();
    let ledger = open(&books.file);
    take_all(&ledger, 1, &[ONE, ONE]);
    drop(ledger);
    books.sql(
        "DROP TABLE chain; ALTER TABLE accounts DROP COLUMN commit_number;
         ALTER TABLE entries DROP COLUMN commit_number; PRAGMA user_version = 1;",
    );
    std::fs::remove_file(books.path(".head")).unwrap();
    books
}

#[test]
fn a_ledger_from_before_the_chain_goes_on_and_verify_says_from_where_it_is_covered() {
    let books = without_chain();
    let ledger = Ledger::open(&books.file).unwrap();
    let covered = ledger.verify().unwrap().chain.unwrap();
    assert_eq!((covered.head.commit, covered.entries, covered.first), (0, 0, None));
    let head = take(&ledger, 3, THREE);
    assert_eq!((head.commit, head.entries), (1, 3));
    let report = ledger.verify_with(covered.head).unwrap();
    assert!(report.is_clean(), "{report:?}");
    let covered = report.chain.unwrap();
    assert_eq!((report.entries, covered.entries, covered.first), (5, 3, Some(id(300))));
    drop(ledger);
    let ledger = Ledger::open(&books.file).unwrap();
    assert!(ledger.verify_with(head).unwrap().is_clean());
    // No row of before can be changed with an effect on a balance, though the balances are changed to match.
    books.sql(
        "DELETE FROM entries WHERE commit_number IS NULL AND id = (SELECT min(id) FROM entries);
         UPDATE accounts SET posted = posted - 1 WHERE number = 1;
         UPDATE accounts SET posted = posted + 1 WHERE number = 0;",
    );
    assert_eq!(ledger.verify().unwrap().findings, [Finding::ChangedAnchor]);
}

#[test]
fn a_ledger_whose_upgrade_is_lost_with_its_log_is_not_upgraded_again_over_it() {
    let books = without_chain();
    let ledger = Ledger::open(&books.file).unwrap();
    take(&ledger, 3, ONE);
    let killed = books.killed();
    std::fs::write(killed.path("-wal"), "").unwrap();
    assert!(matches!(killed.loss(), Some(Loss::Commits { named, .. }) if named.commit == 1));
}

#[test]
fn a_backup_that_is_restored_without_the_record_is_opened() {
    let books = Books::new();
    let ledger = open(&books.file);
    let heads = take_all(&ledger, 1, &[ONE, ONE]);
    let copy = Books::new();
    books.sql(&format!("VACUUM INTO '{}'", copy.file.display()));
    take(&ledger, 3, ONE);
    let restored = Ledger::open(&copy.file).unwrap();
    assert!(restored.verify_with(heads[1]).unwrap().is_clean());
}

#[test]
fn a_head_that_is_asked_for_while_others_commit_is_that_of_one_commit() {
    let books = Books::new();
    let ledger = open(&books.file);
    let first = ledger.head().unwrap().unwrap();
    let is_over = AtomicBool::new(false);
    let (kept, heads) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut heads = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                heads.push(ledger.head().unwrap().unwrap());
            }
            heads
        });
        let kept = take_all(&ledger, 1, &[ONE; 400]);
        is_over.store(true, Ordering::Relaxed);
        (kept, asking.join().unwrap())
    });
    assert!(heads.len() > kept.len() / 4, "{}", heads.len());
    for head in heads {
        assert!(head == first || kept.contains(&head), "{head}");
    }
}
