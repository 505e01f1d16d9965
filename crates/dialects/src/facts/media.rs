//! Pictures, documents and audio in a request, by value or by reference, as the structure of its JSON tells them.

use super::terms::SearchTerm;
use memchr::memmem::Finder;
use opencredits_wire::json;
use std::sync::LazyLock;

/// Parts of all names in [`STRINGS`]; text without them is not read.
static PARTS: [SearchTerm; 7] = [
    SearchTerm(LazyLock::new(|| Finder::new("url\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"data\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"file"))),
    SearchTerm(LazyLock::new(|| Finder::new("\"image"))),
    SearchTerm(LazyLock::new(|| Finder::new("\"video\""))),
    SearchTerm(LazyLock::new(|| Finder::new("audio\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"document\""))),
];
/// The shortest of them, with its value.
const BYTES_MIN: usize = 8;
/// A base64 payload has at least this length; shorter strings may be text.
const PAYLOAD_BYTES_MIN: usize = 512;
/// Content has fewer levels; what is deeper is no content of any API.
const LEVELS_MAX: usize = 16;
/// Members whose string is a payload or a reference.
const STRINGS: [&[u8]; 18] = [
    b"url",
    b"image_url",
    b"image",
    b"images",
    b"video_url",
    b"video",
    b"audio_url",
    b"audio",
    b"input_audio",
    b"data",
    b"document",
    b"document_url",
    b"file",
    b"file_id",
    b"file_data",
    b"file_url",
    b"fileUri",
    b"file_uri",
];
/// Those among them that hold the content itself, unless an address stands there.
const BY_VALUE: [&[u8]; 3] = [b"data", b"input_audio", b"file_data"];
/// Members that hold a picture, and types of content that are one.
const PICTURES: [&[u8]; 4] = [b"image_url", b"image", b"images", b"input_image"];
/// Members that hold audio, a video or a document, and types of content that are one.
const LONG: [&[u8]; 16] = [
    b"audio",
    b"audio_url",
    b"container_upload",
    b"document",
    b"document_url",
    b"file",
    b"fileData",
    b"file_data",
    b"file_uri",
    b"file_url",
    b"input_audio",
    b"input_file",
    b"input_video",
    b"media",
    b"video",
    b"video_url",
];
/// Members that name the kind of a payload beside them.
const KINDS: [&[u8]; 3] = [b"media_type", b"mimeType", b"mime_type"];
/// Members of calls, results and citations: what they hold is text to the model, whatever its members are called.
const TEXTS: [&[u8]; 8] =
    [b"args", b"arguments", b"response", b"action", b"annotations", b"citations", b"sources", b"metadata"];
/// Types of content that are text with an address beside it.
const TEXT_TYPES: [&[u8]; 6] = [
    b"search_result",
    b"url_citation",
    b"web_search_result",
    b"web_search_result_location",
    b"web_fetch_result",
    b"web_search_call",
];

/// What an object is, from what is said of it. The order is that of precedence: who says of a document that it is a picture
/// too has a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Unknown,
    Picture,
    Long,
}

/// The payloads and references of a value.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Media {
    /// All of them.
    pub(super) media: u64,
    /// Those that may be audio, a video or a document.
    pub(super) documents: u64,
    /// Whether one of these is given by reference, so that its length is unknown.
    pub(super) is_endless: bool,
    /// The bytes of payloads,
    pub(super) payload_bytes: usize,
    /// and of those that may be audio or documents.
    pub(super) long_bytes: usize,
}

impl Media {
    /// Finds all in a raw value.
    pub(super) fn of(raw: &[u8]) -> Self {
        let mut found = Self::default();
        if !may_have_media(raw) {
            return found;
        }
        found.value(raw, b"", Kind::Unknown, 0);
        found
    }

    /// A value under a name, within something of a kind.
    fn value(&mut self, raw: &[u8], name: &[u8], kind: Kind, level: usize) {
        match raw.first() {
            // Deeper than content is.
            Some(b'{' | b'[') if level >= LEVELS_MAX => self.is_endless |= may_have_media(raw),
            Some(b'{') => self.object(raw, name, kind, level),
            Some(b'[') => json::items(raw, |item| self.value(item, name, kind, level + 1)),
            Some(b'"') if STRINGS.contains(&name) => {
                let inside = raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\"")).unwrap_or(raw);
                self.string(inside, name, kind.max(of_name(name)));
            }
            _ => {}
        }
    }

    fn object(&mut self, raw: &[u8], name: &[u8], kind: Kind, level: usize) {
        let (mut own, mut is_text, mut is_call) = (of_name(name), false, false);
        json::members(raw, |member, value| {
            let word = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or_default();
            if member == b"type" {
                own = own.max(of_name(word));
                is_text |= TEXT_TYPES.contains(&word);
                is_call |= word.ends_with(b"tool_use");
            } else if KINDS.contains(&member) && !word.is_empty() {
                own = own.max(if word.starts_with(b"image/") { Kind::Picture } else { Kind::Long });
            }
        });
        if is_text && own == Kind::Unknown {
            return;
        }
        let kind = kind.max(own);
        json::members(raw, |member, value| {
            if TEXTS.contains(&member) || (is_call && member == b"input") {
                return;
            }
            // An answer in audio that is given back is named so.
            if name == b"audio" && member == b"id" {
                return self.string(b"", member, Kind::Long);
            }
            self.value(value, member, kind, level + 1);
        });
    }

    /// A string that is a payload or a reference.
    fn string(&mut self, inside: &[u8], name: &[u8], kind: Kind) {
        let (payload, kind) = match inside.strip_prefix(b"data:") {
            Some(uri) => {
                let end = memchr::memchr(b',', uri).map_or(uri.len(), |at| at + 1);
                let (head, payload) = uri.split_at(end);
                (payload, kind.max(if head.starts_with(b"image/") { Kind::Picture } else { Kind::Long }))
            }
            None => (inside, kind),
        };
        let bytes = payload_bytes(payload);
        let is_long = kind == Kind::Long;
        let is_payload = bytes >= PAYLOAD_BYTES_MIN;
        let is_address = inside.contains(&b':') && !inside.starts_with(b"data:");
        if !is_payload && payload.contains(&b' ') && BY_VALUE.contains(&name) {
            // The text of a document.
            return;
        }
        self.media += 1;
        self.documents += u64::from(is_long);
        if is_payload {
            self.payload_bytes += bytes;
            self.long_bytes += if is_long { bytes } else { 0 };
        } else if is_long && (is_address || !BY_VALUE.contains(&name)) {
            self.is_endless |= !inside.starts_with(b"data:");
        }
    }
}

fn may_have_media(raw: &[u8]) -> bool {
    // A value without members has none, and most fields of a request are such.
    let has_members = matches!(raw.first(), Some(b'{' | b'['));
    has_members && raw.len() >= BYTES_MIN && PARTS.iter().any(|part| part.is_in(raw))
}

fn of_name(name: &[u8]) -> Kind {
    if LONG.contains(&name) || name == b"fileUri" {
        return Kind::Long;
    }
    if PICTURES.contains(&name) { Kind::Picture } else { Kind::Unknown }
}

/// The base64 characters from here on, of both alphabets, with escaped line breaks.
fn payload_bytes(rest: &[u8]) -> usize {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_\\".contains(byte);
    rest.iter().take_while(|byte| is_base64(byte)).count()
}
