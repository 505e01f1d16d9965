//! The record of a finished request.

use opencredits_units::{KeyId, NanoUsd, PartnerId, RequestId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A text of ours.
type Word = Cow<'static, str>;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessOutcome {
    /// It was answered.
    Served,
    /// We refused it, and nothing was sent to a provider.
    Refused,
    /// A provider or we failed, or a provider refused it.
    Failed,
    /// The client left before the end of the answer.
    Abandoned,
}

impl AccessOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Served, Self::Refused, Self::Failed, Self::Abandoned];

    /// The name, as lines have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether its line is about an error.
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(self, Self::Refused | Self::Failed)
    }
}

/// A finished request. What a request does not have is absent: a request that is none for inference has no more than method,
/// path, status, outcome and duration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRecord {
    /// Its id, as `x-request-id` has it. The bits are those of its generation.
    pub request_id: RequestId,
    /// When it began, in Unix ms.
    pub began_ms: UnixMs,
    /// Whether it was of test mode.
    #[serde(default, skip_serializing_if = "is_false")]
    pub test: bool,
    /// The method; `OTHER` for one that HTTP does not name.
    pub method: Word,
    /// The route's template, never the path that was asked for; absent where there is no such route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Word>,
    /// The status; absent where the client left before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: AccessOutcome,
    /// The type of its error, also of one that was told in a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Word>,
    /// From its beginning to its end, in ms.
    pub duration_ms: u64,
    /// What is known of a request for inference.
    #[serde(flatten)]
    pub call: CallRecord,
}

/// The part of a record that requests for inference have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallRecord {
    /// The API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<Word>,
    /// The first model that was asked for, as the catalogue names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// The model that was tried last, or answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The vendor that was tried last, or answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The vendor's name for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_model: Option<String>,
    /// The exchanges with providers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    /// The id of the key, which is not its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The partner that issued the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerId>,
    /// Input tokens that were neither read from nor written to a cache. The classes are disjoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Input tokens read from a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_tokens: Option<u64>,
    /// Input tokens written to a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// Output tokens without reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Reasoning tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// The provider's cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<NanoUsd>,
    /// What was collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_usd: Option<NanoUsd>,
    /// The same in credits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits: Option<String>,
    /// From the beginning until it was first sent to a provider, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_ms: Option<u64>,
    /// From the last time that it was sent until the first byte of the answer, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// Whether the answer was asked for as a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streamed: Option<bool>,
    /// Whether the charge rests on an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated: Option<bool>,
}

const fn is_false(value: &bool) -> bool {
    !*value
}
