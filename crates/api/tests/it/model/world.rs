//! A whole service on real files, which may die at any await and is opened again from what is on the disk then.

use super::reference::{self, INPUT, MATURES_DAYS, OUTPUT, PEOPLE, SHARES};
use crate::app::{api_settings, pages, settings};
use axum::body::Body;
use http_body_util::BodyExt;
use opencredits_api::{App, Routes, service};
use opencredits_billing::{Currency, Mode, Sandbox};
use opencredits_catalog::Catalog;
use opencredits_keys::{HashKey, Secret};
use opencredits_ledger::Ledger;
use opencredits_providers::{Vendors, sandbox};
use opencredits_service::accounts::{Accounts, NewKey, NewLimit, NewPartner, NewUser, Tables};
use opencredits_service::config::Ack;
use opencredits_service::mail::MailQueue;
use opencredits_service::partners::{CommissionBooks, PartnerTerms};
use opencredits_service::purchases::{
    Bonus, CurrencyTerms, MailedNotices, OnFraudWarning, PurchasePorts, PurchaseSettings, PurchaseTables, Purchases,
    SaleTerms,
};
use opencredits_service::{
    Clock, Entropy, Gateway, KeyRing, KeyTables, Parts, Ports, Settings, Upstream, UsageReads, books, jobs,
};
use opencredits_store::{LimitOwner, LimitReset, Partner, Rates, SqliteStore, User};
use opencredits_testkit::FixedRandom;
use opencredits_units::{BasisPoints, KeyId, NanoUsd, UnixMs};
use std::collections::HashMap;
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower_service::Service;

const START_MS: u64 = 1_790_000_000_000;
const VENDOR: &str = "[[vendor]]\nid = \"v\"\ndialect = \"openai-chat\"\nbase_url = \"http://v.example/v1\"";

/// Time that goes on a little with each look, and randomness.
pub(super) struct Fixed {
    now_ms: AtomicU64,
    random: FixedRandom,
}

impl Fixed {
    pub(super) fn pass_ms(&self, by_ms: u64) {
        self.now_ms.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for Fixed {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.now_ms.fetch_add(1, Ordering::SeqCst))
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }
}

/// One life of the process.
pub(super) struct Live {
    pub(super) ledger: Ledger,
    pub(super) store: Arc<SqliteStore>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) purchases: Arc<Purchases>,
    routes: Routes,
}

/// A person, with a key without a partner and one through each partner.
pub(super) struct Customer {
    pub(super) user: User,
    pub(super) keys: Vec<(KeyId, String)>,
}

/// What outlives the process.
pub(super) struct World {
    dir: TempDir,
    pub(super) fixed: Arc<Fixed>,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) customers: Vec<Customer>,
    pub(super) partners: Vec<Partner>,
    life: Option<(Runtime, Live)>,
}

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    // Dollars for a million tokens.
    let (input, output) = (INPUT / 1_000, OUTPUT / 1_000);
    let model = format!(
        "[[model]]\nid = \"a/dear\"\nvendor = \"v\"\nupstream_model = \"dear\"\ncontext_window = 8000\n\
         max_output_tokens = 1000\nprices = {{ input = \"{input}\", output = \"{output}\" }}\n"
    );
    Catalog::empty().with_operator(&model).unwrap()
});

fn folder() -> TempDir {
    // Where memory is a folder, no sequence waits for a disk.
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let fixed = Arc::new(Fixed { now_ms: AtomicU64::new(START_MS), random: FixedRandom::seeded(seed) });
        let sandbox =
            Arc::new(Sandbox::new("test".parse().unwrap(), "http://127.0.0.1/pay/".to_owned(), UnixMs::default()));
        let (customers, partners) = (Vec::new(), Vec::new());
        let mut world = Self { dir: folder(), fixed, sandbox, customers, partners, life: None };
        world.open();
        let (customers, partners) = world.run(None, async |live| people(live).await).unwrap();
        (world.customers, world.partners) = (customers, partners);
        world.live().ledger.flush().unwrap();
        world
    }

    pub(super) fn live(&self) -> &Live {
        &self.life.as_ref().unwrap().1
    }

    /// Runs something, whole, or until it was polled so often: then it is dropped where it waits, and `None` comes back.
    pub(super) fn run<T>(&self, polls: Option<u32>, what: impl AsyncFnOnce(&Live) -> T) -> Option<T> {
        let (runtime, live) = self.life.as_ref().unwrap();
        runtime.block_on(async {
            let mut work = pin!(what(live));
            let mut left = polls;
            poll_fn(|context| {
                match &mut left {
                    Some(0) => return Poll::Ready(None),
                    Some(left) => *left -= 1,
                    None => {}
                }
                work.as_mut().poll(context).map(Some)
            })
            .await
        })
    }

    /// The process dies, and another one opens what is on the disk at that moment. Nothing is written out first.
    pub(super) fn crash(&mut self) {
        let (runtime, live) = self.life.take().unwrap();
        let next = folder();
        // Its tasks end where they wait.
        drop(runtime);
        copy(self.dir.path(), next.path());
        drop(live);
        self.dir = next;
        self.open();
    }

    fn open(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let live = runtime.block_on(Live::open(self.dir.path(), &self.fixed, &self.sandbox));
        self.life = Some((runtime, live));
    }
}

/// Copies the files of a process that has just died. The record of the ledger's last commit is copied first, as it is
/// written last.
fn copy(from: &Path, to: &Path) {
    let names = std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with("-shm")).collect();
    names.sort_by_key(|name| (!name.ends_with(".head"), !name.starts_with("ledger"), name.clone()));
    for name in names {
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

impl Live {
    async fn open(dir: &Path, fixed: &Arc<Fixed>, processor: &Arc<Sandbox>) -> Self {
        let ledger = Ledger::open(dir.join("ledger.db")).unwrap();
        let store = SqliteStore::open(dir.join("store.db")).unwrap();
        books::open(&ledger.clone().into(), fixed.now()).await.unwrap();
        let keyring = Arc::new(KeyRing::new(KeyTables::of(store.clone()), fixed.clone(), BasisPoints::new(5_000)));
        let forgetting = keyring.clone();
        let terms = PartnerTerms { matures_days: MATURES_DAYS, ..PartnerTerms::default() };
        let accounts = Accounts::new(ledger.clone(), Tables::of(store.clone()), fixed.clone(), fixed.clone())
            .on_change(move || forgetting.forget_all())
            .with_partner_terms(terms);
        let accounts = Arc::new(accounts);
        let usage = Arc::new(UsageReads::new(ledger.clone(), Arc::new(store.clone())));
        let parts = Parts {
            catalog: CATALOG.clone(),
            upstreams: upstreams(),
            ledger: ledger.clone().into(),
            keyring,
            usage: usage.clone(),
            ports: Ports { clock: fixed.clone(), entropy: fixed.clone(), claims: Arc::new(store.clone()), fetch: None },
            settings: Settings { exposure_max: NanoUsd::ZERO, lower_caps: true, ..settings(Ack::Accepted) },
            hash_key: HashKey::new([5; 32]),
        };
        let (gateway, reaper) = Gateway::new(parts).unwrap();
        start(reaper.run());
        jobs::release_left(&gateway).await.unwrap();
        let store = Arc::new(store);
        let purchases = Arc::new(purchases(&ledger, &store, (fixed, processor, usage)));
        let app = App {
            gateway: gateway.clone(),
            accounts: accounts.clone(),
            partners: store.clone(),
            payments: None,
            pages: pages(),
            identity: None,
            connections: None,
            settings: api_settings(),
            ready: AtomicBool::new(true),
            test: None,
        };
        Self { ledger, store, accounts, gateway, purchases, routes: service(Arc::new(app)) }
    }

    pub(super) async fn open_answer(&self, request: http::Request<Body>) -> http::Response<Body> {
        self.routes.clone().call(request).await.unwrap()
    }

    pub(super) async fn answer(&self, request: http::Request<Body>) -> (u16, String) {
        let (head, body) = self.open_answer(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Waits until nothing is held: the reaper works beside the test.
    pub(super) async fn drained(&self) {
        for _ in 0..5_000 {
            if self.ledger.holds().is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        panic!("still held: {:?}", self.ledger.holds());
    }
}

#[expect(clippy::disallowed_methods, reason = "the reaper needs a task of its own, as in the binary")]
fn start(reaper: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(reaper);
}

fn upstreams() -> HashMap<Arc<str>, Upstream> {
    let vendors = Vendors::default().with_operator(VENDOR).unwrap();
    let upstream = |vendor: &Arc<opencredits_providers::Vendor>| {
        let keys = vec![Secret::new("our key".to_owned())];
        (vendor.id.clone(), Upstream { vendor: vendor.clone(), keys, transport: Arc::new(sandbox::Sandbox::new()) })
    };
    vendors.iter().map(upstream).collect()
}

fn purchases(
    ledger: &Ledger,
    store: &Arc<SqliteStore>,
    (fixed, processor, usage): (&Arc<Fixed>, &Arc<Sandbox>, Arc<UsageReads>),
) -> Purchases {
    let tables =
        PurchaseTables { orders: store.clone(), payers: store.clone(), users: store.clone(), cursors: store.clone() };
    let ports = PurchasePorts {
        payments: processor.clone(),
        notices: Arc::new(MailedNotices::new(MailQueue::new(Some(store.clone()), fixed.clone(), fixed.clone()))),
        commissions: Arc::new(CommissionBooks::new(ledger.clone(), store.clone(), usage)),
        clock: fixed.clone(),
        entropy: fixed.clone(),
    };
    let terms = |currency, credit_price_nano| CurrencyTerms {
        currency,
        credit_price_nano,
        amount_minor_min: 100,
        amount_minor_max: 100_000,
        suggested_minor: Vec::new(),
        fee_fixed_minor: 0,
    };
    let settings = PurchaseSettings {
        terms: SaleTerms {
            currencies: vec![terms(Currency::USD, 10_000_000), terms(Currency::EUR, 9_000_000)],
            credit_face: NanoUsd::new(10_000_000),
            fee: BasisPoints::new(300),
            bonuses: vec![Bonus { from_minor: 3_000, share: BasisPoints::new(700) }],
        },
        marker: "test".parse().unwrap(),
        mode: Mode::Test,
        success_url: "http://127.0.0.1/paid".to_owned(),
        cancel_url: "http://127.0.0.1/".to_owned(),
        page_ms: 3_600_000,
        open_max: 20,
        on_fraud_warning: OnFraudWarning::Log,
    };
    Purchases::new(ledger.clone(), tables, ports, settings)
}

/// The daily limits that everybody begins with.
pub(super) const CAP: i64 = 60_000_000_000;
pub(super) const KEY_LIMIT: i64 = 20_000_000_000;

pub(super) const fn daily(amount: i64) -> NewLimit {
    NewLimit { amount: NanoUsd::new(amount), reset: Some(LimitReset::Daily) }
}

async fn people(live: &Live) -> (Vec<Customer>, Vec<Partner>) {
    let (mut customers, mut partners) = (Vec::new(), Vec::new());
    for (at, share) in SHARES.iter().enumerate() {
        let share = Some(BasisPoints::new(u32::try_from(*share).unwrap()));
        partners.push(
            live.accounts.add_partner(NewPartner { name: format!("app {at}"), share, markup: None }).await.unwrap(),
        );
    }
    for at in 0..PEOPLE {
        let user = live.accounts.add_user(NewUser { id: None, label: format!("person {at}") }).await.unwrap();
        let owner = LimitOwner::Person(user.id);
        let actor = opencredits_service::accounts::Actor::Operator;
        live.accounts.set_limit(owner, Some(daily(CAP)), actor).await.unwrap();
        let mut keys = Vec::new();
        for partner in [None, Some(0), Some(1)] {
            let key = NewKey {
                user: user.id,
                partner: partner.map(|at: usize| partners[at].id),
                name: "a key".to_owned(),
                limit: (partner == Some(1)).then(|| daily(KEY_LIMIT)),
                expires_at: None,
                allowed_models: None,
                rates: Rates::default(),
            };
            let (key, secret) = live.accounts.add_key(key).await.unwrap();
            keys.push((key.id, secret.reveal().to_owned()));
        }
        customers.push(Customer { user, keys });
    }
    (customers, partners)
}

/// What the model begins with.
pub(super) fn beginning() -> reference::Model {
    let mut model = reference::Model::default();
    model.people.iter_mut().for_each(|person| person.cap.amount = i128::from(CAP));
    model.limits.iter_mut().for_each(|limit| limit.amount = i128::from(KEY_LIMIT));
    model
}
