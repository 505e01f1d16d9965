//! Opens ledger and store: files in the data folder, or tables in databases.

use crate::error::StartError;
use crate::machine;
use crate::parts::{OfProcess, make_folder, when_unlocked};
use crate::secret_files::secret;
use opencredits_api::admin::Admin;
use opencredits_backup::{LEDGER_FILE, STORE_FILE, Source};
use opencredits_keys::{DataKeys, Mode};
use opencredits_ledger::{
    AnyLedger, ClosedLedger, Ledger, LedgerError, PostgresSettings, SharedLedger, SharedOptions, StorageError,
};
use opencredits_service::config::Config;
use opencredits_service::jobs::release_left;
use opencredits_service::privacy::{check_address_keys, keeping};
use opencredits_service::{ChangeFeed, Gateway, TEST_DIR, TestLedger};
use opencredits_store::{Databases, EngineError, JobLeases as _, PostgresStore, SqliteStore, Store, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The settings that name databases.
const URL: &str = "database.url";
const READ_URL: &str = "database.read_url";
const TEST_URL: &str = "database.test_url";
/// The one that names who may vouch for their servers.
const CA_FILE: &str = "database.ca_file";
/// The ledger reads with one connection for so many of the store.
const CONNECTIONS_OF_READER: usize = 4;

/// The data of a mode.
pub(crate) struct Data<L> {
    pub(crate) ledger: L,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) files: Arc<Files>,
}

/// What belongs to the data only where it is in files.
pub(crate) enum Files {
    /// It is: this process alone has them.
    Local { store: SqliteStore, dir: PathBuf },
    /// It is in a database, which other gateways may have as well. The folder with the admin socket is this one's alone.
    Database { store: PostgresStore, _lock: ClosedLedger },
}

impl Files {
    /// Whether other processes may have the data as well.
    pub(crate) const fn are_shared(&self) -> bool {
        matches!(self, Self::Database { .. })
    }

    /// Hears of changes that other processes announce, until it is dropped.
    pub(crate) async fn listen(&self, feed: &ChangeFeed) {
        let Self::Database { store, .. } = self else { return };
        let failed = |error: StoreError| tracing::warn!(%error, "notifications of the database are not heard; changes are asked for twice a second");
        store.listen(|| feed.hear(), failed).await;
    }

    /// Ends what earlier processes have left: holds and leases of jobs. In a database they may be of processes that live.
    pub(crate) async fn end_left(&self, gateway: &Gateway) -> Result<(), StartError> {
        match self {
            Self::Local { store, .. } => {
                release_left(gateway).await?;
                store.end_job_leases().await?;
            }
            Self::Database { .. } => {}
        }
        Ok(())
    }

    /// Lets operators look things up in the store, and back the files up.
    pub(crate) fn shown_by(&self, admin: Admin, (ledger, store): (&AnyLedger, &Arc<dyn Store>)) -> Admin {
        match (self, ledger.embedded()) {
            (Self::Local { store, dir }, Some(ledger)) => {
                admin.of_files(Source { ledger: ledger.clone(), store: store.clone(), data: dir.clone() })
            }
            _ => admin.of_store(Arc::clone(store)),
        }
    }

    /// Merges the log of the store into its file, so that the folder can be copied as files. The next start would do it as well.
    pub(crate) async fn close(&self) {
        let Self::Local { store, .. } = self else { return };
        match store.checkpoint().await {
            Ok(true) => {}
            Ok(false) => tracing::warn!("another process reads the store; copy store.db-wal together with store.db"),
            Err(error) => {
                tracing::warn!(%error, "the log of the store is not merged; copy store.db-wal together with store.db")
            }
        }
    }
}

/// Creates the data folder where there is none, and opens the data of the live mode.
pub(crate) async fn open(
    config: &Config,
    keys: Option<&DataKeys>,
    process: &OfProcess,
) -> Result<Data<AnyLedger>, StartError> {
    let dir = Path::new(&config.data.dir);
    make_folder(dir)?;
    if let Some(Urls { live, replica, .. }) = urls(config)? {
        let lock = lock(dir).await?;
        let store = open_store((config, Mode::Live), (live.clone(), replica), (keys, process)).await?;
        let files = Arc::new(Files::Database { store: store.clone(), _lock: lock });
        let ledger = SharedLedger::connect(live, options(config)).await.map_err(of_ledger(URL))?;
        return Ok(Data { ledger: ledger.into(), store: store.into(), files });
    }
    let ledger = when_unlocked(|| Ledger::open(dir.join(LEDGER_FILE))).await?;
    let store = open_file(dir, Mode::Live, (keys, process)).await?;
    Ok(Data { ledger: ledger.into(), store: store.clone().into(), files: local(store, dir) })
}

/// The same for test mode; `None` where ledger and store are in a database, and test mode has none.
pub(crate) async fn open_test(
    config: &Config,
    keys: Option<&DataKeys>,
    process: &OfProcess,
) -> Result<Option<Data<TestLedger>>, StartError> {
    let data = Path::new(&config.data.dir);
    let dir = &*data.join(TEST_DIR);
    if let Some(Urls { test, .. }) = urls(config)? {
        let Some(test) = test else {
            tracing::warn!("there is no test mode: database.test_url is not set; set it, or test.enabled = false");
            return Ok(None);
        };
        make_folder(dir)?;
        let lock = lock(dir).await?;
        let store = open_store((config, Mode::Test), (test.clone(), None), (keys, process)).await?;
        let files = Arc::new(Files::Database { store: store.clone(), _lock: lock });
        let ledger = TestLedger::connect(test, options(config)).await.map_err(of_ledger(TEST_URL))?;
        return Ok(Some(Data { ledger, store: store.into(), files }));
    }
    make_folder(dir)?;
    let ledger = when_unlocked(|| TestLedger::open(data, LEDGER_FILE)).await?;
    let store = open_file(dir, Mode::Test, (keys, process)).await?;
    Ok(Some(Data { ledger, store: store.clone().into(), files: local(store, dir) }))
}

fn local(store: SqliteStore, dir: &Path) -> Arc<Files> {
    Arc::new(Files::Local { store, dir: dir.to_owned() })
}

/// Keeps other gateways out of the folder, and the admin tool from making files there.
async fn lock(dir: &Path) -> Result<ClosedLedger, StartError> {
    Ok(when_unlocked(|| ClosedLedger::lock(dir.join(LEDGER_FILE))).await?)
}

async fn open_file(
    dir: &Path,
    mode: Mode,
    (keys, process): (Option<&DataKeys>, &OfProcess),
) -> Result<SqliteStore, StartError> {
    let store = SqliteStore::open_with(dir.join(STORE_FILE), keeping(keys, &process.entropy))?;
    check_address_keys(&store, keys).await?;
    Ok(store.of_mode(mode)?)
}

async fn open_store(
    (config, mode): (&Config, Mode),
    (primary, replica): (PostgresSettings, Option<PostgresSettings>),
    (keys, process): (Option<&DataKeys>, &OfProcess),
) -> Result<PostgresStore, StartError> {
    let wrong = of_store(match mode {
        Mode::Live => URL,
        Mode::Test => TEST_URL,
    });
    let databases = Databases { primary, replica, connections_max: config.database.connections };
    let store = PostgresStore::open_with(databases, keeping(keys, &process.entropy)).await.map_err(&wrong)?;
    check_address_keys(&store, keys).await?;
    store.of_mode(mode).await.map_err(&wrong)
}

fn options(config: &Config) -> SharedOptions {
    let readers = config.database.connections.div_euclid(CONNECTIONS_OF_READER).max(1);
    SharedOptions { writers: config.database.writers, readers, name: machine::process_name() }
}

/// The databases that a config names.
struct Urls {
    live: PostgresSettings,
    replica: Option<PostgresSettings>,
    test: Option<PostgresSettings>,
}

/// Checks the URLs without asking the databases.
pub(crate) fn check(config: &Config) -> Result<(), StartError> {
    urls(config).map(|_| ())
}

fn urls(config: &Config) -> Result<Option<Urls>, StartError> {
    let set = &config.database;
    let Some(live) = secret("database.url_file", set.url.as_ref(), set.url_file.as_ref())? else { return Ok(None) };
    let replica = secret("database.read_url_file", set.read_url.as_ref(), set.read_url_file.as_ref())?;
    let test = secret("database.test_url_file", set.test_url.as_ref(), set.test_url_file.as_ref())?;
    if test.as_ref() == Some(&live) {
        return Err(StartError::SameDatabase);
    }
    let authorities = set.ca_file.as_deref().map(Path::new);
    Ok(Some(Urls {
        live: parsed((URL, live.as_str()), authorities)?,
        replica: replica.map(|text| parsed((READ_URL, text.as_str()), authorities)).transpose()?,
        test: test.map(|text| parsed((TEST_URL, text.as_str()), authorities)).transpose()?,
    }))
}

/// The error has nothing of the text in it.
fn parsed((setting, text): (&'static str, &str), authorities: Option<&Path>) -> Result<PostgresSettings, StartError> {
    let wrong = |setting| move |source| StartError::DatabaseSetting { setting, source };
    let settings = PostgresSettings::parse(text).map_err(wrong(setting))?;
    match authorities {
        Some(path) => settings.with_authorities(path).map_err(wrong(CA_FILE)),
        None => Ok(settings),
    }
}

fn of_store(setting: &'static str) -> impl Fn(StoreError) -> StartError {
    move |error| match error {
        StoreError::Engine(EngineError::Postgres(source)) => StartError::Database { setting, source },
        error => error.into(),
    }
}

fn of_ledger(setting: &'static str) -> impl Fn(LedgerError) -> StartError {
    move |error| match error {
        LedgerError::Storage(StorageError::Postgres(source)) => StartError::Database { setting, source: *source },
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{SystemClock, SystemEntropy};

    fn config(database: &str) -> Config {
        Config::read(&format!("[database]\n{database}"), []).unwrap()
    }

    fn told(database: &str) -> String {
        check(&config(database)).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn urls_come_from_files_too_and_a_wrong_one_is_named_without_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (one, same) = (file("one", "postgres://app:canary@db/one\n"), file("same", "postgres://app:canary@db/one"));
        assert_eq!(told(""), "");
        assert_eq!(told(&format!("url_file = \"{one}\"\ntest_url = \"postgres://app@db/two\"")), "");
        assert!(told(&format!("url_file = \"{one}\"\ntest_url_file = \"{same}\"")).starts_with("database.test_url"));
        assert!(told("url_file = \"/nowhere/url\"").contains("database.url_file /nowhere/url"));
        let trusting = |path: &str| told(&format!("url_file = \"{one}\"\nca_file = \"{path}\""));
        assert!(trusting("/nowhere/ca").starts_with("database.ca_file cannot be used: cannot read"), "a missing file");
        assert!(trusting(&one).contains("has no certificate of an authority"), "a file without a certificate");
        for (setting, more) in
            [("url", ""), ("read_url", "url = \"postgres://db/a\""), ("test_url", "url = \"postgres://db/a\"")]
        {
            let error = told(&format!("{more}\n{setting} = \"postgres://app:canary@db:port/a\""));
            assert!(error.starts_with(&format!("database.{setting} ")) && !error.contains("canary"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_database_that_is_not_there_is_named_without_its_password_and_makes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config("url = \"postgres://app:canary@127.0.0.1:1/app\"");
        config.data.dir = folder.path().display().to_string();
        let process = OfProcess { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
        let error = open(&config, None, &process).await.err().unwrap().to_string();
        assert!(error.starts_with("cannot use the database of database.url: "), "{error}");
        assert!(error.contains("see that its server runs") && !error.contains("canary"), "{error}");
        assert!(!folder.path().join(LEDGER_FILE).exists() && !folder.path().join(STORE_FILE).exists());
    }
}
