//! What several processes share: the rules, on two handles of each engine at once, and who hears of changes.

use crate::engines::Folder;
use opencredits_postgres::Settings;
use opencredits_store::conformance::{self, NOW, bucket};
use opencredits_store::{Change, Changes, Claim, Claims, PostgresStore, RateUnit, SharedRates, SqliteStore};
use opencredits_testkit::Postgres;
use opencredits_units::{GenerationId, UnixMs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// So many tasks at once, half of them with a handle of their own.
const TASKS: u8 = 16;
/// Nothing takes longer than so many looks.
const LOOKS: usize = 1_500;
const BETWEEN: Duration = Duration::from_millis(20);

/// Two handles, as two processes have them.
fn two_on_sqlite(folder: &Folder) -> [SqliteStore; 2] {
    [folder.open(), folder.open()]
}

/// A new database of the shared server, by its connection string and by its name, and two handles.
async fn two_on_postgres(server: &Postgres) -> (String, [PostgresStore; 2]) {
    let url = server.database();
    let open = || PostgresStore::open(Settings::parse(&url).unwrap(), None);
    let two = [open().await.unwrap(), open().await.unwrap()];
    (url.rsplit_once("dbname=").unwrap().1.to_owned(), two)
}

/// Makes rows older; windows by whole minutes.
fn aging(ms: u64) -> String {
    let minutes = ms - ms % 60_000;
    format!(
        "UPDATE rate_windows SET window_start = window_start - {minutes}; UPDATE rate_places SET seen_at = seen_at - {ms}"
    )
}

/// Waits for the next minute where this one is nearly over, by the server's clock.
fn early_in_a_minute(server: &Postgres, name: &str) {
    let second = "extract(second FROM clock_timestamp())";
    server.sql(name, &format!("SELECT pg_sleep(CASE WHEN {second} > 40 THEN 60.1 - {second} ELSE 0 END)"));
}

#[tokio::test]
async fn both_engines_conform_on_changes() {
    let folder = Folder::new();
    let [one, other] = two_on_sqlite(&folder);
    conformance::changes(&one, &other).await.unwrap();
    let Some(server) = Postgres::shared() else { return };
    let (_, [one, other]) = two_on_postgres(server).await;
    conformance::changes(&one, &other).await.unwrap();
}

#[tokio::test]
async fn both_engines_conform_on_shared_rates() {
    let folder = Folder::new();
    let [one, other] = two_on_sqlite(&folder);
    let raw = rusqlite::Connection::open(&folder.path).unwrap();
    conformance::shared_rates(&one, &other, &|ms| raw.execute_batch(&aging(ms)).unwrap()).await.unwrap();
    let Some(server) = Postgres::shared() else { return };
    let (name, [one, other]) = two_on_postgres(server).await;
    early_in_a_minute(server, &name);
    conformance::shared_rates(&one, &other, &|ms| server.sql(&name, &aging(ms))).await.unwrap();
}

/// Runs the same on many tasks at once.
async fn race<S, T, F>(stores: &[S; 2], work: impl Fn(S, u8) -> F) -> Vec<T>
where
    S: Clone,
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut racing = JoinSet::new();
    for n in 0..TASKS {
        racing.spawn(work(stores[usize::from(n % 2)].clone(), n));
    }
    racing.join_all().await
}

/// What holds however many ask at once.
async fn never_above<S: Changes + Claims + SharedRates + Clone + 'static>(stores: &[S; 2]) {
    let of = bucket(1, RateUnit::Tokens);
    let lease = move |store: S, _| async move {
        let mut granted = 0;
        for _ in 0..4 {
            granted += store.lease_rate(of, 7, 100, NOW).await.unwrap().granted;
        }
        granted
    };
    assert_eq!(race(stores, lease).await.into_iter().sum::<u32>(), 100, "all of a minute and no more");
    let place = move |store: S, n: u8| async move {
        let holder = format!("holder {}", n % 5);
        let first = store.take_place(of.key, &holder, 6, NOW).await.unwrap();
        let second = store.take_place(of.key, &holder, 6, NOW).await.unwrap();
        [first, second].into_iter().filter(|taken| *taken).count()
    };
    assert_eq!(race(stores, place).await.into_iter().sum::<usize>(), 6, "each place once");
    let announce = move |store: S, _| async move { store.announce(Change::Data).await.unwrap().changes };
    let mut versions = race(stores, announce).await;
    versions.sort_unstable();
    assert_eq!(versions, (1..=u64::from(TASKS)).collect::<Vec<_>>(), "each change has a version of its own");
    let claim = move |store: S, n: u8| async move {
        let generation = GenerationId::from_bits(n.into());
        let is_new = store.claim(&[7; 32], generation, NOW).await.unwrap() == Claim::New;
        (is_new, store.release_claim(&[7; 32], generation).await.unwrap())
    };
    let claims = race(stores, claim).await;
    assert!(claims.iter().any(|(is_new, _)| *is_new));
    assert!(claims.iter().all(|(is_new, is_released)| is_new == is_released), "who claimed it frees it: {claims:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_all_together_have_no_more_than_the_limit_on_sqlite() {
    let folder = Folder::new();
    let store = folder.open();
    never_above(&[store.clone(), store]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_all_together_have_no_more_than_the_limit_on_postgres() {
    let Some(server) = Postgres::shared() else { return };
    let (name, stores) = two_on_postgres(server).await;
    early_in_a_minute(server, &name);
    never_above(&stores).await;
}

#[tokio::test]
async fn postgres_goes_by_its_own_clock_and_not_by_that_of_who_asks() {
    let Some(server) = Postgres::shared() else { return };
    let (name, [one, other]) = two_on_postgres(server).await;
    early_in_a_minute(server, &name);
    let of = bucket(1, RateUnit::Requests);
    let late = NOW.saturating_add_ms(10 * 60_000);
    let first = one.lease_rate(of, 10, 10, NOW).await.unwrap();
    let second = other.lease_rate(of, 10, 10, late).await.unwrap();
    assert_eq!((first.granted, second.granted, second.window), (10, 0, first.window));
    assert!(one.take_place(of.key, "a", 1, NOW).await.unwrap());
    assert!(!other.take_place(of.key, "b", 1, late).await.unwrap());
}

#[tokio::test]
async fn a_clock_that_is_set_back_locks_nobody_out() {
    let folder = Folder::new();
    let store = folder.open();
    let of = bucket(1, RateUnit::Requests);
    let hour_later = NOW.saturating_add_ms(60 * 60_000);
    let first = store.lease_rate(of, 10, 10, hour_later).await.unwrap();
    let minute_before = UnixMs::new(hour_later.get() - 60_000);
    let again = store.lease_rate(of, 10, 10, minute_before).await.unwrap();
    assert_eq!((again.granted, again.window), (0, first.window), "it is the same window still");
    assert_eq!(store.lease_rate(of, 10, 10, NOW).await.unwrap().granted, 10, "an hour before is another one");
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        tokio::time::sleep(BETWEEN).await;
    }
    assert!(is_so(), "it never came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_heard_by_other_processes_and_again_once_the_server_is_back() {
    let Some(server) = Postgres::start(&[]) else { return };
    let (_, [one, other]) = two_on_postgres(&server).await;
    let (heard, failed) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let count = |of: &Arc<AtomicU32>| of.load(Ordering::SeqCst);
    let mut listening = JoinSet::new();
    let (hears, fails) = (Arc::clone(&heard), Arc::clone(&failed));
    listening.spawn(async move {
        let add = |to: &AtomicU32| {
            to.fetch_add(1, Ordering::SeqCst);
        };
        one.listen(|| add(&hears), |_| add(&fails)).await;
    });
    until(|| count(&heard) == 1).await;
    other.announce(Change::Data).await.unwrap();
    until(|| count(&heard) == 2).await;
    assert_eq!(count(&failed), 0);
    server.kill("KILL");
    until(|| count(&failed) == 1).await;
    server.start_again();
    until(|| count(&heard) == 3).await;
    assert_eq!(count(&failed), 1, "it is told once");
    assert_eq!(other.versions().await.unwrap().changes, 1);
    other.announce(Change::Data).await.unwrap();
    until(|| count(&heard) == 4).await;
    listening.shutdown().await;
    server.shows("SELECT count(*) || ' listen' FROM pg_stat_activity WHERE query LIKE 'LISTEN%'", "0 listen");
}
