//! Purchases as text tables: one step a line, and after the bar where the books stand then.
//!
//! ```text
//! buy 1000               begins a purchase of the sandbox's payment processor
//! pay / pay later / decline / expire        what the buyer does on its page
//! refund 300 succeeded   a refund at the processor; `refund becomes failed` changes the last one
//! dispute 1000 needs_response               opens a dispute, or changes the status of the last
//! dispute again 300 needs_response          opens another; `dispute first won` changes the status of the first
//! spend 400              the person spends credits of so many cents
//! settle                 the payment is read, and booked
//! books                  | wallet 10.00 frozen 0 debt 0 taken 0 clearing 0
//! earn 400 80            the person spends so many cents through an app, and so many of them are its commission
//! reads fail             payments cannot be read, until `reads work`
//! charges fail           charges of saved methods do not arrive, until `charges work`
//! answers get lost       charges of saved methods are made and their answers lost, until `answers arrive`
//! charge fails           the charge that is being processed fails
//! warnings lead to log    what a fraud warning leads to: log, stop_top_ups or refund
//! give 500               the operator gives credits, which settle no debt
//! leave                  the person asks for deletion; `stay` calls it off, `erase` does it, `restrict` restricts
//! payer                  what is kept of how they pay
//! pay out 80             the operator pays commission out; `earned` shows what the app has and owes
//! ```

mod bugs;
mod commissions;
mod leaving;
mod tables;
mod top_ups;

use super::*;
use crate::books::{self, PerCurrency};
use crate::fault::Fault;
use crate::partners::{CommissionBooks, Commissions, EarnedOn, debt_of_partner};
use crate::ports::{Clock, Entropy};
use crate::purchases::booking::frozen_of;
use async_trait::async_trait;
use opencredits_billing::{Currency, DisputeStatus, Mode, Money, RefundStatus, Sandbox, SaveMethod, SessionId};
use opencredits_ledger::{Floor, Ledger, OpenAccount, Transfer};
use opencredits_store::{Order, Partner, Partners, SqliteStore, Standing, User, Users};
use opencredits_units::{AccountId, BasisPoints, EntryId, NanoUsd, OrderId, PartnerId, UnixMs, UserId};
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicU64, Ordering};

const START_MS: u64 = 1_790_000_000_000;

struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.0.load(Ordering::Relaxed))
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        let (last, _) = bytes.split_last_mut().unwrap();
        *last = u8::try_from(count % 251).unwrap();
    }
}

#[derive(Default)]
struct Heard(StdMutex<Vec<PurchaseNotice>>);

#[async_trait]
impl PurchaseNotices for Heard {
    async fn tell(&self, _order: &Order, notice: PurchaseNotice) -> Result<(), Fault> {
        self.0.lock().unwrap().push(notice);
        Ok(())
    }
}

/// The usage of the person.
#[derive(Default)]
struct Earned(StdMutex<EarnedOn>);

#[async_trait]
impl Commissions for Earned {
    async fn earned_on(&self, _user: UserId) -> Result<EarnedOn, Fault> {
        Ok(self.0.lock().unwrap().clone())
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

struct Run {
    purchases: Purchases,
    earned: Arc<Earned>,
    sandbox: Arc<Sandbox>,
    unreliable: Arc<top_ups::Unreliable>,
    clock: Arc<Ticks>,
    notices: Arc<Heard>,
    store: Arc<SqliteStore>,
    user: User,
    order: Option<OrderId>,
    spent: u128,
    _dir: tempfile::TempDir,
}

fn terms() -> SaleTerms {
    let terms = |currency| CurrencyTerms {
        currency,
        credit_price_nano: 10_000_000,
        amount_minor_min: 100,
        amount_minor_max: 100_000,
        suggested_minor: vec![1_000],
        fee_fixed_minor: 0,
    };
    SaleTerms {
        currencies: vec![terms(Currency::USD), terms(Currency::EUR)],
        credit_face: NanoUsd::new(10_000_000),
        fee: BasisPoints::new(0),
        bonuses: vec![Bonus { from_minor: 5_000, share: BasisPoints::new(1_000) }],
    }
}

impl Run {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(dir.path().join("store.db")).unwrap());
        let ledger = Ledger::in_memory().unwrap();
        let now = UnixMs::new(START_MS);
        books::open(&ledger.clone().into(), now).await.unwrap();
        let user = User {
            id: UserId::at(now, [1; 10]),
            wallet: AccountId::at(now, [1; 10]),
            label: "ada".to_owned(),
            created_at: now,
            standing: Standing::Good,
        };
        store.add_user(&user).await.unwrap();
        let wallet = OpenAccount { id: user.wallet, floor: Floor::Zero, contra: None };
        ledger.open_account(wallet, now).unwrap().accepted();
        let earnings = OpenAccount { id: partner().earnings, floor: Floor::Zero, contra: None };
        ledger.open_account(earnings, now).unwrap().accepted();
        store.add_partner(&partner()).await.unwrap();
        let earned = Arc::new(Earned::default());
        let commissions = Arc::new(CommissionBooks::new(ledger.clone(), store.clone(), earned.clone()));
        let sandbox =
            Arc::new(Sandbox::new("test".parse().unwrap(), "http://127.0.0.1/pay/".to_owned(), UnixMs::default()));
        let unreliable = Arc::new(top_ups::Unreliable::over(sandbox.clone()));
        let clock = Arc::new(Ticks(AtomicU64::new(START_MS)));
        let notices = Arc::new(Heard::default());
        let tables = PurchaseTables {
            orders: store.clone(),
            payers: store.clone(),
            users: store.clone(),
            cursors: store.clone(),
        };
        let ports = PurchasePorts {
            payments: unreliable.clone(),
            notices: notices.clone(),
            commissions,
            clock: clock.clone(),
            entropy: Arc::new(Counting(AtomicU64::new(1))),
        };
        let settings = PurchaseSettings {
            terms: terms(),
            marker: "test".parse().unwrap(),
            mode: Mode::Test,
            success_url: "http://127.0.0.1/paid".to_owned(),
            cancel_url: "http://127.0.0.1/".to_owned(),
            page_ms: 3_600_000,
            open_max: 3,
            on_fraud_warning: OnFraudWarning::Refund,
        };
        let purchases = Purchases::new(ledger, tables, ports, settings).with_privacy(store.clone(), sandbox.clone());
        Self { purchases, earned, sandbox, unreliable, clock, notices, store, user, order: None, spent: 0, _dir: dir }
    }

    fn ledger(&self) -> &Ledger {
        self.purchases.ledger.embedded().unwrap()
    }

    fn new_order(&self, minor: i64, currency: &str) -> NewOrder {
        NewOrder {
            user: self.user.id,
            partner: None,
            amount: Money::new(minor, currency.parse().unwrap()),
            email: "ada@example.org".to_owned(),
            idempotency_key: None,
            success_url: None,
            cancel_url: None,
            save_method: SaveMethod::No,
        }
    }

    async fn session(&self) -> SessionId {
        let order = self.purchases.order(self.order.unwrap()).await.unwrap();
        order.page.unwrap().session.parse().unwrap()
    }

    async fn line(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let now = self.purchases.now();
        let number = |at: usize| words[at].parse::<i64>().unwrap();
        match words[0] {
            "buy" | "save" => {
                let mut new = self.new_order(number(1), words.get(2).unwrap_or(&"usd"));
                if words[0] == "save" {
                    new.save_method = SaveMethod::OffSession;
                }
                match self.purchases.begin(new).await {
                    Ok(order) => self.order = Some(order.id),
                    Err(error) => return error.to_string(),
                }
                String::new()
            }
            "pay" if words.get(1) == Some(&"out") => self.shift(partner().earnings, books::PAYOUTS, number(2)),
            "pay" if words.get(1) == Some(&"later") => told(self.sandbox.pay_later(&self.session().await)),
            "pay" => told(self.sandbox.pay(&self.session().await, now)),
            "decline" => told(self.sandbox.decline(&self.session().await)),
            "expire" => told(self.sandbox.expire(&self.session().await)),
            "refund" if words[1] == "becomes" => {
                told(self.sandbox.refund_becomes(&self.session().await, refund(words[2]), now))
            }
            "refund" => told(self.sandbox.refund_at_processor(&self.session().await, number(1), refund(words[2]), now)),
            "dispute" if words[1] == "again" => {
                told(self.sandbox.open_dispute(&self.session().await, number(2), dispute(words[3]), now).map(|_| ()))
            }
            "dispute" if words[1] == "first" => {
                let session = self.session().await;
                let first = self.sandbox.page(&session).unwrap().state.disputes[0].id.clone();
                told(self.sandbox.dispute_becomes(&session, &first, dispute(words[2]), now))
            }
            "dispute" => told(self.sandbox.dispute(&self.session().await, number(1), dispute(words[2]), now)),
            "warn" => told(self.sandbox.warn_of_fraud(&self.session().await)),
            "spend" => self.spend(number(1)),
            "give" => self.shift(books::PROMOTION, self.user.wallet, number(1)),
            "earn" => self.earn(number(1), number(2)),
            "debts" => told(self.purchases.settle_partner_debts().await),
            "earned" => {
                let owes = -self.cents(debt_of_partner(partner().id));
                format!("has {}, owes {owes}, revenue {}", self.cents(partner().earnings), self.cents(books::REVENUE))
            }
            "wait" => {
                self.clock.0.fetch_add(u64::try_from(number(1)).unwrap() * 60_000, Ordering::Relaxed);
                String::new()
            }
            "settle" => match self.purchases.settle_order(self.order.unwrap()).await {
                Ok(Settled::Ours(settled)) => format!("{:?}", settled.order.state),
                Ok(Settled::Foreign) => "foreign".to_owned(),
                Err(error) => error.to_string(),
            },
            "operator" => match self.purchases.refund(self.order.unwrap(), None, words[1]).await {
                Ok(order) => format!("refunded {}", order.bookings.after.refunded_minor),
                Err(error) => error.to_string(),
            },
            "books" => self.books().await,
            "reconcile" => self.reconcile().await,
            _ => self.top_up_line(&words).await,
        }
    }

    /// A step that is about top-ups, or about what was told.
    async fn top_up_line(&self, words: &[&str]) -> String {
        let number = |at: usize| words[at].parse::<i64>().unwrap();
        match words[0] {
            "told" => {
                let told: Vec<_> = self.notices.0.lock().unwrap().iter().map(|notice| format!("{notice:?}")).collect();
                told.join(", ")
            }
            "rule" => {
                let rule = TopUpRule {
                    threshold: booking::minor(number(1)).unwrap(),
                    amount: Money::new(number(2), Currency::USD),
                    monthly_max_minor: number(3),
                };
                told(self.purchases.set_top_up(self.user.id, Some(rule)).await.map(|_| ()))
            }
            "method" => {
                let mut payer = self.purchases.payer(self.user.id).await.unwrap().unwrap();
                payer.method = Some(words[1].to_owned());
                assert!(self.purchases.tables.payers.put_payer(&payer).await.unwrap());
                String::new()
            }
            "charges" => {
                self.unreliable.is_failing.store(words[1] == "fail", Ordering::Relaxed);
                String::new()
            }
            "answers" => {
                self.unreliable.loses_answers.store(words[1] == "get", Ordering::Relaxed);
                String::new()
            }
            "charge" => {
                let charging = self.purchases.payer(self.user.id).await.unwrap().unwrap().charging.unwrap();
                told(self.sandbox.charge_fails(&create::order_ref(charging).unwrap()))
            }
            "reads" => {
                self.unreliable.is_unreadable.store(words[1] == "fail", Ordering::Relaxed);
                String::new()
            }
            "warnings" => {
                let on_fraud_warning = match words[3] {
                    "log" => OnFraudWarning::Log,
                    "stop_top_ups" => OnFraudWarning::StopTopUps,
                    "refund" => OnFraudWarning::Refund,
                    other => panic!("no such setting: {other}"),
                };
                self.purchases.sell_by(PurchaseSettings { on_fraud_warning, ..(*self.purchases.settings()).clone() });
                String::new()
            }
            "restrict" | "leave" | "stay" | "erase" => self.privacy_step(words[0]).await,
            "payer" => self.payer_line().await,
            "due" => told(self.purchases.check_due().await.map(|_| ())),
            "top" => match self.purchases.top_up_all().await {
                Ok(charged) => {
                    let payer = self.purchases.payer(self.user.id).await.unwrap().unwrap();
                    format!("{charged} {:?} {}", payer.top_up, payer.month_minor)
                }
                Err(error) => error.to_string(),
            },
            other => panic!("no such step: {other}"),
        }
    }

    fn spend(&mut self, minor: i64) -> String {
        self.shift(self.user.wallet, books::PROVIDERS, minor)
    }

    fn earn(&mut self, charged: i64, commission: i64) -> String {
        let told = self.shift(self.user.wallet, partner().earnings, commission);
        let [charged_nano, commission_nano] = [charged, commission].map(|cents| booking::minor(cents).unwrap());
        let mut earned = self.earned.0.lock().unwrap();
        earned.charged = earned.charged.checked_add(charged_nano).unwrap();
        let before = earned.commissions.pop().map_or(NanoUsd::ZERO, |(_, before)| before);
        earned.commissions.push((partner().id, before.checked_add(commission_nano).unwrap()));
        drop(earned);
        told + &self.spend(charged - commission)
    }

    fn shift(&mut self, from: AccountId, to: AccountId, minor: i64) -> String {
        self.spent += 1;
        let id = EntryId::from_bits(self.spent);
        let transfer = Transfer { id, from, to, amount: booking::minor(minor).unwrap(), memo: b"" };
        self.ledger().transfer(transfer, self.purchases.now()).map_or_else(|e| e.to_string(), |_| String::new())
    }

    async fn reconcile(&self) -> String {
        let report = self.purchases.reconcile().await.unwrap();
        let differs = report.clearing.values().filter(|amount| **amount != NanoUsd::ZERO).count();
        format!(
            "{} events, {} orders, {} of {} movements, {} in suspense, {} failures, {differs} differ",
            report.events,
            report.orders,
            report.booked.count(),
            report.movements,
            report.suspense.len(),
            report.failures.len()
        )
    }

    fn cents(&self, account: AccountId) -> i64 {
        let balance = self.ledger().balance(account).map(|balance| balance.posted.get()).unwrap_or_default();
        assert_eq!(balance % 10_000_000, 0, "no part of a cent is left: {balance}");
        balance / 10_000_000
    }

    async fn books(&self) -> String {
        let order = self.purchases.order(self.order.unwrap()).await.unwrap();
        let in_its = |kind: PerCurrency| self.cents(kind.account(&order.currency));
        let parts = [
            ("wallet", self.cents(self.user.wallet)),
            ("frozen", self.cents(frozen_of(&order))),
            ("debt", -self.cents(debt_of(self.user.id))),
            ("processor", -in_its(PerCurrency::Processor)),
            ("fees", -in_its(PerCurrency::ProcessorFees)),
            ("disputed", -in_its(PerCurrency::Disputed)),
            ("exchange", in_its(PerCurrency::Exchange)),
            ("clearing", in_its(PerCurrency::Clearing)),
        ];
        let parts = parts.iter().filter(|(_, amount)| *amount != 0);
        parts.map(|(name, amount)| format!("{name} {amount}")).collect::<Vec<_>>().join(", ")
    }
}

fn told<E: std::fmt::Display>(done: Result<(), E>) -> String {
    done.map_or_else(|error| error.to_string(), |()| String::new())
}

fn refund(word: &str) -> RefundStatus {
    match word {
        "pending" => RefundStatus::Pending,
        "succeeded" => RefundStatus::Succeeded,
        "failed" => RefundStatus::Failed,
        "canceled" => RefundStatus::Canceled,
        other => panic!("no such status: {other}"),
    }
}

fn dispute(word: &str) -> DisputeStatus {
    match word {
        "inquiry" => DisputeStatus::Inquiry,
        "inquiry_closed" => DisputeStatus::InquiryClosed,
        "needs_response" => DisputeStatus::NeedsResponse,
        "under_review" => DisputeStatus::UnderReview,
        "won" => DisputeStatus::Won,
        "lost" => DisputeStatus::Lost,
        other => panic!("no such status: {other}"),
    }
}

/// Runs a table; a line without a bar is a step that succeeds. Every settlement is made twice.
async fn check(table: &str) {
    let mut run = Run::new().await;
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (step, expect) = line.split_once('|').map_or((line, ""), |(step, expect)| (step.trim(), expect.trim()));
        let mut outcome = run.line(step).await;
        if step == "settle" {
            let entries = run.ledger().entries(EntryId::default(), 1_000).unwrap().len();
            outcome = run.line(step).await;
            run.ledger().flush().unwrap();
            let again = run.ledger().entries(EntryId::default(), 1_000).unwrap().len();
            assert_eq!(entries, again, "settling again books nothing: {line}");
        }
        assert_eq!(outcome, expect, "in the line: {line}");
    }
    run.ledger().flush().unwrap();
    assert!(run.ledger().verify().unwrap().is_clean());
}
