//! Errors of providers.

use crate::overflow::is_overflow;
use opencredits_wire::json;
use serde::Deserialize;
use std::fmt;
use std::sync::LazyLock;

/// The HTTP status of an answer that has an error in it.
pub(crate) const STATUS_IN_STREAM: u16 = 200;
/// The names of statuses, which are data.
const STATUS_NAMES: &str = include_str!("../data/status-names.txt");
/// Members of an error that may have an HTTP status.
const STATUSES: [&str; 2] = ["code", "status"];
/// The longest message of a provider that is passed on, in bytes.
const MESSAGE_BYTES_MAX: usize = 2_000;

/// The kind of a refusal or failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is invalid.
    InvalidRequest,
    /// The input exceeds the model's context window.
    ContextLength,
    /// A filter refused the request.
    ContentPolicy,
    /// The vendor does not have the model: our catalogue is out of date.
    NotFound,
    /// The request is too large.
    TooLarge,
    /// Too many requests.
    RateLimited,
    /// The vendor is overloaded.
    Overloaded,
    /// The vendor timed out.
    TimedOut,
    /// Our own account at the vendor: key, permission, billing or quota. Never the person's.
    OurAccount,
    /// The vendor failed.
    Server,
}

/// A refusal or failure of a provider. Its message may repeat the prompt, so it cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamError {
    /// The kind.
    pub kind: ErrorKind,
    /// The HTTP status; that of the stream where the error came in the middle.
    pub status: u16,
    /// The provider's own code.
    pub code: Option<String>,
    /// The provider's own message.
    pub message: String,
    /// The time after which a retry makes sense, in ms.
    pub retry_after_ms: Option<u64>,
}

impl fmt::Debug for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamError").field("kind", &self.kind).field("status", &self.status).finish_non_exhaustive()
    }
}

impl UpstreamError {
    /// An answer under a success status that is not valid in its dialect.
    #[must_use]
    pub const fn broken(status: u16) -> Self {
        Self { kind: ErrorKind::Server, status, code: None, message: String::new(), retry_after_ms: None }
    }

    /// Reads an error under a success status, in a whole answer or in a stream.
    pub(crate) fn in_answer(body: &[u8]) -> Self {
        Self::read(STATUS_IN_STREAM, body, None)
    }

    /// Whether an object has the shape of an error in some API.
    pub(crate) fn is_shaped(object: &[u8]) -> bool {
        let object = object.trim_ascii();
        let object = first_of(object);
        SHAPES.iter().any(|name| json::member(object, name).is_some_and(json::is_set))
    }

    /// Reads an error: the body of a response that is no success, or an error under a success status, which has the kind
    /// of the HTTP status that it names. The headers tell when a retry makes sense.
    #[must_use]
    pub fn read(status: u16, body: &[u8], retry_after_ms: Option<u64>) -> Self {
        let body = body.trim_ascii();
        let error = error_in(body);
        let meant = if is_success(status) { status_in(error, first_of(body)).unwrap_or(status) } else { status };
        let text = |name| json::member(error, name).and_then(json::owned);
        let code = text("code").or_else(|| text("type"));
        let kind_name = text("type").unwrap_or_default();
        let message = SAID.iter().find_map(|name| text(name)).or_else(|| json::owned(error)).unwrap_or_default();
        let (param, behind) = (text("param").unwrap_or_default(), behind_reseller(error));
        let said = [message.as_str(), &behind].join("\n").to_lowercase();
        let words = Words { code: code.as_deref().unwrap_or_default(), kind: &kind_name, param: &param, message: said };
        let kind = kind_of(meant, &words);
        Self { kind, status, code, message: shortened(message), retry_after_ms }
    }
}

/// Members of an object that is an error.
const SHAPES: [&str; 5] = ["error", "errors", "detail", "message", "msg"];
/// Members of an error that say in words what it is.
const SAID: [&str; 3] = ["message", "detail", "msg"];

/// The error in an answer. Some hosts wrap it in an array, in a list of errors or of details, or give it as a plain string.
fn error_in(body: &[u8]) -> &[u8] {
    let object = first_of(body);
    let inner = ["error", "errors"].iter().find_map(|name| json::member(object, name).filter(|raw| json::is_set(raw)));
    let error = inner.map_or(object, first_of);
    match json::member(error, "detail") {
        Some(detail @ [b'[', ..]) => first_item(detail),
        _ => error,
    }
}

/// The first item of an array; else the value itself.
fn first_of(value: &[u8]) -> &[u8] {
    if value.first() == Some(&b'[') { first_item(value) } else { value }
}

fn first_item(array: &[u8]) -> &[u8] {
    let mut cursor = json::Cursor::new(array);
    if cursor.array() && cursor.item() { cursor.value() } else { array }
}

const fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// The HTTP status that an error names, as a number or by its name.
fn status_in(error: &[u8], object: &[u8]) -> Option<u16> {
    let places = [error, object].into_iter().flat_map(|place| STATUSES.map(|name| json::member(place, name)));
    places.flatten().find_map(|raw| match json::text(raw) {
        Some(text) => status_of(&text),
        None => status_of(std::str::from_utf8(raw).ok()?),
    })
}

/// A status in digits, or by its name; `None` where it is no failure.
fn status_of(word: &str) -> Option<u16> {
    let alike = |name: &str| {
        let same = |(a, b): (u8, u8)| a.eq_ignore_ascii_case(&b) || (a == b'_' && b == b'-');
        name.len() == word.len() && name.bytes().zip(word.bytes()).all(same)
    };
    let rows = STATUS_NAMES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
    let digits = rows.into_iter().find(|(name, _)| alike(name)).map_or(word, |(_, status)| status);
    digits.parse().ok().filter(|status| matches!(status, 400..=599))
}

fn shortened(mut message: String) -> String {
    let mut end = MESSAGE_BYTES_MAX.min(message.len());
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.truncate(end);
    message
}

/// What the provider behind a reseller said.
fn behind_reseller(error: &[u8]) -> String {
    json::pointer(error, "metadata/raw").and_then(json::owned).unwrap_or_default()
}

/// How a kind of error is recognised.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signs {
    codes: Vec<String>,
    phrases: Vec<String>,
}

/// The kinds that are recognised by words, in their order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kinds {
    content_policy: Signs,
    our_account: Signs,
    context_length: Signs,
    overloaded: Signs,
    rate_limited: Signs,
}

/// `None` where the file cannot be read, which a test excludes.
static KINDS: LazyLock<Option<Kinds>> = LazyLock::new(|| toml::from_str(include_str!("../data/error-kinds.toml")).ok());

impl Kinds {
    fn in_order(&self) -> [(&Signs, ErrorKind); 5] {
        [
            (&self.content_policy, ErrorKind::ContentPolicy),
            (&self.our_account, ErrorKind::OurAccount),
            (&self.context_length, ErrorKind::ContextLength),
            (&self.overloaded, ErrorKind::Overloaded),
            (&self.rate_limited, ErrorKind::RateLimited),
        ]
    }
}

/// What an error says of itself.
struct Words<'a> {
    code: &'a str,
    kind: &'a str,
    /// The field that it is about.
    param: &'a str,
    /// The message in lower case, and that of the provider behind a reseller.
    message: String,
}

impl Words<'_> {
    fn fit(&self, signs: &Signs) -> bool {
        let is_named = signs.codes.iter().any(|code| code == self.code || code == self.kind);
        is_named || signs.phrases.iter().any(|phrase| self.message.contains(phrase.as_str()))
    }

    /// Whether a text of the conversation, and not of a tool's definition, is too long.
    fn is_long_text(&self) -> bool {
        self.code == "string_above_max_length" && !self.param.starts_with("tools")
    }
}

/// Codes, types and words are more precise than the status: some vendors answer 429 when the account's balance is used up,
/// and 400 for an invalid key.
fn kind_of(status: u16, words: &Words<'_>) -> ErrorKind {
    let kinds = KINDS.as_ref().map(Kinds::in_order);
    if let Some((_, kind)) = kinds.into_iter().flatten().find(|(signs, _)| words.fit(signs)) {
        return kind;
    }
    // The words of some rate limits are similar.
    if words.is_long_text() || (status != 429 && is_overflow(&words.message)) {
        return ErrorKind::ContextLength;
    }
    match status {
        401..=403 => ErrorKind::OurAccount,
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::TimedOut,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        400..=499 => ErrorKind::InvalidRequest,
        _ => ErrorKind::Server,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_kinds_can_be_read_and_its_phrases_are_in_lower_case() {
        for (signs, _) in KINDS.as_ref().expect("the file can be read").in_order() {
            assert!(signs.phrases.iter().all(|phrase| *phrase == phrase.to_lowercase()));
        }
    }
}
