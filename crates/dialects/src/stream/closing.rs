//! The closing events of a stream, with the charge in their usage object.

use crate::dialect::Dialect;
use crate::usage_chunk::UsageChunk;
use opencredits_wire::json::{self, Edit};
use opencredits_wire::sse::{Event, push_event};

/// A closing event.
pub(crate) struct Withheld {
    pub(crate) kind: Closing,
    pub(crate) raw: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    Finish,
    Usage,
    Done,
    Other,
}

/// What is known of a stream besides its closing events.
pub(crate) struct Before<'a> {
    pub(crate) usage_chunk: UsageChunk,
    /// Whether the answer called tools.
    pub(crate) has_calls: bool,
    /// The first chunk in `openai-chat`, whose id, model and time all others repeat.
    pub(crate) first: &'a [u8],
}

/// The closing events, with `extras` (JSON members without braces) added to the usage object.
pub(crate) fn close(dialect: Dialect, withheld: &[Withheld], before: &Before<'_>, extras: &str) -> Vec<u8> {
    match dialect {
        Dialect::OpenaiChat => close_chat(withheld, before, extras),
        Dialect::AnthropicMessages => close_messages(withheld, extras),
        Dialect::OpenaiResponses => close_responses(withheld, extras),
        Dialect::GeminiGenerate => close_gemini(withheld, extras),
        Dialect::CohereChat => close_cohere_chat(withheld, extras),
        Dialect::OpenaiEmbeddings => Vec::new(),
    }
}

/// A chunk of `openai-chat`, where the provider sent none that could be written anew.
const CHUNK: &[u8] = br#"{"id":"","object":"chat.completion.chunk","created":0,"model":""}"#;
/// The last choice, where the provider ended its stream without a finish reason.
const FINISH_STOP: &[u8] = br#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#;
const FINISH_CALLS: &[u8] = br#"[{"index":0,"delta":{},"finish_reason":"tool_calls"}]"#;

/// `openai-chat`: in the usage chunk where one was requested, otherwise in the last chunk with a finish reason. A stream
/// without a finish reason gets one: clients take it for broken otherwise.
fn close_chat(withheld: &[Withheld], before: &Before<'_>, extras: &str) -> Vec<u8> {
    let usage_chunk = before.usage_chunk;
    let first = if before.first.is_empty() { CHUNK } else { before.first };
    let mut out = Vec::with_capacity(1_024);
    let data_of = |waiting: &Withheld| Event::read(&waiting.raw).data.map(std::borrow::Cow::into_owned);
    let reported = withheld.iter().rev().filter(|waiting| waiting.kind != Closing::Done).find_map(|waiting| {
        let data = data_of(waiting)?;
        json::member(&data, "usage").filter(|usage| json::is_set(usage)).map(<[u8]>::to_vec)
    });
    let usage = spliced(reported.as_deref().unwrap_or(b"{}"), extras);
    let last_finish = withheld.iter().rposition(|waiting| waiting.kind == Closing::Finish);
    let mut has_usage = false;
    if last_finish.is_none() {
        let any = withheld.iter().find_map(|waiting| data_of(waiting).filter(|data| data.starts_with(b"{")));
        let choice: &[u8] = if before.has_calls { FINISH_CALLS } else { FINISH_STOP };
        let usage: &[u8] = if usage_chunk == UsageChunk::Requested { b"null" } else { &usage };
        let finish = [Edit { name: "choices", value: choice }, Edit { name: "usage", value: usage }];
        push_event(&mut out, b"", &json::edit(any.as_deref().unwrap_or(first), &finish));
    }
    for (at, waiting) in withheld.iter().enumerate() {
        let Some(data) = data_of(waiting) else {
            continue;
        };
        let edit = || json::edit(&data, &[Edit { name: "usage", value: &usage }]);
        match (waiting.kind, usage_chunk) {
            (Closing::Done, _) | (Closing::Usage, UsageChunk::NotRequested) => {}
            (Closing::Usage, UsageChunk::Requested) => {
                push_event(&mut out, b"", &edit());
                has_usage = true;
            }
            (Closing::Finish, UsageChunk::NotRequested) if Some(at) == last_finish => {
                push_event(&mut out, b"", &edit());
            }
            (Closing::Finish | Closing::Other, _) => out.extend_from_slice(&waiting.raw),
        }
    }
    let last = last_finish.and_then(|at| data_of(withheld.get(at)?));
    if let (UsageChunk::Requested, false) = (usage_chunk, has_usage) {
        let chunk = [Edit { name: "choices", value: b"[]" }, Edit { name: "usage", value: &usage }];
        push_event(&mut out, b"", &json::edit(last.as_deref().unwrap_or(first), &chunk));
    }
    push_event(&mut out, b"", b"[DONE]");
    out
}

/// `anthropic-messages`: in `message_delta`.
fn close_messages(withheld: &[Withheld], extras: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    for waiting in withheld {
        let event = Event::read(&waiting.raw);
        match (waiting.kind, event.data) {
            (Closing::Finish, Some(data)) => {
                let usage = spliced(json::member(&data, "usage").unwrap_or(b"{}"), extras);
                let edit = Edit { name: "usage", value: &usage };
                push_event(&mut out, b"message_delta", &json::edit(&data, &[edit]));
            }
            _ => out.extend_from_slice(&waiting.raw),
        }
    }
    out
}

/// A usage object with further members; they take the place of members with the same names.
pub(crate) fn spliced(usage: &[u8], extras: &str) -> Vec<u8> {
    let object = [b"{", extras.as_bytes(), b"}"].concat();
    let mut edits = Vec::new();
    json::members(&object, |name, value| {
        edits.extend(std::str::from_utf8(name).map(|name| Edit { name, value }));
    });
    let usage = usage.trim_ascii();
    json::edit(if usage.starts_with(b"{") { usage } else { b"{}" }, &edits)
}

/// `openai-responses`: in the response of the last event.
fn close_responses(withheld: &[Withheld], extras: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(4_096);
    for waiting in withheld {
        let event = Event::read(&waiting.raw);
        let response = event.data.as_deref().and_then(|data| json::member(data, "response"));
        match (waiting.kind, &event.data, response) {
            (Closing::Finish, Some(data), Some(response)) => {
                let usage = json::member(response, "usage").filter(|usage| json::is_set(usage));
                let usage = spliced(usage.unwrap_or(b"{}"), extras);
                let response = json::edit(response, &[Edit { name: "usage", value: &usage }]);
                let data = json::edit(data, &[Edit { name: "response", value: &response }]);
                push_event(&mut out, event.name, &data);
            }
            _ => out.extend_from_slice(&waiting.raw),
        }
    }
    out
}

/// `cohere-chat`: in the delta of the last event.
fn close_cohere_chat(withheld: &[Withheld], extras: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    for waiting in withheld {
        let event = Event::read(&waiting.raw);
        let delta = event.data.as_deref().and_then(|data| json::member(data, "delta"));
        match (waiting.kind, &event.data, delta) {
            (Closing::Finish, Some(data), Some(delta)) => {
                let usage = spliced(json::member(delta, "usage").unwrap_or(b"{}"), extras);
                let delta = json::edit(delta, &[Edit { name: "usage", value: &usage }]);
                push_event(&mut out, event.name, &json::edit(data, &[Edit { name: "delta", value: &delta }]));
            }
            _ => out.extend_from_slice(&waiting.raw),
        }
    }
    out
}

/// `gemini-generate`: in the last chunk with a usage.
fn close_gemini(withheld: &[Withheld], extras: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    let usage_of = |waiting: &Withheld| {
        let data = Event::read(&waiting.raw).data?.into_owned();
        json::member(&data, "usageMetadata").map(<[u8]>::to_vec).map(|usage| (data, usage))
    };
    let last = withheld.iter().rposition(|waiting| usage_of(waiting).is_some());
    if last.is_none() {
        let usage = spliced(b"{}", extras);
        for waiting in withheld {
            out.extend_from_slice(&waiting.raw);
        }
        push_event(&mut out, b"", &json::edit(b"{}", &[Edit { name: "usageMetadata", value: &usage }]));
        return out;
    }
    for (at, waiting) in withheld.iter().enumerate() {
        match usage_of(waiting).filter(|_| Some(at) == last) {
            Some((data, usage)) => {
                let usage = spliced(&usage, extras);
                push_event(&mut out, b"", &json::edit(&data, &[Edit { name: "usageMetadata", value: &usage }]));
            }
            None => out.extend_from_slice(&waiting.raw),
        }
    }
    out
}
