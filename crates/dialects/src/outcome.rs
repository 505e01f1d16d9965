//! What became of a request, as far as its bill is concerned.

use crate::upstream_error::UpstreamError;
use opencredits_units::Usage;

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The provider closed it in order.
    Clean,
    /// It broke off, or was stopped.
    Cut,
}

/// Whether reported counts can be billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// They agree with each other.
    #[default]
    Sound,
    /// A part exceeds its whole: nothing can be billed by them.
    Contradictory,
}

/// Why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// In the provider's own word.
    pub native: String,
}

/// What was produced, for an estimate where no usage was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Produced {
    /// Bytes of ASCII text.
    pub ascii_bytes: u64,
    /// Characters beyond ASCII.
    pub wide_chars: u64,
    /// Parts that are not text: tool calls and the like.
    pub parts: u64,
}

impl Produced {
    /// Whether nothing was.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        self.ascii_bytes == 0 && self.wide_chars == 0 && self.parts == 0
    }

    /// Counts the raw inside of a JSON string. An escape counts as its letters: an estimate needs no more.
    pub(crate) fn text(&mut self, raw: &[u8]) {
        let count = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        if raw.is_ascii() {
            self.ascii_bytes = self.ascii_bytes.saturating_add(count(raw.len()));
            return;
        }
        let ascii = raw.iter().filter(|byte| byte.is_ascii()).count();
        let leading = raw.iter().filter(|byte| **byte >= 0xc0).count();
        self.ascii_bytes = self.ascii_bytes.saturating_add(count(ascii));
        self.wide_chars = self.wide_chars.saturating_add(count(leading));
    }

    /// What text came to it since it was `before`; `None` where it was no text.
    pub(crate) fn since(self, before: Self) -> Option<Self> {
        let (ascii_bytes, wide_chars) =
            (self.ascii_bytes.saturating_sub(before.ascii_bytes), self.wide_chars.saturating_sub(before.wide_chars));
        let some = self.parts == before.parts && (ascii_bytes > 0 || wide_chars > 0);
        some.then_some(Self { ascii_bytes, wide_chars, parts: 0 })
    }

    pub(crate) fn part(&mut self) {
        self.parts = self.parts.saturating_add(1);
    }
}

/// What became of a request.
#[derive(Default)]
pub struct Outcome {
    /// The usage, where the provider reported one.
    pub usage: Option<Usage>,
    /// What is billed besides, on other models.
    pub additional: Vec<(String, Usage)>,
    /// Whether the counts can be billed.
    pub trust: Trust,
    /// Why the model stopped, where it did.
    pub finish: Option<Finish>,
    /// The model that answered, in the provider's word.
    pub model: Option<String>,
    /// The provider's id of the answer.
    pub upstream_id: Option<String>,
    /// The tier that was served.
    pub service_tier: Option<String>,
    /// What was produced.
    pub produced: Produced,
    /// An error in mid-stream.
    pub error: Option<UpstreamError>,
    /// Whether the answer came to its end.
    pub complete: bool,
}

impl Outcome {
    /// Whether the answer came to its end and is no error.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.complete && self.error.is_none()
    }

    /// Whether there is nothing to charge for: no output, and no word that the model had finished.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.produced.is_nothing() && self.finish.is_none()
    }
}
