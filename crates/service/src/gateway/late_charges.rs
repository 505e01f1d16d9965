//! Charges of requests whose hold is gone, whose limit has nothing left, whose database is away or whose runtime ends.

use super::booking::Booking;
use super::late::{charge, charge_of, late_id};
use super::open_request::entry_id;
use super::reaper::DrainLimits;
use super::settings::{Retries, Settings};
use super::settling::Settling;
use super::state::{Gateway, Parts, Ports};
use crate::access::{AccessLines, AccessSettings, RequestTrace};
use crate::books;
use crate::config::Ack;
use crate::keyring::{KeyRing, KeyTables, Spender};
use crate::limits::BegunUntil;
use crate::ports::{Clock, Entropy};
use crate::record::{GenerationRecord, UsageSource};
use crate::usage::UsageReads;
use opencredits_catalog::{BookVersion, Catalog};
use opencredits_keys::HashKey;
use opencredits_ledger::{
    AnyLedger, Capture, ChangeLimit, EntryKind, Floor, Held, Ledger, LedgerError, Leg, LimitChange, OnShortfall,
    OpenAccount, PlaceHold, PostgresSettings, Replay, SharedLedger, SharedOptions, Transfer,
};
use opencredits_providers::Dialect;
use opencredits_store::conformance::NOW;
use opencredits_store::{Claims, SqliteStore, Standing};
use opencredits_testkit::Postgres;
use opencredits_units::{AccountId, BasisPoints, CreditPrice, EntryId, GenerationId, KeyId, NanoUsd, UnixMs, UserId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const WALLET: AccountId = AccountId::from_bits(1_000);
const LIMIT: AccountId = AccountId::from_bits(1_001);
const SPENT: AccountId = AccountId::from_bits(1_002);
/// What the wallet and the limit have, what each request holds, and what it costs.
const FUNDS: i64 = 1_000;
const LIMITED: i64 = 100;
const HELD: i64 = 50;
const CHARGE: i64 = 30;

/// A time that stands still, and numbers that are the same each time.
struct Still;

impl Clock for Still {
    fn now(&self) -> UnixMs {
        NOW
    }
}

impl Entropy for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A gateway whose person has a wallet and a limit.
struct House {
    gateway: Arc<Gateway>,
    spender: Arc<Spender>,
    store: SqliteStore,
    _folder: tempfile::TempDir,
}

fn settings() -> Settings {
    Settings {
        markup: BasisPoints::ZERO,
        exposure_max: NanoUsd::ZERO,
        lower_caps: false,
        ack: Ack::Durable,
        hold_expiry_ms: 1_800_000,
        body_bytes_max: 1 << 20,
        drains: DrainLimits { drains_max: 1, drain: Duration::from_secs(1) },
        retries: Retries { attempts_max: 1, backoff_ms: 1, wait_ms_max: 1 },
        memory_max: 1 << 20,
        large_at_once: 1,
        access: AccessSettings::new(AccessLines::Off, 1.0, CreditPrice::default()),
    }
}

fn spender() -> Spender {
    Spender {
        key: KeyId::at(NOW, [1; 10]),
        label: "a key".to_owned(),
        user: UserId::at(NOW, [1; 10]),
        wallet: WALLET,
        limits: vec![LIMIT],
        limit_terms: Vec::new(),
        limits_begun: BegunUntil::default(),
        rates: None,
        partner: None,
        earner: None,
        markup: None,
        allowed_models: None,
        resources: Vec::new(),
        expires_at: None,
        standing: Standing::Good,
        disabled: false,
        paused: false,
    }
}

fn record() -> GenerationRecord {
    GenerationRecord {
        key: KeyId::at(NOW, [1; 10]),
        api: Dialect::OpenaiChat,
        model: "a/model".to_owned(),
        vendor: "vendor".to_owned(),
        upstream_id: String::new(),
        native_finish: "stop".to_owned(),
        tier: String::new(),
        price_book: BookVersion::parse("2026-07-02.1").unwrap(),
        streamed: false,
        cancelled: false,
        source: UsageSource::Reported,
        latency_ms: 1,
        duration_ms: 2,
        lines: Vec::new(),
        side_bills: Vec::new(),
        markup: BasisPoints::ZERO,
        partner_share: BasisPoints::ZERO,
        cost: NanoUsd::new(CHARGE),
        total: NanoUsd::new(CHARGE),
        failed_attempts: Vec::new(),
        reported: None,
    }
}

fn generation(n: u8) -> GenerationId {
    GenerationId::at(NOW, [n; 10])
}

impl House {
    async fn new(ledger: AnyLedger) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
        books::open(&ledger, NOW).await.unwrap();
        for (id, floor, contra) in
            [(WALLET, Floor::Zero, None), (SPENT, Floor::None, None), (LIMIT, Floor::Zero, Some(SPENT))]
        {
            ledger.open_account(OpenAccount { id, floor, contra }, NOW).accepted().await.unwrap();
        }
        let (id, amount) = (EntryId::at(NOW, [100; 10]), NanoUsd::new(FUNDS));
        let funds = Transfer { id, from: books::PROMOTION, to: WALLET, amount, memo: b"" };
        ledger.transfer(funds, NOW).accepted().await.unwrap();
        let still = Arc::new(Still);
        let parts = Parts {
            catalog: Catalog::empty(),
            upstreams: HashMap::new(),
            ledger: ledger.clone(),
            keyring: Arc::new(KeyRing::new(KeyTables::of(store.clone()), still.clone(), BasisPoints::ZERO)),
            usage: Arc::new(UsageReads::new(ledger, Arc::new(store.clone()))),
            ports: Ports { clock: still.clone(), entropy: still, claims: Arc::new(store.clone()), fetch: None },
            settings: settings(),
            hash_key: HashKey::new([5; 32]),
        };
        let (gateway, _reaper) = Gateway::new(parts).unwrap();
        let house = Self { gateway, spender: Arc::new(spender()), store, _folder: folder };
        house.limit_to(101, LIMITED).await;
        house
    }

    async fn limit_to(&self, n: u8, amount: i64) {
        let change = LimitChange::Amount { amount: NanoUsd::new(amount), from: books::LIMITS };
        let change = ChangeLimit { id: EntryId::at(NOW, [n; 10]), limit: LIMIT, change, memo: b"" };
        self.gateway.ledger.change_limit(change, NOW).durable().await.unwrap();
    }

    async fn hold(&self, n: u8) -> Result<Held, LedgerError> {
        let (id, limits, amount) = (entry_id(generation(n)), &self.spender.limits, NanoUsd::new(HELD));
        let hold = PlaceHold { id, payer: WALLET, limits, amount, expires_at: NOW.saturating_add_ms(1_000) };
        self.gateway.ledger.place_hold(hold, NOW).durable().await
    }

    /// A request whose hold another process has released.
    async fn released(&self, n: u8) -> Booking {
        self.hold(n).await.unwrap();
        self.gateway.ledger.void(entry_id(generation(n)), NOW).durable().await.unwrap();
        self.booking(n)
    }

    /// A request that has come to its end.
    fn booking(&self, n: u8) -> Booking {
        Booking {
            gateway: Arc::clone(&self.gateway),
            spender: Arc::clone(&self.spender),
            generation: generation(n),
            record: Some(record()),
            legs: vec![Leg { to: books::PROVIDERS, amount: NanoUsd::new(CHARGE), on_shortfall: OnShortfall::Full }],
            trace: RequestTrace::begin(self.gateway.access(), generation(n), &http::Method::POST),
            cancelled: false,
            first_byte_ms: None,
            ended: NOW,
            claim: None,
            exposure: NanoUsd::ZERO,
        }
    }

    async fn available(&self, account: AccountId) -> i64 {
        self.gateway.ledger.balance(account).await.unwrap().available.get()
    }

    /// Checks what is left, and that nothing is held for a late charge.
    async fn check_left(&self, wallet: i64, limit: i64) {
        assert_eq!((self.available(WALLET).await, self.available(LIMIT).await), (wallet, limit));
        let bad_debt = self.gateway.ledger.balance(books::BAD_DEBT).await.unwrap().posted;
        assert_eq!(bad_debt, NanoUsd::ZERO, "the person pays");
        for n in 0..10 {
            assert_eq!(self.gateway.ledger.hold(late_id(generation(n))).await.unwrap(), None);
        }
    }
}

async fn shared(server: &Postgres) -> AnyLedger {
    let settings = PostgresSettings::parse(&server.database()).unwrap();
    SharedLedger::connect(settings, SharedOptions::default()).await.unwrap().into()
}

#[tokio::test]
async fn a_late_charge_counts_on_limits_and_is_made_once_however_often_it_is_tried() {
    let house = House::new(Ledger::in_memory().unwrap().into()).await;
    let booking = house.released(1).await;
    for replay in [Replay::First, Replay::Finished] {
        assert_eq!(charge(&booking).await.unwrap().replay, replay);
        house.check_left(FUNDS - CHARGE, LIMITED - CHARGE).await;
    }
    let found = charge_of(&house.gateway.ledger, generation(1)).await.unwrap().unwrap();
    assert_eq!((found.id, found.kind, found.charged.get()), (late_id(generation(1)), EntryKind::Capture, CHARGE));
}

#[tokio::test]
async fn a_late_charge_is_paid_by_the_wallet_alone_where_the_limit_is_below_zero() {
    let house = House::new(Ledger::in_memory().unwrap().into()).await;
    let booking = house.released(1).await;
    // Another request runs on it.
    house.hold(2).await.unwrap();
    house.limit_to(102, HELD - 20).await;
    assert_eq!(house.available(LIMIT).await, -20);
    let captured = charge(&booking).await.unwrap();
    assert_eq!((captured.replay, captured.collected.get()), (Replay::First, CHARGE));
    house.check_left(FUNDS - HELD - CHARGE, -20).await;
}

#[tokio::test]
async fn a_late_charge_is_left_out_where_another_request_has_its_idempotency_key() {
    let house = House::new(Ledger::in_memory().unwrap().into()).await;
    for (n, holder, is_charged) in [(1, 9, false), (2, 2, true)] {
        let digest = [n; 32];
        house.store.claim(&digest, generation(holder), NOW).await.unwrap();
        let mut booking = house.released(n).await;
        booking.claim = Some(digest);
        let done = charge(&booking).await;
        match done {
            Ok(captured) => assert!(is_charged && captured.replay == Replay::First),
            Err(LedgerError::HoldFinished { .. }) => assert!(!is_charged),
            Err(other) => panic!("{other}"),
        }
    }
    house.check_left(FUNDS - CHARGE, LIMITED - CHARGE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_charge_waits_for_a_database_that_is_away_and_is_made_once() {
    let Some(server) = Postgres::start(&[]) else { return };
    let house = House::new(shared(&server).await).await;
    let booking = house.released(1).await;
    server.kill("KILL");
    while house.gateway.ledger.is_sound() {
        let _noticed = house.hold(9).await;
    }
    let mut charging = JoinSet::new();
    charging.spawn(charge(&booking));
    // Longer than the pause between two tries.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(charging.try_join_next().is_none(), "it waits");
    server.start_again();
    let captured = charging.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!((captured.replay, captured.collected.get()), (Replay::First, CHARGE));
    house.check_left(FUNDS - CHARGE, LIMITED - CHARGE).await;
}

#[test]
fn a_charge_that_is_on_its_way_when_its_runtime_ends_is_booked_all_the_same() {
    let Some(server) = Postgres::start(&[]) else { return };
    let lasting = Runtime::new().unwrap();
    let house = lasting.block_on(async { House::new(shared(&server).await).await });
    lasting.block_on(house.hold(1)).unwrap();
    server.signal("STOP");
    let ending = Builder::new_current_thread().build().unwrap();
    ending.block_on(async {
        let booking = house.booking(1);
        let capture = Capture {
            hold: entry_id(booking.generation),
            legs: &booking.legs,
            bad_debt: books::BAD_DEBT,
            memo: b"what was used",
        };
        let sent = house.gateway.ledger.capture(capture, NOW).send_durable();
        // Nobody waits for it.
        drop(Settling::new(sent, booking));
        tokio::task::yield_now().await;
    });
    drop(ending);
    server.signal("CONT");
    let is_booked = (0..1_000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        lasting.block_on(house.available(WALLET)) == FUNDS - CHARGE
    });
    assert!(is_booked);
    lasting.block_on(house.check_left(FUNDS - CHARGE, LIMITED - CHARGE));
}
