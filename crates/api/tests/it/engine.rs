//! The engine under the application of tests: files, or PostgreSQL where `TEST_ENGINE` is `postgres`.
//!
//! On PostgreSQL each application has a database of its own on the one server of the process: a copy of one that has all tables and the
//! accounts of the house. What several processes tell each other is tested where there are several, in `bins/gateway/tests/it/cluster.rs`.

use crate::app_ledger::AppLedger;
use opencredits_ledger::{Ledger, PostgresSettings, SharedLedger, SharedOptions};
use opencredits_service::{TEST_DIR, TestLedger, books};
use opencredits_store::{AddressKeeping, Databases, PostgresStore, SqliteStore, Store};
use opencredits_testkit::{Database, Postgres};
use opencredits_units::UnixMs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokio::runtime::{Builder, Runtime};

/// What names the engine.
pub(crate) const VARIABLE: &str = "TEST_ENGINE";

/// Connections of an application's store at most; there are several applications at once.
const CONNECTIONS_MAX: usize = 4;

/// What the data is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// The one that `TEST_ENGINE` names.
    #[expect(clippy::disallowed_methods, reason = "who runs the tests says on which engine")]
    pub(crate) fn of_tests() -> Self {
        let named = std::env::var(VARIABLE).unwrap_or_else(|_| Self::Sqlite.name().to_owned());
        let found = [Self::Sqlite, Self::Postgres].into_iter().find(|engine| engine.name() == named);
        found.unwrap_or_else(|| panic!("{VARIABLE} is sqlite or postgres, and not {named}"))
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Why a test is left out on PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnlyOnFiles {
    /// It is about the files themselves.
    Files,
    /// It is about holds that outlive their process.
    OneProcess,
    /// It moves the clock of the rates of keys.
    Minutes,
    /// It drops a request at the moment at which something is seen of it.
    Moments,
    /// The runtime's time stands still in it.
    StillTime,
    /// It compares how long requests take.
    Times,
}

impl OnlyOnFiles {
    const fn reason(self) -> &'static str {
        match self {
            Self::Files => "it is about the files of the data folder, and there are none",
            Self::OneProcess => {
                "a ledger in a file has one process; of several, each holds what is its own until it is silent"
            }
            Self::Minutes => {
                "the minutes of rates that processes share are the database's, and no test moves its clock"
            }
            Self::Moments => "a request goes on while a look at the database is answered",
            Self::StillTime => "time that stands still jumps to the end of every wait for the server",
            Self::Times => "how long a database takes varies by more than what is compared",
        }
    }

    /// Whether the test is left out. Then it says so.
    #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
    pub(crate) fn leaves_out(self) -> bool {
        let is_left_out = Engine::of_tests() == Engine::Postgres;
        if is_left_out {
            eprintln!("skipped on PostgreSQL: {}", self.reason());
        }
        is_left_out
    }
}

/// What an application has its data in.
pub(crate) struct Data {
    pub(crate) ledger: AppLedger,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) place: Place,
}

/// Where that is.
pub(crate) enum Place {
    /// In files, with the store that has one of them.
    Files(SqliteStore),
    /// In a database, which is dropped after the application.
    Database(Database<'static>, Box<PostgresSettings>),
}

impl Place {
    /// Whether other processes may have the data as well.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self, Self::Database(..))
    }

    /// Another handle to the store, as a process that starts gets it.
    pub(crate) fn reopened(&self, dir: &Path) -> Arc<dyn Store> {
        match self {
            Self::Files(_) => SqliteStore::open(dir.join("store.db")).unwrap().into(),
            Self::Database(_, settings) => open_store(settings).into(),
        }
    }

    /// The bytes of all that is kept: every file, or every row.
    pub(crate) fn everything(&self, dir: &Path) -> Vec<u8> {
        match self {
            Self::Files(_) => {
                let entries = std::fs::read_dir(dir).unwrap();
                // A folder has no bytes.
                entries.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap_or_default()).collect()
            }
            Self::Database(database, _) => database.dump(),
        }
    }
}

impl Data {
    /// New data, in which the accounts of the house are open.
    pub(crate) fn new(dir: &Path, now: UnixMs) -> Self {
        match Engine::of_tests() {
            Engine::Sqlite => Self::in_files(Ledger::open(dir.join("ledger.db")).unwrap(), dir, now),
            Engine::Postgres => {
                let (database, settings) = database(now);
                let ledger = on_runtime(|| SharedLedger::connect(settings.clone(), options("test"))).unwrap();
                Self::in_database(ledger, database, settings)
            }
        }
    }

    /// The same for test mode, in its part of a data folder.
    pub(crate) fn of_test_mode(data: &Path, now: UnixMs) -> (TestLedger, Self) {
        match Engine::of_tests() {
            Engine::Sqlite => {
                let dir = data.join(TEST_DIR);
                std::fs::create_dir(&dir).unwrap();
                let ledger = TestLedger::open(data, "ledger.db").unwrap();
                let opened = Self::in_files(ledger.ledger().embedded().unwrap().clone(), &dir, now);
                (ledger, opened)
            }
            Engine::Postgres => {
                let (database, settings) = database(now);
                let ledger = on_runtime(|| TestLedger::connect(settings.clone(), options("test mode"))).unwrap();
                let opened = Self::in_database(ledger.ledger().shared().unwrap().clone(), database, settings);
                (ledger, opened)
            }
        }
    }

    fn in_files(ledger: Ledger, dir: &Path, now: UnixMs) -> Self {
        on_runtime(|| async { books::open(&ledger.clone().into(), now).await }).unwrap();
        let store = SqliteStore::open(dir.join("store.db")).unwrap();
        Self { ledger: ledger.into(), store: store.clone().into(), place: Place::Files(store) }
    }

    fn in_database(ledger: SharedLedger, database: Database<'static>, settings: PostgresSettings) -> Self {
        let store = open_store(&settings).into();
        let ledger = AppLedger::shared(ledger, &settings);
        Self { ledger, store, place: Place::Database(database, Box::new(settings)) }
    }
}

/// Few connections for each of many applications. One of the ledger writes, so that its commands are done in their order.
pub(crate) fn options(name: &str) -> SharedOptions {
    SharedOptions { writers: 1, readers: 2, name: name.to_owned() }
}

fn open_store(settings: &PostgresSettings) -> PostgresStore {
    let databases = Databases { primary: settings.clone(), replica: None, connections_max: CONNECTIONS_MAX };
    on_runtime(|| PostgresStore::open_with(databases, AddressKeeping::Plain)).unwrap()
}

/// A new database of the process's server.
fn database(now: UnixMs) -> (Database<'static>, PostgresSettings) {
    static TEMPLATE: OnceLock<Database<'static>> = OnceLock::new();
    let server = server();
    let database = server.copy_of(TEMPLATE.get_or_init(|| template(server, now)).name());
    let settings = PostgresSettings::parse(&database.url()).unwrap();
    (database, settings)
}

/// The server that all tests of the process share.
pub(crate) fn server() -> &'static Postgres {
    Postgres::shared().unwrap_or_else(|| panic!("{VARIABLE}=postgres needs PostgreSQL"))
}

/// What every database begins as. Nobody is connected to it afterwards.
fn template(server: &'static Postgres, now: UnixMs) -> Database<'static> {
    let database = server.copy_of("template1");
    let settings = PostgresSettings::parse(&database.url()).unwrap();
    drop(open_store(&settings));
    on_runtime(|| async {
        let ledger = SharedLedger::connect(settings, options("template")).await.unwrap();
        books::open(&ledger.clone().into(), now).await.unwrap();
        ledger.close().await;
    });
    database
}

/// Waits for something that goes on beside the runtime of the test, which may have one thread: the connections that it makes are worked
/// for while this thread waits.
pub(crate) fn on_runtime<F: Future<Output: Send>>(work: impl FnOnce() -> F + Send) -> F::Output {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(work())).join().unwrap())
}
