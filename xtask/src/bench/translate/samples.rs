//! Conversations of a size, and a stream, in each dialect.

use crate::outcome::Outcome;
use bytes::Bytes;
use opencredits_providers::{
    Dialect, Efforts, End, Origin, Rewrite, StreamTranslator, Target, UsageChunk, Vendor, Vendors, translate,
    upstream_body,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The dialects that translate into each other.
pub(super) const DIALECTS: [Dialect; 4] =
    [Dialect::OpenaiChat, Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate];
/// Sizes of a conversation, by name, in bytes.
pub(super) const SIZES: [(&str, usize); 3] = [("2kb", 2_000), ("100kb", 100_000), ("1mb", 1_000_000)];
/// Chunks of a stream that say something.
const CHUNKS: usize = 200;
/// What is said: words, an umlaut, another script, a line break and quotes, which need escapes.
pub(super) const TEXT: &str = "The harbour lies in the east; ships from Malm\u{f6} and \u{5927}\u{962a} wait there.\nThe pilot said: \"Not before noon.\" ";

/// A vendor that speaks `dialect`.
pub(super) fn vendor(dialect: Dialect) -> Outcome<Arc<Vendor>> {
    let text =
        format!("[[vendor]]\nid = \"v\"\ndialect = \"{dialect}\"\nbase_url = \"http://localhost/v1\"\nauth = \"none\"");
    let vendors = Vendors::default().with_operator(&text)?;
    Ok(vendors.get("v").cloned().ok_or("the vendor is missing")?)
}

pub(super) fn target(dialect: Dialect) -> Target<'static> {
    Target {
        dialect,
        vendor: "v",
        output_max: 16_000,
        reasons: false,
        samples: true,
        wants_reasoning: false,
        efforts: Efforts::Three,
        call_id_length: None,
    }
}

/// A request of about `bytes` in `dialect`.
pub(super) fn request(dialect: Dialect, bytes: usize) -> Outcome<Vec<u8>> {
    translated(dialect, &chat(bytes))
}

/// A request of the chat dialect in `dialect`.
pub(super) fn translated(dialect: Dialect, chat: &Value) -> Outcome<Vec<u8>> {
    if dialect == Dialect::OpenaiChat {
        return Ok(serde_json::to_vec(chat)?);
    }
    let fields: Vec<(String, String)> =
        chat.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.to_string())).collect();
    let fields = fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()));
    let there = translate(Dialect::OpenaiChat, &target(dialect), fields)?;
    let fields: Vec<(&str, &str)> = there.fields.iter().map(|(name, raw)| (*name, raw.as_str())).collect();
    let vendor = vendor(dialect)?;
    let rewrite = Rewrite {
        vendor: &vendor,
        dialect,
        model: "m",
        output_cap: there.output_cap,
        tool_uses_max: None,
        stream: false,
    };
    Ok(upstream_body(&fields, &rewrite))
}

/// Turns of a person, a model that calls a tool, its result, and an answer, until there are so many bytes.
fn chat(bytes: usize) -> Value {
    let schema = json!({"type": "object", "properties": {"port": {"type": "string"}, "day": {"type": "integer"}},
        "required": ["port"]});
    let tool = json!({"type": "function", "function": {"name": "tides", "description": "When the water is high",
        "parameters": schema}});
    let mut messages = vec![json!({"role": "system", "content": "Answer like a harbour master."})];
    let paragraph = TEXT.repeat((bytes / 2_000).clamp(1, 8));
    let mut size = 400;
    for number in 0.. {
        let arguments = json!({"port": "Malm\u{f6}", "day": number}).to_string();
        let call = json!({"id": format!("call_{number}"), "type": "function",
            "function": {"name": "tides", "arguments": arguments}});
        let turn = [
            json!({"role": "user", "content": paragraph}),
            json!({"role": "assistant", "content": null, "tool_calls": [call]}),
            json!({"role": "tool", "tool_call_id": format!("call_{number}"), "content": paragraph}),
            json!({"role": "assistant", "content": paragraph}),
        ];
        size += turn.iter().map(|message| message.to_string().len() + 1).sum::<usize>();
        messages.extend(turn);
        if size >= bytes {
            break;
        }
    }
    messages.push(json!({"role": "user", "content": "And tomorrow?"}));
    json!({"model": "m", "max_tokens": 1_000, "temperature": 0.5, "messages": messages, "tools": [tool]})
}

/// The events of a stream in `dialect`, one to a chunk.
pub(super) fn stream(dialect: Dialect) -> Outcome<Vec<Bytes>> {
    let mut chat = String::new();
    for number in 0..CHUNKS {
        let delta = json!({"content": TEXT.get(..20 + number % 20).unwrap_or(TEXT)});
        chat.push_str(&event(&delta, &Value::Null, None));
    }
    chat.push_str(&event(&Value::Object(Map::new()), &json!("stop"), None));
    chat.push_str(&event(&Value::Null, &Value::Null, Some(json!({"prompt_tokens": 9, "completion_tokens": 400}))));
    chat.push_str("data: [DONE]\n\n");
    if dialect == Dialect::OpenaiChat {
        return Ok(cut(&chat));
    }
    let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
    let translator = StreamTranslator::new(Dialect::OpenaiChat, dialect, origin, UsageChunk::Requested);
    let mut translator = translator.ok_or("the hub does not speak this dialect")?;
    let mut out = translator.feed(&Bytes::from(chat))?.to_vec();
    let _outcome = translator.outcome(End::Clean);
    out.extend_from_slice(&translator.close("", None));
    Ok(cut(&String::from_utf8(out)?))
}

/// An event of the chat dialect.
pub(super) fn event(delta: &Value, finish: &Value, usage: Option<Value>) -> String {
    let choices =
        if delta.is_null() { json!([]) } else { json!([{"index": 0, "delta": delta, "finish_reason": finish}]) };
    let mut chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": choices});
    if let Some(usage) = usage {
        chunk["usage"] = usage;
    }
    format!("data: {chunk}\n\n")
}

fn cut(stream: &str) -> Vec<Bytes> {
    stream.split_inclusive("\n\n").map(|event| Bytes::copy_from_slice(event.as_bytes())).collect()
}
