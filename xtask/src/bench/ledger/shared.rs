//! The ledger on PostgreSQL against one transaction an operation, on the same server in the same run.

use super::books::{self, Request, held_nano, legs_nano, limit, wallet};
use crate::bench::machine::median;
use crate::bench::report::Report;
use crate::outcome::Outcome;
use opencredits_ledger::{
    Capture, Floor, LedgerError, Leg, OnShortfall, OpenAccount, PlaceHold, PostgresSettings, SharedLedger,
    SharedOptions, Transfer,
};
use opencredits_testkit::Postgres;
use opencredits_units::{AccountId, EntryId, NanoUsd, Progress, UnixMs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

/// So many ask at once.
const CALLERS: usize = 512;
/// Connections of the naive way: more are slower on a small machine.
const CONNECTIONS: usize = 16;
/// People whose wallets are spread.
const PEOPLE: u64 = 1_000;
/// Processes that share the database.
const PROCESSES: usize = 4;
/// Commits and holds of a single caller.
const SINGLES: usize = 1_000;
const START: UnixMs = UnixMs::new(1_790_000_000_000);
const FUNDS: NanoUsd = NanoUsd::new(1_000_000_000_000_000);
/// Clearing, the accounts of the charge's legs, bad debt, and the other side of limits.
const HOUSE: [AccountId; 6] = [
    AccountId::from_bits(1),
    AccountId::from_bits(2),
    AccountId::from_bits(3),
    AccountId::from_bits(4),
    AccountId::from_bits(5),
    AccountId::from_bits(6),
];

const NAIVE: &str = "
CREATE TABLE accounts (id bigint PRIMARY KEY, posted bigint NOT NULL, held bigint NOT NULL);
CREATE TABLE holds (id bytea PRIMARY KEY, account bigint NOT NULL, amount bigint NOT NULL);
CREATE TABLE entries (id bytea PRIMARY KEY, account bigint NOT NULL, amount bigint NOT NULL, memo bytea NOT NULL);
INSERT INTO accounts SELECT id, 1000000000000000, 0 FROM generate_series(1, 2006) AS id;
";

/// Measures so many rounds and reports, where PostgreSQL is there.
pub(super) fn run(rounds: usize, length: Duration, report: &mut Report) -> Outcome {
    let settings = [("max_connections", "200"), ("shared_buffers", "256MB"), ("max_wal_size", "4GB")];
    let Some(server) = Postgres::start(&settings) else { return Ok(()) };
    let runtime = Runtime::new()?;
    report.heading("on PostgreSQL, each step on disk before the next: medians");
    let mut found: [Vec<f64>; 5] = Default::default();
    let (mut p99s, mut singles) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for (at, people) in [PEOPLE, 1].into_iter().enumerate() {
            found[at].push(runtime.block_on(naive(&server.database(), people, length))?);
            let (pairs_per_s, p99_ms) = runtime.block_on(ours(&server.database(), (people, 1), length))?;
            found[at + 2].push(pairs_per_s);
            if people == PEOPLE {
                p99s.push(p99_ms);
            }
        }
        found[4].push(runtime.block_on(ours(&server.database(), (PEOPLE, PROCESSES), length))?.0);
        singles.push(runtime.block_on(single(&server.database()))?);
    }
    let [naive_spread, naive_hot, spread, hot, four] = found.map(|mut found| median(&mut found));
    report.figure("postgres_naive_pairs_per_s_spread", naive_spread);
    report.figure("postgres_naive_pairs_per_s_hot", naive_hot);
    report.figure("postgres_pairs_per_s_spread", spread);
    report.figure("postgres_pairs_per_s_hot", hot);
    report.at_least("postgres_pairs_over_naive_spread", spread / naive_spread, 8.0);
    report.at_least("postgres_pairs_over_naive_hot", hot / naive_hot, 40.0);
    report.at_least("postgres_four_processes_over_one", four / spread, 0.9);
    let ratio = |(commit, hold): &(f64, f64)| hold / commit;
    report.figure("postgres_commit_p50_us", median(&mut singles.iter().map(|(commit, _)| *commit).collect::<Vec<_>>()));
    report.at_most("postgres_hold_over_commit_p50", median(&mut singles.iter().map(ratio).collect::<Vec<_>>()), 1.5);
    report.at_most("postgres_hold_p99_ms", median(&mut p99s), 30.0);
    Ok(())
}

/// Books on a database.
struct Books {
    ledger: SharedLedger,
    memo: Arc<Vec<u8>>,
    people: u64,
    next: Arc<AtomicU64>,
}

impl Books {
    async fn connect(database: &str) -> Outcome<SharedLedger> {
        Ok(SharedLedger::connect(PostgresSettings::parse(database)?, SharedOptions::default()).await?)
    }

    async fn open(database: &str, people: u64) -> Outcome<Self> {
        let ledger = Self::connect(database).await?;
        let open =
            async |id, floor, contra| ledger.open_account(OpenAccount { id, floor, contra }, START).accepted().await;
        for id in HOUSE {
            open(id, Floor::None, None).await?;
        }
        let [clearing, .., limits] = HOUSE;
        for person in 0..people {
            open(wallet(person), Floor::Zero, None).await?;
            open(limit(person), Floor::Zero, Some(limits)).await?;
            let transfer = |place, from, to| {
                let id = EntryId::from_bits((1 << 64) + u128::from(person * 2 + place));
                Transfer { id, from, to, amount: FUNDS, memo: b"" }
            };
            let both = [transfer(0, clearing, wallet(person)), transfer(1, limits, limit(person))];
            ledger.transfer_linked(&both, START).accepted().await?;
        }
        Ok(Self { ledger, memo: Arc::new(books::memo()?), people, next: Arc::default() })
    }

    fn request(&self) -> Request {
        books::request(self.next.fetch_add(1, Ordering::Relaxed), self.people)
    }

    async fn hold(&self, request: Request) -> Result<(), LedgerError> {
        let Request { id, person, now } = request;
        let (limits, amount) = ([limit(person)], NanoUsd::new(held_nano()));
        let expires_at = now.saturating_add_ms(600_000);
        let hold = PlaceHold { id, payer: wallet(person), limits: &limits, amount, expires_at };
        self.ledger.place_hold(hold, now).durable().await.map(drop)
    }

    async fn capture(&self, request: Request) -> Result<(), LedgerError> {
        let [_, providers, revenue, earnings, bad_debt, _] = HOUSE;
        let [first, second, third] = legs_nano().map(NanoUsd::new);
        let leg = |to, amount, on_shortfall| Leg { to, amount, on_shortfall };
        let legs = [
            leg(providers, first, OnShortfall::Full),
            leg(revenue, second, OnShortfall::Proportional),
            leg(earnings, third, OnShortfall::Proportional),
        ];
        let capture = Capture { hold: request.id, legs: &legs, bad_debt, memo: &self.memo };
        self.ledger.capture(capture, request.now).durable().await.map(drop)
    }

    fn clone_for(&self, ledger: SharedLedger) -> Self {
        Self { ledger, memo: Arc::clone(&self.memo), people: self.people, next: Arc::clone(&self.next) }
    }
}

/// Pairs a second, and the 99th percentile of a hold's milliseconds, through so many processes.
async fn ours(database: &str, (people, processes): (u64, usize), length: Duration) -> Outcome<(f64, f64)> {
    let first = Books::open(database, people).await?;
    let mut all = Vec::with_capacity(processes);
    for _ in 1..processes {
        all.push(Arc::new(first.clone_for(Books::connect(database).await?)));
    }
    all.push(Arc::new(first));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..CALLERS {
        let books = Arc::clone(&all[caller % processes]);
        tasks.spawn(async move {
            let mut times_ms = Vec::new();
            while start.elapsed() < length {
                let (request, asked) = (books.request(), Instant::now());
                books.hold(request).await?;
                times_ms.push(asked.elapsed().as_secs_f64() * 1e3);
                books.capture(request).await?;
            }
            Ok::<_, LedgerError>(times_ms)
        });
    }
    let mut times_ms = Vec::new();
    for done in tasks.join_all().await {
        times_ms.extend(done?);
    }
    let seconds = start.elapsed().as_secs_f64();
    let verified = all[0].ledger.verify(None, &Progress::default()).await?;
    if !verified.is_clean() {
        return Err(format!("the ledger does not add up after the run: {verified:?}").into());
    }
    times_ms.sort_by(f64::total_cmp);
    Ok((f64::from(u32::try_from(times_ms.len())?) / seconds, times_ms[times_ms.len() * 99 / 100]))
}

/// Pairs a second where each operation is a transaction of its own.
async fn naive(database: &str, people: u64, length: Duration) -> Outcome<f64> {
    let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
    let work = tokio::spawn(connection);
    client.batch_execute(NAIVE).await?;
    let (memo, next) = (Arc::new(books::memo()?), Arc::new(AtomicU64::new(0)));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (memo, next, database) = (Arc::clone(&memo), Arc::clone(&next), database.to_owned());
        tasks.spawn(async move {
            let (client, connection) = tokio_postgres::connect(&database, NoTls).await?;
            let work = tokio::spawn(connection);
            let naive = Naive::prepare(client).await?;
            let mut pairs = 0_u32;
            while start.elapsed() < length {
                let request = books::request(next.fetch_add(1, Ordering::Relaxed), people);
                naive.hold(request).await?;
                naive.capture(request, &memo).await?;
                pairs += 1;
            }
            drop(naive);
            let _ended = work.await;
            Ok::<_, tokio_postgres::Error>(pairs)
        });
    }
    let mut pairs = 0_u32;
    for done in tasks.join_all().await {
        pairs += done?;
    }
    drop(client);
    let _ended = work.await;
    Ok(f64::from(pairs) / start.elapsed().as_secs_f64())
}

/// The statements of the naive way, prepared.
struct Naive {
    client: tokio_postgres::Client,
    lock: tokio_postgres::Statement,
    take: tokio_postgres::Statement,
    place: tokio_postgres::Statement,
    end: tokio_postgres::Statement,
    give: tokio_postgres::Statement,
    enter: tokio_postgres::Statement,
}

impl Naive {
    async fn prepare(client: tokio_postgres::Client) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            lock: client
                .prepare("SELECT posted - held FROM accounts WHERE id = ANY($1) ORDER BY id FOR UPDATE")
                .await?,
            take: client.prepare("UPDATE accounts SET held = held + $2 WHERE id = ANY($1)").await?,
            place: client.prepare("INSERT INTO holds VALUES ($1, $2, $3)").await?,
            end: client.prepare("DELETE FROM holds WHERE id = $1").await?,
            give: client.prepare("UPDATE accounts SET posted = posted + $2, held = held - $3 WHERE id = $1").await?,
            enter: client.prepare("INSERT INTO entries VALUES ($1, $2, $3, $4)").await?,
            client,
        })
    }

    /// The wallet and the limit of a person.
    fn accounts(request: Request) -> [i64; 2] {
        let person = i64::try_from(request.person).unwrap_or_default();
        [7 + person, 1_007 + person]
    }

    async fn hold(&self, request: Request) -> Result<(), tokio_postgres::Error> {
        let (accounts, id) = (Self::accounts(request), request.id.bits().to_be_bytes());
        let (accounts, amount) = (accounts.as_slice(), held_nano());
        self.client.batch_execute("BEGIN").await?;
        self.client.query(&self.lock, &[&accounts]).await?;
        self.client.execute(&self.take, &[&accounts, &amount]).await?;
        self.client.execute(&self.place, &[&id.as_slice(), &accounts[0], &amount]).await?;
        self.client.batch_execute("COMMIT").await
    }

    async fn capture(&self, request: Request, memo: &[u8]) -> Result<(), tokio_postgres::Error> {
        let (accounts, id) = (Self::accounts(request), request.id.bits().to_be_bytes());
        let charge: i64 = legs_nano().iter().sum();
        self.client.batch_execute("BEGIN").await?;
        self.client.query(&self.lock, &[&accounts.as_slice()]).await?;
        self.client.execute(&self.end, &[&id.as_slice()]).await?;
        for account in accounts {
            self.client.execute(&self.give, &[&account, &-charge, &held_nano()]).await?;
        }
        self.client.execute(&self.enter, &[&id.as_slice(), &accounts[0], &charge, &memo]).await?;
        for (account, amount) in (2_i64..).zip(legs_nano()) {
            self.client.execute(&self.give, &[&account, &amount, &0_i64]).await?;
        }
        self.client.batch_execute("COMMIT").await
    }
}

/// The middle of the microseconds of a bare commit and of a hold, both of a single caller.
async fn single(database: &str) -> Outcome<(f64, f64)> {
    let books = Books::open(database, PEOPLE).await?;
    let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
    let work = tokio::spawn(connection);
    client.batch_execute("CREATE TABLE bare (n bigint NOT NULL)").await?;
    let insert = client.prepare("INSERT INTO bare VALUES ($1)").await?;
    let (mut commits, mut holds) = (Vec::new(), Vec::new());
    for n in 0..SINGLES {
        let start = Instant::now();
        client.execute(&insert, &[&i64::try_from(n)?]).await?;
        commits.push(start.elapsed().as_secs_f64() * 1e6);
        let (request, start) = (books.request(), Instant::now());
        books.hold(request).await?;
        holds.push(start.elapsed().as_secs_f64() * 1e6);
    }
    drop(client);
    let _ended = work.await;
    Ok((median(&mut commits), median(&mut holds)))
}
