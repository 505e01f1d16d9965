//! What can go wrong, and whose fault it is.

use crate::money::Money;
use std::fmt;

/// A payment operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaymentError {
    /// A value of the caller breaks a rule.
    #[error("{field} is not usable; it must {rule}")]
    Malformed {
        /// What the value is for.
        field: &'static str,
        /// What it must do, after "it must".
        rule: &'static str,
    },
    /// An event's signature does not hold.
    #[error("webhook signature refused: {0}")]
    Signature(SignatureProblem),
    /// A signed payload is no event.
    #[error("signed payload is no event; expected a snapshot or a thin event with id and type")]
    UnreadablePayload,
    /// The processor did not answer in time, or not at all. It may have done what it was asked.
    #[error("{operation}: no answer from the payment processor; repeat it with the same key")]
    Unreachable {
        /// What was asked.
        operation: &'static str,
    },
    /// The processor failed and may have stored that answer under the idempotency key.
    #[error("{operation}: the payment processor failed with status {status}; repeat it with a new attempt")]
    StoredFailure {
        /// What was asked.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// The processor asks for patience: too many requests, or another one works on the same object.
    #[error("{operation}: the payment processor is busy; repeat it with the same key in {retry_after_ms} ms")]
    Busy {
        /// What was asked.
        operation: &'static str,
        /// How long to wait.
        retry_after_ms: u64,
    },
    /// The processor does not take our key, or the key lacks a permission.
    #[error("{operation}: the payment processor refused our key with status {status}; check its permissions")]
    Credentials {
        /// What was asked.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// The processor refused the request as such.
    #[error("{operation}: the payment processor refused the request with status {status}, code {code}, {parameter}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
        /// The processor's code, or `none`.
        code: String,
        /// The parameter that it names, or `no parameter named`.
        parameter: String,
    },
    /// The processor knows no such object.
    #[error("{operation}: the payment processor knows no {object}; check the mode of the key and the account")]
    NotFound {
        /// What was asked.
        operation: &'static str,
        /// What it does not know: an id, or what was searched for.
        object: String,
    },
    /// The processor's answer cannot be read.
    #[error("{operation}: unexpected answer of the payment processor at {at}")]
    UnexpectedAnswer {
        /// What was asked.
        operation: &'static str,
        /// What is wrong with it.
        at: &'static str,
    },
    /// A payment is not the one that its order describes.
    #[error("paid {paid} for an order of {price}: {kind}; refund the payment or correct the order")]
    Mismatch {
        /// What was paid.
        paid: Money,
        /// What the order says.
        price: Money,
        /// How they differ.
        kind: MismatchKind,
    },
    /// A payment cannot be refunded.
    #[error("payment cannot be refunded: {0}")]
    NotRefundable(NotRefundableReason),
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller's, or that of the person behind it.
    Caller,
    /// The sender's of an event.
    Sender,
    /// The processor's, or that of the way to it.
    Processor,
    /// Ours: the key, the settings, or this crate.
    Us,
}

/// Whether repeating an operation can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// It cannot.
    Never,
    /// With the same idempotency key, after so many milliseconds.
    SameKey {
        /// How long to wait at least.
        after_ms: u64,
    },
    /// With a new attempt number only. An off-session charge looks for an earlier one by itself.
    NewAttempt,
}

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureProblem {
    /// The header is absent or has no time or no signature of the scheme.
    MalformedHeader,
    /// None of the signatures was made with one of the secrets.
    NoMatch,
    /// It was made too long ago.
    TooOld,
    /// It was made in the future.
    TooNew,
}

/// How a payment differs from its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MismatchKind {
    /// Another currency.
    Currency,
    /// Less money.
    Underpaid,
}

/// Why a payment cannot be refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotRefundableReason {
    /// Its dispute decides about the money.
    Disputed,
    /// All of it was refunded before.
    AlreadyRefunded,
    /// More was asked for than is left.
    ExceedsRest,
}

/// The wait after an error that names none.
const RETRY_AFTER_MS: u64 = 1_000;

impl PaymentError {
    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Malformed { .. } | Self::NotRefundable(_) | Self::NotFound { .. } => Fault::Caller,
            Self::Signature(_) | Self::UnreadablePayload => Fault::Sender,
            Self::Unreachable { .. } | Self::StoredFailure { .. } | Self::Busy { .. } => Fault::Processor,
            Self::UnexpectedAnswer { .. } => Fault::Processor,
            Self::Credentials { .. } | Self::Refused { .. } | Self::Mismatch { .. } => Fault::Us,
        }
    }

    /// Whether repeating the operation can help.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } => Retry::SameKey { after_ms: RETRY_AFTER_MS },
            Self::Busy { retry_after_ms, .. } => Retry::SameKey { after_ms: *retry_after_ms },
            Self::StoredFailure { .. } => Retry::NewAttempt,
            _ => Retry::Never,
        }
    }
}

impl fmt::Display for SignatureProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedHeader => "the header has no time or no signature",
            Self::NoMatch => "no signature matches a configured secret",
            Self::TooOld => "it is too old; check the clock",
            Self::TooNew => "it is from the future; check the clock",
        })
    }
}

impl fmt::Display for MismatchKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Currency => "the currency differs",
            Self::Underpaid => "it is too little",
        })
    }
}

impl fmt::Display for NotRefundableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disputed => "it is disputed; wait for the dispute to be closed",
            Self::AlreadyRefunded => "it was refunded in full",
            Self::ExceedsRest => "the amount exceeds what is left of it; ask for less",
        })
    }
}
