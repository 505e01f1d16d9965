//! Why a request was refused or failed. The HTTP settings turns these into statuses and words; nothing here knows any.

use opencredits_units::{GenerationId, NanoUsd};
use std::sync::Arc;

/// Why a request was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The key does not open anything.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The request itself is wrong.
    #[error(transparent)]
    Request(#[from] RequestFault),
    /// The worst case is not covered.
    #[error("the balance or a limit does not cover the worst case of this request")]
    Payment(Box<PaymentNeeded>),
    /// The same idempotency key again.
    #[error("this idempotency key was used before; its request is generation {first}")]
    Duplicate {
        /// The generation that the first request made.
        first: GenerationId,
    },
    /// The provider failed or refused.
    #[error(transparent)]
    Upstream(#[from] Box<UpstreamFault>),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] opencredits_ledger::LedgerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] opencredits_store::StoreError),
    /// A usage record cannot be written or read.
    #[error(transparent)]
    Record(#[from] crate::record::RecordError),
    /// A price does not fit its integer.
    #[error("the price of this request exceeds every amount; lower its limits")]
    Overflow,
}

/// Why a key does not open anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// No key was sent.
    #[error("no key; send one as `Authorization: Bearer oc_sk_…`, or in `x-api-key`, `x-goog-api-key` or `X-User-Key`")]
    Missing,
    /// Several keys were sent that differ.
    #[error("the request carries keys that differ; send one key, or the same in every header")]
    Disagree,
    /// What was sent is no user key.
    #[error("this is no user key; they begin with oc_sk_ and carry a checksum, so look for a typing mistake")]
    Malformed,
    /// The key is well-formed and unknown or revoked.
    #[error("this key is unknown or revoked; make a new one")]
    Unknown,
    /// The key is over.
    #[error("this key has expired; make a new one")]
    Expired,
    /// The person may not spend.
    #[error("this account is suspended; ask the operator")]
    Suspended,
}

/// Why a worst case is not covered, with what a program needs to offer a top-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentNeeded {
    /// What the request could cost at most.
    pub required: NanoUsd,
    /// What is available on the account that refused.
    pub available: NanoUsd,
    /// The output cap that the account could pay; `None` when not even the input is covered.
    pub affordable_max_tokens: Option<u64>,
    /// Which account refused.
    pub short: Short,
}

/// Which account refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// The person's balance.
    Balance,
    /// A limit of the key.
    KeyLimit,
}

/// What is wrong with a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFault {
    /// The body cannot be read, or holds what must not pass.
    #[error(transparent)]
    Body(#[from] opencredits_sanitizer::SanitizeError),
    /// A field means nothing in its API.
    #[error(transparent)]
    Field(#[from] opencredits_providers::RequestError),
    /// No such model.
    #[error(transparent)]
    Model(#[from] opencredits_catalog::CatalogError),
    /// The model does something else.
    #[error("{model} {does}; GET /v1/models says what each model does")]
    OtherKind {
        /// The model.
        model: String,
        /// What it does.
        does: &'static str,
    },
    /// What the request says of models and providers means nothing.
    #[error("{field} cannot be read: {problem}")]
    Preference {
        /// The field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The provider cannot count the request.
    #[error("the provider cannot count this request: {message}")]
    Uncountable {
        /// What it says.
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
    /// The provider would run a tool whose use has no price.
    #[error("{model} has no price for uses of {tool}, so the request is not sent; leave that tool out")]
    ToolWithoutPrice {
        /// The tool.
        tool: &'static str,
        /// The model.
        model: String,
    },
    /// What the request names by address cannot be fetched.
    #[error("an address in the request {problem}")]
    Attachment {
        /// Why.
        problem: opencredits_providers::FetchError,
    },
    /// The idempotency key is too long.
    #[error("the Idempotency-Key is longer than {max} bytes")]
    IdempotencyKey {
        /// How long it may be.
        max: usize,
    },
}

/// Why no provider is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoute {
    /// The models that were asked for.
    pub models: Vec<String>,
    /// Who could serve them, and which wish of the request excludes them.
    pub excluded: Vec<(Arc<str>, Excluded)>,
}

/// The wish of a request that excludes a provider.
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
    /// The field that says so.
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

    /// Whether it is a wish for privacy.
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

/// How a provider failed or refused, as far as the client may know.
#[derive(Clone)]
pub struct UpstreamFault {
    /// What kind of failure.
    pub kind: UpstreamKind,
    /// The provider's own words, where they are about the client's request.
    pub message: Option<String>,
    /// The provider's own code, where it is about the client's request.
    pub code: Option<String>,
    /// When a retry makes sense.
    pub retry_after_ms: Option<u64>,
    /// What was tried before.
    pub previous: Vec<Previous>,
}

/// An earlier exchange that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// Who was asked.
    pub vendor: String,
    /// The status that came; 0 where none did.
    pub status: u16,
}

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamKind {
    /// The provider refused the request itself.
    InvalidRequest,
    /// The input is longer than the model takes.
    ContextLength,
    /// The provider's filter refused it.
    ContentPolicy,
    /// The request is too large for the provider.
    TooLarge,
    /// Too many requests at the provider.
    RateLimited,
    /// The provider is overloaded.
    Overloaded,
    /// The provider was too slow.
    TimedOut,
    /// The provider broke, cannot be reached, or refuses our account.
    Unavailable,
}

/// The provider's words may repeat the prompt: the kind alone is shown to logs.
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
