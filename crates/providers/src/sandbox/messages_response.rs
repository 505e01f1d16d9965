//! Writes an `anthropic-messages` answer.

use super::chat_response::in_pieces;
use super::command::Ending;
use super::compose::{Finish, Reply};
use super::dialect::SandboxDialect;
use super::problem::Problem;
use super::request::{SandboxRequest, Shown};
use super::seed::Seed;
use bytes::Bytes;
use serde_json::{Value, json};

pub(super) fn whole(request: &SandboxRequest, seed: Seed, replies: &[Reply]) -> Value {
    let mut message = opening(request, seed);
    for reply in replies {
        message["content"] = blocks(seed, reply).into_iter().map(Block::whole).collect();
        message["usage"] = usage(request, reply);
        let end = end(reply);
        for name in ["stop_reason", "stop_sequence", "stop_details"] {
            message[name] = end[name].clone();
        }
    }
    message
}

/// The message before its content.
fn opening(request: &SandboxRequest, seed: Seed) -> Value {
    json!({
        "id": seed.id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "stop_details": null,
        "usage": input_usage(request),
    })
}

fn end(reply: &Reply) -> Value {
    let reason = match &reply.finish {
        Finish::Stop => Some("end_turn"),
        Finish::Sequence(_) => Some("stop_sequence"),
        Finish::Length => Some("max_tokens"),
        Finish::Calls => Some("tool_use"),
        Finish::Refusal => Some("refusal"),
        Finish::Unsaid => None,
    };
    let sequence = match &reply.finish {
        Finish::Sequence(sequence) => Some(sequence),
        _ => None,
    };
    let details = reply.refusal.map(|words| json!({"type": "refusal", "category": null, "explanation": words}));
    json!({"stop_reason": reason, "stop_sequence": sequence, "stop_details": details})
}

fn input_usage(request: &SandboxRequest) -> Value {
    json!({
        "input_tokens": request.input.uncached,
        "cache_creation_input_tokens": request.input.written(),
        "cache_read_input_tokens": request.input.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": request.input.write_5m,
            "ephemeral_1h_input_tokens": request.input.write_1h,
        },
        "output_tokens": 0,
        "service_tier": request.service_tier,
        "inference_geo": "not_available",
    })
}

/// The usage at the end of a stream; the usage at its start has the input.
fn usage_so_far(request: &SandboxRequest, reply: &Reply) -> Value {
    let mut usage = usage(request, reply);
    if let Some(members) = usage.as_object_mut() {
        members.retain(|name, _| !matches!(name.as_str(), "cache_creation" | "service_tier" | "inference_geo"));
    }
    usage
}

fn usage(request: &SandboxRequest, reply: &Reply) -> Value {
    let mut usage = input_usage(request);
    usage["output_tokens"] = reply.tokens().into();
    if reply.thoughts.is_some() {
        usage["output_tokens_details"] = json!({"thinking_tokens": reply.thought_tokens()});
    }
    if reply.search.is_some() {
        usage["server_tool_use"] = json!({"web_search_requests": 1, "web_fetch_requests": 0});
    }
    usage
}

/// A content block: its start and its deltas.
struct Block {
    start: Value,
    deltas: Vec<Delta>,
}

/// A delta of a block.
enum Delta {
    Text(String),
    Thinking(String),
    Signature(String),
    Input(String),
}

impl Block {
    fn whole(self) -> Value {
        let mut block = self.start;
        let mut input = String::new();
        for delta in &self.deltas {
            match delta {
                Delta::Text(text) => append(&mut block["text"], text),
                Delta::Thinking(text) => append(&mut block["thinking"], text),
                Delta::Signature(text) => append(&mut block["signature"], text),
                Delta::Input(text) => input.push_str(text),
            }
        }
        if !input.is_empty() {
            block["input"] = serde_json::from_str(&input).unwrap_or_default();
        }
        block
    }
}

fn append(value: &mut Value, text: &str) {
    if let Value::String(so_far) = value {
        so_far.push_str(text);
    }
}

impl Delta {
    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!({"type": "text_delta", "text": text}),
            Self::Thinking(text) => json!({"type": "thinking_delta", "thinking": text}),
            Self::Signature(text) => json!({"type": "signature_delta", "signature": text}),
            Self::Input(text) => json!({"type": "input_json_delta", "partial_json": text}),
        }
    }
}

fn blocks(seed: Seed, reply: &Reply) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(thoughts) = &reply.thoughts {
        let words = match thoughts.shown {
            Shown::Text => thoughts.text.as_str(),
            Shown::SignatureOnly => "",
        };
        let signature = Delta::Signature(seed.part("signature", 0).id("sandbox"));
        let words = words.split_inclusive(". ").map(|part| Delta::Thinking(part.to_owned()));
        blocks.push(Block {
            start: json!({"type": "thinking", "thinking": "", "signature": ""}),
            deltas: words.chain([signature]).collect(),
        });
    }
    if let Some(query) = &reply.search {
        blocks.extend(searched(seed, query));
    }
    if !reply.text.is_empty() {
        let words = reply.text.split_inclusive(' ');
        blocks.push(Block {
            start: json!({"type": "text", "text": ""}),
            deltas: words.map(|word| Delta::Text(word.to_owned())).collect(),
        });
    }
    blocks.extend(reply.calls.iter().map(|call| Block {
        start: json!({"type": "tool_use", "id": call.seed.id("toolu_"), "name": call.name, "input": {}}),
        deltas: input(&call.input.text()),
    }));
    blocks
}

fn searched(seed: Seed, query: &str) -> [Block; 2] {
    let id = seed.part("search", 0).id("srvtoolu_");
    let found = json!([{
        "type": "web_search_result",
        "title": "A page of the sandbox",
        "url": "https://example.com/",
        "encrypted_content": seed.part("search", 1).id(""),
        "page_age": null,
    }]);
    [
        Block {
            start: json!({"type": "server_tool_use", "id": id, "name": "web_search", "input": {}}),
            deltas: input(&json!({"query": query}).to_string()),
        },
        Block {
            start: json!({"type": "web_search_tool_result", "tool_use_id": id, "content": found}),
            deltas: Vec::new(),
        },
    ]
}

fn input(json: &str) -> Vec<Delta> {
    in_pieces(json).into_iter().map(|piece| Delta::Input(piece.to_owned())).collect()
}

pub(super) fn stream(request: &SandboxRequest, seed: Seed, replies: &[Reply]) -> Vec<Bytes> {
    let mut start = opening(request, seed);
    start["usage"]["output_tokens"] = 1.into();
    let mut events = vec![json!({"type": "message_start", "message": start}), json!({"type": "ping"})];
    for reply in replies {
        for (index, block) in blocks(seed, reply).into_iter().enumerate() {
            events.push(json!({"type": "content_block_start", "index": index, "content_block": block.start}));
            let deltas = block.deltas.iter().map(Delta::json);
            events.extend(deltas.map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})));
            events.push(json!({"type": "content_block_stop", "index": index}));
        }
        events.push(json!({"type": "message_delta", "delta": end(reply), "usage": usage_so_far(request, reply)}));
    }
    events.push(json!({"type": "message_stop"}));
    if let Ending::Fail(after) = request.commands.ending {
        events.truncate(after);
        events.push(Problem::in_mid_stream().body(SandboxDialect::Messages, seed));
    }
    events.iter().map(event).collect()
}

fn event(data: &Value) -> Bytes {
    let name = data["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}
