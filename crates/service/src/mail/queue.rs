//! Puts letters into the outbox.

use super::fault::MailFault;
use crate::ports::{Clock, Entropy, fresh_id};
use opencredits_email::{DeletionScheduled, Letter, PolicyChanged, Receipt, Refund, TopUpFailed};
use opencredits_store::{NewMail, Outbox};
use opencredits_units::{UnixMs, UserId};
use std::sync::Arc;

/// The longest cause, in bytes.
const CAUSE_BYTES_MAX: usize = 200;

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It is in the outbox.
    New,
    /// A letter of this kind and cause was there before; nothing was put in.
    Before,
    /// Mails are switched off; nothing was put in.
    Off,
}

/// Puts letters into the outbox, each under the cause that it is about. Doing so again changes nothing.
#[derive(Clone)]
pub struct MailQueue {
    outbox: Option<Arc<dyn Outbox>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl MailQueue {
    /// A queue into this outbox. Without one, mails are switched off: letters would only gather, and all be sent on the
    /// day on which mails are switched on.
    #[must_use]
    pub fn new(outbox: Option<Arc<dyn Outbox>>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { outbox, clock, entropy }
    }

    /// Puts in a receipt for this payment.
    ///
    /// # Errors
    /// When the person is unknown, the payment's id is empty or too long, or the store fails.
    pub async fn receipt(&self, user: UserId, payment: &str, receipt: Receipt) -> Result<Enqueued, MailFault> {
        self.enqueue(user, payment, &Letter::Receipt(receipt)).await
    }

    /// Puts in the news of this attempt at a top-up that failed.
    ///
    /// # Errors
    /// As [`Self::receipt`].
    pub async fn top_up_failed(&self, user: UserId, attempt: &str, failed: TopUpFailed) -> Result<Enqueued, MailFault> {
        self.enqueue(user, attempt, &Letter::TopUpFailed(failed)).await
    }

    /// Puts in the news of this refund.
    ///
    /// # Errors
    /// As [`Self::receipt`].
    pub async fn refund(&self, user: UserId, refund_id: &str, refund: Refund) -> Result<Enqueued, MailFault> {
        self.enqueue(user, refund_id, &Letter::Refund(refund)).await
    }

    /// Puts in the news that an account is going to be deleted.
    ///
    /// # Errors
    /// As [`Self::receipt`].
    pub async fn deletion_scheduled(
        &self,
        user: UserId,
        cause: &str,
        news: DeletionScheduled,
    ) -> Result<Enqueued, MailFault> {
        self.enqueue(user, cause, &Letter::DeletionScheduled(news)).await
    }

    /// Puts in the news of a version of the policy.
    ///
    /// # Errors
    /// As [`Self::receipt`].
    pub async fn policy_changed(&self, user: UserId, cause: &str, news: PolicyChanged) -> Result<Enqueued, MailFault> {
        self.enqueue(user, cause, &Letter::PolicyChanged(news)).await
    }

    async fn enqueue(&self, user: UserId, cause: &str, letter: &Letter) -> Result<Enqueued, MailFault> {
        let Some(outbox) = &self.outbox else {
            return Ok(Enqueued::Off);
        };
        let now = self.clock.now();
        let mail = mail(user, cause.to_owned(), letter, (now, &*self.entropy))?;
        Ok(if outbox.enqueue(&mail).await? { Enqueued::New } else { Enqueued::Before })
    }
}

/// A letter as a row of the outbox.
pub(super) fn mail(
    user: UserId,
    cause: String,
    letter: &Letter,
    (now, entropy): (UnixMs, &dyn Entropy),
) -> Result<NewMail, MailFault> {
    if cause.is_empty() || cause.len() > CAUSE_BYTES_MAX {
        return Err(MailFault::Cause);
    }
    let parameters = serde_json::to_string(letter)?;
    Ok(NewMail { id: fresh_id(now, entropy), kind: letter.kind().to_owned(), cause, user, parameters, created_at: now })
}
