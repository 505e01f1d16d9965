//! Writes an `openai-chat` answer.

use super::command::Ending;
use super::compose::{Call, Finish, Input, Reply};
use super::dialect::SandboxDialect;
use super::problem::Problem;
use super::request::{Delivery, SandboxRequest};
use super::seed::Seed;
use bytes::Bytes;
use serde_json::{Value, json};

/// The creation time of everything: the sandbox has no clock.
const CREATED: u64 = 1_700_000_000;
/// The length of the pieces of arguments, in bytes.
const PIECE_BYTES: usize = 12;

pub(super) fn whole(request: &SandboxRequest, seed: Seed, replies: &[Reply]) -> Value {
    let choices = replies.iter().enumerate().map(|(index, reply)| {
        json!({
            "index": index,
            "message": message(reply),
            "logprobs": null,
            "finish_reason": finish(reply),
        })
    });
    json!({
        "id": seed.id("chatcmpl-"),
        "object": "chat.completion",
        "created": CREATED,
        "model": request.model,
        "choices": choices.collect::<Vec<_>>(),
        "usage": usage(request, replies),
        "service_tier": request.service_tier,
        "system_fingerprint": null,
    })
}

fn message(reply: &Reply) -> Value {
    let nothing_said = reply.refusal.is_some() || (!reply.calls.is_empty() && reply.text.is_empty());
    let mut message = json!({
        "role": "assistant",
        "content": (!nothing_said).then_some(&reply.text),
        "refusal": reply.refusal,
        "annotations": [],
    });
    if !reply.calls.is_empty() {
        message["tool_calls"] = reply.calls.iter().map(|call| called(call, &call.input.text())).collect();
    }
    message
}

fn called(call: &Call, input: &str) -> Value {
    let id = call.seed.id("call_");
    match &call.input {
        Input::Json(_) => {
            json!({"id": id, "type": "function", "function": {"name": call.name, "arguments": input}})
        }
        Input::Text(_) => {
            json!({"id": id, "type": "custom", "custom": {"name": call.name, "input": input}})
        }
    }
}

const fn finish(reply: &Reply) -> Option<&'static str> {
    match reply.finish {
        Finish::Stop | Finish::Sequence(_) | Finish::Refusal => Some("stop"),
        Finish::Length => Some("length"),
        Finish::Calls => Some("tool_calls"),
        Finish::Unsaid => None,
    }
}

fn usage(request: &SandboxRequest, replies: &[Reply]) -> Value {
    let output: u64 = replies.iter().map(Reply::tokens).sum();
    let thoughts: u64 = replies.iter().map(Reply::thought_tokens).sum();
    json!({
        "prompt_tokens": request.input.total(),
        "completion_tokens": output,
        "total_tokens": request.input.total() + output,
        "prompt_tokens_details": {"cached_tokens": request.input.read, "audio_tokens": request.input.audio},
        "completion_tokens_details": {
            "reasoning_tokens": thoughts,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

pub(super) fn stream(request: &SandboxRequest, seed: Seed, replies: &[Reply]) -> Vec<Bytes> {
    let mut chunks: Vec<Value> =
        interleaved(replies).into_iter().map(|choice| chunk(request, seed, json!([choice]))).collect();
    if request.delivery == Delivery::StreamWithUsage {
        let mut last = chunk(request, seed, json!([]));
        last["usage"] = usage(request, replies);
        chunks.push(last);
    }
    if let Ending::Fail(after) = request.commands.ending {
        chunks.truncate(after);
        chunks.push(Problem::in_mid_stream().body(SandboxDialect::Chat, seed));
        return chunks.iter().map(event).collect();
    }
    let done = Bytes::from_static(b"data: [DONE]\n\n");
    chunks.iter().map(event).chain([done]).collect()
}

fn event(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

fn chunk(request: &SandboxRequest, seed: Seed, choices: Value) -> Value {
    let mut chunk = json!({
        "id": seed.id("chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": request.model,
        "choices": choices,
        "service_tier": request.service_tier,
        "system_fingerprint": null,
    });
    if request.delivery == Delivery::StreamWithUsage {
        chunk["usage"] = Value::Null;
    }
    chunk
}

/// The answers are interleaved, a piece of each in turn.
fn interleaved(replies: &[Reply]) -> Vec<Value> {
    let mut sources: Vec<_> =
        replies.iter().enumerate().map(|(index, reply)| pieces(index, reply).into_iter()).collect();
    let mut all = Vec::new();
    while sources.iter().any(|source| source.len() > 0) {
        all.extend(sources.iter_mut().filter_map(Iterator::next));
    }
    all
}

fn pieces(index: usize, reply: &Reply) -> Vec<Value> {
    let choice = |delta: Value, finish: Option<&str>| json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": finish});
    let content = if reply.calls.is_empty() { Value::from("") } else { Value::Null };
    let mut all = vec![choice(json!({"role": "assistant", "content": content, "refusal": null}), None)];
    let words = reply.text.split_inclusive(' ');
    all.extend(words.map(|word| choice(json!({"content": word}), None)));
    let refusal = reply.refusal.unwrap_or_default().split_inclusive(' ');
    all.extend(refusal.map(|word| choice(json!({"refusal": word}), None)));
    for (at, call) in reply.calls.iter().enumerate() {
        let mut opening = called(call, "");
        opening["index"] = at.into();
        all.push(choice(json!({"tool_calls": [opening]}), None));
        let (kind, member) = match &call.input {
            Input::Json(_) => ("function", "arguments"),
            Input::Text(_) => ("custom", "input"),
        };
        for piece in in_pieces(&call.input.text()) {
            let delta = json!({"tool_calls": [{"index": at, kind: {member: piece}}]});
            all.push(choice(delta, None));
        }
    }
    if let Some(finish) = finish(reply) {
        all.push(choice(json!({}), Some(finish)));
    }
    all
}

/// The pieces of a text, cut between characters.
pub(super) fn in_pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
