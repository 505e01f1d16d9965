//! The amount of input in a request: an upper bound of its tokens.

use super::media::Media;
use super::terms::SearchTerm;
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The most tokens that a picture may count, whatever its size. The largest documented figures are some 48,000 tokens
/// for a picture cut into tiles by a small model that multiplies its counts.
const PICTURE_TOKENS_MAX: u64 = 50_000;
/// The beginning of an escaped ASCII character.
const ESCAPE: &str = "\\u00";

/// An escaped slash.
const SLASH: &str = "\\/";

/// Raw JSON without escapes of slashes and of ASCII letters: every JSON parser reads `"\u0075rl"` as `"url"`, and so must we.
pub(super) fn plain(raw: &str) -> Cow<'_, str> {
    static ESCAPES: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new(ESCAPE)));
    static SLASHES: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new(SLASH)));
    // Nearly all of them have no escape at all, and one byte is found in a fraction of the time.
    let has_escapes = memchr::memchr(b'\\', raw.as_bytes()).is_some();
    if !has_escapes || (!ESCAPES.is_in(raw.as_bytes()) && !SLASHES.is_in(raw.as_bytes())) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let code = escape.strip_prefix(ESCAPE).and_then(|code| u8::from_str_radix(code.get(..2)?, 16).ok());
        let letter = code.filter(|code| code.is_ascii_alphanumeric() || matches!(code, b'_' | b'-' | b'/' | b':'));
        // Two bytes at least, so that an escaped backslash does not escape the next byte.
        let length = if letter.is_some() { ESCAPE.len() + 2 } else { escape.chars().take(2).map(char::len_utf8).sum() };
        match letter {
            Some(letter) => out.push(char::from(letter)),
            None if escape.starts_with(SLASH) => out.push('/'),
            None => out.push_str(escape.get(..length).unwrap_or(escape)),
        }
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The token-relevant content of raw JSON.
pub(super) struct ContentScan {
    /// Bytes outside of payloads.
    text: u64,
    /// Payloads and URLs of such.
    media: u64,
    /// Those among them that may be audio or documents.
    documents: u64,
    /// Bytes of payloads that may be audio or documents.
    long: u64,
    /// Whether it names a file of unknown length.
    is_endless: bool,
}

impl ContentScan {
    /// A payload is a string of base64 in a place for one. Text of that kind has up to one token a byte as well, so it must
    /// not count as a payload elsewhere.
    pub(super) fn of(raw: &[u8]) -> Self {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let Media { media, documents, is_endless, payload_bytes, long_bytes } = Media::of(raw);
        let text = number(raw.len().saturating_sub(payload_bytes));
        Self { text, media, documents, long: number(long_bytes), is_endless }
    }

    /// Pictures, and audio or documents.
    pub(super) fn attachments(&self) -> [u64; 2] {
        [self.media.saturating_sub(self.documents), self.documents]
    }

    /// An upper bound of its tokens. A token is at least one byte of text or audio, and a picture has a fixed maximum.
    /// A document can be denser, up to the context window, but needs bytes for every page. `None` where a file of
    /// unknown length is named.
    pub(super) fn bound(&self) -> Option<u64> {
        let pictures = self.media.saturating_mul(PICTURE_TOKENS_MAX);
        let all = self.text.saturating_add(pictures).saturating_add(self.long);
        (!self.is_endless).then_some(all)
    }
}
