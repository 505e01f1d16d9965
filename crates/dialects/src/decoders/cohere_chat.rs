//! `cohere-chat` (version 2): usage, answers and events.
//!
//! `billed_units` are billed. `tokens` and `cached_tokens` count the model's input, the provider's own frame included.
//! Source: the provider's reference of its Chat API.

use crate::decoders::count::{self, Count, Read};
use crate::outcome::{Finish, Outcome, Trust};
use crate::upstream_error::UpstreamError;
use opencredits_units::{Bucket, Tokens, Usage};
use opencredits_wire::json;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Output, or an event without a meaning of its own.
    Plain,
    /// The end, with finish reason and usage.
    End,
    /// An error.
    Error,
}

/// Reads an event of a stream into the outcome.
pub(crate) fn absorb_event(data: &[u8], outcome: &mut Outcome) -> Kind {
    let delta = json::member(data, "delta").unwrap_or_default();
    match json::member(data, "type") {
        Some(b"\"message-start\"") => {
            outcome.upstream_id = json::member(data, "id").and_then(json::owned);
            outcome.has_frame = true;
            Kind::Plain
        }
        Some(b"\"message-end\"") => {
            absorb_end(delta, outcome);
            if outcome.error.is_some() { Kind::Error } else { Kind::End }
        }
        _ => {
            absorb_message(json::member(delta, "message").unwrap_or_default(), outcome);
            Kind::Plain
        }
    }
}

/// Reads a whole answer into the outcome.
pub(crate) fn absorb_answer(body: &[u8], outcome: &mut Outcome) {
    outcome.upstream_id = json::member(body, "id").and_then(json::owned);
    absorb_end(body, outcome);
    absorb_message(json::member(body, "message").unwrap_or_default(), outcome);
}

fn absorb_end(raw: &[u8], outcome: &mut Outcome) {
    json::members(raw, |name, value| match name {
        b"finish_reason" if json::is_set(value) => {
            let native = json::owned(value).unwrap_or_default();
            if native == "ERROR" || native == "TIMEOUT" {
                outcome.error = Some(UpstreamError::in_answer(raw));
            }
            outcome.finish = Some(Finish { native });
        }
        b"error" if json::is_set(value) => {
            outcome.error = Some(UpstreamError::in_answer(raw));
        }
        b"usage" => {
            let billed = json::member(value, "billed_units").unwrap_or_default();
            let mut usage = Usage::default();
            for (bucket, name) in [(Bucket::InputUncached, "input_tokens"), (Bucket::Output, "output_tokens")] {
                match json::member(billed, name).map(count::read) {
                    Some(Read::Counts(Count(Some(count)))) => usage.set(bucket, Tokens::new(count)),
                    Some(Read::Negative) => outcome.trust = Trust::Contradictory,
                    Some(Read::Counts(_) | Read::Nothing) | None => {}
                }
            }
            if !usage.is_absent() {
                outcome.usage = Some(usage);
            }
        }
        _ => {}
    });
}

/// The texts of a message, as a string or in parts.
fn absorb_message(message: &[u8], outcome: &mut Outcome) {
    outcome.has_frame |= message.starts_with(b"{");
    json::members(message, |name, value| match name {
        b"content" if value.starts_with(b"[") => json::items(value, |part| absorb_part(part, outcome)),
        b"content" => absorb_part(value, outcome),
        b"tool_plan" => absorb_text(value, outcome),
        b"tool_calls" if json::is_set(value) && value != b"[]" => outcome.produced.part(),
        _ => {}
    });
}

fn absorb_part(part: &[u8], outcome: &mut Outcome) {
    for name in ["text", "thinking"] {
        absorb_text(json::member(part, name).unwrap_or_default(), outcome);
    }
}

fn absorb_text(raw: &[u8], outcome: &mut Outcome) {
    if let Some(inside) = raw.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
        outcome.produced.text(inside);
    }
}
