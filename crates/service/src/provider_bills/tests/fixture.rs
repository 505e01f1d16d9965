//! A ledger with charged requests, a store, and a vendor whose billing report is a double.

use crate::books;
use crate::config::Config;
use crate::ports::Clock;
use crate::provider_bills::{
    BilledVendor, FetchPatience, ProviderReconciliation, ProviderReport, ReconcileParts, ReconcileSettings,
    ReconcileTerms,
};
use crate::record::{GenerationRecord, Line, SideBill, UsageSource};
use crate::usage::UsageReads;
use opencredits_catalog::{BookVersion, Catalog, Item, Terms};
use opencredits_keys::Secret;
use opencredits_ledger::{Capture, Floor, Ledger, Leg, OnShortfall, OpenAccount, PlaceHold, Transfer};
use opencredits_providers::http::{Client, Settings};
use opencredits_providers::{Dialect, Vendors};
use opencredits_store::SqliteStore;
use opencredits_testkit::FixedClock;
use opencredits_testkit::bills::{ADMIN_KEY, BillForm, BilledItem, BillingDouble};
use opencredits_units::{AccountId, BasisPoints, Bucket, EntryId, KeyId, NanoUsd, PicoUsd, Rate, Tokens, UnixMs};
use std::sync::Arc;

/// 21 September 2026.
pub(super) const DAY: u64 = 20_717;
const WALLET: AccountId = AccountId::from_bits(77);
/// Retries do not wait.
const PATIENCE: FetchPatience =
    FetchPatience { exchange_ms: 5_000, attempts_max: 4, backoff_ms: 1, wait_ms_max: 2_000 };
/// Dollars per million tokens, in pico-dollars per token.
const INPUT: u64 = 1_250_000;
const CACHED: u64 = 125_000;
const OUTPUT: u64 = 10_000_000;

const MODELS: &str = r#"
    [[model]]
    id = "maker/large"
    vendor = "v"
    upstream_model = "large-2026-01-01"
    context_window = 8192
    max_output_tokens = 2048
    prices = { input = "1.25", output = "10", cache_read = "0.125" }

    [[model]]
    id = "maker/small"
    vendor = "v"
    upstream_model = "small"
    context_window = 8192
    max_output_tokens = 2048
    prices = { input = "1.25", output = "10", cache_read = "0.125" }
"#;

struct Time(FixedClock);

impl Clock for Time {
    fn now(&self) -> UnixMs {
        self.0.now()
    }
}

/// Tokens of a request: uncached input, cached input, output, reasoning.
pub(super) type Counts = [u64; 4];

pub(super) struct House {
    pub(super) ledger: Ledger,
    pub(super) store: SqliteStore,
    pub(super) double: BillingDouble,
    pub(super) reconciliation: ProviderReconciliation,
    form: BillForm,
    requests: u64,
    _folder: tempfile::TempDir,
}

impl House {
    /// Two days after [`DAY`].
    pub(super) async fn new(form: BillForm) -> Self {
        Self::with_key(form, ADMIN_KEY).await
    }

    pub(super) async fn with_key(form: BillForm, key: &str) -> Self {
        let double = BillingDouble::start(form).unwrap();
        // A vendor without a billing report, and one whose report nobody answers.
        let others = "[[vendor]]\nid = \"by-file\"\ndialect = \"openai-chat\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
            [[vendor]]\nid = \"away\"\ndialect = \"openai-chat\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
            [vendor.billing_report]\nkind = \"costs_api\"\npath = \"/costs\"\nkey_env = \"AWAY_KEY\"\nclasses = {}\n";
        let vendors = Vendors::default().with_operator(&[&double.vendor_toml("v"), others].join("\n")).unwrap();
        let billed = vendors.iter().map(|vendor| {
            let key = (&*vendor.id == "v").then(|| Secret::new(key.to_owned()));
            BilledVendor::new(Arc::clone(vendor), key)
        });
        Self::build(form, double, billed.collect()).await
    }

    /// The same, where the vendor that nobody answers for has a key.
    pub(super) async fn with_one_away(form: BillForm) -> Self {
        let mut house = Self::new(form).await;
        let mut parts = house.parts();
        for vendor in parts.terms.vendors.iter_mut().filter(|vendor| &*vendor.vendor.id == "away") {
            vendor.key = Some(Secret::new("k".to_owned()));
        }
        house.reconciliation = ProviderReconciliation::new(parts);
        house
    }

    fn parts(&self) -> ReconcileParts {
        let old = &self.reconciliation;
        let terms = old.terms.load();
        let (vendors, catalog, settings) = (terms.vendors.clone(), terms.catalog.clone(), terms.settings);
        ReconcileParts {
            usage: Arc::clone(&old.usage),
            bills: Arc::clone(&old.bills),
            get: Arc::clone(&old.get),
            clock: Arc::clone(&old.clock),
            terms: ReconcileTerms { vendors, catalog, settings },
        }
    }

    async fn build(form: BillForm, double: BillingDouble, vendors: Vec<BilledVendor>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path().join("ledger.db")).unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
        let start = UnixMs::new((DAY - 40) * UnixMs::DAY_MS);
        books::open(&ledger.clone().into(), start).await.unwrap();
        ledger.open_account(OpenAccount { id: WALLET, floor: Floor::Zero, contra: None }, start).unwrap().accepted();
        let amount = NanoUsd::new(1_000_000_000_000);
        let grant = Transfer { id: EntryId::from_bits(1), from: books::PROMOTION, to: WALLET, amount, memo: b"" };
        ledger.transfer(grant, start).unwrap().accepted();
        let settings = ReconcileSettings { patience: PATIENCE, ..(&Config::default().reconcile).into() };
        let parts = ReconcileParts {
            usage: Arc::new(UsageReads::new(ledger.clone(), Arc::new(store.clone()))),
            bills: Arc::new(store.clone()),
            get: Arc::new(Client::new(Settings::default()).unwrap()),
            clock: Arc::new(Time(FixedClock::at_ms((DAY + 2) * UnixMs::DAY_MS + 5))),
            terms: ReconcileTerms { vendors, catalog: Catalog::empty().with_operator(MODELS).unwrap(), settings },
        };
        let reconciliation = ProviderReconciliation::new(parts);
        Self { ledger, store, double, reconciliation, form, requests: 0, _folder: folder }
    }

    /// Charges a request.
    pub(super) fn charge(&mut self, day: u64, (vendor, model): (&str, &str), counts: Counts) {
        let record = record(vendor, model, counts);
        self.book(day, &record);
    }

    /// Charges a request with this record.
    pub(super) fn book(&mut self, day: u64, record: &GenerationRecord) {
        self.requests += 1;
        let at = UnixMs::new(day * UnixMs::DAY_MS + self.requests);
        let id = EntryId::at(at, [3; 10]);
        let hold =
            PlaceHold { id, payer: WALLET, limits: &[], amount: record.total, expires_at: at.saturating_add_ms(9) };
        self.ledger.place_hold(hold, at).unwrap().accepted();
        let charge = record.charge();
        let leg = |to, amount, on_shortfall| Leg { to, amount, on_shortfall };
        let legs = [
            leg(books::PROVIDERS, charge.cost, OnShortfall::Full),
            leg(books::REVENUE, charge.margin, OnShortfall::Proportional),
        ];
        let memo = record.to_memo().unwrap();
        let capture = Capture { hold: id, legs: &legs, bad_debt: books::BAD_DEBT, memo: &memo };
        self.ledger.capture(capture, at).unwrap().accepted();
    }

    /// What a vendor bills for so many tokens of a model: reasoning is output there.
    pub(super) fn items(&self, day: u64, model: &str, [input, cached, output, reasoning]: Counts) -> Vec<BilledItem> {
        let names = match self.form {
            BillForm::Costs => ["input", "cached input", "output"],
            BillForm::Usage => ["uncached_input_tokens", "cache_read_input_tokens", "output_tokens"],
        };
        let amounts = [(input, INPUT), (cached, CACHED), (output + reasoning, OUTPUT)];
        let item = |(name, (tokens, rate)): (&str, (u64, u64))| {
            BilledItem::new(day, model, name, &usd(u128::from(tokens) * u128::from(rate)), tokens)
        };
        names.into_iter().zip(amounts).filter(|(_, (tokens, _))| *tokens > 0).map(item).collect()
    }

    pub(super) async fn reconcile_day(&self) -> ProviderReport {
        self.reconciliation.reconcile_day(DAY).await.unwrap()
    }
}

/// Pico-dollars as dollars.
pub(super) fn usd(pico: u128) -> String {
    PicoUsd::new(i128::try_from(pico).unwrap()).to_string()
}

/// The record of a request with these counts.
pub(super) fn record(vendor: &str, model: &str, [input, cached, output, reasoning]: Counts) -> GenerationRecord {
    let line = |bucket, count, rate| Line::new(Item::Tokens(bucket), Tokens::new(count), Rate::new(rate));
    let lines = vec![
        line(Bucket::InputUncached, input, INPUT),
        line(Bucket::CacheRead, cached, CACHED),
        line(Bucket::Output, output, OUTPUT),
        line(Bucket::Reasoning, reasoning, OUTPUT),
    ];
    priced(GenerationRecord {
        key: KeyId::from_bits(1),
        api: Dialect::OpenaiChat,
        model: model.to_owned(),
        vendor: vendor.to_owned(),
        upstream_id: String::new(),
        native_finish: "stop".to_owned(),
        tier: String::new(),
        price_book: BookVersion::parse("2026-07-02.1").unwrap(),
        streamed: true,
        cancelled: false,
        source: UsageSource::Reported,
        latency_ms: 1,
        duration_ms: 2,
        lines,
        side_bills: vec![],
        markup: BasisPoints::new(2_500),
        partner_share: BasisPoints::ZERO,
        cost: NanoUsd::ZERO,
        total: NanoUsd::ZERO,
        failed_attempts: vec![],
        reported: None,
    })
}

/// The record with the cost of its lines.
pub(super) fn priced(record: GenerationRecord) -> GenerationRecord {
    let lines = record.lines.iter().chain(record.side_bills.iter().flat_map(|bill: &SideBill| &bill.lines));
    let cost = lines.fold(PicoUsd::ZERO, |sum, line| sum.checked_add(line.amount()).unwrap());
    let terms = Terms { markup: record.markup, partner_share: record.partner_share };
    let charge = terms.charge(cost).unwrap();
    GenerationRecord { cost: charge.cost, total: charge.total, ..record }
}
