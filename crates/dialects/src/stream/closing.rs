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

/// The closing events, with `extras` (JSON members without braces) added to the usage object.
pub(crate) fn close(dialect: Dialect, withheld: &[Withheld], usage_chunk: UsageChunk, extras: &str) -> Vec<u8> {
    match dialect {
        Dialect::OpenaiChat => close_chat(withheld, usage_chunk, extras),
        Dialect::AnthropicMessages => close_messages(withheld, extras),
        Dialect::OpenaiResponses => close_responses(withheld, extras),
        Dialect::GeminiGenerate => close_gemini(withheld, extras),
        Dialect::CohereChat => close_cohere_chat(withheld, extras),
        Dialect::OpenaiEmbeddings => Vec::new(),
    }
}

/// `openai-chat`: in the usage chunk where one was requested, otherwise in the last chunk with a finish reason.
fn close_chat(withheld: &[Withheld], usage_chunk: UsageChunk, extras: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    let data_of = |waiting: &Withheld| Event::read(&waiting.raw).data.map(std::borrow::Cow::into_owned);
    let reported = withheld.iter().rev().filter(|waiting| waiting.kind != Closing::Done).find_map(|waiting| {
        let data = data_of(waiting)?;
        json::member(&data, "usage").filter(|usage| json::is_set(usage)).map(<[u8]>::to_vec)
    });
    let usage = spliced(reported.as_deref().unwrap_or(b"{}"), extras);
    let last_finish = withheld.iter().rposition(|waiting| waiting.kind == Closing::Finish);
    let mut has_usage = false;
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
    if let (UsageChunk::Requested, false, Some(last)) = (usage_chunk, has_usage, last) {
        let chunk = [Edit { name: "choices", value: b"[]" }, Edit { name: "usage", value: &usage }];
        push_event(&mut out, b"", &json::edit(&last, &chunk));
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

/// A usage object with further members.
pub(crate) fn spliced(usage: &[u8], extras: &str) -> Vec<u8> {
    let inside = usage.trim_ascii().strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    let inside = inside.unwrap_or_default().trim_ascii();
    let comma: &[u8] = if inside.is_empty() || extras.is_empty() { b"" } else { b"," };
    [b"{", inside, comma, extras.as_bytes(), b"}"].concat()
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
