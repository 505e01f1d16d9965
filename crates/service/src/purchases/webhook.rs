//! Events of the processor: pointers to payments, which are then read.

use super::error::PurchaseError;
use super::settle::Settled;
use super::state::Purchases;
use opencredits_billing::{Hint, PaymentError, Subject, TOLERANCE_MS, WebhookSecret, verify_signature};
use std::sync::atomic::Ordering;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Its payment is ours, and the books stand as the processor says.
    Settled,
    /// It is about something that is none of ours, or no payment.
    Ignored,
}

impl Purchases {
    /// Hears an event: checks who sent it, and settles the payment that it points at. The payload is neither kept nor logged.
    ///
    /// # Errors
    /// When the signature does not hold, or the payload is no event; and as [`Purchases::settle`], after which the sender
    /// should send it again.
    pub async fn hear(
        &self,
        payload: &[u8],
        signature: &str,
        secrets: &[WebhookSecret],
    ) -> Result<Heard, PurchaseError> {
        let verified = verify_signature(payload, signature, secrets, self.now(), TOLERANCE_MS)?;
        self.heed(&Hint::parse(&verified)?).await
    }

    /// Settles the payment that a verified event points at.
    pub(super) async fn heed(&self, hint: &Hint) -> Result<Heard, PurchaseError> {
        let heard = self.follow(hint).await?;
        let count = if heard == Heard::Settled { &self.counts.settled } else { &self.counts.ignored };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(heard)
    }

    async fn follow(&self, hint: &Hint) -> Result<Heard, PurchaseError> {
        let Subject::Payment(payment) = &hint.subject else {
            return Ok(Heard::Ignored);
        };
        let is_theirs = hint.marker.as_ref().is_some_and(|marker| *marker != self.settings().marker);
        if hint.mode != self.settings().mode || hint.account.is_some() || is_theirs {
            return Ok(Heard::Ignored);
        }
        match self.settle(payment).await {
            Ok(Settled::Ours(_)) => Ok(Heard::Settled),
            Ok(Settled::Foreign) => Ok(Heard::Ignored),
            // An object that is not there any more, such as one of the other mode.
            Err(PurchaseError::Payment(PaymentError::NotFound { .. })) => Ok(Heard::Ignored),
            Err(error) => Err(error),
        }
    }
}
