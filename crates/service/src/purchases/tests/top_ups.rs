//! Top-ups whose charge the processor never hears of, or whose refusal comes by another way than the answer.

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
    /// Whether charges are made, and their answers lost.
    pub(super) loses_answers: AtomicBool,
    pub(super) is_unreadable: AtomicBool,
}

impl Unreliable {
    pub(super) fn over(sandbox: Arc<Sandbox>) -> Self {
        let [is_failing, loses_answers, is_unreadable] = [false; 3].map(AtomicBool::new);
        Self { sandbox, is_failing, loses_answers, is_unreadable }
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
        let outcome = self.sandbox.charge_saved(charge).await;
        if self.loses_answers.load(Ordering::Relaxed) {
            return Err(PaymentError::Unreachable { operation: "charge a saved method" });
        }
        outcome
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

#[tokio::test]
async fn a_charge_that_is_processed_for_days_and_then_fails_ends_top_ups_with_a_mail() {
    check(
        "
        save 1000
        pay
        settle               | Paid
        rule 5000 1000 9000
        method pm_usBankAccount_processing
        top                  | 1 On 1000
        top                  | 0 On 1000
        wait 4320
        charge fails
        reconcile            | 3 events, 0 orders, 0 of 1 movements, 0 in suspense, 0 failures, 0 differ
        top                  | 0 Declined 0
        top                  | 0 Declined 0
        told                 | Paid { debt_settled: NanoUsd(0) }, TopUpDeclined
    ",
    )
    .await;
}

#[tokio::test]
async fn a_charge_that_was_settled_before_it_was_refused_ends_top_ups_with_a_mail() {
    for (method, state, notice) in [
        ("pm_card_chargeDeclined", "Declined", "TopUpDeclined"),
        ("pm_card_authenticationRequired", "ActionRequired", "TopUpNeedsConfirmation"),
    ] {
        check(&format!(
            "
            save 1000
            pay
            settle             | Paid
            rule 5000 1000 9000
            method {method}
            answers get lost
            top                | 0 On 1000
            reconcile          | 2 events, 1 orders, 0 of 1 movements, 0 in suspense, 0 failures, 0 differ
            answers arrive
            reads fail
            top                | 0 On 1000
            reads work
            top                | 0 {state} 0
            top                | 0 {state} 0
            told               | Paid {{ debt_settled: NanoUsd(0) }}, {notice}
            "
        ))
        .await;
    }
}
