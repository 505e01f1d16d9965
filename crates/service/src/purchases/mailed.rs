//! People are told of their purchases by mail.

use super::state::{PurchaseNotice, PurchaseNotices};
use crate::fault::Fault;
use crate::mail::{MailFault, MailQueue};
use async_trait::async_trait;
use opencredits_email::{Paid, Receipt, Refund, TopUp, TopUpFailed, TopUpFault};
use opencredits_store::{Order, OrderOrigin};
use opencredits_units::NanoUsd;

/// Puts mails about purchases into the outbox, under the order that they are about.
pub struct MailedNotices(MailQueue);

impl MailedNotices {
    /// Mails through this queue.
    #[must_use]
    pub const fn new(queue: MailQueue) -> Self {
        Self(queue)
    }

    async fn put(&self, order: &Order, notice: PurchaseNotice) -> Result<(), MailFault> {
        let number = order.id.to_string();
        match notice {
            PurchaseNotice::Paid { debt_settled } => {
                let receipt = Receipt {
                    credits: order.credits,
                    bonus: order.bonus,
                    debt_settled,
                    paid: paid(order, order.amount_minor)?,
                    fee: (order.fee_minor > 0).then(|| paid(order, order.fee_minor)).transpose()?,
                    top_up: match order.origin {
                        OrderOrigin::Checkout => TopUp::ByHand,
                        OrderOrigin::TopUp => TopUp::Automatic,
                    },
                    order: number.parse()?,
                    paid_at: order.bookings.at,
                };
                self.0.receipt(order.user, &number, receipt).await?;
            }
            PurchaseNotice::Refunded { minor, credits, debt } => {
                let refund = Refund {
                    refunded: paid(order, minor)?,
                    credits,
                    debt: debt.max(NanoUsd::ZERO),
                    order: number.parse()?,
                };
                // A payment may be refunded in parts: the sum so far tells them apart.
                let cause = format!("{number} {}", order.bookings.after.refunded_minor);
                self.0.refund(order.user, &cause, refund).await?;
            }
            PurchaseNotice::TopUpDeclined => self.put_failed(order, TopUpFault::Declined).await?,
            PurchaseNotice::TopUpNeedsConfirmation => self.put_failed(order, TopUpFault::ActionRequired).await?,
        }
        Ok(())
    }

    async fn put_failed(&self, order: &Order, fault: TopUpFault) -> Result<(), MailFault> {
        let number = order.id.to_string();
        let failed = TopUpFailed { amount: paid(order, order.amount_minor)?, fault, order: number.parse()? };
        self.0.top_up_failed(order.user, &number, failed).await?;
        Ok(())
    }
}

#[async_trait]
impl PurchaseNotices for MailedNotices {
    async fn tell(&self, order: &Order, notice: PurchaseNotice) -> Result<(), Fault> {
        match self.put(order, notice).await {
            Ok(()) => Ok(()),
            Err(MailFault::Store(error)) => Err(error.into()),
            Err(MailFault::Ledger(error)) => Err(error.into()),
            Err(error) => {
                // It would be refused again: a purchase does not wait for a mail that can never be written.
                tracing::error!(order = %order.id, %error, "a mail about a purchase cannot be put into the outbox");
                Ok(())
            }
        }
    }
}

fn paid(order: &Order, minor: i64) -> Result<Paid, MailFault> {
    let minor_units = u64::try_from(minor).unwrap_or_default();
    Ok(Paid { minor_units, currency: order.currency.parse()? })
}
