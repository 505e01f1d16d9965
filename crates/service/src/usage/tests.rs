//! The read model is what a recomputation from the ledger gives, whatever fails between any two steps.

use super::*;
use crate::books;
use crate::record::{GenerationRecord, Line, UsageSource};
use async_trait::async_trait;
use opencredits_catalog::{BookVersion, Item, Terms};
use opencredits_ledger::{
    Capture, EntryKind, EntryRow, Floor, Ledger, LedgerError, Leg, OnShortfall, OpenAccount, PlaceHold, Transfer,
};
use opencredits_providers::Dialect;
use opencredits_store::conformance::{NOW, key, partner, user};
use opencredits_store::{
    AccountTransfer, Days, IndexedRequest, Keys, Partners, ProviderBills, RequestMark, SqliteStore, StoreError,
    UsageBy, UsageFilter, UsageOf, UsageOrder, UsageSums, Users,
};
use opencredits_units::{
    AccountId, BasisPoints, Bucket, CostClass, EntryId, KeyId, NanoUsd, PicoUsd, Rate, Tokens, UnixMs,
};
use parking_lot::Mutex as SyncMutex;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Rounds of the test with faults.
const ROUNDS: u64 = 120;
/// The partner's account.
const EARNINGS: AccountId = AccountId::from_bits(77);
const MODELS: [&str; 2] = ["a/one", "b/two"];

/// A sequence of numbers that is the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The store fails before it changes anything.
    Before,
    /// The store commits, and the answer is lost.
    After,
}

/// A store that fails on demand.
struct Flaky {
    store: SqliteStore,
    fault: Arc<SyncMutex<Fault>>,
}

#[async_trait]
impl UsageModel for Flaky {
    async fn place(&self) -> Result<Vec<u8>, StoreError> {
        self.store.place().await
    }

    async fn apply(&self, change: UsageChange) -> Result<bool, StoreError> {
        let fault = *self.fault.lock();
        if fault == Fault::Before {
            return Err(StoreError::Closing);
        }
        let applied = self.store.apply(change).await;
        if fault == Fault::After { Err(StoreError::Closing) } else { applied }
    }

    async fn sums(&self, query: UsageQuery) -> Result<Vec<UsageGroup>, StoreError> {
        self.store.sums(query).await
    }

    async fn requests(
        &self,
        filter: UsageFilter,
        span: (RequestMark, RequestMark),
        max: usize,
    ) -> Result<Vec<IndexedRequest>, StoreError> {
        self.store.requests(filter, span, max).await
    }

    async fn transfers(
        &self,
        account: AccountId,
        span: (UnixMs, (UnixMs, EntryId)),
        max: u32,
    ) -> Result<Vec<AccountTransfer>, StoreError> {
        self.store.transfers(account, span, max).await
    }

    async fn moved(&self, account: AccountId, times: (UnixMs, UnixMs)) -> Result<(NanoUsd, NanoUsd), StoreError> {
        self.store.moved(account, times).await
    }

    async fn payouts(&self, account: AccountId, max: u32) -> Result<Vec<AccountTransfer>, StoreError> {
        self.store.payouts(account, max).await
    }
}

/// A ledger and a store in files, with a person who has two keys, one of them through a partner.
pub(super) struct House {
    dir: PathBuf,
    ledger: Ledger,
    store: SqliteStore,
    reads: UsageReads,
    fault: Arc<SyncMutex<Fault>>,
    numbers: Numbers,
    /// Milliseconds since the beginning.
    time: u64,
    open: Vec<(EntryId, GenerationRecord)>,
    _folder: Option<tempfile::TempDir>,
}

impl House {
    async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = Self::open(folder.path(), seed, 0).await;
        Self { _folder: Some(folder), ..house }
    }

    /// A house in this folder, which may be there, so many ms after the beginning.
    pub(super) async fn open(dir: &std::path::Path, seed: u64, time: u64) -> Self {
        let dir = dir.to_owned();
        let (ledger, store, reads, fault) = Self::files(&dir);
        books::open(&ledger.clone().into(), NOW).await.unwrap();
        for (id, floor) in [(user(1).wallet, Floor::Zero), (EARNINGS, Floor::Zero)] {
            ledger.open_account(OpenAccount { id, floor, contra: None }, NOW).unwrap().accepted();
        }
        if store.user(user(1).id).await.unwrap().is_none() {
            store.add_user(&user(1)).await.unwrap();
            store.add_partner(&opencredits_store::Partner { earnings: EARNINGS, ..partner(1) }).await.unwrap();
            store.add_key(&key(1)).await.unwrap();
            store.add_key(&opencredits_store::Key { partner: None, ..key(2) }).await.unwrap();
        }
        let numbers = Numbers(seed);
        let mut house = Self { dir, ledger, store, reads, fault, numbers, time, open: vec![], _folder: None };
        house.grant(1_000_000_000_000);
        house
    }

    /// Projects what is on disk, in the middle of everything.
    pub(super) async fn project(&self) {
        self.reads.catch_up().await.unwrap();
    }

    fn files(dir: &std::path::Path) -> (Ledger, SqliteStore, UsageReads, Arc<SyncMutex<Fault>>) {
        // The work of a reader that went away may run for a moment more.
        let open = || Ledger::open(dir.join("ledger.db"));
        let ledger = (0..1_000)
            .find_map(|_| match open() {
                Err(LedgerError::Locked { .. }) => {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    None
                }
                opened => Some(opened.unwrap()),
            })
            .unwrap();
        let store = SqliteStore::open(dir.join("store.db")).unwrap();
        let fault = Arc::new(SyncMutex::new(Fault::None));
        let flaky = Flaky { store: store.clone(), fault: fault.clone() };
        (ledger.clone(), store, UsageReads::new(ledger, Arc::new(flaky)), fault)
    }

    /// The process ends, and the next one begins.
    fn restart(self) -> Self {
        let Self { dir, ledger, store, reads, numbers, time, open, _folder, .. } = self;
        drop((ledger, store, reads));
        let (ledger, store, reads, fault) = Self::files(&dir);
        Self { dir, ledger, store, reads, fault, numbers, time, open, _folder }
    }

    fn now(&self) -> UnixMs {
        NOW.saturating_add_ms(self.time)
    }

    fn fresh(&mut self) -> EntryId {
        self.time += self.numbers.below(5_000_000);
        let random = [0; 10].map(|_: u8| u8::try_from(self.numbers.below(256)).unwrap());
        EntryId::at(self.now(), random)
    }

    fn grant(&mut self, nano: i64) {
        // Ids of transfers come from anywhere.
        let id = if self.numbers.below(2) == 0 {
            self.fresh()
        } else {
            EntryId::from_bits(u128::from(self.numbers.below(1 << 30)) + 1)
        };
        let (from, to) = match self.numbers.below(3) {
            0 => (user(1).wallet, books::PROMOTION),
            _ => (books::PROMOTION, user(1).wallet),
        };
        let (from, to) = if nano > 1_000 { (books::PROMOTION, user(1).wallet) } else { (from, to) };
        let transfer = Transfer { id, from, to, amount: NanoUsd::new(nano), memo: b"a grant" };
        // An id that was used before is refused.
        let _used = self.ledger.transfer(transfer, self.now()).map(opencredits_ledger::Accepted::accepted);
    }

    fn record(&mut self) -> GenerationRecord {
        let [input, cached, output] = [1_000, 100, 500].map(|end| Tokens::new(self.numbers.below(end)));
        let lines = vec![
            Line::new(Item::Tokens(Bucket::InputUncached), input, Rate::new(1_750_001)),
            Line::new(Item::Tokens(Bucket::CacheRead), cached, Rate::new(175_003)),
            Line::new(Item::Tokens(Bucket::Output), output, Rate::new(14_000_007)),
        ];
        let cost = lines.iter().fold(PicoUsd::ZERO, |sum, line| sum.checked_add(line.amount()).unwrap());
        let by_partner = self.numbers.below(2) == 0;
        let share = BasisPoints::new(if by_partner { 4_000 } else { 0 });
        let terms = Terms { markup: BasisPoints::new(2_500), partner_share: share };
        let charge = terms.charge(cost).unwrap();
        GenerationRecord {
            key: if by_partner { key(1).id } else { key(2).id },
            api: Dialect::OpenaiChat,
            model: MODELS[usize::try_from(self.numbers.below(2)).unwrap()].to_owned(),
            vendor: "vendor".to_owned(),
            upstream_id: String::new(),
            native_finish: "stop".to_owned(),
            tier: String::new(),
            price_book: BookVersion::parse("2026-07-02.1").unwrap(),
            streamed: true,
            cancelled: self.numbers.below(4) == 0,
            source: UsageSource::Reported,
            latency_ms: 1,
            duration_ms: 2,
            lines,
            side_bills: vec![],
            markup: terms.markup,
            partner_share: share,
            cost: charge.cost,
            total: charge.total,
            failed_attempts: vec![],
            reported: None,
        }
    }

    fn begin(&mut self) {
        let (id, record) = (self.fresh(), self.record());
        let expires_at = self.now().saturating_add_ms(u64::MAX / 4);
        let hold = PlaceHold { id, payer: user(1).wallet, limits: &[], amount: record.total, expires_at };
        self.ledger.place_hold(hold, self.now()).unwrap().accepted();
        self.open.push((id, record));
    }

    fn end(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let at = self.numbers.below(u64::try_from(self.open.len()).unwrap());
        let (hold, record) = self.open.swap_remove(usize::try_from(at).unwrap());
        if self.numbers.below(8) == 0 {
            self.ledger.void(hold, self.now()).unwrap().accepted();
            return;
        }
        let charge = record.charge();
        let leg = |to, amount, on_shortfall| Leg { to, amount, on_shortfall };
        let legs = [
            leg(books::PROVIDERS, charge.cost, OnShortfall::Full),
            leg(books::REVENUE, charge.margin, OnShortfall::Proportional),
            leg(EARNINGS, charge.commission, OnShortfall::Proportional),
        ];
        let memo = record.to_memo().unwrap();
        self.ledger
            .capture(Capture { hold, legs: &legs, bad_debt: books::BAD_DEBT, memo: &memo }, self.now())
            .unwrap()
            .accepted();
    }

    pub(super) fn work(&mut self) {
        for _ in 0..self.numbers.below(12) {
            match self.numbers.below(9) {
                0 => self.grant(500),
                1..=4 => self.begin(),
                _ => self.end(),
            }
        }
    }

    pub(super) fn entries(&self) -> Vec<EntryRow> {
        self.ledger.flush().unwrap();
        self.ledger.entries(EntryId::default(), usize::MAX).unwrap()
    }

    /// The model says what the ledger says.
    pub(super) async fn compare(&self) {
        self.ledger.flush().unwrap();
        self.reads.catch_up().await.unwrap();
        assert_eq!(self.reads.behind().await.unwrap(), 0);
        let entries = self.entries();
        self.compare_sums(&entries).await;
        self.compare_costs(&entries).await;
        self.compare_requests(&entries).await;
        self.compare_transfers(&entries).await;
    }

    async fn compare_sums(&self, entries: &[EntryRow]) {
        let mut expect: BTreeMap<(u64, KeyId, String), UsageSums> = BTreeMap::new();
        let mut commissions = 0;
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Capture) {
            let record = GenerationRecord::from_memo(&entry.memo).unwrap();
            let leg = |account| entry.legs.iter().find(|(of, _)| *of == account).map_or(0, |(_, amount)| amount.get());
            let count = |bucket| record.usage().count(bucket).get();
            let sums = expect.entry((entry.id.made_at().day(), record.key, record.model.clone())).or_default();
            let one = UsageSums {
                requests: 1,
                input_tokens: count(Bucket::InputUncached) + count(Bucket::CacheRead),
                cache_read_tokens: count(Bucket::CacheRead),
                output_tokens: count(Bucket::Output),
                charged: NanoUsd::new(-leg(user(1).wallet)),
                cost: NanoUsd::new(leg(books::PROVIDERS)),
                commission: NanoUsd::new(leg(EARNINGS)),
                ..UsageSums::default()
            };
            commissions += leg(EARNINGS);
            *sums = sums.checked_add(&one).unwrap();
        }
        let by = vec![UsageBy::Day, UsageBy::Key, UsageBy::Model, UsageBy::Vendor, UsageBy::Partner, UsageBy::User];
        let query = |by, days| UsageQuery {
            filter: UsageFilter::of(UsageOf::All),
            days,
            by,
            order: UsageOrder::Newest,
            max: 100_000,
        };
        let found = self.reads.sums(query(by, Days::ALL)).await.unwrap();
        assert!(found.iter().all(|group| group.user == Some(user(1).id) && group.vendor.as_deref() == Some("vendor")));
        assert!(found.iter().all(|group| (group.partner == Some(partner(1).id)) == (group.key == Some(key(1).id))));
        let found: BTreeMap<_, _> = found
            .into_iter()
            .map(|group| ((group.day.unwrap(), group.key.unwrap(), group.model.unwrap()), group.sums))
            .collect();
        assert_eq!(found, expect);
        let whole = self.reads.sums(query(vec![], Days::ALL)).await.unwrap();
        assert_eq!(whole.first().map_or(0, |all| all.sums.commission.get()), commissions);
    }

    async fn compare_costs(&self, entries: &[EntryRow]) {
        let mut expect: BTreeMap<(u64, String), (u64, i64)> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Capture) {
            let record = GenerationRecord::from_memo(&entry.memo).unwrap();
            let (quantity, cost) = expect.entry((entry.id.made_at().day(), record.model)).or_default();
            *quantity += record.lines.iter().map(|line| line.quantity().get()).sum::<u64>();
            *cost += record.cost.get();
        }
        let mut found: BTreeMap<(u64, String), (u64, i64)> = BTreeMap::new();
        for cost in self.store.vendor_costs(None, Days::ALL).await.unwrap() {
            assert!(cost.vendor == "vendor" && cost.class != CostClass::Other, "{cost:?}");
            let (quantity, sum) = found.entry((cost.day, cost.model)).or_default();
            *quantity += cost.quantity;
            *sum += cost.cost.get();
        }
        expect.retain(|_, of| *of != (0, 0));
        assert_eq!(found, expect);
    }

    async fn compare_requests(&self, entries: &[EntryRow]) {
        for (of, model, status) in [
            (UsageOf::User(user(1).id), None, None),
            (UsageOf::Key(key(1).id), None, None),
            (UsageOf::User(user(1).id), Some(MODELS[1]), Some(GenerationStatus::Cancelled)),
            (UsageOf::User(user(2).id), None, None),
        ] {
            let wanted = |entry: &&EntryRow| {
                let Ok(record) = GenerationRecord::from_memo(&entry.memo) else { return false };
                entry.kind == EntryKind::Capture
                    && match of {
                        UsageOf::Key(key) => record.key == key,
                        UsageOf::User(of) => of == user(1).id,
                        UsageOf::All => true,
                    }
                    && model.is_none_or(|model| record.model == model)
                    && status.is_none_or(|status| GenerationStatus::of(&record) == status)
            };
            let expect: Vec<u128> = entries.iter().rev().filter(wanted).map(|entry| entry.id.bits()).collect();
            let usage = UsageFilter { model: model.map(str::to_owned), ..UsageFilter::of(of) };
            let filter = GenerationFilter { usage, status, from: UnixMs::default(), until: None };
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let page = self.reads.generations(filter.clone(), cursor, 7).await.unwrap();
                found.extend(page.requests.iter().map(|request| request.id.bits()));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, expect, "{of:?} {model:?} {status:?}");
        }
    }

    async fn compare_transfers(&self, entries: &[EntryRow]) {
        let wallet = user(1).wallet;
        let own = entries.iter().filter(|entry| entry.kind == EntryKind::Transfer);
        let mut expect: Vec<_> = own.map(|entry| (entry.at, entry.id)).collect();
        expect.sort_unstable();
        expect.reverse();
        let (mut found, mut before) = (Vec::new(), (UnixMs::new(u64::MAX), EntryId::default()));
        loop {
            let page = self.reads.transfers(wallet, (UnixMs::default(), before), 3).await.unwrap();
            found.extend(page.transfers.iter().map(|money| (money.entry.at, money.entry.id)));
            match page.next {
                Some(next) => before = next,
                None => break,
            }
        }
        assert_eq!(found, expect);
    }
}

#[tokio::test]
async fn the_read_model_is_a_recomputation_of_the_ledger_whatever_fails_and_whenever_a_process_ends() {
    let mut house = House::new(11).await;
    let mut failed = 0;
    for round in 0..ROUNDS {
        house.work();
        if house.numbers.below(2) == 0 {
            house.ledger.flush().unwrap();
        }
        let fault = [Fault::None, Fault::Before, Fault::After][usize::try_from(house.numbers.below(3)).unwrap()];
        *house.fault.lock() = fault;
        match house.numbers.below(3) {
            0 => failed += u64::from(house.reads.catch_up().await.is_err()),
            // A reader that goes away while it waits.
            1 => drop(
                tokio::time::timeout(
                    std::time::Duration::from_micros(house.numbers.below(3_000)),
                    house.reads.refresh(),
                )
                .await,
            ),
            _ => {}
        }
        *house.fault.lock() = Fault::None;
        if house.numbers.below(6) == 0 {
            house = house.restart();
        }
        if round % 30 == 29 {
            house.compare().await;
        }
    }
    assert!(failed > 10, "{failed}");
    assert!(house.ledger.verify().unwrap().is_clean());
    assert!(house.entries().len() > 250, "{}", house.entries().len());
}

#[tokio::test]
async fn a_read_model_of_another_ledger_or_of_another_version_is_made_anew() {
    let mut house = House::new(3).await;
    house.work();
    house.compare().await;
    let place = house.store.place().await.unwrap();
    let spoilt = UsageChange { from: place, to: vec![99], ..UsageChange::default() };
    assert!(house.store.apply(spoilt).await.unwrap());
    house.compare().await;
    let mut other = House::new(4).await;
    other.work();
    other.ledger.flush().unwrap();
    other.reads.catch_up().await.unwrap();
    let foreign = other.store.place().await.unwrap();
    let place = house.store.place().await.unwrap();
    assert!(house.store.apply(UsageChange { from: place, to: foreign, ..UsageChange::default() }).await.unwrap());
    house.compare().await;
}

#[tokio::test]
async fn bills_are_recomputed_from_their_records_and_a_wrong_one_is_found() {
    let mut house = House::new(5).await;
    for _ in 0..40 {
        house.work();
    }
    let entries = house.entries();
    let captures: Vec<&EntryRow> = entries.iter().filter(|entry| entry.kind == EntryKind::Capture).collect();
    let checks = house.reads.check_bills((UnixMs::default(), UnixMs::new(u64::MAX >> 17)), None).await.unwrap();
    assert_eq!(
        (usize::try_from(checks.checked).unwrap(), checks.wrong_total),
        (captures.len(), 0),
        "{:?}",
        checks.wrong
    );
    let mut wrong = captures[0].clone();
    let mut record = GenerationRecord::from_memo(&wrong.memo).unwrap();
    record.lines.pop();
    wrong.memo = record.to_memo().unwrap();
    let check = check_bill(&wrong).unwrap();
    assert_eq!(check.findings.len(), 1, "{:?}", check.findings);
    record.source = UsageSource::Estimated;
    record.lines.push(Line::new(Item::Tokens(Bucket::Output), Tokens::new(9_000_000), Rate::new(14_000_007)));
    wrong.memo = record.to_memo().unwrap();
    let check = check_bill(&wrong).unwrap();
    assert!(
        check.is_bounded && check.findings.is_empty(),
        "an estimate is charged within its hold: {:?}",
        check.findings
    );
    let none = entries.iter().find(|entry| entry.kind == EntryKind::Transfer).unwrap();
    assert_eq!(check_bill(none), None, "a transfer has no bill");
}
