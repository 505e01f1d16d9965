//! What a person with many requests waits for, what the read model takes on disk, and how fast it is made.

use super::effort::{Effort, scratch};
use super::report::Report;
use crate::outcome::Outcome;
use opencredits_catalog::{BookVersion, Catalog, Item, Terms};
use opencredits_keys::UserKey;
use opencredits_ledger::{Capture, Floor, Ledger, Leg, OnShortfall, OpenAccount, PlaceHold, Transfer, UNFLUSHED_MAX};
use opencredits_providers::Dialect;
use opencredits_service::{GenerationFilter, GenerationRecord, GenerationStatus, Line, UsageReads, UsageSource, books};
use opencredits_store::{
    Days, Key, Keys, Rates, RequestMark, SqliteStore, Standing, UsageBy, UsageFilter, UsageOf, UsageOrder, UsageQuery,
    User, Users,
};
use opencredits_units::{
    AccountId, BasisPoints, Bucket, EntryId, KeyId, NanoUsd, PicoUsd, Rate, Tokens, UnixMs, UserId,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const START: UnixMs = UnixMs::new(1_790_000_000_000);
/// The requests of the person are spread over so many days.
const DAYS: u64 = 180;
const WALLET: AccountId = AccountId::from_bits(1 << 40);
const USER: UserId = UserId::from_bits(9);
const MODELS: [&str; 4] = ["author/large-model-5", "author/small-model-5-mini", "other/reasoner-2", "other/flash-3"];
const KEYS: usize = 3;
/// What a read may take at the 99th percentile.
const READ_MS_MAX: f64 = 100.0;
/// What a request may take on disk, all together.
const REQUEST_BYTES_MAX: f64 = 250.0;

struct Extent {
    requests: u64,
    reads: usize,
    live: Duration,
}

impl From<Effort> for Extent {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::Full => Self { requests: 1_000_000, reads: 500, live: Duration::from_secs(10) },
            Effort::Smoke => Self { requests: 20_000, reads: 20, live: Duration::from_millis(500) },
        }
    }
}

/// Ledger, store and a person.
struct House {
    ledger: Ledger,
    reads: Arc<UsageReads>,
    keys: Vec<KeyId>,
    memos: Vec<(Vec<u8>, GenerationRecord)>,
    /// The requests so far.
    made: u64,
    seed: u64,
}

/// Measures everything and reports it.
pub(super) fn run(effort: Effort, report: &mut Report) -> Outcome {
    let extent = Extent::from(effort);
    let folder = scratch()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (mut house, empty) = open(&runtime, folder.path())?;
    eprintln!("making {} requests", extent.requests);
    let gap_ms = DAYS * UnixMs::DAY_MS / extent.requests;
    for _ in 0..extent.requests {
        house.request(gap_ms)?;
    }
    house.ledger.flush()?;
    report.heading(format!(
        "one person, {} requests over {DAYS} days, {KEYS} keys, {} models",
        extent.requests,
        MODELS.len()
    ));
    let begun = Instant::now();
    runtime.block_on(house.reads.catch_up())?;
    report.figure("rebuilt_entries_per_s", per_s(extent.requests, begun.elapsed()));
    bytes(folder.path(), empty, extent.requests, report)?;
    queries(&runtime, &house, &extent, report)?;
    live(&runtime, house, &extent, report)
}

fn per_s(count: u64, time: Duration) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from) / time.as_secs_f64()
}

fn open(runtime: &Runtime, dir: &Path) -> Outcome<(House, [u64; 2])> {
    let ledger = Ledger::open(dir.join("ledger.db"))?;
    let store = SqliteStore::open(dir.join("store.db"))?;
    runtime.block_on(books::open(&ledger.clone().into(), START))?;
    ledger.open_account(OpenAccount { id: WALLET, floor: Floor::Zero, contra: None }, START)?.accepted();
    let funds = NanoUsd::new(1 << 60);
    let top_up = Transfer { id: EntryId::from_bits(1), from: books::CLEARING, to: WALLET, amount: funds, memo: b"" };
    ledger.transfer(top_up, START)?.wait()?;
    let user = User { id: USER, wallet: WALLET, label: "many".to_owned(), created_at: START, standing: Standing::Good };
    runtime.block_on(store.add_user(&user))?;
    let mut keys = Vec::new();
    for n in 0..KEYS {
        let byte = u8::try_from(n)?;
        let secret = UserKey::generate([byte; 32]);
        let key = Key {
            id: KeyId::at(START, [byte; 10]),
            user: USER,
            partner: None,
            digest: secret.digest(),
            hint: secret.hint().to_owned(),
            name: format!("key {n}"),
            created_at: START,
            revoked_at: None,
            expires_at: None,
            limit: None,
            allowed_models: None,
            rates: Rates::default(),
            disabled: false,
        };
        runtime.block_on(store.add_key(&key))?;
        keys.push(key.id);
    }
    let version = Catalog::builtin()?.version();
    let memos = keys.iter().flat_map(|key| MODELS.map(|model| record(*key, model, version)));
    let memos = memos.map(|record| Ok((record.to_memo()?, record))).collect::<Outcome<Vec<_>>>()?;
    let reads = Arc::new(UsageReads::new(ledger.clone(), Arc::new(store)));
    let empty = sizes(dir)?;
    Ok((House { ledger, reads, keys, memos, made: 0, seed: 1 }, empty))
}

/// The record of a usual request with cache reads, as the gateway writes it.
fn record(key: KeyId, model: &str, version: BookVersion) -> GenerationRecord {
    let line = |bucket, tokens, rate| Line::new(Item::Tokens(bucket), Tokens::new(tokens), Rate::new(rate));
    let lines = vec![
        line(Bucket::InputUncached, 2_500, 1_750_000),
        line(Bucket::CacheRead, 12_800, 175_000),
        line(Bucket::Output, 2_500, 14_000_000),
    ];
    let cost = lines.iter().map(|line| line.amount().get()).sum();
    let terms = Terms { markup: BasisPoints::new(2_500), partner_share: BasisPoints::ZERO };
    let charge = terms.charge(PicoUsd::new(cost));
    GenerationRecord {
        key,
        api: Dialect::OpenaiChat,
        model: model.to_owned(),
        vendor: "vendor".to_owned(),
        upstream_id: "chatcmpl-BxYzAbCdEfGhIjKlMnOpQrStUvWx1".to_owned(),
        native_finish: "stop".to_owned(),
        tier: "default".to_owned(),
        price_book: version,
        streamed: true,
        cancelled: false,
        source: UsageSource::Reported,
        latency_ms: 412,
        duration_ms: 2_950,
        lines,
        side_bills: vec![],
        markup: terms.markup,
        partner_share: terms.partner_share,
        cost: charge.map_or(NanoUsd::ZERO, |charge| charge.cost),
        total: charge.map_or(NanoUsd::ZERO, |charge| charge.total),
        failed_attempts: vec![],
        reported: None,
    }
}

impl House {
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.seed >> 16
    }

    /// One request of the person, `gap_ms` after the one before.
    fn request(&mut self, gap_ms: u64) -> Outcome {
        let now = START.saturating_add_ms(self.made * gap_ms + self.random() % gap_ms.max(1));
        self.made += 1;
        let random = [self.random(), self.random()].map(u64::to_le_bytes).concat();
        let id = EntryId::at(now, std::array::from_fn(|at| random[at + at / 5]));
        let which = usize::try_from(self.random())? % self.memos.len();
        let (memo, record) = &self.memos[which];
        let expires_at = now.saturating_add_ms(600_000);
        self.ledger
            .place_hold(PlaceHold { id, payer: WALLET, limits: &[], amount: record.total, expires_at }, now)?
            .accepted();
        let charge = record.charge();
        let leg = |to, amount, on_shortfall| Leg { to, amount, on_shortfall };
        let legs = [
            leg(books::PROVIDERS, charge.cost, OnShortfall::Full),
            leg(books::REVENUE, charge.margin, OnShortfall::Proportional),
        ];
        self.ledger.capture(Capture { hold: id, legs: &legs, bad_debt: books::BAD_DEBT, memo }, now)?.accepted();
        if self.ledger.stats().unflushed > UNFLUSHED_MAX / 2 {
            self.ledger.flush()?;
        }
        Ok(())
    }
}

/// The sizes of ledger and store, logs folded in.
fn sizes(dir: &Path) -> Outcome<[u64; 2]> {
    let size = |file: &str| -> Outcome<u64> {
        let connection = rusqlite::Connection::open(dir.join(file))?;
        let of = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        Ok(u64::try_from((of("page_count")? - of("freelist_count")?) * of("page_size")?)?)
    };
    Ok([size("ledger.db")?, size("store.db")?])
}

fn bytes(dir: &Path, empty: [u64; 2], requests: u64, report: &mut Report) -> Outcome {
    let full = sizes(dir)?;
    let each = |at: usize| {
        f64::from(u32::try_from(full[at] - empty[at]).unwrap_or(u32::MAX))
            / f64::from(u32::try_from(requests).unwrap_or(1))
    };
    report.figure("ledger_bytes_per_request", each(0));
    report.figure("read_model_bytes_per_request", each(1));
    report.at_most("bytes_per_request", each(0) + each(1), REQUEST_BYTES_MAX);
    Ok(())
}

/// The reads of a person, each with what the interface does before it: everything up to now is projected.
fn queries(runtime: &Runtime, house: &House, extent: &Extent, report: &mut Report) -> Outcome {
    let generations = |filter: UsageFilter, status, before: Option<RequestMark>| async move {
        house.reads.refresh().await?;
        let filter = GenerationFilter { usage: filter, status, from: UnixMs::default(), until: None };
        let page = house.reads.generations(filter, before, 100).await?;
        Ok::<_, opencredits_service::Fault>(page.requests.len())
    };
    let of_user = || UsageFilter::of(UsageOf::User(USER));
    let of_model = || UsageFilter { model: Some(MODELS[2].to_owned()), ..of_user() };
    let mut seed = 7_u64;
    let mut anywhere = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(RequestMark::at(START.saturating_add_ms((seed >> 20) % (DAYS * UnixMs::DAY_MS))))
    };
    let days = START.day()..=START.day() + DAYS;
    let activity = |by: &[UsageBy], last: u64| {
        let days = Days { from: days.end() - last, to: *days.end() };
        UsageQuery { filter: of_user(), days, by: by.to_vec(), order: UsageOrder::Newest, max: 10_000 }
    };
    let sums = |query: UsageQuery| async {
        house.reads.refresh().await?;
        house.reads.sums(query).await.map(|groups| groups.len())
    };
    let reads = extent.reads;
    timed("generations_first", reads, report, || runtime.block_on(generations(of_user(), None, None)))?;
    timed("generations_anywhere", reads, report, || runtime.block_on(generations(of_user(), None, anywhere())))?;
    timed("generations_of_model", reads, report, || runtime.block_on(generations(of_model(), None, anywhere())))?;
    let of_key = || UsageFilter::of(UsageOf::Key(house.keys[1]));
    timed("generations_of_key", reads, report, || runtime.block_on(generations(of_key(), None, anywhere())))?;
    let rare = Some(GenerationStatus::Cancelled);
    timed("generations_none_of_status", reads, report, || runtime.block_on(generations(of_user(), rare, anywhere())))?;
    let by_model = [UsageBy::Day, UsageBy::Model];
    timed("activity_30_days", reads, report, || runtime.block_on(sums(activity(&by_model, 30))))?;
    let by_all = [UsageBy::Day, UsageBy::Model, UsageBy::Key];
    timed("activity_180_days", reads, report, || runtime.block_on(sums(activity(&by_all, DAYS))))
}

/// The times of a read: median and 99th percentile.
fn timed(
    name: &str,
    times: usize,
    report: &mut Report,
    mut read: impl FnMut() -> Result<usize, opencredits_service::Fault>,
) -> Outcome {
    let mut ms = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        read()?;
        ms.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    ms.sort_by(f64::total_cmp);
    report.figure(format!("{name}_p50_ms"), ms[times / 2]);
    report.at_most(format!("{name}_p99_ms"), ms[times * 99 / 100], READ_MS_MAX);
    Ok(())
}

/// Requests as fast as one thread books them, and the projection beside them.
fn live(runtime: &Runtime, mut house: House, extent: &Extent, report: &mut Report) -> Outcome {
    let stopped = Arc::new(AtomicBool::new(false));
    let reads = Arc::clone(&house.reads);
    let projecting = {
        let (reads, stopped) = (Arc::clone(&reads), Arc::clone(&stopped));
        runtime.spawn(async move {
            let mut behind_max = 0;
            while !stopped.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(500)).await;
                behind_max = reads.behind().await?.max(behind_max);
                reads.catch_up().await?;
            }
            Ok::<_, opencredits_service::Fault>(behind_max)
        })
    };
    let (begun, before) = (Instant::now(), house.made);
    while begun.elapsed() < extent.live {
        for _ in 0..100 {
            house.request(1)?;
        }
    }
    let rate = per_s(house.made - before, begun.elapsed());
    house.ledger.flush()?;
    let left = runtime.block_on(reads.behind())?;
    stopped.store(true, Ordering::Relaxed);
    let behind_max = runtime.block_on(projecting)??;
    report.heading("booked at full speed by one thread, projected every 500 ms");
    report.figure("booked_requests_per_s", rate);
    report.figure("behind_max_entries", f64::from(u32::try_from(behind_max)?));
    report.figure("behind_max_s", f64::from(u32::try_from(behind_max)?) / rate);
    report.figure("behind_at_the_end_entries", f64::from(u32::try_from(left)?));
    let caught = Instant::now();
    runtime.block_on(reads.catch_up())?;
    report.figure("caught_up_after_s", caught.elapsed().as_secs_f64());
    Ok(())
}
