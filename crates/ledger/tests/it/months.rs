//! Entries by months: archived, verified by what stays of them, and brought back.

use crate::books::{connect, wait};
use crate::shared::{AUDIT, Load, NOW, PROVIDER, findings, hold, id, name, open, posted};
use opencredits_ledger::{
    AnyLedger, ArchiveError, Archives, Capture, Checkpoint, EntriesPart, EntryKind, LedgerError, Leg, Month,
    OnShortfall, PlaceHold, PostgresSettings, RawLedger, Replay, SharedLedger, Transfer, VerifyReport,
};
use opencredits_postgres::Turn;
use opencredits_testkit::Postgres;
use opencredits_units::{AccountId, EntryId, NanoUsd, Progress, UnixMs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const CLEARING: AccountId = AccountId::from_bits(1);
const WALLET: AccountId = AccountId::from_bits(2);
const BAD_DEBT: AccountId = AccountId::from_bits(4);
/// Months that are long over.
const MONTHS: [&str; 3] = ["2025-01", "2025-02", "2025-03"];
/// Charges of each of them.
const CHARGES: u64 = 4;

fn part(text: &str) -> EntriesPart {
    text.parse().unwrap()
}

/// An id of a month.
fn of(month: &str, n: u64) -> EntryId {
    let start = month.parse::<Month>().unwrap().start();
    EntryId::from_bits((u128::from(start.get() + 86_400_000) << 80) | u128::from(n))
}

async fn place(ledger: &SharedLedger, id: EntryId) -> Result<Replay, LedgerError> {
    let (amount, expires_at) = (NanoUsd::new(5), NOW.saturating_add_ms(1_000));
    let hold = PlaceHold { id, payer: WALLET, limits: &[], amount, expires_at };
    Ok(ledger.place_hold(hold, NOW).accepted().await?.replay)
}

async fn take(ledger: &SharedLedger, id: EntryId) -> Result<Replay, LedgerError> {
    let legs = [Leg { to: PROVIDER, amount: NanoUsd::new(3), on_shortfall: OnShortfall::Full }];
    let capture = Capture { hold: id, legs: &legs, bad_debt: BAD_DEBT, memo: b"what was used" };
    Ok(ledger.capture(capture, NOW).durable().await?.replay)
}

async fn give(ledger: &SharedLedger, id: EntryId) -> Result<Replay, LedgerError> {
    let transfer = Transfer { id, from: CLEARING, to: WALLET, amount: NanoUsd::new(7), memo: b"credits" };
    Ok(ledger.transfer(transfer, NOW).durable().await?.replay)
}

/// A ledger with entries of three months, and a folder for their files.
struct Set {
    server: &'static Postgres,
    database: String,
    ledger: SharedLedger,
    folder: tempfile::TempDir,
}

impl Set {
    /// `None` where there is no PostgreSQL. Each month has charges, a hold that was released, and a transfer.
    fn new() -> Option<Self> {
        let server = Postgres::shared()?;
        let database = server.database();
        let ledger = connect(&database);
        open(&ledger, 1_000_000);
        for month in MONTHS {
            for n in 1..=CHARGES {
                wait(place(&ledger, of(month, n))).unwrap();
                wait(take(&ledger, of(month, n))).unwrap();
            }
            wait(place(&ledger, of(month, 50))).unwrap();
            wait(ledger.void(of(month, 50), NOW).durable()).unwrap();
            wait(give(&ledger, of(month, 60))).unwrap();
        }
        Some(Self { server, database, ledger, folder: tempfile::tempdir().unwrap() })
    }

    fn archives(&self) -> Archives {
        wait(Archives::open(&self.settings())).unwrap()
    }

    fn settings(&self) -> PostgresSettings {
        PostgresSettings::parse(&self.database).unwrap()
    }

    fn file(&self, month: &str) -> PathBuf {
        self.folder.path().join(month)
    }

    fn archive(&self, month: &str) -> Result<u64, ArchiveError> {
        let file = self.file(month);
        Ok(wait(self.archives().archive(part(month), &file, false, &Progress::default()))?.entries)
    }

    fn restore(&self, file: &Path) -> Result<u64, ArchiveError> {
        Ok(wait(self.archives().restore(file, &Progress::default()))?.entries)
    }

    fn verify(&self, files: &[PathBuf]) -> VerifyReport {
        wait(self.archives().verify(None, files, &Progress::default())).unwrap()
    }

    fn sql(&self, statements: &str) -> String {
        self.server.psql(name(&self.database), statements)
    }

    /// Everything adds up, by the ledger and by SQL alone.
    fn check(&self) {
        assert_eq!(findings(&self.ledger), []);
        assert_eq!(self.sql(AUDIT), "");
    }

    /// The tables of entries.
    fn tables(&self) -> String {
        self.sql(
            "SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text) FROM pg_inherits
             WHERE inhparent = 'ledger_entries'::regclass AND inhrelid::regclass::text LIKE '%\\_2025\\_%'",
        )
    }
}

#[test]
fn months_are_made_ahead_by_processes_that_start_at_once() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(connect(&database)));
        }
    });
    let ledger = connect(&database);
    let made = "SELECT count(*) FROM generate_series(0, 2) AS n WHERE to_regclass('ledger_entries_' ||
        to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + n * interval '1 month', 'YYYY_MM')) IS NOT NULL";
    assert_eq!(server.psql(name(&database), made), "3\n");
    open(&ledger, 100);
    let now = server.psql(name(&database), "SELECT (extract(epoch FROM now()) * 1000)::bigint");
    let now = UnixMs::new(now.trim().parse().unwrap());
    wait(give(&ledger, EntryId::at(now, [9; 10]))).unwrap();
    let where_it_is =
        "SELECT tableoid::regclass = to_regclass('ledger_entries_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM'))
        FROM ledger_entries WHERE substr(id, 7) = '\\x09090909090909090909'";
    assert_eq!(server.psql(name(&database), where_it_is), "t\n");
}

#[test]
fn an_archived_month_leaves_its_sums_and_its_transfers_and_everything_still_adds_up() {
    let Some(set) = Set::new() else { return };
    let Set { ledger, .. } = &set;
    let head = wait(ledger.head()).unwrap();
    let before = (posted(ledger, WALLET), posted(ledger, PROVIDER));
    let all = wait(ledger.entries(EntryId::default(), 100)).unwrap();
    for month in &MONTHS[..2] {
        assert_eq!(set.archive(month).unwrap(), CHARGES + 1);
        set.check();
    }
    assert_eq!((posted(ledger, WALLET), posted(ledger, PROVIDER)), before);
    assert_eq!(set.tables(), "ledger_entries_2025_01_kept ledger_entries_2025_02_kept\n");
    let there = wait(ledger.entries(EntryId::default(), 100)).unwrap();
    let is_kept = |id: EntryId| id.made_at() >= of(MONTHS[2], 0).made_at();
    let expect = all.iter().filter(|row| is_kept(row.id) || row.kind == EntryKind::Transfer).cloned();
    assert_eq!(there, expect.collect::<Vec<_>>());

    let archived = 2 * (CHARGES + 1);
    let report = wait(ledger.verify(Some(head), &Progress::default())).unwrap();
    assert_eq!((report.findings, report.archived), (vec![], archived));
    let with_one = set.verify(&[set.file(MONTHS[1])]);
    assert_eq!((with_one.findings, with_one.archived), (vec![], archived / 2));
    let with_one_twice = set.verify(&[set.file(MONTHS[1]), set.file(MONTHS[1])]);
    assert_eq!((with_one_twice.findings, with_one_twice.archived), (vec![], archived / 2));
    let with_both = set.verify(&[set.file(MONTHS[1]), set.file(MONTHS[0])]);
    assert_eq!((with_both.findings, with_both.archived), (vec![], 0));
    assert_eq!(with_both.entries, u64::try_from(all.len()).unwrap(), "each is checked like the others");
}

#[test]
fn sums_over_all_entries_are_those_of_the_entries_and_of_what_stays_of_the_archived_ones() {
    let Some(set) = Set::new() else { return };
    set.archive(MONTHS[0]).unwrap();
    let any = AnyLedger::from(set.ledger.clone());
    let closings = wait(any.closings(None)).unwrap();
    let mut sums: BTreeMap<AccountId, i64> = BTreeMap::new();
    let legs = wait(set.ledger.entries(EntryId::default(), 100)).unwrap().into_iter().flat_map(|row| row.legs);
    for (account, amount) in legs.chain(closings.iter().flat_map(|closing| closing.sums.clone())) {
        *sums.entry(account).or_default() += amount.get();
    }
    for (account, sum) in &sums {
        assert_eq!(posted(&set.ledger, *account), *sum, "{account}");
    }
    assert_eq!(
        closings.iter().map(|closing| (closing.part, closing.entries)).collect::<Vec<_>>(),
        [(part(MONTHS[0]), 5)]
    );
    // All was decided at `NOW`, whatever the ids.
    assert!(wait(any.closings(Some(NOW.saturating_add_ms(1)))).is_ok());
    let early = wait(any.closings(Some(NOW)));
    assert!(matches!(early, Err(LedgerError::Archived { .. })), "{early:?}");
    let from = |month| wait(any.refuse_archived_from(of(month, 0).made_at()));
    assert!(matches!(from(MONTHS[0]), Err(LedgerError::Archived { .. })));
    assert!(from(MONTHS[1]).is_ok());
}

#[test]
fn an_id_of_an_archived_entry_is_never_accepted_again_and_a_new_one_of_its_month_is() {
    let Some(set) = Set::new() else { return };
    // It has seen the month before.
    let other = connect(&set.database);
    assert_eq!(wait(take(&other, of(MONTHS[0], 1))).unwrap(), Replay::Finished);
    set.archive(MONTHS[0]).unwrap();
    let before = posted(&set.ledger, WALLET);
    let refused = |outcome: Result<Replay, LedgerError>| match outcome {
        Err(LedgerError::Archived { part: found }) => assert_eq!(found, part(MONTHS[0])),
        other => panic!("{other:?}"),
    };
    for ledger in [&set.ledger, &other] {
        for n in [1, 50] {
            refused(wait(place(ledger, of(MONTHS[0], n))));
            refused(wait(take(ledger, of(MONTHS[0], n))));
            refused(wait(give(ledger, of(MONTHS[0], n))));
            refused(wait(ledger.void(of(MONTHS[0], n), NOW).durable()).map(|voided| voided.replay));
            let found = wait(ledger.entry(of(MONTHS[0], n)));
            assert!(matches!(found, Err(LedgerError::Archived { .. })), "{found:?}");
        }
        assert_eq!(wait(give(ledger, of(MONTHS[0], 60))).unwrap(), Replay::Finished, "transfers stay");
        assert_eq!(wait(ledger.entry(of(MONTHS[0], 60))).unwrap().unwrap().memo, b"credits");
        assert_eq!(wait(ledger.entry(of(MONTHS[0], 70))).unwrap(), None);
        assert_eq!(wait(take(ledger, of(MONTHS[1], 1))).unwrap(), Replay::Finished);
    }
    assert_eq!(posted(&set.ledger, WALLET), before);
    assert_eq!(wait(give(&other, of(MONTHS[0], 71))).unwrap(), Replay::First, "such as a late refund");
    set.check();

    assert_eq!(set.restore(&set.file(MONTHS[0])).unwrap(), CHARGES + 1);
    assert_eq!(wait(take(&other, of(MONTHS[0], 1))).unwrap(), Replay::Finished);
    assert_eq!(wait(set.ledger.entry(of(MONTHS[0], 1))).unwrap().unwrap().memo, b"what was used");
    assert_eq!(posted(&set.ledger, WALLET), before + 7);
    set.check();
}

#[test]
fn a_month_that_was_brought_back_is_whole_again_and_can_be_archived_again() {
    let Some(set) = Set::new() else { return };
    let all = wait(set.ledger.entries(EntryId::default(), 100)).unwrap();
    for month in &MONTHS[..2] {
        set.archive(month).unwrap();
    }
    for month in &MONTHS[..2] {
        assert_eq!(set.restore(&set.file(month)).unwrap(), CHARGES + 1);
        set.check();
    }
    assert_eq!(wait(set.ledger.entries(EntryId::default(), 100)).unwrap(), all);
    assert_eq!(set.tables(), "ledger_entries_2025_01 ledger_entries_2025_02\n");
    assert_eq!(set.sql("SELECT to_regclass('ledger_archived_2025_01') IS NULL"), "t\n");
    let again = set.restore(&set.file(MONTHS[0])).unwrap_err();
    assert!(matches!(again, ArchiveError::NotArchived { .. }), "{again}");
    let exists = set.archive(MONTHS[0]).unwrap_err();
    assert!(matches!(exists, ArchiveError::File { .. }), "{exists}");
    assert!(set.file(MONTHS[0]).exists(), "a file that was there stays");
    let second = set.file("again");
    let archives = set.archives();
    let older = wait(archives.archive(part(MONTHS[1]), &second, false, &Progress::default())).unwrap_err();
    assert!(matches!(older, ArchiveError::OlderFirst { older, .. } if older == part(MONTHS[0])), "{older}");
    assert_eq!(
        wait(archives.archive(part(MONTHS[0]), &second, true, &Progress::default())).unwrap().entries,
        CHARGES + 1
    );
    assert_eq!(set.sql("SELECT to_regclass('ledger_archived_2025_01') IS NULL"), "t\n", "it was dropped");
    set.check();
    let first = set.restore(&set.file(MONTHS[0]));
    assert!(first.is_ok(), "the file has the same entries: {first:?}");
    set.check();
}

#[test]
fn a_month_that_is_young_or_has_open_holds_is_not_archived() {
    let Some(set) = Set::new() else { return };
    let file = set.file("file");
    let archives = set.archives();
    let refused = |part| wait(archives.archive(part, &file, false, &Progress::default())).unwrap_err();
    let now = set.sql("SELECT (extract(epoch FROM now()) * 1000)::bigint");
    let present = Month::of(UnixMs::new(now.trim().parse().unwrap()));
    for month in [present.next(), present, present.previous()] {
        let error = refused(EntriesPart::Of(month));
        assert!(matches!(error, ArchiveError::TooYoung { .. }), "{error}");
    }
    let nothing = refused(EntriesPart::Before(MONTHS[0].parse().unwrap()));
    assert!(matches!(nothing, ArchiveError::NoPart { .. }), "{nothing}");
    wait(place(&set.ledger, of(MONTHS[0], 80))).unwrap();
    let open = refused(part(MONTHS[0]));
    assert!(matches!(open, ArchiveError::OpenHolds { holds: 1, .. }), "{open}");
    assert!(!file.exists());
    wait(take(&set.ledger, of(MONTHS[0], 80))).unwrap();
    assert_eq!(set.archive(MONTHS[0]).unwrap(), CHARGES + 2);
    let again = refused(part(MONTHS[0]));
    assert!(matches!(again, ArchiveError::Again { .. }), "{again}");
    set.check();
}

#[test]
fn what_was_changed_of_what_stays_is_found() {
    for (change, expect, is_seen_by_sql) in [
        ("UPDATE ledger_closing_sums SET amount = amount + 1 WHERE number = 1", "ChangedCommit", true),
        ("UPDATE ledger_closing_sums SET amount = amount + 1 WHERE number = 1", "WrongSum", true),
        ("UPDATE ledger_closing_sums SET amount = amount + 1 WHERE number = 1", "ChangedArchive", true),
        ("UPDATE ledger_closings SET entries = entries + 1", "WrongArchived { stated: 6, missing: 5 }", true),
        ("UPDATE ledger_closings SET last_at = last_at + 1", "ChangedCommit", false),
        ("UPDATE ledger_closings SET restored = true", "IncompleteCommit", true),
        ("DELETE FROM ledger_closings", "IncompleteCommit", true),
        ("DELETE FROM ledger_closing_ids", "ChangedArchive", true),
        ("UPDATE ledger_closing_ids SET ids = overlay(ids placing '\\x00'::bytea from 20)", "ChangedArchive", false),
        ("DELETE FROM ledger_entries WHERE commit = 5", "WrongArchived { stated: 5, missing: 6 }", true),
        ("DELETE FROM ledger_entries WHERE kind = 2 AND commit > 15", "IncompleteCommit", true),
    ] {
        let Some(set) = Set::new() else { return };
        set.archive(MONTHS[0]).unwrap();
        set.check();
        set.sql(change);
        let found = format!("{:?}", findings(&set.ledger));
        assert!(found.contains(expect), "{change}: {found}");
        assert_eq!(!set.sql(AUDIT).is_empty(), is_seen_by_sql, "{change}");
    }
}

#[test]
fn a_changed_file_is_found_and_not_brought_back() {
    let Some(set) = Set::new() else { return };
    set.archive(MONTHS[0]).unwrap();
    let (file, other) = (set.file(MONTHS[0]), set.file("other"));
    let text = std::fs::read_to_string(&file).unwrap();
    let half = text.get(..text.len() / 2).unwrap().to_owned();
    for changed in [text.replace("\t3\t", "\t4\t"), text.replace("2025-01", "2025-02"), half, String::new()] {
        assert_ne!(changed, text);
        std::fs::write(&other, changed).unwrap();
        let report = set.verify(std::slice::from_ref(&other));
        let found = format!("{:?}", report.findings);
        assert!(found.contains("ChangedArchive"), "{found}");
        assert_eq!(report.archived, CHARGES + 1, "what stays counts");
        let refused = set.restore(&other).unwrap_err();
        assert!(matches!(refused, ArchiveError::NoArchive { .. }), "{refused}");
    }
    assert!(set.restore(&set.file("nowhere")).is_err());
    set.check();
    set.restore(&file).unwrap();
    set.check();
}

#[test]
fn a_follower_goes_on_over_an_archiving_and_one_that_needs_archived_entries_is_told() {
    let Some(set) = Set::new() else { return };
    let changes = |from: &Checkpoint| wait(set.ledger.changes(from, 1_000));
    let follower = changes(&Checkpoint::default()).unwrap().next;
    set.archive(MONTHS[0]).unwrap();
    let moved = changes(&follower).unwrap();
    assert_eq!((moved.entries.len(), moved.restarted, moved.next == follower), (0, false, false));
    wait(give(&set.ledger, of(MONTHS[2], 90))).unwrap();
    let moved = changes(&moved.next).unwrap();
    assert_eq!(moved.entries.iter().map(|row| row.id).collect::<Vec<_>>(), [of(MONTHS[2], 90)]);
    let anew = changes(&Checkpoint::default());
    assert!(matches!(anew, Err(LedgerError::Archived { .. })), "{anew:?}");
    set.restore(&set.file(MONTHS[0])).unwrap();
    assert_eq!(changes(&Checkpoint::default()).unwrap().entries.len(), 20);
}

#[test]
fn months_are_archived_and_brought_back_while_others_write() {
    let Some(set) = Set::new() else { return };
    let processes = [set.ledger.clone(), connect(&set.database)];
    let before = posted(&set.ledger, PROVIDER);
    let load = Load::default();
    load.run(&processes, || {
        for round in 0..3 {
            load.go_on(50);
            let file = set.file(&format!("round-{round}"));
            wait(set.archives().archive(part(MONTHS[0]), &file, round == 1, &Progress::default())).unwrap();
            load.go_on(50);
            assert_eq!(findings(&set.ledger), []);
            set.restore(&file).unwrap();
        }
        load.go_on(50);
    });
    assert_eq!(posted(&set.ledger, PROVIDER), before + load.charged());
    set.check();
}

#[test]
fn the_entries_of_form_2_become_one_part_and_none_is_lost() {
    let Some(set) = Set::new() else { return };
    let far = EntryId::at(UnixMs::new(4_107_542_400_000), [1; 10]);
    wait(give(&set.ledger, far)).unwrap();
    wait(hold(&set.ledger, 10, 5)).unwrap();
    let all = wait(set.ledger.entries(EntryId::default(), 100)).unwrap();
    set.sql(
        "ALTER TABLE ledger_entries RENAME TO divided;
         CREATE TABLE ledger_entries (LIKE divided);
         INSERT INTO ledger_entries SELECT * FROM divided;
         DROP TABLE divided;
         ALTER TABLE ledger_entries ADD PRIMARY KEY (id);
         CREATE INDEX ledger_entries_commit ON ledger_entries (commit);
         DROP TABLE ledger_closings, ledger_closing_sums, ledger_closing_ids;
         UPDATE ledger_form SET form = 2",
    );
    // A process of before goes on meanwhile.
    wait(give(&set.ledger, id(20))).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| drop(connect(&set.database)));
        }
    });
    assert_eq!(set.sql("SELECT form FROM ledger_form"), "3\n");
    let kept =
        "SELECT count(*) FROM ledger_entries WHERE tableoid::regclass::text LIKE 'ledger\\_entries\\_before\\_%'";
    assert_eq!(set.sql(kept), "20\n");
    assert_eq!(set.sql("SELECT count(*) FROM ledger_entries_default"), "1\n", "what is later than the part");
    set.check();
    let after = wait(set.ledger.entries(EntryId::default(), 100)).unwrap();
    assert_eq!(after.iter().filter(|row| row.id != id(20)).cloned().collect::<Vec<_>>(), all);
    assert_eq!(wait(take(&set.ledger, of(MONTHS[0], 1))).unwrap(), Replay::Finished);
    let within = wait(set.archives().archive(part(MONTHS[0]), &set.file("file"), false, &Progress::default()));
    assert!(matches!(within, Err(ArchiveError::Within { .. })), "{within:?}");
    let parts = wait(set.archives().parts()).unwrap();
    let whole = parts.first().and_then(|row| row.part).unwrap();
    assert!(matches!(whole, EntriesPart::Before(_)), "{parts:?}");
    let young = wait(set.archives().archive(whole, &set.file("file"), false, &Progress::default()));
    assert!(matches!(young, Err(ArchiveError::TooYoung { .. })), "{young:?}");
}

#[test]
fn parts_are_listed_with_what_is_archived_of_them() {
    let Some(set) = Set::new() else { return };
    set.archive(MONTHS[0]).unwrap();
    let parts = wait(set.archives().parts()).unwrap();
    let first = parts.first().unwrap();
    assert_eq!((first.part, first.archived), (Some(part(MONTHS[0])), Some(CHARGES + 1)));
    let text = std::fs::read_to_string(set.file(MONTHS[0])).unwrap();
    assert!(text.ends_with(&format!("sha256 {}\n", first.sha256.as_ref().unwrap())), "{first:?}");
    assert!(first.beside_bytes.unwrap() > 0 && first.bytes > 0);
    let last = parts.last().unwrap();
    assert_eq!((last.part, last.archived, last.beside_bytes), (None, None, None));
}

#[test]
fn a_ledger_is_moved_elsewhere_once_its_archived_entries_are_back_and_gets_its_months_there() {
    let Some(set) = Set::new() else { return };
    set.archive(MONTHS[0]).unwrap();
    let refused = wait(RawLedger::database(&set.settings())).err().unwrap();
    assert!(matches!(refused, LedgerError::Archived { .. }), "{refused}");
    set.restore(&set.file(MONTHS[0])).unwrap();
    let source = wait(RawLedger::database(&set.settings())).unwrap().unwrap();
    let database = set.server.database();
    let settings = PostgresSettings::parse(&database).unwrap();
    wait(async {
        let client = opencredits_postgres::connect(&settings).await.unwrap();
        let turn = Turn::take(&client, "a test").await.unwrap().unwrap();
        let mut target = RawLedger::made_in(&settings).await.unwrap();
        target.write_in(turn).await.unwrap();
        target.put_accounts(&source.accounts(0, 100).await.unwrap()).await.unwrap();
        target.put_entries(&source.entries(EntryId::default(), 100).await.unwrap()).await.unwrap();
        assert_eq!(target.verify(&Progress::default()).await.unwrap().findings, []);
    });
    let of_month = |month: &str| {
        let table = format!("ledger_entries_{}", month.replace('-', "_"));
        set.server.psql(name(&database), &format!("SELECT count(*) FROM {table}"))
    };
    assert_eq!(MONTHS.map(of_month), [(); 3].map(|()| format!("{}\n", CHARGES + 2)));
}
