//! The closing events of a stream, with the charge in their usage object.

use crate::dialect::Dialect;
use crate::stream::usage_object::Charge;
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

/// The closing events, with the charge in the usage object.
pub(crate) fn close(withheld: &[Withheld], before: &Before<'_>, charge: &Charge<'_>) -> Vec<u8> {
    match charge.dialect {
        Dialect::OpenaiChat => close_chat(withheld, before, charge),
        Dialect::AnthropicMessages => close_messages(withheld, before, charge),
        Dialect::OpenaiResponses => close_responses(withheld, charge),
        Dialect::GeminiGenerate => close_gemini(withheld, charge),
        Dialect::CohereChat => close_cohere_chat(withheld, charge),
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
fn close_chat(withheld: &[Withheld], before: &Before<'_>, charge: &Charge<'_>) -> Vec<u8> {
    let usage_chunk = before.usage_chunk;
    let first = if before.first.is_empty() { CHUNK } else { before.first };
    let mut out = Vec::with_capacity(1_024);
    let data_of = |waiting: &Withheld| Event::read(&waiting.raw).data.map(std::borrow::Cow::into_owned);
    let reported = withheld.iter().rev().filter(|waiting| waiting.kind != Closing::Done).find_map(|waiting| {
        let data = data_of(waiting)?;
        json::member(&data, "usage").filter(|usage| json::is_set(usage)).map(<[u8]>::to_vec)
    });
    let usage = charge.written_into(reported.as_deref().unwrap_or_default());
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

/// Why a message has stopped whose provider did not say it.
const STOP_END: &[u8] = br#""end_turn""#;
const STOP_CALLS: &[u8] = br#""tool_use""#;
/// The event that says why, where the provider sent none.
const MESSAGE_DELTA: &[u8] = br#"{"type":"message_delta","delta":{"stop_reason":null,"stop_sequence":null}}"#;

/// `anthropic-messages`: in `message_delta`. A stream without a stop reason gets one: clients take it for broken otherwise.
fn close_messages(withheld: &[Withheld], before: &Before<'_>, charge: &Charge<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    let delta_of = |waiting: &Withheld| {
        Event::read(&waiting.raw).data.filter(|_| waiting.kind == Closing::Finish).map(std::borrow::Cow::into_owned)
    };
    let has_reason = |data: &[u8]| json::pointer(data, "/delta/stop_reason").is_some_and(json::is_set);
    let has_stop = withheld.iter().filter_map(delta_of).any(|data| has_reason(&data));
    let last = withheld.iter().rposition(|waiting| waiting.kind == Closing::Finish);
    let push = |data: &[u8], is_last: bool, out: &mut Vec<u8>| {
        let usage = charge.written_into(json::member(data, "usage").unwrap_or_default());
        let reason = Edit { name: "stop_reason", value: if before.has_calls { STOP_CALLS } else { STOP_END } };
        let delta = json::edit(json::member(data, "delta").unwrap_or(b"{}"), &[reason]);
        let edits = [Edit { name: "usage", value: &usage }, Edit { name: "delta", value: &delta }];
        let edits = if has_stop || !is_last { edits.get(..1) } else { edits.get(..) };
        push_event(out, b"message_delta", &json::edit(data, edits.unwrap_or_default()));
    };
    for (at, waiting) in withheld.iter().enumerate() {
        if waiting.kind == Closing::Done && last.is_none() {
            push(MESSAGE_DELTA, true, &mut out);
        }
        match delta_of(waiting) {
            Some(data) => push(&data, Some(at) == last, &mut out),
            None => out.extend_from_slice(&waiting.raw),
        }
    }
    out
}

/// `openai-responses`: in the response of the last event.
fn close_responses(withheld: &[Withheld], charge: &Charge<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(4_096);
    for waiting in withheld {
        let event = Event::read(&waiting.raw);
        let response = event.data.as_deref().and_then(|data| json::member(data, "response"));
        match (waiting.kind, &event.data, response) {
            (Closing::Finish, Some(data), Some(response)) => {
                let usage = json::member(response, "usage").filter(|usage| json::is_set(usage));
                let usage = charge.written_into(usage.unwrap_or_default());
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
fn close_cohere_chat(withheld: &[Withheld], charge: &Charge<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    for waiting in withheld {
        let event = Event::read(&waiting.raw);
        let delta = event.data.as_deref().and_then(|data| json::member(data, "delta"));
        match (waiting.kind, &event.data, delta) {
            (Closing::Finish, Some(data), Some(delta)) => {
                let usage = charge.written_into(json::member(delta, "usage").unwrap_or_default());
                let delta = json::edit(delta, &[Edit { name: "usage", value: &usage }]);
                push_event(&mut out, event.name, &json::edit(data, &[Edit { name: "delta", value: &delta }]));
            }
            _ => out.extend_from_slice(&waiting.raw),
        }
    }
    out
}

/// `gemini-generate`: in the last chunk that has a place for it.
fn close_gemini(withheld: &[Withheld], charge: &Charge<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    let usage_of = |waiting: &Withheld| {
        let data = Event::read(&waiting.raw).data?.into_owned();
        json::member(&data, USAGE_METADATA).map(<[u8]>::to_vec).map(|usage| (data, usage))
    };
    let reported = withheld.iter().rev().filter_map(usage_of).map(|(_, usage)| usage).find(|usage| json::is_set(usage));
    let usage = charge.written_into(&reported.unwrap_or_default());
    let edit = [Edit { name: USAGE_METADATA, value: &usage }];
    let last = withheld.iter().rposition(|waiting| usage_of(waiting).is_some());
    for (at, waiting) in withheld.iter().enumerate() {
        match usage_of(waiting).filter(|_| Some(at) == last) {
            Some((data, _)) => push_event(&mut out, b"", &json::edit(&data, &edit)),
            None => out.extend_from_slice(&waiting.raw),
        }
    }
    if last.is_none() {
        push_event(&mut out, b"", &json::edit(b"{}", &edit));
    }
    out
}

/// The usage object of `gemini-generate`.
const USAGE_METADATA: &str = "usageMetadata";
