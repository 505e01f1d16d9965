//! What an answer other than a success means.

use super::wire::{ApiError, Failure};
use crate::error::{NotRefundableReason, PaymentError};

/// How long to wait where Stripe does not say.
const RETRY_AFTER_MS: u64 = 1_000;
/// How long to wait at most, whatever Stripe says.
const RETRY_AFTER_MS_MAX: u64 = 60_000;
/// Characters of a code or parameter that are kept.
const TEXT_CHARS_MAX: usize = 100;

/// An answer that is no success.
pub(super) struct Failed {
    pub(super) operation: &'static str,
    /// The object that the request names in its path.
    pub(super) object: String,
    /// Whether the request had an idempotency key, under which a 500 is stored.
    pub(super) has_key: bool,
    pub(super) status: u16,
    /// Whether the answer is a stored one.
    pub(super) replayed: bool,
    pub(super) retry_after_s: Option<u64>,
    pub(super) error: ApiError,
}

/// The error in a body; an empty one where the body has none, as a proxy's may not.
pub(super) fn read_error(body: &[u8]) -> ApiError {
    serde_json::from_slice::<Failure>(body).map(|failure| failure.error).unwrap_or_default()
}

impl Failed {
    pub(super) fn into_error(self) -> PaymentError {
        let (operation, status) = (self.operation, self.status);
        match self.error.code.as_deref().unwrap_or_default() {
            "charge_disputed" => return PaymentError::NotRefundable(NotRefundableReason::Disputed),
            "charge_already_refunded" => return PaymentError::NotRefundable(NotRefundableReason::AlreadyRefunded),
            "resource_missing" => return PaymentError::NotFound { operation, object: self.object },
            "lock_timeout" | "idempotency_key_in_use" | "rate_limit" => return self.busy(),
            _ => {}
        }
        match status {
            401 | 403 => PaymentError::Credentials { operation, status },
            404 => PaymentError::NotFound { operation, object: self.object },
            409 | 429 => self.busy(),
            // Other failures of a server come from before the API, which has then seen no key.
            500.. if self.has_key && (status == 500 || self.replayed) => {
                PaymentError::StoredFailure { operation, status }
            }
            500.. => PaymentError::Unreachable { operation },
            _ => self.refused(),
        }
    }

    fn busy(self) -> PaymentError {
        let asked_ms = self.retry_after_s.map(|seconds| seconds.saturating_mul(1_000));
        let retry_after_ms = asked_ms.unwrap_or(RETRY_AFTER_MS).min(RETRY_AFTER_MS_MAX);
        PaymentError::Busy { operation: self.operation, retry_after_ms }
    }

    fn refused(self) -> PaymentError {
        let code = self.error.code.or(self.error.kind);
        PaymentError::Refused {
            operation: self.operation,
            status: self.status,
            code: shortened(code, "none"),
            parameter: shortened(self.error.param, "no parameter named"),
        }
    }
}

fn shortened(text: Option<String>, absent: &str) -> String {
    text.map_or_else(|| absent.to_owned(), |text| text.chars().take(TEXT_CHARS_MAX).collect())
}
