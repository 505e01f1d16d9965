//! Moves between files and PostgreSQL: everything is the same, whatever interrupts them, and what must not be moved is refused.

use crate::fixture::names;
use crate::world::{BAD_DEBT, CLEARING, Dice, History, NOW, World, dump};
use opencredits_backup::{LEDGER_FILE, MOVING_DIR, MigrateError, Migrated, Migrating, STORE_FILE, Way, migrate};
use opencredits_keys::Mode;
use opencredits_ledger::{
    AccountRow, Capture, Checkpoint, EntryRow, HoldRow, Ledger, LedgerError, PostgresSettings, Replay, SharedLedger,
    SharedOptions, Transfer,
};
use opencredits_store::{PostgresStore, SqliteStore, StoreError, UsageModel as _};
use opencredits_testkit::Postgres;
use opencredits_units::{EntryId, NanoUsd, Progress};
use std::path::Path;
use std::process::Command;
use std::task::Poll;
use std::time::Duration;

const ALL: usize = usize::MAX >> 1;

/// The name of a database in its connection string.
fn name(url: &str) -> &str {
    url.rsplit_once("dbname=").unwrap().1
}

fn settings(url: &str) -> PostgresSettings {
    PostgresSettings::parse(url).unwrap()
}

async fn moved_in(mode: Mode, way: Way, folder: &Path, url: &str) -> Result<Migrated, MigrateError> {
    let (database, progress) = (&settings(url), &Progress::default());
    migrate(Migrating { way, folder, database, mode, progress }).await
}

async fn moved(way: Way, folder: &Path, url: &str) -> Result<Migrated, MigrateError> {
    moved_in(Mode::Live, way, folder, url).await
}

/// The same, polled so often at most.
async fn polled(way: Way, folder: &Path, url: &str, mut polls: u64) -> Option<Result<Migrated, MigrateError>> {
    let mut work = std::pin::pin!(moved(way, folder, url));
    std::future::poll_fn(move |context| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// Moves a part of it to a database.
async fn begin(server: &Postgres, world: &World, url: &str) {
    let mut polls = 40;
    while server.psql(name(url), "SELECT to_regclass('opencredits_migration')").trim().is_empty() {
        assert!(polled(Way::ToDatabase, &world.data, url, polls).await.is_none());
        polls += 10;
    }
}

/// Why it is refused.
async fn refusal(way: Way, folder: &Path, url: &str) -> String {
    moved(way, folder, url).await.unwrap_err().to_string()
}

async fn connect(url: &str) -> SharedLedger {
    SharedLedger::connect(settings(url), SharedOptions::default()).await.unwrap()
}

/// What a ledger has, by its public interface.
type Books = (Vec<AccountRow>, Vec<HoldRow>, Vec<EntryRow>);

fn books_of_file(folder: &Path) -> Books {
    let ledger = Ledger::open(folder.join(LEDGER_FILE)).unwrap();
    assert!(ledger.verify().unwrap().is_clean());
    (ledger.accounts(), ledger.holds(), ledger.entries(EntryId::default(), ALL).unwrap())
}

async fn books_of_database(ledger: &SharedLedger) -> Books {
    let entries = ledger.entries(EntryId::default(), ALL).await.unwrap();
    (ledger.accounts().await.unwrap(), ledger.holds().await.unwrap(), entries)
}

fn check_equal(moved: &Migrated) {
    assert!(moved.is_equal(), "{:?} {:?}", moved.differences, moved.findings);
    let lacking: Vec<_> = moved.tables.iter().filter(|table| table.rows == 0).map(|table| &table.name).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}

/// What was asked before is asked again, later.
async fn ask_again(ledger: &SharedLedger, history: &History) {
    let later = NOW.saturating_add_ms(1_000_000_000);
    for before in &history.charged {
        let capture = Capture { hold: before.hold, legs: &before.legs, bad_debt: BAD_DEBT, memo: &before.memo };
        let again = ledger.capture(capture, later).durable().await.unwrap();
        assert_eq!(
            (again.charged, again.collected, again.replay),
            (before.charged, before.collected, Replay::Finished)
        );
    }
    for before in &history.given {
        let (id, to, amount) = (before.id, before.to, before.amount);
        let same = Transfer { id, from: CLEARING, to, amount, memo: &before.memo };
        assert_eq!(ledger.transfer(same, later).durable().await.unwrap().replay, Replay::Finished);
        let other = Transfer { amount: NanoUsd::new(amount.get() + 1), ..same };
        let refused = ledger.transfer(other, later).durable().await;
        assert!(matches!(refused, Err(LedgerError::IdempotencyMismatch { .. })), "{refused:?}");
    }
    for id in history.voided.iter().take(20) {
        assert_eq!(ledger.void(*id, later).durable().await.unwrap().replay, Replay::Finished);
    }
}

#[tokio::test]
async fn everything_is_the_same_in_the_database_and_in_files_again_and_replays_get_the_first_outcome() {
    let Some(server) = Postgres::shared() else { return };
    let world = World::new(server, 10_000, 1).await;
    let (books, rows) = (books_of_file(&world.data), dump(&world.data.join(STORE_FILE)));
    assert!(books.2.len() > 8_000 && books.1.len() > 1_000, "{} entries, {} holds", books.2.len(), books.1.len());
    // Its texts have another order than that of their bytes.
    let order = "CREATE DATABASE moved TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'";
    server.sql("postgres", order);
    let url = server.url("moved");
    let there = moved(Way::ToDatabase, &world.data, &url).await.unwrap();
    check_equal(&there);
    assert!(there.has_usage && !there.resumed && there.head != there.source_head);
    assert_eq!(usize::try_from(there.entries).unwrap(), books.2.len());
    let ledger = connect(&url).await;
    assert_eq!(books_of_database(&ledger).await, books);
    ask_again(&ledger, &world.history).await;
    assert_eq!(books_of_database(&ledger).await, books, "replays have changed nothing");
    // Their process is gone, so that somebody settles them.
    let abandoned = ledger.abandoned(Duration::from_secs(30), ALL).await.unwrap();
    assert_eq!(abandoned.len(), books.1.len());
    // The read model goes on where it was.
    let store = PostgresStore::open(settings(&url), None).await.unwrap();
    let place = Checkpoint::from_bytes(&store.place().await.unwrap()).unwrap();
    let changes = ledger.changes(&place, 10).await.unwrap();
    assert!(changes.entries.is_empty() && !changes.restarted && changes.next == place);
    drop(store);
    ledger.close().await;
    let files = world.path("files");
    let back = moved(Way::ToFiles, &files, &url).await.unwrap();
    check_equal(&back);
    assert_eq!((back.source_head, back.tables), (there.head, there.tables));
    assert_eq!(names(&files), [LEDGER_FILE, "ledger.db.head", "ledger.db.lock", STORE_FILE]);
    assert_eq!((books_of_file(&files), dump(&files.join(STORE_FILE))), (books, rows));
    let place = SqliteStore::open(files.join(STORE_FILE)).unwrap().place().await.unwrap();
    let changes = Ledger::open(files.join(LEDGER_FILE)).unwrap().changes(&Checkpoint::from_bytes(&place).unwrap(), 10);
    assert!(changes.is_ok_and(|changes| changes.entries.is_empty() && !changes.restarted));
    let store = rusqlite::Connection::open(files.join(STORE_FILE)).unwrap();
    let lost = "SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM label_rows JOIN label_parts ON n = label_parts.rowid)";
    assert_eq!(store.query_row(lost, [], |row| row.get::<_, u32>(0)).unwrap(), 0, "labels are found by their parts");
}

#[tokio::test]
async fn a_move_that_is_dropped_anywhere_goes_on_where_it_stopped() {
    let Some(server) = Postgres::shared() else { return };
    let world = World::new(server, 4_000, 2).await;
    let (books, rows) = (books_of_file(&world.data), dump(&world.data.join(STORE_FILE)));
    let (url, files, dice) = (server.database(), world.path("files"), Dice::seeded(3));
    for (way, folder) in [(Way::ToDatabase, &world.data), (Way::ToFiles, &files)] {
        let mut drops = 0_u64;
        let done = loop {
            // Later ones go on for longer, so that it ends.
            match polled(way, folder, &url, 1 + dice.below(150 * (drops + 1))).await {
                Some(done) => break done.unwrap(),
                None => drops += 1,
            }
            if way == Way::ToFiles {
                assert!(!files.join(LEDGER_FILE).exists(), "nothing is in its place before all is there");
            }
        };
        check_equal(&done);
        assert!(done.resumed && drops > 1, "{drops} drops");
    }
    assert_eq!((books_of_file(&files), dump(&files.join(STORE_FILE))), (books, rows));
}

#[tokio::test]
async fn no_gateway_starts_on_a_database_that_is_not_whole() {
    let Some(server) = Postgres::shared() else { return };
    let world = World::new(server, 2_500, 4).await;
    let url = server.database();
    begin(server, &world, &url).await;
    let refused = SharedLedger::connect(settings(&url), SharedOptions::default()).await.err().unwrap().to_string();
    assert!(refused.contains("is not whole yet; run `opencredits-admin migrate` again"), "{refused}");
    let refused = PostgresStore::open(settings(&url), None).await.err().unwrap().to_string();
    assert!(refused.contains("is not whole yet"), "{refused}");
    let refused = refusal(Way::ToFiles, &world.path("files"), &url).await;
    assert!(refused.contains("is not whole yet") || refused.contains("has no ledger"), "{refused}");
    check_equal(&moved(Way::ToDatabase, &world.data, &url).await.unwrap());
    drop(PostgresStore::open(settings(&url), None).await.unwrap());
    connect(&url).await.close().await;
}

#[tokio::test]
async fn a_read_model_that_lacks_entries_is_left_to_the_next_start() {
    let Some(server) = Postgres::shared() else { return };
    let world = World::new(server, 1_500, 5).await;
    world.set_usage_place(&Checkpoint::default().to_bytes());
    let url = server.database();
    let there = moved(Way::ToDatabase, &world.data, &url).await.unwrap();
    assert!(there.is_equal() && !there.has_usage);
    assert!(there.tables.iter().all(|table| table.rows > 0 && table.name != "usage_sums"));
    let left = "SELECT (SELECT count(*) FROM usage_sums) + (SELECT count(*) FROM usage_checkpoint)";
    assert_eq!(server.psql(name(&url), left), "0\n");
}

/// A target whose copy of something was changed: the difference is named, and no gateway starts.
async fn check_difference(change: &str, expect: &[&str]) {
    let Some(server) = Postgres::shared() else { return };
    let world = World::new(server, 1_500, 6).await;
    let url = server.database();
    check_equal(&moved(Way::ToDatabase, &world.data, &url).await.unwrap());
    server.sql(name(&url), &format!("UPDATE opencredits_migration SET ended_at = NULL; {change}"));
    let again = moved(Way::ToDatabase, &world.data, &url).await.unwrap();
    assert!(!again.is_equal() && again.resumed);
    let told = [again.differences, again.findings].concat().join("\n");
    for expect in expect {
        assert!(told.contains(expect), "{expect}: {told}");
    }
    assert!(SharedLedger::connect(settings(&url), SharedOptions::default()).await.is_err());
}

#[tokio::test]
async fn a_difference_of_an_account_is_named() {
    check_difference(
        "UPDATE ledger_accounts SET posted = posted + 1 WHERE number = 7",
        &["posted and", "nano-USD in its row, its entries sum to"],
    )
    .await;
}

#[tokio::test]
async fn a_difference_of_an_entry_is_named() {
    check_difference(
        "UPDATE ledger_entries SET memo = 'changed' WHERE id = (SELECT max(id::text)::bytea FROM ledger_entries)",
        &["entry entry_", "is not the same", "is not as it was written"],
    )
    .await;
}

#[tokio::test]
async fn a_hold_that_is_missing_or_changed_is_named() {
    let first = "(SELECT id FROM ledger_holds ORDER BY id LIMIT 1)";
    let change = format!(
        "DELETE FROM ledger_holds WHERE id = {first}; UPDATE ledger_holds SET amount = amount + 1 WHERE id = {first}"
    );
    check_difference(&change, &["is missing in the target", "is not the same", "nano-USD in holds by its row"]).await;
}

#[tokio::test]
async fn rows_of_the_store_that_are_changed_missing_or_added_are_named() {
    let change = "UPDATE settings SET value = 'x' WHERE name = (SELECT min(name) FROM settings);
        DELETE FROM cursors WHERE name = (SELECT min(name COLLATE \"C\") FROM cursors);
        INSERT INTO cursors VALUES ('', 'of somebody else')";
    check_difference(
        change,
        &[
            "row of settings",
            "is not the same",
            "table settings: ",
            "row of cursors",
            "is missing in the target",
            "row of cursors  is in the target only",
        ],
    )
    .await;
}

#[tokio::test]
async fn data_in_use_is_not_moved() {
    let Some(server) = Postgres::shared() else { return };
    let world = World::new(server, 1_000, 7).await;
    let url = server.database();
    let open = Ledger::open(world.data.join(LEDGER_FILE)).unwrap();
    let refused = refusal(Way::ToDatabase, &world.data, &url).await;
    assert!(refused.contains("has the data folder") && refused.contains("stop it first"), "{refused}");
    drop(open);
    moved(Way::ToDatabase, &world.data, &url).await.unwrap();
    let gateway = connect(&url).await;
    let files = world.path("files");
    let refused = refusal(Way::ToFiles, &files, &url).await;
    assert!(refused.contains("within the last minute, by ledger; stop every gateway"), "{refused}");
    assert!(!files.exists());
    gateway.close().await;
    std::fs::create_dir(&files).unwrap();
    let open = Ledger::open(files.join(LEDGER_FILE)).unwrap();
    let refused = refusal(Way::ToFiles, &files, &url).await;
    assert!(refused.contains("stop it first"), "{refused}");
    drop(open);
}

#[tokio::test]
async fn a_target_with_other_data_is_left_alone() {
    let Some(server) = Postgres::shared() else { return };
    let (world, other) = (World::new(server, 1_000, 8).await, World::new(server, 1_000, 9).await);
    let url = server.database();
    let refused = refusal(Way::ToFiles, &world.path("files"), &url).await;
    assert!(refused.contains("the database has no ledger"), "{refused}");
    assert_eq!(server.psql(name(&url), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0\n");
    begin(server, &world, &url).await;
    let refused = refusal(Way::ToDatabase, &other.data, &url).await;
    assert!(refused.contains("a part of another move, from head_"), "{refused}");
    moved(Way::ToDatabase, &world.data, &url).await.unwrap();
    let refused = refusal(Way::ToDatabase, &world.data, &url).await;
    assert!(refused.contains("was moved into this database before, from head_"), "{refused}");
    // One that gateways use.
    let used = server.database();
    drop(PostgresStore::open(settings(&used), None).await.unwrap().of_mode(Mode::Live).await.unwrap());
    let refused = refusal(Way::ToDatabase, &world.data, &used).await;
    assert!(refused.contains("rows in the table settings; move into an empty one"), "{refused}");
    let refused = refusal(Way::ToFiles, &other.data, &url).await;
    assert!(refused.contains("has data already: ledger.db"), "{refused}");
    let mode = moved_in(Mode::Test, Way::ToFiles, &world.path("test"), &url).await;
    assert!(matches!(mode, Err(MigrateError::Store(StoreError::OtherMode { .. }))));
    let nothing = refusal(Way::ToDatabase, &world.path("nowhere"), &url).await;
    assert!(nothing.contains("there is no ledger.db with a store.db in"), "{nothing}");
}

#[tokio::test]
async fn a_source_that_does_not_verify_is_not_moved() {
    let Some(server) = Postgres::shared() else { return };
    let world = World::new(server, 1_000, 10).await;
    let raw = rusqlite::Connection::open(world.data.join(LEDGER_FILE)).unwrap();
    raw.execute("UPDATE accounts SET posted = posted + 5 WHERE number = 8", []).unwrap();
    drop(raw);
    let url = server.database();
    let refused = refusal(Way::ToDatabase, &world.data, &url).await;
    assert!(refused.contains("the source does not verify, and nothing was moved: acct_"), "{refused}");
    assert_eq!(server.psql(name(&url), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0\n");
}

#[tokio::test]
async fn files_that_were_interrupted_while_they_were_put_in_place_are_put_there() {
    let Some(server) = Postgres::shared() else { return };
    let world = World::new(server, 1_000, 11).await;
    let (url, files) = (server.database(), world.path("files"));
    let head = moved(Way::ToDatabase, &world.data, &url).await.unwrap().head;
    moved(Way::ToFiles, &files, &url).await.unwrap();
    let moves = ["ledger.db.head", STORE_FILE, LEDGER_FILE];
    for done in 0..=moves.len() {
        let staged = files.join(MOVING_DIR);
        std::fs::create_dir(&staged).unwrap();
        std::fs::write(staged.join("source"), head.to_string()).unwrap();
        std::fs::write(staged.join("compared"), "").unwrap();
        for name in &moves[done..] {
            std::fs::rename(files.join(name), staged.join(name)).unwrap();
        }
        let again = moved(Way::ToFiles, &files, &url).await.unwrap();
        check_equal(&again);
        assert!(again.resumed && !staged.exists(), "{done}");
    }
}

#[tokio::test]
async fn the_folder_of_each_released_version_is_moved() {
    let Some(server) = Postgres::shared() else { return };
    let archives = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bins/gateway/tests/released");
    for archive in std::fs::read_dir(archives).unwrap() {
        let folder = tempfile::tempdir().unwrap();
        let mut unpack = Command::new("tar");
        unpack.args(["--extract", "--gzip", "--no-same-owner", "--file"]).arg(archive.unwrap().path());
        assert!(unpack.arg("--directory").arg(folder.path()).status().unwrap().success());
        let known: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.path().join("known.json")).unwrap()).unwrap();
        let (data, files, url) = (folder.path().join("data"), folder.path().join("files"), server.database());
        let there = moved(Way::ToDatabase, &data, &url).await.unwrap();
        assert!(there.is_equal(), "{:?} {:?}", there.differences, there.findings);
        assert_eq!(Some(there.entries), known["entries"].as_u64());
        let back = moved(Way::ToFiles, &files, &url).await.unwrap();
        assert!(back.is_equal(), "{:?} {:?}", back.differences, back.findings);
        assert_eq!(books_of_file(&files), books_of_file(&data));
        assert_eq!(dump(&files.join(STORE_FILE)), dump(&data.join(STORE_FILE)));
    }
}
