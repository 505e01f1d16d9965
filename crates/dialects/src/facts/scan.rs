//! How much there is to read in a request: an upper bound of its tokens, and what an estimate needs.

use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Tokens that a picture may count at most, whatever its size. The largest documented figures are some 48,000 tokens for
/// one cut into tiles by a small model that multiplies its counts.
const PICTURE_TOKENS_MAX: u64 = 50_000;
/// A base64 payload is not text: only what is shorter than this may be.
const PAYLOAD_BYTES_MIN: usize = 512;
/// An escape of an ASCII character begins so.
const ESCAPE: &str = "\\u00";

/// A word that is looked for in every request, prepared once.
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

/// Words of which one is looked for.
pub(super) struct VideoTerms([SearchTerm; 3]);

impl VideoTerms {
    pub(super) fn is_in(&self, raw: &[u8]) -> bool {
        self.0.iter().any(|word| word.is_in(raw))
    }
}

/// What stands before a payload.
static BASE64: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new(";base64,")));
/// A member whose string is a payload, or names a picture that lies elsewhere.
static MEDIA: [SearchTerm; 4] = [
    SearchTerm(LazyLock::new(|| Finder::new("\"data\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"url\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"image_url\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"file_id\""))),
];
/// A member whose string names something of whatever length that lies elsewhere.
static ELSEWHERE: [SearchTerm; 3] = [
    SearchTerm(LazyLock::new(|| Finder::new("\"file_url\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"fileUri\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"file_uri\""))),
];
/// What stands beside a payload that is no picture: a sound, a document, a video.
const LONG: [&[u8]; 5] = [b"application/", b"audio/", b"video/", b"\"input_audio\"", b"\"file_data\""];
/// How far beside, white space left out.
const BESIDE_BYTES: usize = 192;
/// The shortest of them.
const MEDIA_WORD_BYTES_MIN: usize = 5;

/// Raw JSON in which ASCII letters stand for themselves: `"\u0075rl"` is `"url"` to whoever reads it, and must be to us.
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
        // Two bytes at the least, so that an escaped backslash does not escape what follows it.
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

/// How much there is to read in a request, for an estimate where no provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InputSeen {
    /// Bytes of ASCII, the frame of the JSON included and payloads left out.
    pub ascii_bytes: u64,
    /// Characters beyond ASCII.
    pub wide_chars: u64,
    /// Pictures and the like that are sent along.
    pub media: u64,
}

impl InputSeen {
    pub(super) fn add(&mut self, scan: &ContentScan) {
        self.ascii_bytes = self.ascii_bytes.saturating_add(scan.ascii);
        self.wide_chars = self.wide_chars.saturating_add(scan.wide);
        self.media = self.media.saturating_add(scan.payloads);
    }
}

/// What raw JSON holds, as far as tokens go.
pub(super) struct ContentScan {
    /// Bytes that are not payload.
    text: u64,
    /// Those of them that are ASCII.
    ascii: u64,
    /// Characters of several bytes.
    wide: u64,
    /// Payloads, and names of such that lie elsewhere.
    media: u64,
    /// Payloads alone.
    payloads: u64,
    /// Bytes of payloads that may be sounds or documents.
    long: u64,
    /// Whether it names something of whatever length that lies elsewhere.
    is_endless: bool,
}

impl ContentScan {
    /// Payloads are found as what they are, long strings without a space: text of that kind has at most a token a byte
    /// too, so it must not be taken for one; hence only strings that follow a base64 marker count as payloads.
    pub(super) fn of(raw: &[u8]) -> Self {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let mut found = Media::default();
        if raw.len() >= MEDIA_WORD_BYTES_MIN {
            BASE64.0.find_iter(raw).for_each(|at| found.add(raw, at + BASE64.0.needle().len()));
            for SearchTerm(word) in &MEDIA {
                let strings = word.find_iter(raw).filter_map(|at| string_after(raw, at + word.needle().len()));
                // What is sent along in an address was found by its marker.
                let apart = strings.filter(|at| !raw.get(*at..).unwrap_or_default().starts_with(b"data:"));
                apart.for_each(|at| found.add(raw, at));
            }
        }
        let names = |SearchTerm(word): &SearchTerm| {
            word.find_iter(raw).any(|at| string_after(raw, at + word.needle().len()).is_some())
        };
        let (wide, beyond) = beyond_ascii(raw);
        let text = raw.len().saturating_sub(found.payload_bytes);
        Self {
            text: number(text),
            ascii: number(text.saturating_sub(beyond)),
            wide: number(wide),
            media: found.media,
            payloads: found.payloads,
            long: number(found.long_bytes),
            is_endless: ELSEWHERE.iter().any(names),
        }
    }

    /// An upper bound of its tokens: a token is at least one byte of text, or of a sound; a picture has at most a fixed
    /// number. A document can pack more, up to the context window, but needs bytes for every page. `None` where something is
    /// named whose length nobody here knows.
    pub(super) fn bound(&self) -> Option<u64> {
        let pictures = self.media.saturating_mul(PICTURE_TOKENS_MAX);
        let all = self.text.saturating_add(pictures).saturating_add(self.long);
        (!self.is_endless).then_some(all)
    }
}

/// Payloads, and what lies elsewhere.
#[derive(Default)]
struct Media {
    media: u64,
    payloads: u64,
    payload_bytes: usize,
    /// Bytes of those payloads that may be sounds or documents.
    long_bytes: usize,
}

impl Media {
    /// Something that begins at `at`.
    fn add(&mut self, raw: &[u8], at: usize) {
        let bytes = payload_bytes(raw.get(at..).unwrap_or_default());
        self.media += 1;
        if bytes >= PAYLOAD_BYTES_MIN {
            self.payloads += 1;
            self.payload_bytes += bytes;
            self.long_bytes += if is_long(raw, at, at + bytes) { bytes } else { 0 };
        }
    }
}

/// Whether something beside a payload says that it is no picture.
fn is_long(raw: &[u8], begin: usize, end: usize) -> bool {
    let solid = |byte: &&u8| !byte.is_ascii_whitespace();
    let mut before: Vec<u8> =
        raw.get(..begin).unwrap_or_default().iter().rev().filter(solid).take(BESIDE_BYTES).copied().collect();
    before.reverse();
    let after: Vec<u8> = raw.get(end..).unwrap_or_default().iter().filter(solid).take(BESIDE_BYTES).copied().collect();
    LONG.iter().any(|word| [&before, &after].into_iter().any(|part| memchr::memmem::find(part, word).is_some()))
}

/// Where the string begins that is the value of a member whose name ends here; `None` where it has another value.
fn string_after(raw: &[u8], at: usize) -> Option<usize> {
    let rest = raw.get(at..)?;
    let skipped = rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b':').count();
    (skipped > 0 && rest.get(skipped) == Some(&b'"')).then_some(at + skipped + 1)
}

/// Characters of several bytes, by their first ones, and all bytes of such. Counts of a byte's size let the compiler use
/// vectors.
fn beyond_ascii(raw: &[u8]) -> (usize, usize) {
    let mut counts = (0, 0);
    for chunk in raw.chunks(usize::from(u8::MAX)) {
        let of_chunk = chunk
            .iter()
            .fold((0_u8, 0_u8), |(first, all), byte| (first + u8::from(*byte >= 0xC0), all + u8::from(*byte >= 0x80)));
        counts = (counts.0 + usize::from(of_chunk.0), counts.1 + usize::from(of_chunk.1));
    }
    counts
}

/// The base64 letters that begin here.
fn payload_bytes(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')).count()
}
