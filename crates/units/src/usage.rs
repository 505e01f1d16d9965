//! The usage of one request: token counts in disjoint buckets, and uses of built-in tools.

use crate::money::Tokens;

/// A class of tokens with a price of its own. Buckets are disjoint: a token is counted in exactly one.
///
/// Providers disagree on which of their fields include which; every decoder ends in this view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Bucket {
    /// Text input that was neither read from nor written to a cache.
    InputUncached,
    /// Input read from the provider's prompt cache.
    CacheRead,
    /// Input written to a cache that lives five minutes.
    CacheWrite5m,
    /// Input written to a cache that lives an hour.
    CacheWrite1h,
    /// Input written to a cache of another or unnamed lifetime.
    CacheWriteOther,
    /// Audio input.
    InputAudio,
    /// Audio input read from a cache.
    InputAudioCached,
    /// Image input, where the provider counts and prices it apart.
    InputImage,
    /// Video input, where the provider counts and prices it apart.
    InputVideo,
    /// What the provider's own tools put into the prompt, where it is counted on top.
    InputToolPrompt,
    /// Text output without reasoning.
    Output,
    /// Reasoning, shown or hidden.
    Reasoning,
    /// Audio output.
    OutputAudio,
    /// Image output.
    OutputImage,
}

impl Bucket {
    /// How many there are.
    pub const COUNT: usize = 14;

    /// Every bucket, in the order of its index.
    pub const ALL: [Self; Self::COUNT] = [
        Self::InputUncached,
        Self::CacheRead,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::CacheWriteOther,
        Self::InputAudio,
        Self::InputAudioCached,
        Self::InputImage,
        Self::InputVideo,
        Self::InputToolPrompt,
        Self::Output,
        Self::Reasoning,
        Self::OutputAudio,
        Self::OutputImage,
    ];

    /// The bucket's place in an array of [`Bucket::COUNT`].
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the discriminant of a field-less enum, below COUNT")]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the bucket counts input (and so counts towards a long-context threshold).
    #[must_use]
    pub const fn is_input(self) -> bool {
        !matches!(self, Self::Output | Self::Reasoning | Self::OutputAudio | Self::OutputImage)
    }

    /// The name used in bills and data files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InputUncached => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::CacheWriteOther => "cache_write",
            Self::InputAudio => "input_audio",
            Self::InputAudioCached => "input_audio_cached",
            Self::InputImage => "input_image",
            Self::InputVideo => "input_video",
            Self::InputToolPrompt => "input_tool_prompt",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::OutputAudio => "output_audio",
            Self::OutputImage => "output_image",
        }
    }
}

/// A tool that a provider runs and bills by use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ToolUse {
    /// One web search.
    WebSearch,
    /// One page fetched.
    WebFetch,
    /// One code execution.
    CodeExecution,
    /// One search in files.
    FileSearch,
    /// One search on X.
    XSearch,
    /// One grounded query or prompt.
    Grounding,
    /// One request of a model that always searches, with a small search context.
    SearchLow,
    /// The same with a medium search context.
    SearchMedium,
    /// The same with a large search context.
    SearchHigh,
}

impl ToolUse {
    /// How many there are.
    pub const COUNT: usize = 9;

    /// Every tool, in the order of its index.
    pub const ALL: [Self; Self::COUNT] = [
        Self::WebSearch,
        Self::WebFetch,
        Self::CodeExecution,
        Self::FileSearch,
        Self::XSearch,
        Self::Grounding,
        Self::SearchLow,
        Self::SearchMedium,
        Self::SearchHigh,
    ];
    /// Those that are billed with every request of a model that has a fee for them.
    pub const EACH_REQUEST: [Self; 3] = [Self::SearchLow, Self::SearchMedium, Self::SearchHigh];

    /// The tool's place in an array of [`ToolUse::COUNT`].
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the discriminant of a field-less enum, below COUNT")]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name used in bills and data files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSearch => "web_search",
            Self::WebFetch => "web_fetch",
            Self::CodeExecution => "code_execution",
            Self::FileSearch => "file_search",
            Self::XSearch => "x_search",
            Self::Grounding => "grounding",
            Self::SearchLow => "search_low",
            Self::SearchMedium => "search_medium",
            Self::SearchHigh => "search_high",
        }
    }
}

/// The usage of one request: a count, or none reported, for each [`Bucket`] and [`ToolUse`].
///
/// ```
/// use opencredits_units::{Bucket, Tokens, Usage};
/// let mut usage = Usage::default();
/// usage.set(Bucket::Output, Tokens::ZERO);
/// assert_eq!(usage.get(Bucket::Output), Some(Tokens::ZERO));
/// assert_eq!(usage.get(Bucket::Reasoning), None, "absent is not zero");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    tokens: Counts<{ Bucket::COUNT }>,
    uses: Counts<{ ToolUse::COUNT }>,
}

/// A count, or none reported, in each place. A usage is copied often, and an array of options would be twice as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts<const PLACES: usize> {
    /// Zero where none was reported.
    counts: [Tokens; PLACES],
    is_reported: [bool; PLACES],
}

impl<const PLACES: usize> Default for Counts<PLACES> {
    fn default() -> Self {
        Self { counts: [Tokens::ZERO; PLACES], is_reported: [false; PLACES] }
    }
}

impl<const PLACES: usize> Counts<PLACES> {
    fn get(&self, place: usize) -> Option<Tokens> {
        self.counts.get(place).copied().filter(|_| self.is_reported.get(place) == Some(&true))
    }

    fn put(&mut self, place: usize, count: Option<Tokens>) {
        if let (Some(slot), Some(is_reported)) = (self.counts.get_mut(place), self.is_reported.get_mut(place)) {
            (*slot, *is_reported) = (count.unwrap_or_default(), count.is_some());
        }
    }
}

impl Usage {
    /// The count in `bucket`, if the provider reported one.
    #[must_use]
    pub fn get(&self, bucket: Bucket) -> Option<Tokens> {
        self.tokens.get(bucket.index())
    }

    /// The count in `bucket`, zero where none was reported.
    #[must_use]
    pub fn count(&self, bucket: Bucket) -> Tokens {
        self.tokens.counts.get(bucket.index()).copied().unwrap_or_default()
    }

    /// Sets the count in `bucket`, replacing the previous one: usage in a stream replaces, it never adds.
    pub fn set(&mut self, bucket: Bucket, count: Tokens) {
        self.tokens.put(bucket.index(), Some(count));
    }

    /// The count in `bucket`, which is unknown afterwards.
    pub fn take(&mut self, bucket: Bucket) -> Option<Tokens> {
        let taken = self.get(bucket);
        self.tokens.put(bucket.index(), None);
        taken
    }

    /// The uses of `tool`, if the provider reported them.
    #[must_use]
    pub fn uses(&self, tool: ToolUse) -> Option<Tokens> {
        self.uses.get(tool.index())
    }

    /// Sets the number of uses of `tool`.
    pub fn set_uses(&mut self, tool: ToolUse, count: Tokens) {
        self.uses.put(tool.index(), Some(count));
    }

    /// All input tokens, cached ones and cache writes included; `None` when the sum overflows.
    #[must_use]
    pub fn input_total(&self) -> Option<Tokens> {
        self.sum(true)
    }

    /// All output tokens, reasoning included; `None` when the sum overflows.
    #[must_use]
    pub fn output_total(&self) -> Option<Tokens> {
        self.sum(false)
    }

    /// Whether the provider reported nothing.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        !self.tokens.is_reported.iter().chain(&self.uses.is_reported).any(|is_reported| *is_reported)
    }

    fn sum(&self, input: bool) -> Option<Tokens> {
        Bucket::ALL
            .into_iter()
            .filter(|bucket| bucket.is_input() == input)
            .try_fold(Tokens::ZERO, |sum, bucket| sum.checked_add(self.count(bucket)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_was_taken_is_like_one_that_was_never_reported() {
        let mut usage = Usage::default();
        usage.set(Bucket::CacheWriteOther, Tokens::new(5));
        usage.set_uses(ToolUse::WebFetch, Tokens::ZERO);
        assert_eq!((usage.uses(ToolUse::WebFetch), usage.uses(ToolUse::WebSearch)), (Some(Tokens::ZERO), None));
        assert_eq!((usage.input_total(), usage.is_absent()), (Some(Tokens::new(5)), false));
        assert_eq!(usage.take(Bucket::CacheWriteOther), Some(Tokens::new(5)));
        assert_eq!(usage.take(Bucket::CacheWriteOther), None);
        let mut without = Usage::default();
        without.set_uses(ToolUse::WebFetch, Tokens::ZERO);
        assert_eq!(usage, without);
    }
}
