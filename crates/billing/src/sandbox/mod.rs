//! A processor without money: for trying things out and for tests.

mod disputes;
mod port;

use crate::error::PaymentError;
use crate::hint::{Hint, Subject};
use crate::ids::{CustomerId, Kind, Marker, MethodId, OrderRef, PaymentId, ProcessorId, SessionId};
use crate::money::Money;
use crate::requests::{PaymentRef, SaveMethod};
use crate::state::{
    FraudWarning, Mode, MoneyMovement, MovementKind, PaymentState, Progress, RefundState, RefundStatus,
};
use opencredits_units::UnixMs;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Payments that are kept at most; beyond it the oldest is forgotten.
const PAYMENTS_MAX: usize = 10_000;
/// Items of a page.
const PAGE_MAX: usize = 100;
/// The fee on a payment: as many hundredths of a percent, and so much more.
const FEE_BPS: i64 = 290;
const FEE_FIXED_MINOR: i64 = 30;
const ROOM: &str = "the sandbox";
const PAGE_PREFIX: &str = "cs_test_";
/// What the last part of the URL of a customer's page of receipts begins with; the customer's id follows.
pub const SANDBOX_PORTAL_PREFIX: &str = "portal_";

/// A processor without money, in memory. Its pages are served by whoever embeds it, at a URL that ends in the page's id; what the
/// buyer chooses there is told by [`Sandbox::pay`], [`Sandbox::decline`] and their kin.
///
/// Refunds, disputes and early fraud warnings behave as those of a card payment: each has its movements of money.
///
/// ```
/// use opencredits_billing::{Marker, Money, Currency, CheckoutRequest, Payments, PaymentRef, Progress, Sandbox, SaveMethod};
/// use opencredits_billing::units::UnixMs;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let sandbox = Sandbox::new("main".parse().unwrap(), "http://127.0.0.1/sandbox/checkout/".to_owned(), UnixMs::default());
/// let request = CheckoutRequest {
///     order: "order-1".parse().unwrap(), attempt: 1, amount: Money::new(1_000, Currency::USD),
///     email: "ada@example.org".to_owned(), partner: None, success_url: "http://127.0.0.1/".to_owned(),
///     cancel_url: "http://127.0.0.1/".to_owned(), save_method: SaveMethod::No, customer: None,
///     expires_at: UnixMs::new(1_790_000_000_000),
/// };
/// let page = sandbox.create_checkout(&request).await.unwrap();
/// sandbox.pay(&page.session, UnixMs::new(1_789_999_000_000)).unwrap();
/// let state = sandbox.payment(&PaymentRef::Session(page.session)).await.unwrap();
/// assert_eq!(state.progress, Progress::Paid);
/// # });
/// ```
pub struct Sandbox {
    marker: Marker,
    page_url: String,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By order and attempt. Orders have time-ordered numbers, so the first is the oldest.
    payments: BTreeMap<(String, u32), SandboxPayment>,
    /// Each with its time.
    events: Vec<(UnixMs, Hint)>,
    /// The latest time that was told: that of an event which tells none.
    latest: UnixMs,
    movements: Vec<MoneyMovement>,
    /// Where the page of a customer's receipts leads back to, by customer.
    portals: BTreeMap<String, String>,
    made: u64,
    /// Tells ids of this process from those of an earlier one.
    since: UnixMs,
}

/// A payment of the sandbox: its state, and where its page leads.
#[derive(Clone)]
pub struct SandboxPayment {
    /// What [`crate::Payments::payment`] says of it.
    pub state: PaymentState,
    /// Where the buyer goes after paying.
    pub success_url: String,
    /// Where the buyer goes instead.
    pub cancel_url: String,
    /// When the page ends.
    pub expires_at: UnixMs,
    save_method: SaveMethod,
    attempt: u32,
    email: String,
    refund_keys: BTreeMap<String, usize>,
}

/// What a customer of the sandbox sees of their payments.
#[derive(Clone)]
pub struct SandboxPortal {
    /// Their payments, the newest first.
    pub payments: Vec<SandboxPayment>,
    /// Their saved payment methods.
    pub methods: Vec<MethodId>,
    /// Where the page leads back to, where it was asked for in this process.
    pub return_url: Option<String>,
}

impl Sandbox {
    /// A processor of the instance with this marker, whose pages have a URL of `page_url` and the page's id. `since` is the time
    /// of the start: its ids are not those of an earlier process.
    #[must_use]
    pub fn new(marker: Marker, page_url: String, since: UnixMs) -> Self {
        let kept = Kept { since, ..Kept::default() };
        Self { marker, page_url, kept: Mutex::new(kept) }
    }

    /// The payment of a page.
    ///
    /// # Errors
    /// When there is no such page.
    pub fn page(&self, session: &SessionId) -> Result<SandboxPayment, PaymentError> {
        let kept = self.kept();
        kept.find(&on(session)).cloned().ok_or_else(|| not_found(session.as_str()))
    }

    /// What the page of receipts of a customer shows.
    #[must_use]
    pub fn portal(&self, customer: &CustomerId) -> SandboxPortal {
        let kept = self.kept();
        let is_theirs = |payment: &&SandboxPayment| {
            payment.state.customer.as_ref() == Some(customer) && payment.state.paid.is_some()
        };
        let payments: Vec<SandboxPayment> = kept.payments.values().rev().filter(is_theirs).cloned().collect();
        let mut methods: Vec<MethodId> = Vec::new();
        for method in payments.iter().filter_map(|payment| payment.state.saved_method.clone()) {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        SandboxPortal { payments, methods, return_url: kept.portals.get(customer.as_str()).cloned() }
    }

    /// The buyer pays. That may become known after the page has ended.
    ///
    /// # Errors
    /// When there is no such page, or it was paid or declined before.
    pub fn pay(&self, session: &SessionId, now: UnixMs) -> Result<(), PaymentError> {
        self.change(&on(session), "checkout.session.completed", |kept, payment| {
            if !matches!(payment.state.progress, Progress::Open | Progress::Waiting | Progress::Expired) {
                return Err(closed());
            }
            settle(kept, payment, now);
            Ok(())
        })
    }

    /// The buyer pays by a method that takes days.
    ///
    /// # Errors
    /// When there is no such page, or it cannot be paid on any more.
    pub fn pay_later(&self, session: &SessionId) -> Result<(), PaymentError> {
        self.becomes(on(session), "checkout.session.completed", Progress::Waiting)
    }

    /// The buyer's bank declines, or a delayed payment fails.
    ///
    /// # Errors
    /// When there is no such page, or it cannot be paid on any more.
    pub fn decline(&self, session: &SessionId) -> Result<(), PaymentError> {
        self.becomes(on(session), "checkout.session.async_payment_failed", Progress::Failed)
    }

    /// The page ends.
    ///
    /// # Errors
    /// When there is no such page, or it is paid.
    pub fn expire(&self, session: &SessionId) -> Result<(), PaymentError> {
        self.becomes(on(session), "checkout.session.expired", Progress::Expired)
    }

    /// The charge of a saved method that takes days fails.
    ///
    /// # Errors
    /// When there is no such charge, or it has ended.
    pub fn charge_fails(&self, order: &OrderRef) -> Result<(), PaymentError> {
        self.becomes(PaymentRef::Order(order.clone()), "payment_intent.payment_failed", Progress::Failed)
    }

    /// A page of an earlier process has ended: what became of it is forgotten.
    fn forgotten(&self, payment: &PaymentRef) -> Option<PaymentState> {
        let PaymentRef::Session(session) = payment else { return None };
        let (order, _attempt) = session.as_str().strip_prefix(PAGE_PREFIX)?.rsplit_once('_')?;
        let asked = Money::new(0, crate::money::Currency::USD);
        Some(PaymentState {
            order: Some(order.parse().ok()?),
            marker: Some(self.marker.clone()),
            session: Some(session.clone()),
            progress: Progress::Expired,
            ..PaymentState::unpaid(asked)
        })
    }

    fn becomes(&self, of: PaymentRef, kind: &str, progress: Progress) -> Result<(), PaymentError> {
        self.change(&of, kind, |_, payment| {
            if !matches!(payment.state.progress, Progress::Open | Progress::Waiting) {
                return Err(closed());
            }
            payment.state.progress = progress;
            Ok(())
        })
    }

    /// A refund that was made at the processor, of this amount, with this status.
    ///
    /// # Errors
    /// When there is no such page, or it is not paid.
    pub fn refund_at_processor(
        &self,
        session: &SessionId,
        minor: i64,
        status: RefundStatus,
        now: UnixMs,
    ) -> Result<(), PaymentError> {
        self.change(&on(session), "refund.created", |kept, payment| {
            let amount = Money::new(minor, payment.state.asked.currency());
            add_refund(kept, payment, (amount, status, None), now).map(|_| ())
        })
    }

    /// The last refund takes another status; when it fails, its money comes back.
    ///
    /// # Errors
    /// When there is no such page, or no refund of it.
    pub fn refund_becomes(&self, session: &SessionId, status: RefundStatus, now: UnixMs) -> Result<(), PaymentError> {
        self.change(&on(session), "refund.updated", |kept, payment| {
            let refund = payment.state.refunds.last_mut().ok_or_else(|| not_found("a refund"))?;
            let came_back = refund.status.counts() && !status.counts();
            refund.status = status;
            let (amount, source) = (refund.amount, refund.id.to_string());
            if came_back {
                kept.move_money(payment, (MovementKind::RefundReversal, amount, 0), source, now);
            }
            Ok(())
        })
    }

    /// The card's issuer reports the payment as fraud.
    ///
    /// # Errors
    /// When there is no such page, or it is not paid.
    pub fn warn_of_fraud(&self, session: &SessionId) -> Result<(), PaymentError> {
        self.change(&on(session), "radar.early_fraud_warning.created", |kept, payment| {
            paid(payment)?;
            payment.state.warnings.push(FraudWarning { id: kept.fresh("issfr"), actionable: true });
            Ok(())
        })
    }

    fn change(
        &self,
        of: &PaymentRef,
        kind: &str,
        change: impl FnOnce(&mut Kept, &mut SandboxPayment) -> Result<(), PaymentError>,
    ) -> Result<(), PaymentError> {
        let mut kept = self.kept();
        let mut payment = kept.find(of).cloned().ok_or_else(|| not_found(of.as_str()))?;
        change(&mut kept, &mut payment)?;
        kept.note(&payment, kind);
        kept.put(payment);
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic leaves no half of a change: each is put in whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Of several attempts of an order, the one that was paid is its payment, else the last.
    fn find(&self, of: &PaymentRef) -> Option<&SandboxPayment> {
        let mut named = self.payments.values().filter(|payment| is_named(&payment.state, of));
        let paid = named.clone().find(|payment| payment.state.paid.is_some());
        paid.or_else(|| named.next_back())
    }

    fn put(&mut self, payment: SandboxPayment) {
        let order = payment.state.order.as_ref().map_or_else(String::new, |order| order.as_str().to_owned());
        self.payments.insert((order, payment.attempt), payment);
        while self.payments.len() > PAYMENTS_MAX {
            self.payments.pop_first();
        }
    }

    fn fresh<K: Kind>(&mut self, prefix: &str) -> ProcessorId<K> {
        self.made = self.made.saturating_add(1);
        ProcessorId::made(format!("{prefix}_sandbox_{}_{}", self.since.get(), self.made))
    }

    fn note(&mut self, payment: &SandboxPayment, kind: &str) {
        let by_page = payment.state.session.clone().map(PaymentRef::Session);
        let by_payment = || payment.state.payment.clone().map(PaymentRef::Payment);
        let Some(named) = by_page.or_else(by_payment) else { return };
        let hint = Hint {
            event: self.fresh::<crate::ids::kinds::Event>("evt"),
            mode: Mode::Test,
            account: None,
            kind: kind.to_owned(),
            subject: Subject::Payment(named),
            marker: payment.state.marker.clone(),
            order: payment.state.order.clone(),
        };
        self.events.push((self.latest, hint));
    }

    fn line(
        &mut self,
        (kind, amount, fee): (MovementKind, Money, i64),
        source: String,
        created_at: UnixMs,
    ) -> MoneyMovement {
        let fee = Money::new(fee, amount.currency());
        let net = amount.checked_sub(fee).unwrap_or(amount);
        let movement =
            MoneyMovement { id: self.fresh("txn"), kind, amount, fee, net, source: Some(source), created_at };
        self.movements.push(movement.clone());
        self.latest = self.latest.max(created_at);
        movement
    }

    fn move_money(
        &mut self,
        payment: &mut SandboxPayment,
        what: (MovementKind, Money, i64),
        source: String,
        now: UnixMs,
    ) {
        let movement = self.line(what, source, now);
        payment.state.movements.push(movement);
    }
}

fn settle(kept: &mut Kept, payment: &mut SandboxPayment, now: UnixMs) {
    let amount = payment.state.asked;
    let fee = amount.minor().saturating_mul(FEE_BPS).div_euclid(10_000).saturating_add(FEE_FIXED_MINOR);
    let id: PaymentId = kept.fresh("pi");
    let charge: crate::ids::ChargeId = kept.fresh("ch");
    payment.state.progress = Progress::Paid;
    payment.state.paid = Some(amount);
    payment.state.created_at = now;
    if payment.save_method == SaveMethod::OffSession {
        let customer: CustomerId = kept.fresh("cus");
        let method: MethodId = kept.fresh("pm");
        payment.state.customer = payment.state.customer.take().or(Some(customer));
        payment.state.saved_method = Some(method);
    }
    kept.move_money(payment, (MovementKind::Payment, amount, fee), charge.to_string(), now);
    (payment.state.payment, payment.state.charge) = (Some(id), Some(charge));
}

fn add_refund(
    kept: &mut Kept,
    payment: &mut SandboxPayment,
    (amount, status, requested_by): (Money, RefundStatus, Option<String>),
    now: UnixMs,
) -> Result<RefundState, PaymentError> {
    paid(payment)?;
    let refund = RefundState { id: kept.fresh("re"), amount, status, requested_by };
    // A refund forestalls the dispute that a warning announces.
    payment.state.warnings.iter_mut().for_each(|warning| warning.actionable = false);
    payment.state.refunds.push(refund.clone());
    if status.counts() {
        let source = refund.id.to_string();
        kept.move_money(payment, (MovementKind::Refund, negative(amount), 0), source, now);
    }
    Ok(refund)
}

fn paid(payment: &SandboxPayment) -> Result<Money, PaymentError> {
    payment.state.paid.ok_or_else(|| not_found("a paid payment"))
}

/// What is left to refund: neither what was refunded nor what a dispute has withdrawn.
fn rest_of(payment: &SandboxPayment) -> Money {
    let counted = payment.state.refunds.iter().filter(|refund| refund.status.counts());
    let refunded: i64 = counted.map(|refund| refund.amount.minor()).fold(0, i64::saturating_add);
    let disputed = payment.state.disputes.iter().flat_map(|dispute| &dispute.movements);
    let withdrawn: i64 = disputed.map(|movement| movement.amount.minor()).fold(0, i64::saturating_add);
    let paid = payment.state.paid.map_or(0, Money::minor);
    Money::new(paid.saturating_sub(refunded).saturating_add(withdrawn), payment.state.asked.currency())
}

fn is_named(state: &PaymentState, of: &PaymentRef) -> bool {
    match of {
        PaymentRef::Session(id) => state.session.as_ref() == Some(id),
        PaymentRef::Payment(id) => state.payment.as_ref() == Some(id),
        PaymentRef::Charge(id) => state.charge.as_ref() == Some(id),
        PaymentRef::Refund(id) => state.refunds.iter().any(|refund| refund.id == *id),
        PaymentRef::Dispute(id) => state.disputes.iter().any(|dispute| dispute.id == *id),
        PaymentRef::Warning(id) => state.warnings.iter().any(|warning| warning.id == *id),
        PaymentRef::Order(order) => state.order.as_ref() == Some(order),
    }
}

/// The payment of a page.
fn on(session: &SessionId) -> PaymentRef {
    PaymentRef::Session(session.clone())
}

fn negative(amount: Money) -> Money {
    Money::new(amount.minor().saturating_neg(), amount.currency())
}

/// An id of the processor has no dashes.
fn plain(order: &OrderRef) -> String {
    order.as_str().replace('-', "_")
}

fn not_found(object: &str) -> PaymentError {
    PaymentError::NotFound { operation: ROOM, object: object.to_owned() }
}

fn closed() -> PaymentError {
    refused("page_closed")
}

fn refused(code: &str) -> PaymentError {
    let (code, parameter) = (code.to_owned(), "no parameter named".to_owned());
    PaymentError::Refused { operation: ROOM, status: 400, code, parameter }
}
