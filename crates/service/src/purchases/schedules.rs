//! Payments under schedules: events lost, late, twice and in any order, and crashes between any two steps. After a
//! reconciliation the books equal the processor's.

use super::*;
use crate::books::{self, PerCurrency};
use crate::fault::Fault;
use crate::partners::{CommissionBooks, Commissions, EarnedOn, debt_of_partner};
use crate::ports::{Clock, Entropy};
use crate::purchases::booking::{frozen_of, minor};
use async_trait::async_trait;
use opencredits_billing::{
    After, Currency, DisputeEffect, DisputeStatus, Money, PaymentRef, PaymentState, Payments, Progress, RefundStatus,
    Sandbox, SaveMethod, SessionId,
};
use opencredits_ledger::{Floor, Ledger, OpenAccount, Transfer};
use opencredits_store::{
    CommissionReturns, Order, Orders, Partner, Partners, SqliteStore, Standing, StoreError, User, Users,
};
use opencredits_units::{AccountId, BasisPoints, EntryId, NanoUsd, OrderId, PartnerId, UnixMs, UserId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

const START_MS: u64 = 1_790_000_000_000;
const SCHEDULES: u64 = 1_000;
const STEPS: u64 = 24;
const ORDERS_MAX: usize = 4;

/// A small generator of pseudo-random numbers (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>), so that a seed tells a
/// schedule.
struct Dice(AtomicU64);

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        of.get(usize::try_from(self.roll(u64::try_from(of.len()).unwrap().max(1))).unwrap())
    }
}

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = u8::try_from(self.roll(256)).unwrap());
    }
}

struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

/// A store whose process dies at an update, before or after it: the caller gets an error, and what follows does not happen.
struct Dying {
    store: SqliteStore,
    dice: Arc<Dice>,
    /// One in so many updates; never where zero.
    one_in: AtomicU64,
}

#[async_trait]
impl Orders for Dying {
    async fn add_order(&self, order: &Order) -> Result<(), StoreError> {
        self.store.add_order(order).await
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.store.order(id).await
    }

    async fn order_by_request(&self, digest: &[u8; 32]) -> Result<Option<Order>, StoreError> {
        self.store.order_by_request(digest).await
    }

    async fn order_by_payment(&self, payment: &str) -> Result<Option<Order>, StoreError> {
        self.store.order_by_payment(payment).await
    }

    async fn orders(&self, user: Option<UserId>, before: Option<OrderId>, max: u32) -> Result<Vec<Order>, StoreError> {
        self.store.orders(user, before, max).await
    }

    async fn orders_to_check(&self, now: UnixMs, max: u32) -> Result<Vec<Order>, StoreError> {
        self.store.orders_to_check(now, max).await
    }

    async fn orders_unbooked(&self, user: UserId) -> Result<Vec<Order>, StoreError> {
        self.store.orders_unbooked(user).await
    }

    async fn update_order(&self, order: &Order) -> Result<bool, StoreError> {
        let one_in = self.one_in.load(Ordering::Relaxed);
        let dies = one_in > 0 && self.dice.roll(one_in) == 0;
        if dies && self.dice.roll(2) == 0 {
            return Err(StoreError::Closing);
        }
        let done = self.store.update_order(order).await;
        if dies { Err(StoreError::Closing) } else { done }
    }
}

/// A person's usage through one partner, in nano-dollars.
#[derive(Default)]
struct Earned {
    charged: AtomicI64,
    commission: AtomicI64,
}

#[async_trait]
impl Commissions for Earned {
    async fn earned_on(&self, _user: UserId) -> Result<EarnedOn, Fault> {
        let [charged, commission] = [&self.charged, &self.commission].map(|sum| sum.load(Ordering::Relaxed));
        let commissions = vec![(partner().id, NanoUsd::new(commission))];
        Ok(EarnedOn { charged: NanoUsd::new(charged), commissions })
    }
}

fn partner() -> Partner {
    Partner {
        id: PartnerId::from_bits(70),
        name: "app".to_owned(),
        publishable_key: "oc_pk_70".to_owned(),
        share: None,
        earnings: AccountId::from_bits(7_000),
        created_at: UnixMs::new(START_MS),
        owner: None,
        standing: Standing::Good,
        markup: None,
    }
}

/// What people were told: that an order was paid, and the largest sum of its refunds.
#[derive(Default)]
struct Told(Mutex<HashMap<OrderId, (bool, i64)>>);

#[async_trait]
impl PurchaseNotices for Told {
    async fn tell(&self, order: &Order, notice: PurchaseNotice) -> Result<(), Fault> {
        let mut told = self.0.lock();
        let (is_paid, refunded) = told.entry(order.id).or_default();
        match notice {
            PurchaseNotice::Paid { .. } => *is_paid = true,
            PurchaseNotice::Refunded { .. } => *refunded = order.bookings.after.refunded_minor.max(*refunded),
            PurchaseNotice::TopUpDeclined | PurchaseNotice::TopUpNeedsConfirmation => {}
        }
        Ok(())
    }
}

struct World {
    purchases: Purchases,
    sandbox: Arc<Sandbox>,
    store: Arc<Dying>,
    earned: Arc<Earned>,
    told: Arc<Told>,
    paid_out: i64,
    dice: Arc<Dice>,
    user: User,
    sessions: Vec<SessionId>,
    spent: NanoUsd,
    spendings: u128,
    heard: Option<opencredits_billing::EventId>,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new(seed: u64) -> Self {
        // Where memory is a folder, a thousand schedules wait for no disk.
        let memory = std::path::Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let dice = Arc::new(Dice(AtomicU64::new(seed)));
        let sqlite = SqliteStore::open(dir.path().join("store.db")).unwrap();
        let now = UnixMs::new(START_MS);
        let (id, wallet) = (UserId::at(now, [1; 10]), AccountId::at(now, [1; 10]));
        let user = User { id, wallet, label: "ada".to_owned(), created_at: now, standing: Standing::Good };
        sqlite.add_user(&user).await.unwrap();
        let ledger = Ledger::in_memory().unwrap();
        books::open(&ledger, now).unwrap();
        let account = OpenAccount { id: wallet, floor: Floor::Zero, contra: None };
        ledger.open_account(account, now).unwrap().accepted();
        let earnings = OpenAccount { id: partner().earnings, floor: Floor::Zero, contra: None };
        ledger.open_account(earnings, now).unwrap().accepted();
        sqlite.add_partner(&partner()).await.unwrap();
        let sandbox =
            Arc::new(Sandbox::new("test".parse().unwrap(), "http://127.0.0.1/pay/".to_owned(), UnixMs::default()));
        let store = Arc::new(Dying { store: sqlite.clone(), dice: dice.clone(), one_in: AtomicU64::new(4) });
        let sqlite = Arc::new(sqlite);
        let (earned, told) = (Arc::new(Earned::default()), Arc::new(Told::default()));
        let commissions = Arc::new(CommissionBooks::new(ledger.clone(), sqlite.clone(), earned.clone()));
        let tables =
            PurchaseTables { orders: store.clone(), payers: sqlite.clone(), users: sqlite.clone(), cursors: sqlite };
        let ports = PurchasePorts {
            payments: sandbox.clone(),
            notices: told.clone(),
            commissions,
            clock: Arc::new(Ticks(AtomicU64::new(START_MS))),
            entropy: dice.clone(),
        };
        let purchases = Purchases::new(ledger, tables, ports, settings());
        let (sessions, spent) = (Vec::new(), NanoUsd::ZERO);
        Self {
            purchases,
            sandbox,
            store,
            earned,
            told,
            paid_out: 0,
            dice,
            user,
            sessions,
            spent,
            spendings: 0,
            heard: None,
            _dir: dir,
        }
    }

    async fn step(&mut self) {
        let now = self.purchases.now();
        match self.dice.roll(10) {
            0 | 1 if self.sessions.len() < ORDERS_MAX => self.buy().await,
            2 => self.spend(),
            3 | 4 => self.deliver().await,
            _ => {
                if let Some(session) = self.dice.pick(&self.sessions).cloned() {
                    self.happen(&session, now);
                }
            }
        }
    }

    async fn buy(&mut self) {
        let minor = i64::try_from(1_000 + 10 * self.dice.roll(600)).unwrap();
        let new = NewOrder {
            user: self.user.id,
            partner: None,
            amount: Money::new(minor, Currency::USD),
            email: "ada@example.org".to_owned(),
            idempotency_key: None,
            success_url: None,
            cancel_url: None,
            save_method: SaveMethod::No,
        };
        if let Ok(order) = self.purchases.begin(new).await
            && let Some(page) = order.page
        {
            let session: SessionId = page.session.parse().unwrap();
            if !self.sessions.contains(&session) {
                self.sessions.push(session);
            }
        }
    }

    /// Something happens at the processor, where it can.
    fn happen(&self, session: &SessionId, now: UnixMs) {
        let Ok(page) = self.sandbox.page(session) else { return };
        let paid = page.state.paid.map_or(0, Money::minor);
        let part = i64::try_from(self.dice.roll(u64::try_from(paid.max(1)).unwrap()) + 1).unwrap();
        let refunded: i64 =
            page.state.refunds.iter().filter(|one| one.status.counts()).map(|one| one.amount.minor()).sum();
        let has_dispute = !page.state.disputes.is_empty();
        // It is refused where it makes no sense, as at the processor's own page.
        let _refused = match self.dice.roll(9) {
            0..=2 => self.sandbox.pay(session, now),
            3 => self.sandbox.pay_later(session),
            4 if paid == 0 => self.sandbox.decline(session),
            5 if !has_dispute && part + refunded <= paid => {
                let status = if self.dice.roll(2) == 0 { RefundStatus::Pending } else { RefundStatus::Succeeded };
                self.sandbox.refund_at_processor(session, part, status, now)
            }
            6 if page.state.refunds.last().is_some_and(|refund| refund.status.counts()) => {
                let status = self.dice.pick(&[RefundStatus::Failed, RefundStatus::Canceled, RefundStatus::Succeeded]);
                self.sandbox.refund_becomes(session, *status.unwrap(), now)
            }
            _ if has_dispute || (refunded == 0 && paid > 0) => {
                let all = [
                    DisputeStatus::NeedsResponse,
                    DisputeStatus::UnderReview,
                    DisputeStatus::Won,
                    DisputeStatus::Lost,
                    DisputeStatus::Inquiry,
                ];
                self.sandbox.dispute(session, paid, *self.dice.pick(&all).unwrap(), now)
            }
            _ => return,
        };
    }

    fn spend(&mut self) {
        let available = self.purchases.ledger.balance(self.user.wallet).unwrap().available.get();
        let amount = NanoUsd::new(available / i64::try_from(1 + self.dice.roll(3)).unwrap());
        self.spendings += 1;
        let id = EntryId::from_bits(self.spendings);
        let transfer = Transfer { id, from: self.user.wallet, to: books::PROVIDERS, amount, memo: b"" };
        self.purchases.ledger.transfer(transfer, self.purchases.now()).unwrap().accepted();
        self.spent = self.spent.checked_add(amount).unwrap();
        self.earn(amount);
    }

    /// A tenth of some spending is commission, and some of the commission is paid out.
    fn earn(&mut self, charged: NanoUsd) {
        let commission = if self.dice.roll(4) == 0 { 0 } else { charged.get() / 10 };
        self.earned.charged.fetch_add(charged.get(), Ordering::Relaxed);
        self.earned.commission.fetch_add(commission, Ordering::Relaxed);
        let (earnings, now) = (partner().earnings, self.purchases.now());
        self.shift((books::PROVIDERS, earnings), commission, now);
        if self.dice.roll(3) == 0 {
            let all = self.purchases.ledger.balance(earnings).unwrap().available.get();
            self.shift((earnings, books::PAYOUTS), all, now);
            self.paid_out += all;
        }
    }

    fn shift(&mut self, (from, to): (AccountId, AccountId), nano: i64, now: UnixMs) {
        self.spendings += 1;
        let id = EntryId::from_bits(self.spendings);
        let transfer = Transfer { id, from, to, amount: NanoUsd::new(nano), memo: b"" };
        self.purchases.ledger.transfer(transfer, now).unwrap().accepted();
    }

    /// The partner has what it earned less what followed purchases back, which is in proportion.
    async fn check_commission(&self) {
        self.purchases.settle_partner_debts().await.unwrap();
        let (mut taken, mut owed) = (0, 0);
        for order in self.purchases.orders(None, None, 100).await.unwrap() {
            let returns = self.store.store.commission_returned_of(order.id).await.unwrap();
            let of_order: i64 = returns.iter().map(|one| one.owed.get()).sum();
            let parts: i64 = returns.iter().flat_map(|one| &one.parts).map(|(_, part)| part.get()).sum();
            taken += parts;
            owed += of_order;
        }
        let owes = self.purchases.owed(self.user.id).unwrap().get();
        assert_eq!(owed, owes, "what commission was taken for is what the person owes");
        assert!(taken >= 0, "no more comes back than was taken");
        let commission = self.earned.commission.load(Ordering::Relaxed);
        assert!(taken <= commission && (taken == 0 || owed > 0), "at most what was earned, and only for what is owed");
        let posted = |account| self.purchases.ledger.balance(account).map_or(0, |balance| balance.posted.get());
        let (has, debt) = (posted(partner().earnings), posted(debt_of_partner(partner().id)));
        assert_eq!(has + debt, commission - taken - self.paid_out, "earnings and debt");
        assert!(has == 0 || debt == 0, "a debt is settled from what there is");
        assert_eq!(posted(books::REVENUE), taken, "what partners lose is ours");
    }

    /// People were told of every purchase that was paid and of every refund, whatever crashed.
    async fn check_told(&self) {
        for order in self.purchases.orders(None, None, 100).await.unwrap() {
            let (is_paid, refunded) = self.told.0.lock().get(&order.id).copied().unwrap_or_default();
            let booked = order.bookings.after;
            assert_eq!(is_paid, booked.granted > NanoUsd::ZERO, "{}: told of the purchase", order.id);
            assert!(refunded >= booked.refunded_minor, "{}: told of refunds up to {refunded}", order.id);
        }
    }

    /// Some of the latest events arrive, in any order, some of them twice. Others are lost.
    async fn deliver(&mut self) {
        let after = self.heard.as_ref().map_or(After::Time(UnixMs::default()), After::Id);
        let page = self.sandbox.events_after(after).await.unwrap();
        for _ in 0..self.dice.roll(4) {
            if let Some(hint) = self.dice.pick(&page.items) {
                // A sender that gets an error sends the event again, or gives up.
                let _died = self.purchases.heed(hint).await;
            }
        }
        if self.dice.roll(3) == 0 {
            self.heard = page.next.or(self.heard.take());
        }
    }

    async fn check(&self) {
        self.store.one_in.store(0, Ordering::Relaxed);
        let report = self.purchases.reconcile().await.unwrap();
        assert_eq!((report.failures.as_slice(), report.suspense.as_slice()), (&[][..], &[][..]));
        let again = self.purchases.reconcile().await.unwrap();
        assert_eq!((again.events, again.movements_booked), (0, 0), "a second walk finds nothing");
        let (mut given, mut held_there) = (0, 0);
        for session in &self.sessions {
            let state = self.sandbox.payment(&PaymentRef::Session(session.clone())).await.unwrap();
            let order = self.purchases.order(state.order.as_ref().unwrap().as_str().parse().unwrap()).await.unwrap();
            let credits = i128::from(target::granted(&order).get());
            given += Self::left(&state, credits);
            let moved = state.movements.iter().chain(state.disputes.iter().flat_map(|dispute| &dispute.movements));
            held_there += moved.map(|movement| movement.net.minor()).sum::<i64>();
            let open = self.purchases.ledger.balance(frozen_of(&order)).map_or(0, |balance| balance.posted.get());
            let is_frozen = state.disputes.iter().any(|dispute| dispute.effect() == DisputeEffect::Freeze);
            assert!(is_frozen || open == 0, "credits are frozen for open disputes only");
        }
        self.check_commission().await;
        self.check_told().await;
        let posted = |account| self.purchases.ledger.balance(account).map_or(0, |balance| balance.posted.get());
        let frozen: i64 = {
            let orders = self.purchases.orders(None, None, 100).await.unwrap();
            orders.iter().map(|order| posted(frozen_of(order))).sum()
        };
        let has = i128::from(posted(self.user.wallet)) + i128::from(frozen) + i128::from(posted(debt_of(self.user.id)));
        assert_eq!(
            has,
            given - i128::from(self.spent.get()),
            "wallet, frozen credits and debt are what was given less what was spent"
        );
        assert_eq!(posted(PerCurrency::Clearing.account("usd")), 0, "both books have every payment and refund");
        let processor = posted(PerCurrency::Processor.account("usd"));
        assert_eq!(-processor, minor(held_there).unwrap().get(), "the processor holds what our books say");
        self.purchases.ledger.flush().unwrap();
        assert!(self.purchases.ledger.verify().unwrap().is_clean());
    }

    /// The credits that an order has given less those that were taken back, computed apart from the code under test.
    fn left(state: &PaymentState, credits: i128) -> i128 {
        let Some(paid) = state.paid.filter(|_| state.progress == Progress::Paid) else { return 0 };
        let refunds = state.refunds.iter().filter(|refund| refund.status.counts()).map(|refund| refund.amount.minor());
        let lost = state.disputes.iter().filter(|dispute| dispute.effect() == DisputeEffect::Take);
        let gone: i64 = refunds.chain(lost.map(|dispute| dispute.amount.minor())).sum();
        let paid = i128::from(paid.minor());
        let taken = (credits * i128::from(gone) + paid - 1) / paid;
        credits - taken.min(credits)
    }
}

fn settings() -> PurchaseSettings {
    let usd = CurrencyTerms {
        currency: Currency::USD,
        credit_price_nano: 10_000_000,
        amount_minor_min: 100,
        amount_minor_max: 100_000,
        suggested_minor: Vec::new(),
        fee_fixed_minor: 0,
    };
    let bonuses = vec![Bonus { from_minor: 3_000, share: BasisPoints::new(700) }];
    let credit_face = NanoUsd::new(10_000_000);
    PurchaseSettings {
        terms: SaleTerms { currencies: vec![usd], credit_face, fee: BasisPoints::new(0), bonuses },
        marker: "test".parse().unwrap(),
        mode: opencredits_billing::Mode::Test,
        success_url: "http://127.0.0.1/paid".to_owned(),
        cancel_url: "http://127.0.0.1/".to_owned(),
        page_ms: 3_600_000,
        open_max: 10,
        on_fraud_warning: OnFraudWarning::Log,
    }
}

#[tokio::test]
async fn after_any_schedule_of_events_and_crashes_the_books_are_the_processors() {
    for seed in 0..SCHEDULES {
        let mut world = World::new(seed).await;
        for _ in 0..STEPS {
            world.step().await;
        }
        let checked = std::panic::AssertUnwindSafe(world.check());
        if futures_util::FutureExt::catch_unwind(checked).await.is_err() {
            panic!("in the schedule of seed {seed}");
        }
    }
}

/// The process dies after a booking was stored and before it was known to be made, and no event ever comes again.
#[tokio::test]
async fn a_booking_that_a_crash_left_unmade_is_made_by_the_next_check_though_nobody_tells_of_it() {
    let mut died = 0;
    for seed in 0..40 {
        let mut world = World::new(seed).await;
        while world.sessions.is_empty() {
            world.buy().await;
        }
        let session = world.sessions[0].clone();
        world.sandbox.pay(&session, world.purchases.now()).unwrap();
        let _died = world.purchases.settle(&PaymentRef::Session(session)).await;
        world.store.one_in.store(0, Ordering::Relaxed);
        let order = world.purchases.orders(None, None, 1).await.unwrap().remove(0);
        if order.bookings.number == 0 || order.bookings.is_made {
            continue;
        }
        died += 1;
        world.purchases.check_due().await.unwrap();
        let order = world.purchases.order(order.id).await.unwrap();
        assert!(order.bookings.is_made && order.check_at.is_none(), "seed {seed}: {order:?}");
        assert!(world.purchases.ledger.balance(world.user.wallet).unwrap().posted > NanoUsd::ZERO, "seed {seed}");
    }
    assert!(died > 3, "{died} of 40 processes died between the two");
}
