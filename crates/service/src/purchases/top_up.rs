//! Top-ups: a saved payment method is charged when a balance is below its threshold, one charge at a time for a person.

use super::charging::{month_of, uncharge};
use super::create::order_ref;
use super::error::PurchaseError;
use super::settle::{Settled, payment_of};
use super::state::{PurchaseNotice, Purchases};
use super::target;
use crate::ports::fresh_id;
use opencredits_billing::{ChargeOutcome, Money, PaymentError, PaymentId, Retry, SavedCharge};
use opencredits_store::{Bookings, Order, OrderOrigin, OrderState, Payer, TopUpState};
use opencredits_units::{NanoUsd, OrderId, UserId};

/// People that are looked at in one page.
const PAGE_MAX: u32 = 200;
/// Attempts at one charge, each with an idempotency key of its own.
const ATTEMPTS_MAX: u32 = 5;
/// When an order that is being charged is looked at without being told to.
const CHECK_MS: u64 = 60_000;

/// When and how a balance is topped up by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopUpRule {
    /// Below this balance.
    pub threshold: NanoUsd,
    /// With credits for this amount; the fee comes on top.
    pub amount: Money,
    /// The most that is charged so in a calendar month, UTC, in the minor unit of the amount's currency.
    pub monthly_max_minor: i64,
}

impl Purchases {
    /// How a person pays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn payer(&self, user: UserId) -> Result<Option<Payer>, PurchaseError> {
        Ok(self.tables.payers.payer(user).await?)
    }

    /// Turns top-ups of a person on by this rule, or off.
    ///
    /// # Errors
    /// When nothing is sold for the amount, when no payment method is saved, when the month's maximum is below one charge,
    /// or when the store fails.
    pub async fn set_top_up(&self, user: UserId, rule: Option<TopUpRule>) -> Result<Payer, PurchaseError> {
        let kept = self.tables.payers.payer(user).await?;
        let Some(rule) = rule else {
            let Some(mut payer) = kept else {
                return Err(PurchaseError::NoMethod);
            };
            payer.top_up = TopUpState::Off;
            return self.put(payer).await;
        };
        let price = self.settings().terms.price(rule.amount).map_err(PurchaseError::NotSold)?;
        self.refuse_paused(user).await?;
        let mut payer = kept.filter(|payer| payer.method.is_some()).ok_or(PurchaseError::NoMethod)?;
        if rule.monthly_max_minor < price.total.minor() {
            return Err(PurchaseError::MonthlyMax { least_minor: price.total.minor() });
        }
        payer.top_up = TopUpState::On;
        payer.threshold = rule.threshold;
        payer.amount_minor = rule.amount.minor();
        payer.currency = rule.amount.currency().code().to_owned();
        payer.monthly_max_minor = rule.monthly_max_minor;
        self.put(payer).await
    }

    /// Charges everybody whose balance is below the threshold. A failure with one person does not keep others waiting.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn top_up_all(&self) -> Result<usize, PurchaseError> {
        let (mut after, mut charged) = (UserId::default(), 0_usize);
        loop {
            let page = self.tables.payers.payers_to_top_up(after, PAGE_MAX).await?;
            let Some(last) = page.last() else {
                return Ok(charged);
            };
            after = last.user;
            for payer in page {
                let user = payer.user;
                match self.top_up(payer).await {
                    Ok(was_charged) => charged = charged.saturating_add(usize::from(was_charged)),
                    Err(error) => tracing::error!(%user, %error, "cannot top up a balance; trying again"),
                }
            }
        }
    }

    /// Charges one person if it is time; whether they were charged.
    async fn top_up(&self, payer: Payer) -> Result<bool, PurchaseError> {
        if let Some(order) = payer.charging {
            return self.go_on(payer.user, order).await;
        }
        let Some(user) = self.tables.users.user(payer.user).await? else {
            return Ok(false);
        };
        if self.privacy_of(user.id).await?.is_paused() {
            return Ok(false);
        }
        if self.ledger.balance(user.wallet).await?.available >= payer.threshold {
            return Ok(false);
        }
        match self.begin_charge(payer).await? {
            Some(order) => self.go_on(user.id, order).await,
            None => Ok(false),
        }
    }

    /// Stores the order, and that it is the one being charged. Of two processes one succeeds; the other's order ends unpaid.
    async fn begin_charge(&self, mut payer: Payer) -> Result<Option<OrderId>, PurchaseError> {
        let amount = Money::new(payer.amount_minor, payer.currency.parse()?);
        let price = self.settings().terms.price(amount).map_err(PurchaseError::NotSold)?;
        let now = self.now();
        let month = month_of(now);
        let so_far = if payer.month == month { payer.month_minor } else { 0 };
        let with_this = so_far.checked_add(price.total.minor()).ok_or(PurchaseError::Overflow)?;
        if with_this > payer.monthly_max_minor {
            return Ok(None);
        }
        let order = Order {
            id: fresh_id(now, &*self.ports.entropy),
            version: 1,
            user: payer.user,
            partner: None,
            origin: OrderOrigin::TopUp,
            request: None,
            content: None,
            currency: price.total.currency().code().to_owned(),
            amount_minor: price.total.minor(),
            fee_minor: price.fee_minor,
            credits: price.credits,
            bonus: price.bonus,
            created_at: now,
            state: OrderState::Open,
            attempt: 1,
            page: None,
            payment: None,
            bookings: Bookings::default(),
            check_at: Some(now.saturating_add_ms(CHECK_MS)),
        };
        self.tables.orders.add_order(&order).await?;
        (payer.charging, payer.month, payer.month_minor) = (Some(order.id), month, with_this);
        match self.put(payer).await {
            Ok(_) => Ok(Some(order.id)),
            Err(PurchaseError::Contended { .. }) => {
                self.stored(Order { state: OrderState::Failed, check_at: None, ..order }).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Charges the order that is being charged, or sees what has become of it.
    async fn go_on(&self, user: UserId, id: OrderId) -> Result<bool, PurchaseError> {
        // An event of the charge waits until its answer is heeded.
        let _alone = self.lock(user).lock().await;
        let payer = self.tables.payers.payer(user).await?.filter(|payer| payer.charging == Some(id));
        let (Some(payer), order) = (payer, self.order(id).await?) else {
            return Ok(false);
        };
        match order.state {
            OrderState::Open => self.charge(payer, order).await,
            OrderState::Waiting => Ok(false),
            OrderState::Failed => self.found_refused(payer, &order).await.map(|()| false),
            OrderState::Paid | OrderState::Expired => self.end_charge(payer, &order, None).await.map(|()| false),
        }
    }

    async fn charge(&self, payer: Payer, order: Order) -> Result<bool, PurchaseError> {
        let (Some(customer), Some(method)) = (&payer.customer, &payer.method) else {
            self.end_charge(payer, &order, Some(TopUpState::Off)).await?;
            return Ok(false);
        };
        let charge = SavedCharge {
            order: order_ref(order.id)?,
            attempt: order.attempt,
            amount: target::price(&order)?,
            customer: customer.parse()?,
            method: method.parse()?,
            partner: None,
            ordered_at: order.created_at,
        };
        match self.ports.payments.charge_saved(&charge).await {
            Ok(ChargeOutcome::Succeeded { payment } | ChargeOutcome::Processing { payment }) => {
                let settled = self.settle_paid(paid_by(order, Some(payment))).await?;
                if settled.state == OrderState::Paid {
                    self.end_charge(payer, &settled, None).await?;
                }
                Ok(true)
            }
            Ok(ChargeOutcome::ActionRequired { payment }) => {
                self.refused(payer, paid_by(order, payment), TopUpState::ActionRequired).await.map(|()| false)
            }
            Ok(ChargeOutcome::Declined { payment, .. }) => {
                self.refused(payer, paid_by(order, payment), TopUpState::Declined).await.map(|()| false)
            }
            Ok(_) => self.refused(payer, order, TopUpState::Declined).await.map(|()| false),
            Err(error) if error.retry() == Retry::NewAttempt && order.attempt < ATTEMPTS_MAX => {
                self.stored(Order { attempt: order.attempt.saturating_add(1), ..order }).await?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn settle_paid(&self, order: Order) -> Result<Order, PurchaseError> {
        let order = self.stored(order).await?;
        match self.settle_alone(&order, &payment_of(&order)?).await? {
            Settled::Ours(settled) => Ok(settled.order),
            Settled::Foreign => Ok(order),
        }
    }

    /// The answer to our call is a refusal.
    async fn refused(&self, payer: Payer, order: Order, state: TopUpState) -> Result<(), PurchaseError> {
        // First of all: a crash after it leads to the same charge, the same refusal and no second mail.
        self.tell_refused(&order, state).await?;
        let order = self.stored(Order { state: OrderState::Failed, check_at: None, ..order }).await?;
        self.end_charge(payer, &order, Some(state)).await
    }

    /// The charge was refused, and something else than the answer to our call told so: an event, a check, or an earlier run
    /// that a crash ended.
    async fn found_refused(&self, payer: Payer, order: &Order) -> Result<(), PurchaseError> {
        let state = match self.ports.payments.payment(&payment_of(order)?).await {
            Ok(state) if state.needs_buyer => TopUpState::ActionRequired,
            Ok(_) | Err(PaymentError::NotFound { .. }) => TopUpState::Declined,
            Err(error) => return Err(error.into()),
        };
        self.tell_refused(order, state).await?;
        self.end_charge(payer, order, Some(state)).await
    }

    /// A mail has the order as its cause, so the person gets one however often this is called.
    pub(super) async fn tell_refused(&self, order: &Order, state: TopUpState) -> Result<(), PurchaseError> {
        let notice = match state {
            TopUpState::ActionRequired => PurchaseNotice::TopUpNeedsConfirmation,
            _ => PurchaseNotice::TopUpDeclined,
        };
        tracing::warn!(order = %order.id, "a top-up was refused, and top-ups of the person end");
        Ok(self.ports.notices.tell(order, notice).await?)
    }

    /// The charge is over; top-ups go on, or end with `state`.
    async fn end_charge(
        &self,
        mut payer: Payer,
        order: &Order,
        state: Option<TopUpState>,
    ) -> Result<(), PurchaseError> {
        uncharge(&mut payer, order);
        if let Some(state) = state {
            payer.top_up = state;
        }
        match self.put(payer).await {
            // Whatever changed it meanwhile is kept, and the next round ends the charge.
            Ok(_) | Err(PurchaseError::Contended { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn put(&self, mut payer: Payer) -> Result<Payer, PurchaseError> {
        if !self.tables.payers.put_payer(&payer).await? {
            return Err(PurchaseError::Contended { id: payer.charging.unwrap_or_default() });
        }
        payer.version = payer.version.saturating_add(1);
        Ok(payer)
    }

    /// The processor's page of a person's receipts and saved payment methods.
    ///
    /// # Errors
    /// When the person has never paid, or the processor fails.
    pub async fn portal(&self, user: UserId, return_url: &str) -> Result<String, PurchaseError> {
        let customer = self.tables.payers.payer(user).await?.and_then(|payer| payer.customer);
        let customer = customer.ok_or(PurchaseError::NoMethod)?.parse()?;
        Ok(self.ports.payments.portal_url(&customer, return_url).await?)
    }
}

/// The order with its payment, where one was made.
fn paid_by(order: Order, payment: Option<PaymentId>) -> Order {
    let payment = payment.map(|payment| payment.as_str().to_owned());
    Order { payment: payment.or(order.payment), ..order }
}
