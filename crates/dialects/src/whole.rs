//! Reads whole answers, and writes the charge into them.

use crate::decoders::anthropic_messages as messages;
use crate::decoders::cohere_chat;
use crate::decoders::embeddings;
use crate::decoders::gemini_generate as gemini;
use crate::decoders::openai_chat as chat;
use crate::decoders::openai_responses as responses;
use crate::dialect::Dialect;
use crate::error_shape::is_error_body;
use crate::outcome::Outcome;
use crate::stream::usage_object::spliced;
use crate::upstream_error::{STATUS_IN_STREAM, UpstreamError};
use opencredits_wire::json;

/// The byte order mark, which some servers put in front of JSON.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A body or event without the byte order mark that it may begin with.
#[must_use]
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

/// Reads a whole answer.
#[must_use]
pub fn read_body(dialect: Dialect, body: &[u8]) -> Outcome {
    let body = without_mark(body);
    let mut outcome = Outcome::default();
    if !body.trim_ascii().is_empty() && !json::is_valid(body) {
        return Outcome { error: Some(UpstreamError::broken(STATUS_IN_STREAM)), ..outcome };
    }
    match dialect {
        Dialect::OpenaiChat => drop(chat::absorb(body, &mut outcome)),
        Dialect::AnthropicMessages => {
            messages::absorb_message(body, &mut messages::Counts::default(), &mut outcome);
        }
        Dialect::OpenaiResponses => responses::absorb_response(body, &mut outcome),
        Dialect::GeminiGenerate => drop(gemini::absorb(body, &mut gemini::Queries::new(), &mut outcome)),
        Dialect::CohereChat => cohere_chat::absorb_answer(body, &mut outcome),
        Dialect::OpenaiEmbeddings => embeddings::absorb(body, &mut outcome),
    }
    if outcome.error.is_none() && is_error_body(dialect, body) {
        outcome.error = Some(UpstreamError::in_answer(body));
    }
    outcome.complete = true;
    outcome
}

/// A whole answer with `extras` (JSON members without braces) added to its usage object; every other byte stays.
#[must_use]
pub fn splice_usage(dialect: Dialect, body: &[u8], extras: &str) -> Vec<u8> {
    let member = if dialect == Dialect::GeminiGenerate { "usageMetadata" } else { "usage" };
    let mut cursor = json::Cursor::new(body);
    if !cursor.object() {
        return body.to_vec();
    }
    let (mut place, mut is_empty) = (None, true);
    while let Some(key) = cursor.key() {
        let range = cursor.value_range();
        is_empty = false;
        if key == member.as_bytes() {
            place = Some(range);
        }
    }
    let end = cursor.position().saturating_sub(1);
    let (name, place) = match &place {
        Some(place) => (String::new(), place.clone()),
        None => (format!("{}\"{member}\":", if is_empty { "" } else { "," }), end..end),
    };
    let part = |range: std::ops::Range<usize>| body.get(range).unwrap_or_default();
    let usage = spliced(part(place.clone()), extras);
    [part(0..place.start), name.as_bytes(), &usage, part(place.end..body.len())].concat()
}
