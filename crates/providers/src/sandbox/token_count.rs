//! Counts tokens by a rule that can be applied by hand.

use serde_json::Value;

const BYTES_PER_TOKEN: usize = 4;
/// The tokens of an image of any size.
pub(super) const IMAGE_TOKENS: u64 = 85;
/// The tokens of a recording.
pub(super) const AUDIO_TOKENS: u64 = 100;
/// The tokens of a document.
pub(super) const DOCUMENT_TOKENS: u64 = 300;
/// The tokens of a message besides its content.
pub(super) const MESSAGE_TOKENS: u64 = 3;
/// A cacheable prefix that contains this word counts as read from the cache.
const CACHED: &str = "cached";

/// One token for every four bytes of UTF-8, rounded up.
pub(super) fn tokens_of(text: &str) -> u64 {
    u64::try_from(text.len().div_ceil(BYTES_PER_TOKEN)).unwrap_or(u64::MAX)
}

/// The beginning of a text that has so many tokens.
pub(super) fn cut(text: &str, tokens_max: u64) -> &str {
    let bytes_max = usize::try_from(tokens_max).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_TOKEN);
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The lifetime of a cache entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    FiveMinutes,
    OneHour,
}

/// Input tokens by price; the parts are disjoint except for `audio`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Input {
    pub(super) uncached: u64,
    pub(super) read: u64,
    pub(super) write_5m: u64,
    pub(super) write_1h: u64,
    pub(super) audio: u64,
}

impl Input {
    pub(super) const fn written(&self) -> u64 {
        self.write_5m + self.write_1h
    }

    pub(super) const fn total(&self) -> u64 {
        self.uncached + self.read + self.written()
    }
}

/// Counts a request from its beginning to its end.
#[derive(Default)]
pub(super) struct TokenCount {
    total: u64,
    audio: u64,
    /// Where the cache-hit word first appeared.
    hit_at: Option<u64>,
    marked_5m: u64,
    marked_1h: u64,
}

impl TokenCount {
    pub(super) fn text(&mut self, text: &str) {
        if self.hit_at.is_none() && text.contains(CACHED) {
            self.hit_at = Some(self.total);
        }
        self.flat(tokens_of(text));
    }

    /// A value that is no text: counted by the length of its compact JSON.
    pub(super) fn json(&mut self, value: &Value) {
        self.text(&value.to_string());
    }

    pub(super) fn flat(&mut self, tokens: u64) {
        self.total = self.total.saturating_add(tokens);
    }

    pub(super) fn audio(&mut self) {
        self.audio += AUDIO_TOKENS;
        self.flat(AUDIO_TOKENS);
    }

    /// Marks everything up to here as cacheable.
    pub(super) fn mark(&mut self, lifetime: Lifetime) {
        match lifetime {
            Lifetime::FiveMinutes => self.marked_5m = self.total,
            Lifetime::OneHour => self.marked_1h = self.total,
        }
    }

    /// With explicit marks: a prefix with the word is read, any other one is written.
    pub(super) fn input(&self) -> Input {
        let prefix = self.marked_5m.max(self.marked_1h);
        let (read, write_1h) =
            if self.hit_at.is_some_and(|at| at < prefix) { (prefix, 0) } else { (0, self.marked_1h) };
        Input { uncached: self.total - prefix, read, write_5m: prefix - read - write_1h, write_1h, audio: self.audio }
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, Lifetime, TokenCount, cut, tokens_of};
    use Lifetime::{FiveMinutes, OneHour};

    #[test]
    fn four_bytes_are_a_token_and_the_last_may_be_short() {
        for (text, expected) in [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("äöü", 2)] {
            assert_eq!(tokens_of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        for (tokens, expected) in [(0, ""), (1, "abc"), (2, "abcäö"), (9, "abcäöü")] {
            assert_eq!(cut("abcäöü", tokens), expected);
        }
    }

    fn check(parts: &[(&str, Option<Lifetime>)], expected: [u64; 4]) {
        let mut tally = TokenCount::default();
        for (text, mark) in parts {
            tally.text(text);
            if let Some(lifetime) = mark {
                tally.mark(*lifetime);
            }
        }
        let [uncached, read, write_5m, write_1h] = expected;
        let expected = Input { uncached, read, write_5m, write_1h, audio: 0 };
        assert_eq!(tally.input(), expected);
    }

    #[test]
    fn a_marked_prefix_is_written_or_read() {
        check(&[("12345678", None)], [2, 0, 0, 0]);
        check(&[("12345678", Some(FiveMinutes)), ("1234", None)], [1, 0, 2, 0]);
        check(&[("12345678", Some(OneHour)), ("1234", None)], [1, 0, 0, 2]);
        check(&[("12345678", Some(OneHour)), ("1234", Some(FiveMinutes))], [0, 0, 1, 2]);
        check(&[("cached text.", Some(OneHour)), ("1234", None)], [1, 3, 0, 0]);
        check(&[("12345678", Some(FiveMinutes)), ("not cached", None)], [3, 0, 2, 0]);
    }
}
