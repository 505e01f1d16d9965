//! The store behind a pool of connections: pgbouncer, which gives one of them to a session or to a transaction.

use opencredits_postgres::Settings;
use opencredits_store::conformance::{self, NOW};
use opencredits_store::{AddressKeeping, Claim, Claims, Databases, PostgresStore};
use opencredits_testkit::{Pooler, Postgres};
use opencredits_units::GenerationId;
use tokio::task::JoinSet;

/// Connections of a store to the pool: two stores together have as many as the pool has to the server.
const CONNECTIONS: usize = 4;

/// The server that all tests share, behind a pool.
struct Pooled {
    server: &'static Postgres,
    pooler: Pooler,
}

impl Pooled {
    fn start(mode: &str) -> Option<Self> {
        let server = Postgres::shared()?;
        let pooler = Pooler::start(server, mode)?;
        Some(Self { server, pooler })
    }

    /// The way through the pool to a new database.
    fn database(&self) -> Settings {
        let url = self.server.database();
        let (_, name) = url.rsplit_once("dbname=").unwrap();
        Settings::parse(&self.pooler.url(name)).unwrap()
    }

    async fn store(&self) -> PostgresStore {
        open(self.database()).await
    }

    /// Two handles to one store, as two processes have them.
    async fn two(&self) -> [PostgresStore; 2] {
        let database = self.database();
        [open(database.clone()).await, open(database).await]
    }
}

async fn open(primary: Settings) -> PostgresStore {
    let databases = Databases { primary, replica: None, connections_max: CONNECTIONS };
    PostgresStore::open_with(databases, AddressKeeping::Plain).await.unwrap()
}

/// Runs suites, each on an empty store.
macro_rules! conform {
    ($pooled:expr, $($suite:ident),+ $(,)?) => {
        $(conformance::$suite(&$pooled.store().await).await.unwrap();)+
    };
}

/// A store behind the pool keeps the rules, also where many ask at once.
async fn check(pooled: &Pooled) {
    conform!(pooled, users, partners, keys, spending_limits, management_keys, claims, settings, usage_model);
    conform!(pooled, orders, cursors, price_books, sessions, attempt_buckets, token_grants, outbox, erasure);
    let [one, other] = pooled.two().await;
    conformance::changes(&one, &other).await.unwrap();
    let mut racing = JoinSet::new();
    for n in 0..32_u8 {
        let store = if n % 2 == 0 { one.clone() } else { other.clone() };
        racing.spawn(async move { store.claim(&[7; 32], GenerationId::from_bits(n.into()), NOW).await.unwrap() });
    }
    let outcomes = racing.join_all().await;
    assert_eq!(outcomes.iter().filter(|claim| **claim == Claim::New).count(), 1, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_behind_a_pool_of_sessions_keeps_the_rules() {
    let Some(pooled) = Pooled::start("session") else { return };
    check(&pooled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_behind_a_pool_of_transactions_keeps_the_rules() {
    // It prepares its statements.
    if !Pooler::keeps_prepared_statements() {
        return;
    }
    let Some(pooled) = Pooled::start("transaction") else { return };
    check(&pooled).await;
}
