//! A processor without money: for trying things out and for tests.

use crate::error::{NotRefundableReason, PaymentError};
use crate::hint::{Hint, Subject};
use crate::ids::{
    CustomerId, EventId, Kind, Marker, MethodId, MovementId, OrderRef, PaymentId, ProcessorId, SessionId,
};
use crate::money::Money;
use crate::payments::Payments;
use crate::requests::{
    After, ChargeOutcome, Checkout, CheckoutRequest, Page, PaymentRef, RefundRequest, SaveMethod, SavedCharge,
};
use crate::state::{
    DisputeState, DisputeStatus, FraudWarning, Mode, MoneyMovement, MovementKind, PaymentState, Progress, RefundState,
    RefundStatus,
};
use async_trait::async_trait;
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
/// What an opened dispute costs.
const DISPUTE_FEE_MINOR: i64 = 1_500;
const ROOM: &str = "the sandbox";
const PAGE_PREFIX: &str = "cs_test_";

/// A processor without money, in memory. Its pages are served by whoever embeds it, at a URL that ends in the page's id; what the
/// buyer chooses there is told by [`Sandbox::pay`], [`Sandbox::decline`] and their kin.
///
/// Refunds, disputes and early fraud warnings behave as those of a card payment: each has its movements of money.
///
/// ```
/// use opencredits_billing::{Marker, Money, Currency, CheckoutRequest, Payments, PaymentRef, Progress, Sandbox, SaveMethod};
/// use opencredits_units::UnixMs;
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
    /// By order, the oldest last to be found: orders have time-ordered numbers.
    payments: BTreeMap<String, SandboxPayment>,
    events: Vec<Hint>,
    movements: Vec<MoneyMovement>,
    made: u64,
    /// Tells ids of this process from those of an earlier one.
    since: UnixMs,
}

/// A payment of the sandbox: its state, and where its page leads.
#[derive(Clone)]
pub struct SandboxPayment {
    /// What [`Payments::payment`] says of it.
    pub state: PaymentState,
    /// Where the buyer goes after paying.
    pub success_url: String,
    /// Where the buyer goes instead.
    pub cancel_url: String,
    /// When the page ends.
    pub expires_at: UnixMs,
    save_method: SaveMethod,
    attempt: u32,
    refund_keys: BTreeMap<String, usize>,
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
        kept.find(&PaymentRef::Session(session.clone())).cloned().ok_or_else(|| not_found(session.as_str()))
    }

    /// The buyer pays. That may become known after the page has ended.
    ///
    /// # Errors
    /// When there is no such page, or it was paid or declined before.
    pub fn pay(&self, session: &SessionId, now: UnixMs) -> Result<(), PaymentError> {
        self.change(session, "checkout.session.completed", |kept, payment| {
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
        self.becomes(session, "checkout.session.completed", Progress::Waiting)
    }

    /// The buyer's bank declines, or a delayed payment fails.
    ///
    /// # Errors
    /// When there is no such page, or it cannot be paid on any more.
    pub fn decline(&self, session: &SessionId) -> Result<(), PaymentError> {
        self.becomes(session, "checkout.session.async_payment_failed", Progress::Failed)
    }

    /// The page ends.
    ///
    /// # Errors
    /// When there is no such page, or it is paid.
    pub fn expire(&self, session: &SessionId) -> Result<(), PaymentError> {
        self.becomes(session, "checkout.session.expired", Progress::Expired)
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

    fn becomes(&self, session: &SessionId, kind: &str, progress: Progress) -> Result<(), PaymentError> {
        self.change(session, kind, |_, payment| {
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
        self.change(session, "refund.created", |kept, payment| {
            let amount = Money::new(minor, payment.state.asked.currency());
            add_refund(kept, payment, (amount, status, None), now).map(|_| ())
        })
    }

    /// The last refund takes another status; when it fails, its money comes back.
    ///
    /// # Errors
    /// When there is no such page, or no refund of it.
    pub fn refund_becomes(&self, session: &SessionId, status: RefundStatus, now: UnixMs) -> Result<(), PaymentError> {
        self.change(session, "refund.updated", |kept, payment| {
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

    /// The buyer's bank disputes an amount, or a dispute takes another status. A chargeback withdraws the money when it opens,
    /// and returns it when it is won.
    ///
    /// # Errors
    /// When there is no such page, or it is not paid.
    pub fn dispute(
        &self,
        session: &SessionId,
        minor: i64,
        status: DisputeStatus,
        now: UnixMs,
    ) -> Result<(), PaymentError> {
        self.change(session, "charge.dispute.updated", |kept, payment| {
            paid(payment)?;
            let amount = Money::new(minor, payment.state.asked.currency());
            if payment.state.disputes.is_empty() {
                let id = kept.fresh("dp");
                let reason = "fraudulent".to_owned();
                let fresh =
                    DisputeState { id, amount, status, reason, is_charge_refundable: false, movements: Vec::new() };
                payment.state.disputes.push(fresh);
            }
            let Some(dispute) = payment.state.disputes.last_mut() else { return Ok(()) };
            dispute.status = status;
            let moved: i64 = dispute.movements.iter().map(|movement| movement.amount.minor()).sum();
            let source = dispute.id.to_string();
            let is_chargeback = matches!(
                status,
                DisputeStatus::NeedsResponse
                    | DisputeStatus::UnderReview
                    | DisputeStatus::Lost
                    | DisputeStatus::Appealed
            );
            let movement = match (is_chargeback, moved) {
                (true, 0) => {
                    kept.line((MovementKind::Dispute, negative(dispute.amount), DISPUTE_FEE_MINOR), source, now)
                }
                (false, ..0) => kept.line((MovementKind::DisputeReversal, dispute.amount, 0), source, now),
                _ => return Ok(()),
            };
            dispute.movements.push(movement);
            Ok(())
        })
    }

    /// The card's issuer reports the payment as fraud.
    ///
    /// # Errors
    /// When there is no such page, or it is not paid.
    pub fn warn_of_fraud(&self, session: &SessionId) -> Result<(), PaymentError> {
        self.change(session, "radar.early_fraud_warning.created", |kept, payment| {
            paid(payment)?;
            payment.state.warnings.push(FraudWarning { id: kept.fresh("issfr"), actionable: true });
            Ok(())
        })
    }

    fn change(
        &self,
        session: &SessionId,
        kind: &str,
        change: impl FnOnce(&mut Kept, &mut SandboxPayment) -> Result<(), PaymentError>,
    ) -> Result<(), PaymentError> {
        let mut kept = self.kept();
        let found = kept.find(&PaymentRef::Session(session.clone())).cloned();
        let mut payment = found.ok_or_else(|| not_found(session.as_str()))?;
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
    fn find(&self, of: &PaymentRef) -> Option<&SandboxPayment> {
        self.payments.values().find(|payment| is_named(&payment.state, of))
    }

    fn put(&mut self, payment: SandboxPayment) {
        let order = payment.state.order.as_ref().map_or_else(String::new, |order| order.as_str().to_owned());
        self.payments.insert(order, payment);
        while self.payments.len() > PAYMENTS_MAX {
            self.payments.pop_first();
        }
    }

    fn fresh<K: Kind>(&mut self, prefix: &str) -> ProcessorId<K> {
        self.made = self.made.saturating_add(1);
        ProcessorId::made(format!("{prefix}_sandbox_{}_{}", self.since.get(), self.made))
    }

    fn note(&mut self, payment: &SandboxPayment, kind: &str) {
        let Some(session) = payment.state.session.clone() else { return };
        let hint = Hint {
            event: self.fresh::<crate::ids::kinds::Event>("evt"),
            mode: Mode::Test,
            account: None,
            kind: kind.to_owned(),
            subject: Subject::Payment(PaymentRef::Session(session)),
            marker: payment.state.marker.clone(),
            order: payment.state.order.clone(),
        };
        self.events.push(hint);
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

#[async_trait]
impl Payments for Sandbox {
    async fn create_checkout(&self, request: &CheckoutRequest) -> Result<Checkout, PaymentError> {
        request.check()?;
        let mut kept = self.kept();
        if let Some(before) = kept.payments.get(request.order.as_str())
            && before.attempt == request.attempt
            && let Some(session) = &before.state.session
        {
            let url = format!("{}{session}", self.page_url);
            return Ok(Checkout { session: session.clone(), url, expires_at: before.expires_at });
        }
        let session: SessionId =
            ProcessorId::made(format!("{PAGE_PREFIX}{}_{}", plain(&request.order), request.attempt));
        let state = PaymentState {
            order: Some(request.order.clone()),
            marker: Some(self.marker.clone()),
            session: Some(session.clone()),
            customer: request.customer.clone(),
            ..PaymentState::unpaid(request.amount)
        };
        kept.put(SandboxPayment {
            state,
            success_url: request.success_url.clone(),
            cancel_url: request.cancel_url.clone(),
            expires_at: request.expires_at,
            save_method: request.save_method,
            attempt: request.attempt,
            refund_keys: BTreeMap::new(),
        });
        Ok(Checkout { url: format!("{}{session}", self.page_url), session, expires_at: request.expires_at })
    }

    async fn expire_checkout(&self, session: &SessionId) -> Result<(), PaymentError> {
        match self.expire(session) {
            Err(PaymentError::Refused { .. }) => Ok(()),
            done => done,
        }
    }

    async fn payment(&self, payment: &PaymentRef) -> Result<PaymentState, PaymentError> {
        let found = self.kept().find(payment).map(|payment| payment.state.clone());
        let found = found.or_else(|| self.forgotten(payment));
        found.ok_or_else(|| not_found(payment.as_str()))
    }

    async fn charge_saved(&self, charge: &SavedCharge) -> Result<ChargeOutcome, PaymentError> {
        charge.check()?;
        let mut kept = self.kept();
        if let Some(before) = kept.payments.get(charge.order.as_str())
            && let Some(payment) = before.state.payment.clone()
        {
            return Ok(ChargeOutcome::Succeeded { payment });
        }
        match charge.method.as_str() {
            DECLINED => return Ok(ChargeOutcome::Declined { payment: None, code: "card_declined".to_owned() }),
            NEEDS_ACTION => return Ok(ChargeOutcome::ActionRequired { payment: None }),
            _ => {}
        }
        let state = PaymentState {
            order: Some(charge.order.clone()),
            marker: Some(self.marker.clone()),
            customer: Some(charge.customer.clone()),
            ..PaymentState::unpaid(charge.amount)
        };
        let mut payment = SandboxPayment {
            state,
            success_url: String::new(),
            cancel_url: String::new(),
            expires_at: charge.ordered_at,
            save_method: SaveMethod::No,
            attempt: charge.attempt,
            refund_keys: BTreeMap::new(),
        };
        settle(&mut kept, &mut payment, charge.ordered_at);
        let made = payment.state.payment.clone();
        kept.put(payment);
        made.map(|payment| ChargeOutcome::Succeeded { payment }).ok_or_else(closed)
    }

    async fn refund(&self, request: &RefundRequest) -> Result<RefundState, PaymentError> {
        request.check()?;
        let mut kept = self.kept();
        let of = PaymentRef::Payment(request.payment.clone());
        let mut payment = kept.find(&of).cloned().ok_or_else(|| not_found(request.payment.as_str()))?;
        if let Some(made) = payment.refund_keys.get(&request.key).and_then(|at| payment.state.refunds.get(*at)) {
            return Ok(made.clone());
        }
        if payment.state.disputes.iter().any(|dispute| !dispute.is_closed() && !dispute.is_charge_refundable) {
            return Err(PaymentError::NotRefundable(NotRefundableReason::Disputed));
        }
        let rest = rest_of(&payment);
        let amount = request.amount.unwrap_or(rest);
        if rest.minor() <= 0 {
            return Err(PaymentError::NotRefundable(NotRefundableReason::AlreadyRefunded));
        }
        if amount.minor() > rest.minor() {
            return Err(PaymentError::NotRefundable(NotRefundableReason::ExceedsRest));
        }
        // The state of a payment that was charged while its buyer was away has no page: it is named by its time of creation.
        let now = payment.state.created_at;
        let key = Some(request.key.clone());
        let refund = add_refund(&mut kept, &mut payment, (amount, RefundStatus::Succeeded, key), now)?;
        payment.refund_keys.insert(request.key.clone(), payment.state.refunds.len().saturating_sub(1));
        kept.note(&payment, "refund.created");
        kept.put(payment);
        Ok(refund)
    }

    async fn events_after(&self, after: After<'_, EventId>) -> Result<Page<Hint, EventId>, PaymentError> {
        let kept = self.kept();
        let from = match after {
            After::Time(_) => 0,
            After::Id(id) => {
                let at = kept.events.iter().position(|hint| hint.event == *id);
                at.ok_or_else(|| not_found(id.as_str()))?.saturating_add(1)
            }
        };
        let items: Vec<Hint> = kept.events.iter().skip(from).take(PAGE_MAX).cloned().collect();
        let has_more = kept.events.len() > from.saturating_add(items.len());
        Ok(Page { next: items.last().map(|hint| hint.event.clone()), items, has_more })
    }

    async fn movements_after(
        &self,
        after: After<'_, MovementId>,
    ) -> Result<Page<MoneyMovement, MovementId>, PaymentError> {
        let kept = self.kept();
        let from = match after {
            After::Time(_) => 0,
            After::Id(id) => {
                // One of an earlier process is before all that are kept.
                kept.movements.iter().position(|movement| movement.id == *id).map_or(0, |at| at.saturating_add(1))
            }
        };
        let items: Vec<MoneyMovement> = kept.movements.iter().skip(from).take(PAGE_MAX).cloned().collect();
        let has_more = kept.movements.len() > from.saturating_add(items.len());
        Ok(Page { next: items.last().map(|movement| movement.id.clone()), items, has_more })
    }

    async fn portal_url(&self, customer: &CustomerId, return_url: &str) -> Result<String, PaymentError> {
        crate::requests::check_url(return_url, "return_url")?;
        Ok(format!("{}portal_{customer}", self.page_url))
    }
}

/// The saved method whose charges are declined.
const DECLINED: &str = "pm_card_chargeDeclined";
/// The saved method whose charges the bank wants confirmed.
const NEEDS_ACTION: &str = "pm_card_authenticationRequired";

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

/// What is left to refund.
fn rest_of(payment: &SandboxPayment) -> Money {
    let counted = payment.state.refunds.iter().filter(|refund| refund.status.counts());
    let refunded: i64 = counted.map(|refund| refund.amount.minor()).fold(0, i64::saturating_add);
    let paid = payment.state.paid.map_or(0, Money::minor);
    Money::new(paid.saturating_sub(refunded), payment.state.asked.currency())
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
    let (code, parameter) = ("page_closed".to_owned(), "no parameter named".to_owned());
    PaymentError::Refused { operation: ROOM, status: 400, code, parameter }
}
