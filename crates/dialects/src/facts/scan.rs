//! The amount of input in a request: an upper bound of its tokens.

use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The most tokens that a picture may count, whatever its size. The largest documented figures are some 48,000 tokens
/// for a picture cut into tiles by a small model that multiplies its counts.
const PICTURE_TOKENS_MAX: u64 = 50_000;
/// A base64 payload has at least this length; shorter strings may be text.
const PAYLOAD_BYTES_MIN: usize = 512;
/// References of one field that are told apart as pictures and documents.
const REFERENCES_MAX: u64 = 64;
/// The beginning of an escaped ASCII character.
const ESCAPE: &str = "\\u00";

/// A term that every request is searched for, prepared once.
pub(super) struct SearchTerm(LazyLock<Finder<'static>>);

impl SearchTerm {
    pub(super) fn is_in(&self, raw: &[u8]) -> bool {
        self.0.find(raw).is_some()
    }
}

pub(super) static AUDIO: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new("audio")));
pub(super) static INPUT_AUDIO: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new("input_audio")));
pub(super) static IMAGE: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new("image")));
/// A video, or a file that may be one.
pub(super) static VIDEO: VideoTerms = VideoTerms([
    SearchTerm(LazyLock::new(|| Finder::new("video/"))),
    SearchTerm(LazyLock::new(|| Finder::new("\"fileUri\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"file_uri\""))),
]);
pub(super) static CACHE_CONTROL: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new("\"cache_control\"")));
pub(super) static ONE_HOUR: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new("1h")));

/// Alternative terms.
pub(super) struct VideoTerms([SearchTerm; 3]);

impl VideoTerms {
    pub(super) fn is_in(&self, raw: &[u8]) -> bool {
        self.0.iter().any(|word| word.is_in(raw))
    }
}

/// The marker in front of a payload.
static BASE64: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new(";base64,")));
/// A member whose string is a payload, or the URL of a picture.
static MEDIA: [SearchTerm; 5] = [
    SearchTerm(LazyLock::new(|| Finder::new("\"input_audio\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"data\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"url\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"image_url\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"file_id\""))),
];
/// A member whose string names a file of unknown length.
static ELSEWHERE: [SearchTerm; 4] = [
    SearchTerm(LazyLock::new(|| Finder::new("\"document_url\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"file_url\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"fileUri\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"file_uri\""))),
];
/// A member beside a payload that is no picture: audio, a document, a video.
const LONG: [&[u8]; 8] = [
    b"application/",
    b"audio/",
    b"video/",
    b"\"input_audio\"",
    b"\"file_data\"",
    b"\"document\"",
    b"\"file\"",
    b"\"input_file\"",
];
/// The distance in which it is searched for, white space excluded.
const BESIDE_BYTES: usize = 192;
/// The length of the shortest of these members.
const MEDIA_WORD_BYTES_MIN: usize = 5;

/// Raw JSON without escapes of ASCII letters: every JSON parser reads `"\u0075rl"` as `"url"`, and so must we.
pub(super) fn plain(raw: &str) -> Cow<'_, str> {
    static ESCAPES: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new(ESCAPE)));
    if !ESCAPES.is_in(raw.as_bytes()) {
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
    /// A payload is a long string without spaces. Text of that kind has up to one token a byte as well, so it must not
    /// count as a payload: only strings after a base64 marker do.
    pub(super) fn of(raw: &[u8]) -> Self {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let mut found = Media::default();
        if raw.len() >= MEDIA_WORD_BYTES_MIN {
            BASE64.0.find_iter(raw).for_each(|at| found.add(raw, at + BASE64.0.needle().len()));
            for SearchTerm(word) in &MEDIA {
                let strings = word.find_iter(raw).filter_map(|at| string_after(raw, at + word.needle().len()));
                // A data URI was found by its marker.
                let apart = strings.filter(|at| !raw.get(*at..).unwrap_or_default().starts_with(b"data:"));
                apart.for_each(|at| found.add(raw, at));
            }
        }
        let names = |SearchTerm(word): &SearchTerm| {
            word.find_iter(raw).any(|at| string_after(raw, at + word.needle().len()).is_some())
        };
        let text = raw.len().saturating_sub(found.payload_bytes);
        Self {
            text: number(text),
            media: found.media,
            documents: found.documents,
            long: number(found.long_bytes),
            is_endless: found.is_endless || ELSEWHERE.iter().any(names),
        }
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

/// Payloads and URLs.
#[derive(Default)]
struct Media {
    media: u64,
    /// Those beside a word for audio or a document.
    documents: u64,
    /// Whether one of these is given by reference, so that its length is unknown.
    is_endless: bool,
    payload_bytes: usize,
    /// Bytes of payloads that may be audio or documents.
    long_bytes: usize,
}

impl Media {
    /// A finding that begins at `at`.
    fn add(&mut self, raw: &[u8], at: usize) {
        let bytes = payload_bytes(raw.get(at..).unwrap_or_default());
        // So many references are more than any window holds: what they are matters no more, and is not looked up.
        let is_looked_up = bytes >= PAYLOAD_BYTES_MIN || self.media < REFERENCES_MAX;
        let is_long = is_looked_up && is_long(raw, at, at + bytes);
        self.media += 1;
        self.documents += u64::from(is_long);
        self.is_endless |= is_long && bytes < PAYLOAD_BYTES_MIN;
        if bytes >= PAYLOAD_BYTES_MIN {
            self.payload_bytes += bytes;
            self.long_bytes += if is_long { bytes } else { 0 };
        }
    }
}

/// Whether a member beside a payload says that it is no picture.
fn is_long(raw: &[u8], begin: usize, end: usize) -> bool {
    let solid = |byte: &&u8| !byte.is_ascii_whitespace();
    let mut before: Vec<u8> =
        raw.get(..begin).unwrap_or_default().iter().rev().filter(solid).take(BESIDE_BYTES).copied().collect();
    before.reverse();
    let after: Vec<u8> = raw.get(end..).unwrap_or_default().iter().filter(solid).take(BESIDE_BYTES).copied().collect();
    LONG.iter().any(|word| [&before, &after].into_iter().any(|part| memchr::memmem::find(part, word).is_some()))
}

/// The beginning of the string that is the value of the member whose name ends here; `None` where the value is no
/// string.
fn string_after(raw: &[u8], at: usize) -> Option<usize> {
    let rest = raw.get(at..)?;
    let skipped = rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b':').count();
    (skipped > 0 && rest.get(skipped) == Some(&b'"')).then_some(at + skipped + 1)
}

/// The base64 characters from here on.
fn payload_bytes(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')).count()
}
