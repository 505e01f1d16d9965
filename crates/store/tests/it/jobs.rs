//! The leases of jobs: the rules on both engines, PostgreSQL's own clock, and a model on SQLite under random calls.

use crate::engines::Folder;
use opencredits_postgres::Settings;
use opencredits_store::conformance::{NOW, job_leases, report};
use opencredits_store::{Acquired, JobLease, JobLeases, JobReport, JobRun, PostgresStore, SqliteStore};
use opencredits_testkit::Postgres;
use opencredits_units::UnixMs;
use proptest::prelude::*;

/// Makes leases older.
fn aging(ms: u64) -> String {
    format!("UPDATE jobs SET leased_until = leased_until - {ms}, leased_at = leased_at - {ms}")
}

#[tokio::test]
async fn both_engines_conform_on_the_leases_of_jobs() {
    let folder = Folder::new();
    let store = folder.open();
    let raw = rusqlite::Connection::open(&folder.path).unwrap();
    job_leases(&store, &|ms| raw.execute_batch(&aging(ms)).unwrap()).await.unwrap();
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let store = PostgresStore::open(Settings::parse(&url).unwrap(), None).await.unwrap();
    let name = url.rsplit_once("dbname=").unwrap().1;
    job_leases(&store, &|ms| server.sql(name, &aging(ms))).await.unwrap();
}

#[tokio::test]
async fn processes_whose_clocks_are_minutes_apart_have_a_lease_of_postgres_in_turn() {
    const LEASE_MS: u64 = 60_000;
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let store = PostgresStore::open(Settings::parse(&url).unwrap(), None).await.unwrap();
    let name = url.rsplit_once("dbname=").unwrap().1;
    let (behind, ahead) = (NOW, NOW.saturating_add_ms(600_000));
    let acquire = async |holder: &str, now| store.acquire_job("tidy", holder, now, LEASE_MS).await.unwrap();
    let run_of =
        |now: UnixMs| JobReport { run: JobRun { started_at: now, ended_at: now, ..report(1).run }, ..report(1) };
    for ((holder, now), (other, other_now)) in [(("a", behind), ("b", ahead)), (("b", ahead), ("a", behind))] {
        let Acquired::New(lease) = acquire(holder, now).await else { panic!("{holder} starves") };
        assert_eq!(lease.until, now.saturating_add_ms(LEASE_MS), "the end is told by the clock of who asks");
        let Acquired::Held(held) = acquire(other, other_now).await else { panic!("{other} has it as well") };
        let wait_ms = held.until.ms_since(other_now);
        assert!((1..=LEASE_MS).contains(&wait_ms), "{other} waits for {wait_ms} ms");
        assert!(store.renew_job(&lease, now, LEASE_MS).await.unwrap(), "{holder} renews in time");
        assert!(store.report_job(&lease, &run_of(now), now, Some(LEASE_MS)).await.unwrap());
        let (record, clock) = (store.jobs().await.unwrap().remove(0), store.job_clock(now).await.unwrap());
        let since_ms = clock.ms_since(record.last.unwrap().started_at);
        assert!(since_ms < 30_000, "each process sees when the job ran: {since_ms} ms ago");
        server.sql(name, &aging(LEASE_MS));
        assert!(!store.renew_job(&lease, now, LEASE_MS).await.unwrap(), "{holder} has had its time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_holders_at_once_one_has_the_lease() {
    let folder = Folder::new();
    let store = folder.open();
    let mut racing = tokio::task::JoinSet::new();
    for n in 0..32 {
        let store = store.clone();
        racing.spawn(async move { store.acquire_job("tidy", &format!("holder {n}"), NOW, 9).await.unwrap() });
    }
    let acquired = racing.join_all().await;
    let new: Vec<_> = acquired.iter().filter(|acquired| matches!(acquired, Acquired::New(_))).collect();
    let [Acquired::New(lease)] = new[..] else { panic!("{new:?}") };
    assert!(acquired.iter().all(|one| matches!(one, Acquired::New(_)) || *one == Acquired::Held(lease.clone())));
}

#[tokio::test]
async fn a_lease_outlives_the_process_and_its_token_is_refused_once_all_are_ended() {
    let folder = Folder::new();
    let store = folder.open();
    let Acquired::New(lease) = store.acquire_job("tidy", "a", NOW, 9).await.unwrap() else { panic!() };
    drop(store);
    let again = folder.open();
    assert_eq!(again.acquire_job("tidy", "b", NOW, 9).await.unwrap(), Acquired::Held(lease.clone()));
    assert_eq!(again.end_job_leases().await.unwrap(), 1);
    assert!(!again.report_job(&lease, &report(1), NOW, None).await.unwrap());
}

/// A call of one of some holders.
#[derive(Debug, Clone)]
enum Call {
    Acquire { holder: usize, ms: u64 },
    Renew { holder: usize, ms: u64 },
    Report { holder: usize, keep_ms: Option<u64> },
    Release { holder: usize },
    EndAll,
    Wait { ms: u64 },
}

fn call() -> impl Strategy<Value = Call> {
    let (holder, ms) = (0..3_usize, 1..30_u64);
    prop_oneof![
        4 => (holder.clone(), ms.clone()).prop_map(|(holder, ms)| Call::Acquire { holder, ms }),
        3 => (holder.clone(), ms.clone()).prop_map(|(holder, ms)| Call::Renew { holder, ms }),
        2 => (holder.clone(), proptest::option::of(ms.clone())).prop_map(|(holder, keep_ms)| Call::Report { holder, keep_ms }),
        2 => holder.prop_map(|holder| Call::Release { holder }),
        1 => Just(Call::EndAll),
        4 => ms.prop_map(|ms| Call::Wait { ms }),
    ]
}

/// What must be so: one token and one end, and what each holder believes to have.
#[derive(Default)]
struct Model {
    now_ms: u64,
    token: u64,
    until_ms: Option<u64>,
    runs: u64,
    believed: [Option<JobLease>; 3],
}

impl Model {
    fn is_newest(&self, holder: usize) -> bool {
        self.believed[holder].as_ref().is_some_and(|lease| lease.token == self.token)
    }

    fn lasts(&self) -> bool {
        self.until_ms.is_some_and(|until| until > self.now_ms)
    }

    async fn step(&mut self, store: &SqliteStore, call: &Call) {
        let at = |ms: u64| NOW.saturating_add_ms(ms);
        let now = at(self.now_ms);
        match *call {
            Call::Wait { ms } => self.now_ms += ms,
            Call::Acquire { holder, ms } => {
                let until_ms = self.now_ms + ms;
                let name = format!("holder {holder}");
                let found = store.acquire_job("tidy", &name, now, ms).await.unwrap();
                assert_eq!(matches!(found, Acquired::New(_)), !self.lasts(), "{call:?}");
                let (Acquired::New(lease) | Acquired::Held(lease)) = found;
                if !self.lasts() {
                    assert_eq!((lease.token, lease.until), (self.token + 1, at(until_ms)), "tokens grow by one");
                    self.token += 1;
                    self.until_ms = Some(until_ms);
                    self.believed[holder] = Some(lease);
                }
            }
            Call::Renew { holder, ms } => {
                let Some(lease) = self.believed[holder].clone() else { return };
                let until_ms = self.now_ms + ms;
                let expect = self.is_newest(holder) && self.lasts();
                assert_eq!(store.renew_job(&lease, now, ms).await.unwrap(), expect, "{call:?}");
                if expect {
                    self.until_ms = Some(until_ms);
                }
            }
            Call::Report { holder, keep_ms } => {
                let Some(lease) = self.believed[holder].clone() else { return };
                let keep = keep_ms.map(|ms| self.now_ms + ms);
                let expect = self.is_newest(holder);
                let reported = store.report_job(&lease, &report(self.now_ms), now, keep_ms).await.unwrap();
                assert_eq!(reported, expect, "{call:?}");
                if expect {
                    self.runs += 1;
                    // A lease that was given back stays so.
                    self.until_ms = self.until_ms.and(keep);
                }
            }
            Call::Release { holder } => {
                let Some(lease) = self.believed[holder].clone() else { return };
                let expect = self.is_newest(holder);
                assert_eq!(store.release_job(&lease).await.unwrap(), expect, "{call:?}");
                if expect {
                    self.until_ms = None;
                }
            }
            Call::EndAll => {
                let expect = u64::from(self.until_ms.is_some());
                assert_eq!(store.end_job_leases().await.unwrap(), expect, "{call:?}");
                self.token += expect;
                self.until_ms = None;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn at_most_one_holder_has_a_lease_whatever_is_called_and_old_tokens_change_nothing(
        calls in proptest::collection::vec(call(), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = Folder::new();
            let store = folder.open();
            let mut model = Model::default();
            for call in &calls {
                model.step(&store, call).await;
                let lasting = model.believed.iter().flatten().filter(|lease| lease.token == model.token).count();
                assert!(lasting <= 1, "{lasting} holders have the newest token");
                let runs = store.jobs().await.unwrap().first().map_or(0, |record| record.runs);
                assert_eq!(runs, model.runs, "after {call:?}");
            }
        });
    }
}
