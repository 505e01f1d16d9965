//! Events of the processor: pointers to payments, which are then read.

use super::error::PurchaseError;
use super::settle::{Settled, SettledOrder};
use super::state::Purchases;
use crate::telemetry::families::PAYMENT_EVENTS;
use opencredits_billing::{Hint, PaymentError, Subject, TOLERANCE_MS, WebhookSecret, verify_signature};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Its payment is ours, and the books stand as the processor says.
    Settled(Box<SettledOrder>),
    /// Its payment is none of ours: of another product, installation or account, or in the other mode.
    Foreign,
    /// It is about no payment.
    Other,
}

impl Heard {
    /// Its name in metrics.
    const fn name(&self) -> &'static str {
        match self {
            Self::Settled(_) => "settled",
            Self::Foreign => "foreign",
            Self::Other => "other",
        }
    }
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
        let heard = self.follow(hint).await;
        let outcome = heard.as_ref().map_or("failed", |heard| heard.name());
        PAYMENT_EVENTS.counter_of(&[outcome]).increment(1);
        heard
    }

    async fn follow(&self, hint: &Hint) -> Result<Heard, PurchaseError> {
        let Subject::Payment(payment) = &hint.subject else {
            return Ok(Heard::Other);
        };
        let is_theirs = hint.marker.as_ref().is_some_and(|marker| *marker != self.settings().marker);
        if hint.mode != self.settings().mode || hint.account.is_some() || is_theirs {
            return Ok(Heard::Foreign);
        }
        match self.settle(payment).await {
            Ok(Settled::Ours(settled)) => Ok(Heard::Settled(settled)),
            Ok(Settled::Foreign) => Ok(Heard::Foreign),
            // An object that is not there any more, such as one of the other mode.
            Err(PurchaseError::Payment(PaymentError::NotFound { .. })) => Ok(Heard::Foreign),
            Err(error @ PurchaseError::UnknownOrder { .. }) => {
                self.suspend_unknown(payment).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}
