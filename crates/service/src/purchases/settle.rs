//! Settlement: one way for every event, poll, job and command.

use super::booking::{Booking, Effect, debt_of};
use super::charging::uncharge;
use super::create::order_ref;
use super::error::PurchaseError;
use super::movements::{Owned, Whose, unmoved_minor};
use super::state::{OnFraudWarning, PurchaseNotice, Purchases};
use super::target::{granted, order_state, target};
use crate::partners::{SpendingChange, SpentCredits};
use opencredits_billing::{
    DisputeEffect, MovementId, Owner, PaymentError, PaymentRef, PaymentState, Progress, RefundRequest, RefundStatus,
};
use opencredits_ledger::LedgerError;
use opencredits_store::{Booked, Bookings, Order, OrderOrigin, OrderState, Payer, TopUpState};
use opencredits_units::{NanoUsd, OrderId, UnixMs, UserId};

/// How often an order is read anew when another process changes it at the same time.
const TRIES_MAX: usize = 4;
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// How long an order is read again whose payments or refunds are not all in the processor's books.
const UNMOVED_MS: u64 = 60 * UnixMs::DAY_MS;

/// What a settlement found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The order stands as the processor says, and so do the books.
    Ours(Box<SettledOrder>),
    /// The payment is none of ours: of another product or installation on the same account, or in the other mode.
    Foreign,
}

/// An order that was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledOrder {
    /// The order, as it stands.
    pub order: Order,
    /// Whether this settlement changed what the books show of it.
    pub is_changed: bool,
    /// Movements of money that this settlement booked.
    pub booked: Vec<MovementId>,
    /// What it leaves in payment clearing, in the currency's minor unit: its movements of money less its payments and refunds.
    pub unmoved_minor: i64,
}

impl Purchases {
    /// Brings an order and the books to where the processor says that they stand.
    ///
    /// # Errors
    /// [`PurchaseError::UnknownOrder`] when the payment is ours and its order is not there; when the payment does not fit
    /// the order; when processor, ledger or store fail. It may be repeated after any error.
    pub async fn settle(&self, payment: &PaymentRef) -> Result<Settled, PurchaseError> {
        if let PaymentRef::Order(order) = payment
            && let Ok(id) = order.as_str().parse()
        {
            return self.settle_order(id).await;
        }
        if let PaymentRef::Payment(id) = payment
            && let Some(order) = self.tables.orders.order_by_payment(id.as_str()).await?
        {
            return self.settle_by(order.id, payment).await;
        }
        // It is read once to find its order, and again under the order's lock.
        let state = self.ports.payments.payment(payment).await?;
        match self.owner(&state)? {
            None => Ok(Settled::Foreign),
            Some(order) => self.settle_by(order, &named_by(&state).unwrap_or_else(|| payment.clone())).await,
        }
    }

    /// The same, for an order of ours.
    ///
    /// # Errors
    /// As [`Purchases::settle`].
    pub async fn settle_order(&self, id: OrderId) -> Result<Settled, PurchaseError> {
        let order = self.order(id).await?;
        self.settle_by(id, &payment_of(&order)?).await
    }

    /// The same order, as the processor says that it stands where it is not paid yet. Somebody waits for it, so it is read
    /// whether it is due or not.
    ///
    /// # Errors
    /// As [`Purchases::settle`].
    pub async fn poll(&self, order: Order) -> Result<Order, PurchaseError> {
        let waits = matches!(order.state, OrderState::Open | OrderState::Waiting) && order.page.is_some();
        if !waits || self.polled.contains_key(&order.id) {
            return Ok(order);
        }
        self.polled.insert(order.id, ());
        match self.settle_order(order.id).await? {
            Settled::Ours(settled) => Ok(settled.order),
            Settled::Foreign => Ok(order),
        }
    }

    async fn settle_by(&self, id: OrderId, payment: &PaymentRef) -> Result<Settled, PurchaseError> {
        let Some(order) = self.tables.orders.order(id).await? else {
            return Err(PurchaseError::UnknownOrder { payment: payment.as_str().to_owned() });
        };
        let _alone = self.lock(order.user).lock().await;
        self.settle_alone(&order, payment).await
    }

    /// Settles an order, for who holds the lock of its person.
    pub(super) async fn settle_alone(&self, order: &Order, payment: &PaymentRef) -> Result<Settled, PurchaseError> {
        self.finish_others(order).await?;
        self.settle_tried(order.id, payment).await
    }

    /// Settles the person's other orders whose booking a crash left unmade: what a person owes and what partners earn depend
    /// on the order of bookings, and it is the one in which they were decided.
    async fn finish_others(&self, order: &Order) -> Result<(), PurchaseError> {
        let unmade = self.tables.orders.orders_unbooked(order.user).await?;
        for other in unmade.iter().filter(|other| other.id != order.id) {
            if let Err(error) = self.settle_tried(other.id, &payment_of(other)?).await {
                // The processor may not know it any more, which must not stop the payments of others.
                tracing::warn!(order = %other.id, %error, "cannot finish an earlier booking of the person; going on");
            }
        }
        Ok(())
    }

    async fn settle_tried(&self, id: OrderId, payment: &PaymentRef) -> Result<Settled, PurchaseError> {
        let mut found = Found::default();
        for _ in 0..TRIES_MAX {
            match self.settle_once((id, payment), &mut found).await {
                Err(PurchaseError::Contended { .. }) => {}
                Ok(None) => return Ok(Settled::Foreign),
                Ok(Some(order)) => {
                    let is_changed = found.number.is_some_and(|number| number != order.bookings.number);
                    let Found { booked, unmoved_minor, .. } = found;
                    return Ok(Settled::Ours(Box::new(SettledOrder { order, is_changed, booked, unmoved_minor })));
                }
                Err(error) => return Err(error),
            }
        }
        Err(PurchaseError::Contended { id })
    }

    /// One try; `None` where the payment is none of ours.
    async fn settle_once(
        &self,
        (id, payment): (OrderId, &PaymentRef),
        found: &mut Found,
    ) -> Result<Option<Order>, PurchaseError> {
        let Some(order) = self.tables.orders.order(id).await? else {
            return Err(PurchaseError::UnknownOrder { payment: payment.as_str().to_owned() });
        };
        found.number.get_or_insert(order.bookings.number);
        let order = self.finish_booking(order).await?;
        let state = match self.ports.payments.payment(payment).await {
            Ok(state) => state,
            // Nothing was begun there: the answer to our request was lost, or it never arrived.
            Err(PaymentError::NotFound { .. }) if order.page.is_none() && order.payment.is_none() => {
                return self.never_begun(order).await.map(Some);
            }
            Err(error) => return Err(error.into()),
        };
        if self.owner(&state)? != Some(id) {
            return Ok(None);
        }
        if is_another_payment(&order, &state) {
            return self.paid_again(order, &state).await.map(Some);
        }
        let order = self.book(order, &state).await?;
        let owned = Owned { order: &order, state: &state };
        self.book_movements(owned, &mut found.booked).await?;
        found.unmoved_minor = unmoved_minor(owned);
        self.keep_payer(&order, &state).await?;
        if self.heed_warnings(&state).await? {
            // It was refunded, and is read anew.
            return Err(PurchaseError::Contended { id });
        }
        Ok(Some(order))
    }

    /// The order of a payment; `None` when it is none of ours.
    fn owner(&self, state: &PaymentState) -> Result<Option<OrderId>, PurchaseError> {
        let payment = || named_by(state).map_or_else(String::new, |payment| payment.as_str().to_owned());
        match state.owner(&self.settings().marker) {
            _ if state.mode != self.settings().mode => Ok(None),
            Owner::Foreign => Ok(None),
            Owner::OursWithoutOrder => Err(PurchaseError::UnknownOrder { payment: payment() }),
            Owner::Ours(order) => match order.as_str().parse() {
                Ok(order) => Ok(Some(order)),
                Err(_) => Err(PurchaseError::UnknownOrder { payment: payment() }),
            },
        }
    }

    /// Makes a booking that a crash may have left unmade.
    async fn finish_booking(&self, order: Order) -> Result<Order, PurchaseError> {
        if order.bookings.number == 0 || order.bookings.is_made {
            return Ok(order);
        }
        let check_at = order.check_at;
        self.make_booking(order, check_at).await
    }

    /// Makes the last booking; after that the order is due at `check_at`. The booking counts as made once commission has
    /// followed it and the person is told of it, so that a crash leaves out neither: all of it is done again, and has one
    /// effect.
    async fn make_booking(&self, mut order: Order, check_at: Option<UnixMs>) -> Result<Order, PurchaseError> {
        let user = self.tables.users.user(order.user).await?;
        let user = user.ok_or_else(|| PurchaseError::NoOrder { id: order.id.to_string() })?;
        let booking = Booking { ledger: &self.ledger, order: &order, wallet: user.wallet, now: self.now() };
        let effect = booking.make().await?;
        if effect.owed > NanoUsd::ZERO {
            tracing::warn!(order = %order.id, owed = %effect.owed, "credits were taken back that had been spent; the person owes them");
        }
        self.move_commission(&order, effect).await?;
        self.tell(&order, effect).await?;
        (order.bookings.is_made, order.check_at) = (true, check_at);
        self.stored(order).await
    }

    /// Lets commission follow the person's debt.
    async fn move_commission(&self, order: &Order, effect: Effect) -> Result<(), PurchaseError> {
        let more = effect.owed.checked_sub(effect.settled).ok_or(PurchaseError::Overflow)?;
        let spent = match more.checked_neg().ok_or(PurchaseError::Overflow)? {
            NanoUsd::ZERO => return Ok(()),
            settled if settled > NanoUsd::ZERO => SpentCredits::Settled(settled),
            _ => SpentCredits::Taken(more),
        };
        let Bookings { number: booking, at, .. } = order.bookings;
        let change = SpendingChange { order: order.id, booking, at, user: order.user, spent };
        let followed = self.ports.commissions.follow(change, self.now()).await?;
        if !followed.parts.is_empty() {
            tracing::info!(order = %order.id, partners = followed.parts.len(), "commission followed the credits of an order");
        }
        Ok(())
    }

    /// Books the difference between what the books show and what they must show.
    async fn book(&self, mut order: Order, state: &PaymentState) -> Result<Order, PurchaseError> {
        let now = self.now();
        let after = kept(order.bookings.after, target(&order, state)?, &order);
        let is_changed = after != order.bookings.after;
        if is_changed {
            let number = order.bookings.number.saturating_add(1);
            let before = order.bookings.after;
            order.bookings = Bookings { number, before, after, is_made: false, at: now };
        }
        order.state = order_state(state.progress);
        if let Some(payment) = &state.payment {
            order.payment = Some(payment.as_str().to_owned());
        }
        let check_at = next_check(Owned { order: &order, state }, now);
        // A crash may leave the booking unmade, and nothing may ever be heard of the order again: it is due until it is made.
        order.check_at = if is_changed { Some(now) } else { check_at };
        let order = self.stored(order).await?;
        if is_changed { self.make_booking(order, check_at).await } else { Ok(order) }
    }

    /// An order that is paid was paid again, on a page of an earlier attempt: the money is the person's, and goes back.
    async fn paid_again(&self, order: Order, state: &PaymentState) -> Result<Order, PurchaseError> {
        self.suspend(state).await?;
        let payment = named_by(state).map_or_else(String::new, |payment| payment.as_str().to_owned());
        tracing::error!(order = %order.id, payment, "an order was paid twice; the second payment is in suspense, refund it");
        Ok(order)
    }

    /// Books the money of a payment of ours that has no order to suspense.
    async fn suspend(&self, state: &PaymentState) -> Result<(), PurchaseError> {
        for movement in state.all_movements() {
            self.book_movement(movement, Whose::Suspense).await?;
        }
        Ok(())
    }

    /// The same, for an event's payment whose order is unknown: its money is in the books from the first event on.
    pub(super) async fn suspend_unknown(&self, payment: &PaymentRef) -> Result<(), PurchaseError> {
        let state = self.ports.payments.payment(payment).await?;
        match self.owner(&state) {
            Ok(None) => Ok(()),
            Ok(Some(id)) if self.tables.orders.order(id).await?.is_some() => Ok(()),
            Ok(Some(_)) | Err(PurchaseError::UnknownOrder { .. }) => self.suspend(&state).await,
            Err(error) => Err(error),
        }
    }

    /// An order that the processor has never heard of ends with the time that its page would have had.
    async fn never_begun(&self, mut order: Order) -> Result<Order, PurchaseError> {
        let end = order.created_at.saturating_add_ms(self.settings().page_ms);
        let now = self.now();
        let is_over = end.saturating_add_ms(HOUR_MS) <= now;
        // One that was refused stays so.
        let ends = is_over && order.state == OrderState::Open;
        order.state = if ends { OrderState::Expired } else { order.state };
        order.check_at = if is_over { None } else { Some(now.saturating_add_ms(10 * MINUTE_MS)) };
        self.stored(order).await
    }

    /// Remembers how the person pays, and ends top-ups when a payment is disputed.
    async fn keep_payer(&self, order: &Order, state: &PaymentState) -> Result<(), PurchaseError> {
        // A refund or dispute that comes after a deletion brings nothing back of the person.
        if self.privacy_of(order.user).await?.erased_at.is_some() {
            return Ok(());
        }
        let ended = self.ends_top_ups(order, state);
        for _ in 0..TRIES_MAX {
            let before = self.tables.payers.payer(order.user).await?;
            let mut payer = before.clone().unwrap_or_else(|| fresh_payer(order));
            if let Some(customer) = &state.customer {
                payer.customer = Some(customer.as_str().to_owned());
            }
            if let Some(method) = &state.saved_method {
                payer.method = Some(method.as_str().to_owned());
            }
            if let Some(ended) = ended.filter(|_| payer.top_up == TopUpState::On) {
                if ended == TopUpState::Declined {
                    self.tell_refused(order, ended).await?;
                    uncharge(&mut payer, order);
                }
                payer.top_up = ended;
            }
            let is_same = before.map_or_else(|| payer == fresh_payer(order), |before| before == payer);
            if is_same || self.tables.payers.put_payer(&payer).await? {
                return Ok(());
            }
        }
        Err(PurchaseError::Contended { id: order.id })
    }

    /// Whether what became of a payment ends the person's top-ups, and with what state.
    fn ends_top_ups(&self, order: &Order, state: &PaymentState) -> Option<TopUpState> {
        let disputed =
            state.disputes.iter().any(|dispute| dispute.effect() != DisputeEffect::None || !dispute.is_closed());
        let warned = !state.warnings.is_empty() && self.settings().on_fraud_warning != OnFraudWarning::Log;
        match (state.progress, order.origin) {
            _ if disputed || warned => Some(TopUpState::Disputed),
            // The bank takes back a payment that it had let pass: the next one would end alike.
            (Progress::Reversed, OrderOrigin::TopUp) => Some(TopUpState::Declined),
            (Progress::Reversed, OrderOrigin::Checkout) => Some(TopUpState::Disputed),
            _ => None,
        }
    }

    /// What a person owes.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn owed(&self, user: UserId) -> Result<NanoUsd, PurchaseError> {
        match self.ledger.balance(debt_of(user)).await {
            Ok(balance) => Ok(balance.posted.checked_neg().unwrap_or_default().max(NanoUsd::ZERO)),
            // Nobody has ever owed anything here.
            Err(LedgerError::UnknownAccount { .. }) => Ok(NanoUsd::ZERO),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells the person what the last booking of an order changes. A repetition says the same.
    async fn tell(&self, order: &Order, effect: Effect) -> Result<(), PurchaseError> {
        let Bookings { before: was, after: is, .. } = order.bookings;
        if was.granted == NanoUsd::ZERO && is.granted > NanoUsd::ZERO {
            tracing::info!(order = %order.id, "a purchase was paid");
            self.ports.notices.tell(order, PurchaseNotice::Paid { debt_settled: effect.settled }).await?;
        }
        if is.refunded_minor > was.refunded_minor {
            let taken = is.taken.checked_sub(was.taken).unwrap_or_default();
            let notice = PurchaseNotice::Refunded {
                minor: is.refunded_minor.saturating_sub(was.refunded_minor),
                credits: taken.checked_sub(effect.owed).unwrap_or_default().max(NanoUsd::ZERO),
                debt: self.owed(order.user).await?,
            };
            self.ports.notices.tell(order, notice).await?;
        }
        if is.disputed_minor > was.disputed_minor || is.lost_minor > was.lost_minor {
            tracing::error!(order = %order.id, "a payment is disputed, or a dispute is lost; answer it at the payment processor");
        }
        Ok(())
    }

    /// The issuer of the card reports fraud: a dispute is likely. Whether the payment was refunded for that.
    async fn heed_warnings(&self, state: &PaymentState) -> Result<bool, PurchaseError> {
        let Some(warning) = state.warnings.iter().find(|warning| warning.actionable) else {
            return Ok(false);
        };
        tracing::error!(warning = %warning.id, "a card's issuer reports a payment as fraud; see docs/payments.md");
        let is_refunded = state.refunds.iter().any(|refund| refund.status.counts());
        let refunds = self.settings().on_fraud_warning == OnFraudWarning::Refund;
        let Some(payment) = state.payment.clone().filter(|_| refunds && !is_refunded) else {
            return Ok(false);
        };
        let key = format!("warning-{}", warning.id);
        self.ports.payments.refund(&RefundRequest { payment, amount: None, key }).await?;
        Ok(true)
    }
}

/// What the tries of a settlement have found so far.
#[derive(Default)]
struct Found {
    /// The number of the order's last booking before the first of them.
    number: Option<u32>,
    booked: Vec<MovementId>,
    unmoved_minor: i64,
}

/// What the books must show, where the processor no longer says that an order was paid whose credits were given: all of them
/// are taken back.
fn kept(booked: Booked, target: Booked, order: &Order) -> Booked {
    if booked.granted == NanoUsd::ZERO || target.granted > NanoUsd::ZERO {
        return target;
    }
    let lost_minor = booked.paid_minor.saturating_sub(booked.refunded_minor);
    Booked { taken: granted(order), frozen: NanoUsd::ZERO, disputed_minor: 0, lost_minor, ..booked }
}

/// Whether an order that is paid is paid by another payment than this one.
fn is_another_payment(order: &Order, state: &PaymentState) -> bool {
    let is_paid = order.bookings.after.granted > NanoUsd::ZERO && state.paid.is_some();
    is_paid && state.payment.as_ref().is_some_and(|payment| order.payment.as_deref() != Some(payment.as_str()))
}

/// The surest name of an order's payment.
pub(super) fn payment_of(order: &Order) -> Result<PaymentRef, PurchaseError> {
    let by_page = || order.page.as_ref().and_then(|page| page.session.parse().ok()).map(PaymentRef::Session);
    let by_payment = order.payment.as_ref().and_then(|id| id.parse().ok()).map(PaymentRef::Payment);
    match by_payment.or_else(by_page) {
        Some(payment) => Ok(payment),
        None => Ok(PaymentRef::Order(order_ref(order.id)?)),
    }
}

/// The surest name of a payment.
fn named_by(state: &PaymentState) -> Option<PaymentRef> {
    let by_page = || state.session.clone().map(PaymentRef::Session);
    state.payment.clone().map(PaymentRef::Payment).or_else(by_page)
}

/// A record of somebody who has not paid yet.
pub(super) fn fresh_payer(order: &Order) -> Payer {
    Payer {
        user: order.user,
        version: 0,
        customer: None,
        method: None,
        top_up: TopUpState::Off,
        threshold: NanoUsd::ZERO,
        amount_minor: 0,
        currency: order.currency.clone(),
        monthly_max_minor: 0,
        month: 0,
        month_minor: 0,
        charging: None,
    }
}

/// When the processor is asked again without being told to. Events that get lost are found so.
fn next_check(owned: Owned<'_>, now: UnixMs) -> Option<UnixMs> {
    let Owned { order, state } = owned;
    let age_ms = now.ms_since(order.created_at);
    let pending =
        |status| matches!(status, RefundStatus::Pending | RefundStatus::RequiresAction | RefundStatus::Unknown);
    let is_moving = state.refunds.iter().any(|refund| pending(refund.status))
        || state.disputes.iter().any(|dispute| !dispute.is_closed());
    let wait_ms = match state.progress {
        Progress::Open | Progress::Waiting if age_ms < 10 * MINUTE_MS => MINUTE_MS,
        Progress::Open if age_ms < 2 * HOUR_MS => 10 * MINUTE_MS,
        Progress::Open | Progress::Waiting => 6 * HOUR_MS,
        // A payment may follow the end of its page, and a bank may still take one back.
        Progress::Expired | Progress::Failed if age_ms < 48 * HOUR_MS => 12 * HOUR_MS,
        _ if is_moving => 12 * HOUR_MS,
        _ if unmoved_minor(owned) != 0 && age_ms < UNMOVED_MS => 12 * HOUR_MS,
        _ => return None,
    };
    Some(now.saturating_add_ms(wait_ms))
}
