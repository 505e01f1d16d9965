//! Refusals and failures of requests. The HTTP interface gives them status codes and texts; nothing here knows any.

use crate::limits::LimitKind;
use crate::rate_limited::RateLimited;
use opencredits_units::{GenerationId, NanoUsd, UnixMs};
use std::sync::Arc;

/// A request was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The key is not accepted.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The request is invalid.
    #[error(transparent)]
    Request(#[from] RequestFault),
    /// The worst case is not covered.
    #[error("the balance or a limit does not cover the worst case of this request")]
    Payment(Box<PaymentNeeded>),
    /// The key sends too fast.
    #[error(transparent)]
    Rate(#[from] RateLimited),
    /// The idempotency key was used before.
    #[error("this idempotency key was used before; its request is generation {first}")]
    Duplicate {
        /// The generation of the first request.
        first: GenerationId,
    },
    /// The provider failed or refused.
    #[error(transparent)]
    Upstream(#[from] Box<UpstreamFault>),
    /// Too much memory is in use.
    #[error(transparent)]
    Memory(#[from] crate::memory::NoMemory),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] opencredits_ledger::LedgerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] opencredits_store::StoreError),
    /// A usage record cannot be encoded or decoded.
    #[error(transparent)]
    Record(#[from] crate::record::RecordError),
    /// A price does not fit its integer.
    #[error("the price of this request exceeds every amount; lower its limits")]
    Overflow,
    /// The process ends.
    #[error("the service is stopping; send the request again")]
    Closing,
}

/// A key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// No key was sent.
    #[error("no key; send one as `Authorization: Bearer oc_sk_…`, or in `x-api-key`, `x-goog-api-key` or `X-User-Key`")]
    Missing,
    /// Several different keys were sent.
    #[error("the request carries keys that differ; send one key, or the same in every header")]
    Disagree,
    /// The text is no user key.
    #[error("this is no key of ours; they begin with oc_ and carry a checksum, so look for a typing mistake")]
    Malformed,
    /// The key is well-formed and unknown or revoked.
    #[error("this key is unknown or revoked; make a new one")]
    Unknown,
    /// The key has expired.
    #[error("this key has expired; make a new one")]
    Expired,
    /// The key is an app's token for another resource.
    #[error("this token was issued for another resource; ask for one with the `resource` that is called here")]
    OtherResource,
    /// The person is suspended.
    #[error("this account is suspended; ask the operator")]
    Suspended,
    /// The person has restricted the use of their data, or their account is going to be deleted.
    #[error("this account is restricted or going to be deleted; its owner can lift that on their account page")]
    Paused,
    /// The owner has switched the key off.
    #[error("this key is switched off; its owner can switch it on again")]
    Disabled,
    /// A management key was sent where a user key belongs.
    #[error("this is a management key, which spends nothing; send a user key")]
    ManagesOnly,
    /// A user key was sent where a management key belongs.
    #[error("this is a user key, which manages nothing; send a management key, which the operator makes")]
    SpendsOnly,
    /// A partner's secret key was sent where another key belongs.
    #[error("this is a partner's secret key, which spends and manages nothing; send a user key or a management key")]
    ReportsOnly,
    /// The token of a session was sent where a key belongs.
    #[error("this is the token of a signed-in browser, which spends nothing; send a user key")]
    SignsInOnly,
    /// A test key was sent, and there is no test mode.
    #[error("this is a test key, and test mode is switched off here; send a live key")]
    NoTestMode,
    /// Another key was sent where a partner's secret key belongs.
    #[error("this is no partner's secret key; send one that begins with oc_rk_, which the operator makes")]
    NoPartner,
    /// No key, or none of ours, was sent where a partner's secret key belongs.
    #[error("this needs a partner's secret key, which the operator makes; send it as `Authorization: Bearer oc_rk_…`")]
    NoPartnerKey,
}

/// A worst case is not covered, with the figures that a program needs to offer a top-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentNeeded {
    /// The highest cost of the request; `None` where it was refused unread, since nothing is available.
    pub required: Option<NanoUsd>,
    /// The available balance of the account that does not cover it.
    pub available: NanoUsd,
    /// The output cap that the balance covers; `None` when it does not even cover the input.
    pub affordable_max_tokens: Option<u64>,
    /// The account that does not cover it.
    pub short: Short,
    /// When that account begins anew, where it is a limit that does.
    pub resets_at: Option<UnixMs>,
}

/// The kind of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// The person's balance.
    Balance,
    /// A limit.
    Limit(LimitKind),
}

/// A request is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFault {
    /// The body cannot be parsed, or has a forbidden field.
    #[error(transparent)]
    Body(#[from] opencredits_sanitizer::SanitizeError),
    /// A field is invalid in its API.
    #[error(transparent)]
    Field(#[from] opencredits_providers::RequestError),
    /// The model does not exist.
    #[error(transparent)]
    Model(#[from] opencredits_catalog::CatalogError),
    /// The model is of another kind.
    #[error("{model} {does}; GET /v1/models says what each model does")]
    OtherKind {
        /// The model.
        model: String,
        /// Its kind, in words.
        does: &'static str,
    },
    /// A preference for models or providers is invalid.
    #[error("{field} cannot be read: {problem}")]
    Preference {
        /// The field.
        field: String,
        /// The problem.
        problem: String,
    },
    /// The provider cannot count the request.
    #[error("the provider cannot count this request: {message}")]
    Uncountable {
        /// The provider's message.
        message: String,
    },
    /// No provider is left that may serve the request.
    #[error("{0}")]
    NoRoute(Box<NoRoute>),
    /// The key may not use the model.
    #[error("this key may not use {model}; its owner chose which models it may use")]
    ModelNotAllowed {
        /// The model.
        model: String,
    },
    /// A built-in tool of the provider has no price.
    #[error("{model} has no price for uses of {tool}, so the request is not sent; leave that tool out")]
    ToolWithoutPrice {
        /// The tool.
        tool: &'static str,
        /// The model.
        model: String,
    },
    /// An attachment cannot be fetched.
    #[error("an address in the request {problem}")]
    Attachment {
        /// The reason.
        problem: opencredits_providers::FetchError,
    },
    /// The idempotency key is too long.
    #[error("the Idempotency-Key is longer than {max} bytes")]
    IdempotencyKey {
        /// The longest key, in bytes.
        max: usize,
    },
}

/// No provider is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoute {
    /// The requested models.
    pub models: Vec<String>,
    /// The vendors that serve them, and the preference that excludes each.
    pub excluded: Vec<(Arc<str>, Excluded)>,
}

/// The preference that excludes a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excluded {
    /// `provider.only`.
    Only,
    /// `provider.ignore`.
    Ignore,
    /// `provider.order` without fallbacks.
    Order,
    /// `provider.data_collection`.
    DataCollection,
    /// `provider.zdr`.
    Zdr,
    /// `provider.max_price`.
    MaxPrice,
}

impl Excluded {
    /// The field of the preference.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Only => "provider.only",
            Self::Ignore => "provider.ignore",
            Self::Order => "provider.order",
            Self::DataCollection => "provider.data_collection",
            Self::Zdr => "provider.zdr",
            Self::MaxPrice => "provider.max_price",
        }
    }

    /// Whether it is about privacy.
    #[must_use]
    pub const fn is_privacy(self) -> bool {
        matches!(self, Self::DataCollection | Self::Zdr)
    }
}

impl std::fmt::Display for NoRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no provider is left for {}", self.models.join(", "))?;
        for (at, (vendor, why)) in self.excluded.iter().enumerate() {
            let link = if at == 0 { ": " } else { ", " };
            write!(f, "{link}{} excludes {vendor}", why.field())?;
        }
        f.write_str("; loosen that, or choose another model")
    }
}

/// A provider's failure or refusal, as far as the client may know it.
#[derive(Clone)]
pub struct UpstreamFault {
    /// The kind of failure.
    pub kind: UpstreamKind,
    /// The provider's own message, where it is about the client's request.
    pub message: Option<String>,
    /// The provider's own code, where it is about the client's request.
    pub code: Option<String>,
    /// The time after which a retry makes sense, in ms.
    pub retry_after_ms: Option<u64>,
    /// The attempts before.
    pub previous: Vec<Previous>,
}

/// An earlier failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// The vendor.
    pub vendor: String,
    /// The HTTP status; 0 where there was no response.
    pub status: u16,
}

/// The kind of an upstream failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamKind {
    /// The provider refused the request itself.
    InvalidRequest,
    /// The input exceeds the model's context window.
    ContextLength,
    /// The provider's filter refused it.
    ContentPolicy,
    /// The request is too large for the provider.
    TooLarge,
    /// Too many requests at the provider.
    RateLimited,
    /// The provider is overloaded.
    Overloaded,
    /// The provider timed out.
    TimedOut,
    /// The provider failed, cannot be reached, or refuses our account.
    Unavailable,
}

impl UpstreamKind {
    /// Its name in metrics, which is that of the error's type.
    #[must_use]
    pub const fn error_type(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::ContextLength => "context_length_exceeded",
            Self::ContentPolicy => "content_policy_violation",
            Self::TooLarge => "payload_too_large",
            Self::RateLimited => "rate_limit_exceeded",
            Self::Overloaded => "provider_overloaded",
            Self::TimedOut => "timeout",
            Self::Unavailable => "provider_unavailable",
        }
    }
}

/// The provider's message may repeat the prompt: logs show the kind only.
impl std::fmt::Debug for UpstreamFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamFault").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl std::fmt::Display for UpstreamFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.kind {
            UpstreamKind::InvalidRequest => "the provider refused the request",
            UpstreamKind::ContextLength => "the input is longer than the model takes; shorten it",
            UpstreamKind::ContentPolicy => "the provider's filter refused the request",
            UpstreamKind::TooLarge => "the request is too large for the provider; shorten it",
            UpstreamKind::RateLimited => "the provider has too many requests; try again later",
            UpstreamKind::Overloaded => "the provider is overloaded; try again later",
            UpstreamKind::TimedOut => "the provider was too slow; try again",
            UpstreamKind::Unavailable => "the provider cannot serve this now; try again later or choose another model",
        })
    }
}

impl std::error::Error for UpstreamFault {}
