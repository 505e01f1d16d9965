//! What the sandbox answers as a payment processor.

use super::{
    PAGE_MAX, PAGE_PREFIX, PAYMENTS_MAX, SANDBOX_PORTAL_PREFIX, Sandbox, SandboxPayment, add_refund, closed, not_found,
    plain, refused, rest_of, settle,
};
use crate::error::{NotRefundableReason, PaymentError};
use crate::hint::Hint;
use crate::ids::{CustomerId, EventId, MovementId, ProcessorId, SessionId};
use crate::payments::{Customers, Payments};
use crate::requests::{
    After, ChargeOutcome, Checkout, CheckoutRequest, Page, PaymentRef, RefundRequest, SaveMethod, SavedCharge,
};
use crate::state::{MoneyMovement, PaymentState, Progress, RefundState, RefundStatus};
use async_trait::async_trait;
use std::collections::BTreeMap;

/// The saved method whose charges are declined.
const DECLINED: &str = "pm_card_chargeDeclined";
/// The saved method whose charges the bank wants confirmed.
const NEEDS_ACTION: &str = "pm_card_authenticationRequired";
/// The saved method whose charges take days; see [`Sandbox::charge_fails`].
const PROCESSING: &str = "pm_usBankAccount_processing";

#[async_trait]
impl Payments for Sandbox {
    async fn create_checkout(&self, request: &CheckoutRequest) -> Result<Checkout, PaymentError> {
        request.check()?;
        let mut kept = self.kept();
        let attempt = (request.order.as_str().to_owned(), request.attempt);
        if let Some(before) = kept.payments.get(&attempt)
            && let Some(session) = &before.state.session
        {
            if !before.was_asked_for_by(request) {
                return Err(refused("idempotency_error"));
            }
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
            email: request.email.clone(),
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
        let before = kept.find(&PaymentRef::Order(charge.order.clone()));
        // A refused charge can be tried again by a new attempt; everything else stands.
        let stands =
            |before: &&SandboxPayment| before.state.progress != Progress::Failed || before.attempt == charge.attempt;
        if let Some(outcome) = before.filter(stands).and_then(|before| outcome(&before.state)) {
            return Ok(outcome);
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
            email: String::new(),
            refund_keys: BTreeMap::new(),
        };
        let event = match charge.method.as_str() {
            method @ (DECLINED | NEEDS_ACTION) => {
                (payment.state.progress, payment.state.needs_buyer) = (Progress::Failed, method == NEEDS_ACTION);
                "payment_intent.payment_failed"
            }
            PROCESSING => {
                payment.state.progress = Progress::Waiting;
                "payment_intent.processing"
            }
            _ => {
                settle(&mut kept, &mut payment, charge.ordered_at);
                "payment_intent.succeeded"
            }
        };
        if payment.state.payment.is_none() {
            payment.state.payment = Some(kept.fresh("pi"));
        }
        let made = outcome(&payment.state);
        kept.note(&payment, event);
        kept.put(payment);
        made.ok_or_else(closed)
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
            After::Time(time) => kept.events.partition_point(|(at, _)| *at < time),
            After::Id(id) => {
                let at = kept.events.iter().position(|(_, hint)| hint.event == *id);
                at.ok_or_else(|| not_found(id.as_str()))?.saturating_add(1)
            }
        };
        let items: Vec<Hint> = kept.events.iter().skip(from).take(PAGE_MAX).map(|(_, hint)| hint.clone()).collect();
        let has_more = kept.events.len() > from.saturating_add(items.len());
        Ok(Page { next: items.last().map(|hint| hint.event.clone()), items, has_more })
    }

    async fn movements_after(
        &self,
        after: After<'_, MovementId>,
    ) -> Result<Page<MoneyMovement, MovementId>, PaymentError> {
        let kept = self.kept();
        let from = match after {
            After::Time(time) => {
                let first = kept.movements.iter().position(|movement| movement.created_at >= time);
                first.unwrap_or(kept.movements.len())
            }
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
        let mut kept = self.kept();
        kept.portals.insert(customer.as_str().to_owned(), return_url.to_owned());
        while kept.portals.len() > PAYMENTS_MAX {
            kept.portals.pop_first();
        }
        drop(kept);
        Ok(format!("{}{SANDBOX_PORTAL_PREFIX}{customer}", self.page_url))
    }
}

#[async_trait]
impl Customers for Sandbox {
    async fn delete_customer(&self, customer: &CustomerId) -> Result<(), PaymentError> {
        self.kept().portals.remove(customer.as_str());
        Ok(())
    }
}

/// How the charge of a saved method ended, if this payment is one.
fn outcome(state: &PaymentState) -> Option<ChargeOutcome> {
    let payment = state.payment.clone()?;
    Some(match state.progress {
        Progress::Waiting => ChargeOutcome::Processing { payment },
        Progress::Failed if state.needs_buyer => ChargeOutcome::ActionRequired { payment: Some(payment) },
        Progress::Failed => ChargeOutcome::Declined { payment: Some(payment), code: "card_declined".to_owned() },
        _ => ChargeOutcome::Succeeded { payment },
    })
}

impl SandboxPayment {
    /// Whether this request asks for the page that is there: an attempt is repeated with the same content.
    fn was_asked_for_by(&self, request: &CheckoutRequest) -> bool {
        self.state.asked == request.amount
            && self.email == request.email
            && (self.success_url.as_str(), self.cancel_url.as_str())
                == (request.success_url.as_str(), request.cancel_url.as_str())
            && self.save_method == request.save_method
            && self.expires_at == request.expires_at
    }
}
