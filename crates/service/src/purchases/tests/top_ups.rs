//! Top-ups whose charge the processor never hears of.

use super::check;
use async_trait::async_trait;
use opencredits_billing::{
    After, ChargeOutcome, Checkout, CheckoutRequest, CustomerId, EventId, Hint, MoneyMovement, MovementId, Page,
    PaymentError, PaymentRef, PaymentState, Payments, RefundRequest, RefundState, Sandbox, SavedCharge, SessionId,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The sandbox, which charges of saved methods may not reach.
pub(super) struct Unreliable {
    sandbox: Arc<Sandbox>,
    pub(super) is_failing: AtomicBool,
    pub(super) is_unreadable: AtomicBool,
}

impl Unreliable {
    pub(super) fn over(sandbox: Arc<Sandbox>) -> Self {
        Self { sandbox, is_failing: AtomicBool::new(false), is_unreadable: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Payments for Unreliable {
    async fn create_checkout(&self, request: &CheckoutRequest) -> Result<Checkout, PaymentError> {
        self.sandbox.create_checkout(request).await
    }

    async fn expire_checkout(&self, session: &SessionId) -> Result<(), PaymentError> {
        self.sandbox.expire_checkout(session).await
    }

    async fn payment(&self, payment: &PaymentRef) -> Result<PaymentState, PaymentError> {
        if self.is_unreadable.load(Ordering::Relaxed) {
            return Err(PaymentError::Unreachable { operation: "read a payment" });
        }
        self.sandbox.payment(payment).await
    }

    async fn charge_saved(&self, charge: &SavedCharge) -> Result<ChargeOutcome, PaymentError> {
        if self.is_failing.load(Ordering::Relaxed) {
            return Err(PaymentError::Unreachable { operation: "charge a saved method" });
        }
        self.sandbox.charge_saved(charge).await
    }

    async fn refund(&self, request: &RefundRequest) -> Result<RefundState, PaymentError> {
        self.sandbox.refund(request).await
    }

    async fn events_after(&self, after: After<'_, EventId>) -> Result<Page<Hint, EventId>, PaymentError> {
        self.sandbox.events_after(after).await
    }

    async fn movements_after(
        &self,
        after: After<'_, MovementId>,
    ) -> Result<Page<MoneyMovement, MovementId>, PaymentError> {
        self.sandbox.movements_after(after).await
    }

    async fn portal_url(&self, customer: &CustomerId, return_url: &str) -> Result<String, PaymentError> {
        self.sandbox.portal_url(customer, return_url).await
    }
}

#[tokio::test]
async fn a_charge_that_never_reached_the_processor_expires_and_gives_the_months_amount_back() {
    check(
        "
        save 1000
        pay
        settle               | Paid
        rule 500 1000 1500
        spend 600
        charges fail
        top                  | 0 On 1000
        wait 130
        due
        charges work
        top                  | 0 On 0
        top                  | 1 On 1000
        top                  | 0 On 1000
        told                 | Paid { debt_settled: NanoUsd(0) }, Paid { debt_settled: NanoUsd(0) }
    ",
    )
    .await;
}

#[tokio::test]
async fn a_charge_that_expires_in_a_later_month_leaves_that_months_amount_whole() {
    check(
        "
        save 1000
        pay
        settle               | Paid
        rule 500 1000 1000
        spend 600
        charges fail
        top                  | 0 On 1000
        wait 60000
        due
        charges work
        top                  | 0 On 0
        top                  | 1 On 1000
        spend 1000
        top                  | 0 On 1000
        wait 60000
        top                  | 1 On 1000
    ",
    )
    .await;
}
