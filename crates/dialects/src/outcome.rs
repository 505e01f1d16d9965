//! The outcome of an exchange with a provider, as metering needs it.

use crate::upstream_error::UpstreamError;
use memchr::memmem::Finder;
use opencredits_estimate::{Family, TextAmount};
use opencredits_units::{Tokens, ToolUse, Usage};
use std::sync::LazyLock;

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

/// Text waits to be counted up to this length: where the provider reports its usage, most answers never are.
const UNCOUNTED_MAX: usize = 4_096;

/// The amount of output, for an estimate where no usage was reported. It keeps the end of the text, and so has no `Debug`.
#[derive(Clone, Default)]
pub struct Produced {
    counted: TextAmount,
    /// The insides of JSON strings that are not counted yet.
    uncounted: Vec<u8>,
    /// Bytes of text so far.
    bytes: u64,
    /// Parts that are not text: tool calls and the like.
    parts: u64,
}

impl Produced {
    /// An output of the raw inside of a JSON string, and of parts that are not text.
    #[must_use]
    pub fn new(raw: &[u8], parts: u64) -> Self {
        let mut produced = Self { parts, ..Self::default() };
        produced.text(raw);
        produced
    }

    /// Whether there was no output.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.bytes == 0 && self.parts == 0
    }

    /// Bytes of text, as they are written in JSON; reasoning and arguments are text too.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Parts that are not text: tool calls and the like.
    #[must_use]
    pub const fn parts(&self) -> u64 {
        self.parts
    }

    /// Bytes of text, and parts that are not text.
    pub(crate) const fn amount(&self) -> (u64, u64) {
        (self.bytes, self.parts)
    }

    /// The estimated tokens of the text.
    #[must_use]
    pub fn tokens(&self, family: Family) -> u64 {
        let mut all = self.counted;
        all.push_json(&self.uncounted);
        all.tokens(family)
    }

    /// Counts the raw inside of a JSON string.
    pub(crate) fn text(&mut self, raw: &[u8]) {
        self.bytes = self.bytes.saturating_add(raw.len() as u64);
        if self.uncounted.len().saturating_add(raw.len()) > UNCOUNTED_MAX {
            self.counted.push_json(&self.uncounted);
            self.uncounted.clear();
            if raw.len() > UNCOUNTED_MAX {
                return self.counted.push_json(raw);
            }
        }
        self.uncounted.extend_from_slice(raw);
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
    /// The raw usage object, where it has a cost of the provider's.
    pub usage_object: Option<Vec<u8>>,
    /// The uses of the provider's tools that the answer shows, for where their count was not reported.
    pub seen_uses: Usage,
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
    /// Whether there is something that holds the output, be it empty: a choice, a candidate, a content.
    pub has_frame: bool,
    /// Whether the model called a tool of the client (`openai-chat`, `anthropic-messages`).
    pub has_calls: bool,
    /// An error in the middle of a stream.
    pub error: Option<UpstreamError>,
    /// Whether the answer is complete.
    pub complete: bool,
}

/// What the names of costs begin with, prepared once for all answers.
static COST: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"cost"));

/// The longest usage object that is kept.
const USAGE_OBJECT_MAX: usize = 4_096;

impl Outcome {
    /// Keeps a usage object with a cost. Its counts are read elsewhere.
    pub(crate) fn keep_cost(&mut self, usage: &[u8]) {
        let has_cost = usage.len() <= USAGE_OBJECT_MAX && COST.find(usage).is_some();
        if has_cost {
            self.usage_object = Some(usage.to_vec());
        }
    }

    /// Records that the provider uses one of its tools.
    pub(crate) fn see_use(&mut self, tool: ToolUse) {
        let seen = self.seen_uses.uses(tool).unwrap_or_default();
        self.seen_uses.set_uses(tool, seen.checked_add(Tokens::new(1)).unwrap_or(seen));
    }

    /// Takes a use back that turns out to be none.
    pub(crate) fn unsee_use(&mut self, tool: ToolUse) {
        let seen = self.seen_uses.uses(tool).unwrap_or_default();
        self.seen_uses.set_uses(tool, seen.checked_sub(Tokens::new(1)).unwrap_or_default());
    }

    /// Records an error, which is no reason why the model stopped.
    pub(crate) fn fail(&mut self, error: UpstreamError) {
        self.error.get_or_insert(error);
        if self.produced.is_nothing() {
            self.finish = None;
        }
    }

    /// Whether the answer is complete and no error.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.complete && self.error.is_none()
    }

    /// Whether there is an answer at all, be it empty: counts alone are none.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        self.has_frame || !self.produced.is_nothing()
    }

    /// Whether there is nothing to charge for: no output, and no finish reason.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.produced.is_nothing() && self.finish.is_none()
    }
}
