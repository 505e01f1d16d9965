//! Payments under schedules: events lost, late, twice and in any order, and crashes between any two steps. After a
//! reconciliation the books equal the processor's.

mod parts;
mod processor;

use super::*;
use crate::books::{self, PerCurrency};
use crate::partners::{CommissionBooks, debt_of_partner};
use crate::purchases::booking::{frozen_of, minor};
use opencredits_billing::{
    Currency, DisputeEffect, DisputeStatus, Money, MoneyMovement, PaymentRef, PaymentState, Progress, RefundStatus,
    SaveMethod, SessionId,
};
use opencredits_ledger::{Floor, Ledger, OpenAccount, Transfer};
use opencredits_store::{CommissionReturns, Partners, SqliteStore, Standing, User, Users};
use opencredits_units::{AccountId, BasisPoints, EntryId, NanoUsd, UnixMs, UserId};
use parts::{Dice, Dying, Earned, Ticks, Told, partner};
use processor::{Happening, Processor, Unpaid};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const START_MS: u64 = 1_790_000_000_000;
const SCHEDULES: u64 = 1_000;
/// Of these, so many run over HTTP as well.
const SCHEDULES_OVER_HTTP: u64 = 100;
const STEPS: u64 = 24;
const DISPUTES_MAX: usize = 2;
const ORDERS_MAX: usize = 4;

struct World {
    purchases: Purchases,
    processor: Processor,
    store: Arc<Dying>,
    earned: Arc<Earned>,
    told: Arc<Told>,
    paid_out: i64,
    dice: Arc<Dice>,
    user: User,
    sessions: Vec<SessionId>,
    spent: NanoUsd,
    spendings: u128,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new(seed: u64, processor: Processor) -> Self {
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
        books::open(&ledger.clone().into(), now).await.unwrap();
        let account = OpenAccount { id: wallet, floor: Floor::Zero, contra: None };
        ledger.open_account(account, now).unwrap().accepted();
        let earnings = OpenAccount { id: partner().earnings, floor: Floor::Zero, contra: None };
        ledger.open_account(earnings, now).unwrap().accepted();
        sqlite.add_partner(&partner()).await.unwrap();
        let store = Arc::new(Dying { store: sqlite.clone(), dice: dice.clone(), one_in: AtomicU64::new(4) });
        let sqlite = Arc::new(sqlite);
        let (earned, told) = (Arc::new(Earned::default()), Arc::new(Told::default()));
        let commissions = Arc::new(CommissionBooks::new(ledger.clone(), sqlite.clone(), earned.clone()));
        let tables =
            PurchaseTables { orders: store.clone(), payers: sqlite.clone(), users: sqlite.clone(), cursors: sqlite };
        let ports = PurchasePorts {
            payments: processor.payments(),
            notices: told.clone(),
            commissions,
            clock: Arc::new(Ticks(AtomicU64::new(START_MS))),
            entropy: dice.clone(),
        };
        let purchases = Purchases::new(ledger, tables, ports, settings(seed));
        processor.tell_time(now);
        let (sessions, spent) = (Vec::new(), NanoUsd::ZERO);
        Self {
            purchases,
            processor,
            store,
            earned,
            told,
            paid_out: 0,
            dice,
            user,
            sessions,
            spent,
            spendings: 0,
            _dir: dir,
        }
    }

    fn ledger(&self) -> &Ledger {
        self.purchases.ledger.embedded().unwrap()
    }

    async fn step(&mut self) {
        let now = self.purchases.now();
        self.processor.tell_time(now);
        match self.dice.roll(10) {
            0 | 1 if self.sessions.len() < ORDERS_MAX => self.buy().await,
            2 => self.spend(),
            3 | 4 => self.processor.deliver(&self.purchases, &self.dice).await,
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
            amount: Money::new(minor, if self.dice.roll(3) == 0 { Currency::EUR } else { Currency::USD }),
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
        let stage = self.processor.stage(session);
        let (part, rest) = (self.part(stage.paid), stage.paid - stage.claimed);
        let happening = match self.dice.roll(11) {
            0..=2 if stage.unpaid.is_some() => Happening::Pay,
            3 if stage.unpaid == Some(Unpaid::Open) => Happening::PayLater,
            4 if stage.unpaid.is_some() => Happening::Fail,
            5 | 6 if part <= rest => {
                let unmoved =
                    if self.processor.is_double() { RefundStatus::RequiresAction } else { RefundStatus::Pending };
                let all = [RefundStatus::Pending, RefundStatus::Succeeded, unmoved];
                Happening::Refund(part, *self.dice.pick(&all).unwrap())
            }
            7 if stage.has_refund => {
                let all = [RefundStatus::Failed, RefundStatus::Canceled, RefundStatus::Succeeded];
                Happening::RefundBecomes(*self.dice.pick(&all).unwrap())
            }
            8 if part <= rest && stage.inquiries.len() < DISPUTES_MAX => {
                let all = [DisputeStatus::NeedsResponse, DisputeStatus::UnderReview, DisputeStatus::Inquiry];
                Happening::Dispute(if self.dice.roll(2) == 0 { rest } else { part }, *self.dice.pick(&all).unwrap())
            }
            9 if stage.claimed == 0 && stage.paid > 0 && !stage.is_warned => Happening::Warn,
            8..=10 if !stage.inquiries.is_empty() => self.decide(&stage.inquiries),
            _ => return,
        };
        self.processor.happen(session, happening, now);
    }

    /// A part of what was paid, at times all of it.
    fn part(&self, paid: i64) -> i64 {
        i64::try_from(self.dice.roll(u64::try_from(paid.max(1)).unwrap()) + 1).unwrap()
    }

    /// A dispute takes another status. An inquiry has moved no money until it becomes a chargeback, which is none again.
    fn decide(&self, inquiries: &[bool]) -> Happening {
        let which = usize::try_from(self.dice.roll(u64::try_from(inquiries.len()).unwrap())).unwrap();
        let chargeback =
            [DisputeStatus::NeedsResponse, DisputeStatus::UnderReview, DisputeStatus::Won, DisputeStatus::Lost];
        let inquiry = [DisputeStatus::Inquiry, DisputeStatus::InquiryClosed, DisputeStatus::NeedsResponse];
        let status = if inquiries[which] { self.dice.pick(&inquiry) } else { self.dice.pick(&chargeback) };
        Happening::DisputeBecomes(which, *status.unwrap())
    }

    fn spend(&mut self) {
        let available = self.ledger().balance(self.user.wallet).unwrap().available.get();
        let amount = NanoUsd::new(available / i64::try_from(1 + self.dice.roll(3)).unwrap());
        self.spendings += 1;
        let id = EntryId::from_bits(self.spendings);
        let transfer = Transfer { id, from: self.user.wallet, to: books::PROVIDERS, amount, memo: b"" };
        self.ledger().transfer(transfer, self.purchases.now()).unwrap().accepted();
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
            let all = self.ledger().balance(earnings).unwrap().available.get();
            self.shift((earnings, books::PAYOUTS), all, now);
            self.paid_out += all;
        }
    }

    fn shift(&mut self, (from, to): (AccountId, AccountId), nano: i64, now: UnixMs) {
        self.spendings += 1;
        let id = EntryId::from_bits(self.spendings);
        let transfer = Transfer { id, from, to, amount: NanoUsd::new(nano), memo: b"" };
        self.ledger().transfer(transfer, now).unwrap().accepted();
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
        let owes = self.purchases.owed(self.user.id).await.unwrap().get();
        assert_eq!(owed, owes, "what commission was taken for is what the person owes");
        assert!(taken >= 0, "no more comes back than was taken");
        let commission = self.earned.commission.load(Ordering::Relaxed);
        assert!(taken <= commission && (taken == 0 || owed > 0), "at most what was earned, and only for what is owed");
        let posted = |account| self.ledger().balance(account).map_or(0, |balance| balance.posted.get());
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

    async fn check(&self) {
        self.store.one_in.store(0, Ordering::Relaxed);
        let report = self.purchases.reconcile().await.unwrap();
        assert_eq!((report.failures.as_slice(), report.suspense.as_slice()), (&[][..], &[][..]));
        let mut again = self.purchases.reconcile().await.unwrap();
        if again.events > 0 {
            // A fraud warning that the first walk found has led to a refund, which has events of its own.
            again = self.purchases.reconcile().await.unwrap();
        }
        assert_eq!((again.events, again.booked.count()), (0, 0), "another walk finds nothing");
        assert!(again.agrees(), "{again:?}");
        let (mut given, mut held_there) = (0, BTreeMap::<String, i64>::new());
        let mut unmoved: BTreeMap<String, i64> = ["usd", "eur"].map(|code| (code.to_owned(), 0)).into();
        for session in &self.sessions {
            let state = self.processor.payments().payment(&PaymentRef::Session(session.clone())).await.unwrap();
            let order = self.purchases.order(state.order.as_ref().unwrap().as_str().parse().unwrap()).await.unwrap();
            let credits = i128::from(target::granted(&order).get());
            given += Self::left(&state, credits);
            for movement in each_once(&state) {
                *held_there.entry(movement.net.currency().code().to_owned()).or_default() += movement.net.minor();
            }
            *unmoved.get_mut(&order.currency).unwrap() += Self::unmoved(&state);
            let open = self.ledger().balance(frozen_of(&order)).map_or(0, |balance| balance.posted.get());
            let is_frozen = state.disputes.iter().any(|dispute| dispute.effect() == DisputeEffect::Freeze);
            assert!(is_frozen || open == 0, "credits are frozen for open disputes only");
        }
        self.check_commission().await;
        self.check_told().await;
        self.check_wallet(given).await;
        let posted = |kind: PerCurrency, code: &str| self.posted(kind.account(code));
        for (code, left) in unmoved {
            assert_eq!(posted(PerCurrency::Clearing, &code), minor(left).unwrap().get(), "clearing of {code}");
            let held = held_there.remove(&code).unwrap_or_default();
            assert_eq!(-posted(PerCurrency::Processor, &code), minor(held).unwrap().get(), "{code} at the processor");
        }
        if let Some(balance) = self.processor.balance_minor() {
            let ours = ["usd", "eur"].map(|code| -posted(PerCurrency::Processor, code)).iter().sum::<i64>();
            assert_eq!(ours, minor(balance).unwrap().get(), "the processor's own sum is that of our books");
        }
        self.ledger().flush().unwrap();
        assert!(self.ledger().verify().unwrap().is_clean());
    }

    fn posted(&self, account: AccountId) -> i64 {
        self.ledger().balance(account).map_or(0, |balance| balance.posted.get())
    }

    async fn check_wallet(&self, given: i128) {
        let orders = self.purchases.orders(None, None, 100).await.unwrap();
        let frozen: i64 = orders.iter().map(|order| self.posted(frozen_of(order))).sum();
        let parts = [self.posted(self.user.wallet), frozen, self.posted(debt_of(self.user.id))];
        let has: i128 = parts.into_iter().map(i128::from).sum();
        let spent = i128::from(self.spent.get());
        assert_eq!(has, given - spent, "wallet, frozen credits and debt are what was given less what was spent");
    }

    /// The money that has moved less what was paid, refunded and disputed: a refund may wait for the buyer.
    fn unmoved(state: &PaymentState) -> i64 {
        let moved: i64 = each_once(state).iter().map(|movement| movement.amount.minor()).sum();
        let paid = state.paid.map_or(0, Money::minor);
        let refunds = state.refunds.iter().filter(|refund| refund.status.counts()).map(|refund| refund.amount.minor());
        let disputes = state.disputes.iter().filter(|dispute| dispute.effect() != DisputeEffect::None);
        moved - paid + refunds.sum::<i64>() + disputes.map(|dispute| dispute.amount.minor()).sum::<i64>()
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

/// The movements of a payment, each once.
fn each_once(state: &PaymentState) -> Vec<&MoneyMovement> {
    let all = state.movements.iter().chain(state.disputes.iter().flat_map(|dispute| &dispute.movements));
    let by_id: BTreeMap<_, _> = all.map(|movement| (movement.id.as_str(), movement)).collect();
    by_id.into_values().collect()
}

fn settings(seed: u64) -> PurchaseSettings {
    let terms = |(currency, credit_price_nano)| CurrencyTerms {
        currency,
        credit_price_nano,
        amount_minor_min: 100,
        amount_minor_max: 100_000,
        suggested_minor: Vec::new(),
        fee_fixed_minor: 0,
    };
    let bonuses = vec![Bonus { from_minor: 3_000, share: BasisPoints::new(700) }];
    let credit_face = NanoUsd::new(10_000_000);
    PurchaseSettings {
        terms: SaleTerms {
            currencies: [(Currency::USD, 10_000_000), (Currency::EUR, 9_000_000)].map(terms).to_vec(),
            credit_face,
            fee: BasisPoints::new(0),
            bonuses,
        },
        marker: "test".parse().unwrap(),
        mode: opencredits_billing::Mode::Test,
        success_url: "http://127.0.0.1/paid".to_owned(),
        cancel_url: "http://127.0.0.1/".to_owned(),
        page_ms: 3_600_000,
        open_max: 10,
        on_fraud_warning: [OnFraudWarning::Log, OnFraudWarning::StopTopUps, OnFraudWarning::Refund]
            [usize::try_from(seed % 3).unwrap()],
    }
}

/// Runs a schedule, and tells its seed where it fails.
async fn run(seed: u64, processor: Processor) {
    let mut world = World::new(seed, processor).await;
    for _ in 0..STEPS {
        world.step().await;
    }
    let checked = std::panic::AssertUnwindSafe(world.check());
    if futures_util::FutureExt::catch_unwind(checked).await.is_err() {
        panic!("in the schedule of seed {seed}");
    }
}

#[tokio::test]
async fn after_any_schedule_of_events_and_crashes_the_books_are_the_processors() {
    for seed in 0..SCHEDULES {
        run(seed, Processor::sandbox()).await;
    }
}

#[tokio::test]
async fn after_any_schedule_over_http_with_signed_events_the_books_are_the_processors() {
    for seed in 0..SCHEDULES_OVER_HTTP {
        run(seed, Processor::double()).await;
    }
}

/// The process dies after a booking was stored and before it was known to be made, and no event ever comes again.
#[tokio::test]
async fn a_booking_that_a_crash_left_unmade_is_made_by_the_next_check_though_nobody_tells_of_it() {
    let mut died = 0;
    for seed in 0..40 {
        let mut world = World::new(seed, Processor::sandbox()).await;
        while world.sessions.is_empty() {
            world.buy().await;
        }
        let session = world.sessions[0].clone();
        world.processor.happen(&session, Happening::Pay, world.purchases.now());
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
        assert!(world.ledger().balance(world.user.wallet).unwrap().posted > NanoUsd::ZERO, "seed {seed}");
    }
    assert!(died > 3, "{died} of 40 processes died between the two");
}
