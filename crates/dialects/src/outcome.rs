//! The outcome of an exchange with a provider, as metering needs it.

use crate::upstream_error::UpstreamError;
use opencredits_estimate::TextAmount;
use opencredits_units::{Tokens, Usage};

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The provider ended it in order.
    Clean,
    /// It broke off, or we stopped it.
    Cut,
}

/// Whether reported counts can be billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// The counts are consistent.
    #[default]
    Sound,
    /// A part exceeds its whole: the counts cannot be billed.
    Contradictory,
}

/// The reason why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// The provider's own word.
    pub native: String,
}

/// The amount of output, for an estimate where no usage was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Produced {
    /// The text, reasoning and arguments included.
    pub text: TextAmount,
    /// Parts that are not text: tool calls and the like.
    pub parts: u64,
}

impl Produced {
    /// Whether there was no output.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        self.text.is_empty() && self.parts == 0
    }

    /// Counts the raw inside of a JSON string.
    pub(crate) fn text(&mut self, raw: &[u8]) {
        self.text.push_json(raw);
    }

    /// The bytes of text since `before`; `None` where other output came, or none.
    pub(crate) fn text_since(self, before: Self) -> Option<u64> {
        let bytes = self.text.bytes().saturating_sub(before.text.bytes());
        (self.parts == before.parts && bytes > 0).then_some(bytes)
    }

    pub(crate) fn part(&mut self) {
        self.parts = self.parts.saturating_add(1);
    }
}

/// The outcome of an exchange with a provider.
#[derive(Default)]
pub struct Outcome {
    /// The usage, where the provider reported one.
    pub usage: Option<Usage>,
    /// Further usage that is billed on other models.
    pub additional: Vec<(String, Usage)>,
    /// Output tokens that are counted as reasoning only because the total exceeds its parts.
    pub inferred: Tokens,
    /// Whether the counts can be billed.
    pub trust: Trust,
    /// The reason why the model stopped, if it did.
    pub finish: Option<Finish>,
    /// The model that answered, in the provider's words.
    pub model: Option<String>,
    /// The provider's id of the answer.
    pub upstream_id: Option<String>,
    /// The service tier of the answer.
    pub service_tier: Option<String>,
    /// The amount of output.
    pub produced: Produced,
    /// An error in the middle of a stream.
    pub error: Option<UpstreamError>,
    /// Whether the answer is complete.
    pub complete: bool,
}

impl Outcome {
    /// Whether the answer is complete and no error.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.complete && self.error.is_none()
    }

    /// Whether there is nothing to charge for: no output, and no finish reason.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.produced.is_nothing() && self.finish.is_none()
    }
}
