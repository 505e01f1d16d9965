//! Refunds that the operator decides.

use super::error::PurchaseError;
use super::settle::Settled;
use super::state::Purchases;
use super::target;
use opencredits_billing::{Money, NotRefundableReason, PaymentError, RefundRequest};
use opencredits_store::Order;
use opencredits_units::OrderId;

impl Purchases {
    /// Refunds an order: all that is left of it, or `amount_minor` of its currency. Credits are taken back in proportion;
    /// what the person has spent becomes a debt. A repetition with the same `key` refunds nothing more.
    ///
    /// # Errors
    /// When the order is unknown or was not paid, when a dispute or an earlier refund stands against it, or when
    /// processor, ledger or store fail.
    pub async fn refund(&self, id: OrderId, amount_minor: Option<i64>, key: &str) -> Result<Order, PurchaseError> {
        // What the processor knows by now decides whether it can be refunded.
        let order = match self.settle_order(id).await? {
            Settled::Ours(settled) => settled.order,
            Settled::Foreign => return Err(PurchaseError::NoOrder { id: id.to_string() }),
        };
        let booked = order.bookings.after;
        if booked.disputed_minor > 0 {
            return Err(PaymentError::NotRefundable(NotRefundableReason::Disputed).into());
        }
        let payment = order.payment.as_deref().filter(|_| booked.paid_minor > 0);
        let payment = payment.ok_or_else(|| PurchaseError::NotPaid { id })?.parse()?;
        let currency = target::price(&order)?.currency();
        let amount = amount_minor.map(|minor| Money::new(minor, currency));
        let key = format!("{id}-{key}");
        let made = self.ports.payments.refund(&RefundRequest { payment, amount, key }).await?;
        if amount.is_some_and(|amount| amount != made.amount) {
            return Err(PurchaseError::OtherRequest);
        }
        match self.settle_order(id).await? {
            Settled::Ours(settled) => Ok(settled.order),
            Settled::Foreign => Err(PurchaseError::NoOrder { id: id.to_string() }),
        }
    }
}
