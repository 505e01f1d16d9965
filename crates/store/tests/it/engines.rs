//! The engines that suites run on: SQLite, and PostgreSQL where it is there.

use opencredits_postgres::Settings;
use opencredits_store::conformance::{key, partner, user};
use opencredits_store::{Keys, Partners, PostgresStore, SqliteStore, Users};
use opencredits_testkit::Postgres;
use std::path::PathBuf;

pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) dir: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { path: dir.path().join("store.db"), dir }
    }

    pub(crate) fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path).unwrap()
    }

    /// A store with a person, a partner and a key.
    pub(crate) async fn filled(&self) -> SqliteStore {
        let store = self.open();
        store.add_user(&user(1)).await.unwrap();
        store.add_partner(&partner(1)).await.unwrap();
        store.add_key(&key(1)).await.unwrap();
        store
    }
}

/// A new database of the shared server.
pub(crate) fn database() -> Option<Settings> {
    Some(Settings::parse(&Postgres::shared()?.database()).unwrap())
}

/// A store in a new database.
pub(crate) async fn on_postgres() -> Option<PostgresStore> {
    Some(PostgresStore::open(database()?, None).await.unwrap())
}

/// Runs a suite on an empty store of each engine.
macro_rules! check {
    ($suite:path) => {{
        let folder = crate::engines::Folder::new();
        $suite(&folder.open()).await.unwrap();
        if let Some(store) = crate::engines::on_postgres().await {
            $suite(&store).await.unwrap();
        }
    }};
}
pub(crate) use check;
