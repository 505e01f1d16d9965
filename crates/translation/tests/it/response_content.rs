//! The content of answers, read by other means than the crate's own readers.

use base64::Engine;
use opencredits_translation::Dialect;
use serde_json::{Value, json};

/// The content of an answer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ResponseContent {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    /// Seals, out of their wrapping.
    pub(crate) seals: Vec<String>,
    /// Names and arguments.
    pub(crate) calls: Vec<(String, Value)>,
    /// Why it ended, in the dialect's own word.
    pub(crate) finish: String,
}

impl ResponseContent {
    fn seal(&mut self, seal: &Value) {
        let seal = str_of(seal);
        let plain = base64::engine::general_purpose::STANDARD.decode(seal).unwrap_or_default();
        let plain = String::from_utf8(plain).unwrap_or_default();
        match plain.strip_prefix("oc-seal1:").and_then(|rest| rest.split_once(':')) {
            // Thinking that nobody signed.
            Some((owner, _)) if owner.starts_with('n') => {}
            // A detail of openai-chat, whole.
            Some((_, data)) if data.starts_with('{') => {
                let detail: Value = serde_json::from_str(data).unwrap();
                [&detail["signature"], &detail["data"]].into_iter().for_each(|seal| self.seal(seal));
            }
            Some((_, data)) => self.seals.push(data.to_owned()),
            None if seal.is_empty() => {}
            None => self.seals.push(seal.to_owned()),
        }
    }
}

pub(crate) fn events(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.trim_end_matches('\r').strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
}

pub(crate) fn str_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The arguments of a call; their text where they are no object, and nothing where there are none.
fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Null;
    }
    serde_json::from_str(text).ok().filter(Value::is_object).unwrap_or_else(|| text.into())
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(crate) fn content_of_stream(dialect: Dialect, stream: &str) -> ResponseContent {
    let events = events(stream);
    match dialect {
        Dialect::OpenaiChat => in_chat(&events),
        Dialect::AnthropicMessages => in_messages(&events),
        Dialect::OpenaiResponses => in_responses(&events),
        _ => in_gemini(&events),
    }
}

/// The content of a whole answer.
pub(crate) fn content_of_body(dialect: Dialect, body: &[u8]) -> ResponseContent {
    let body: Value = serde_json::from_slice(body).unwrap();
    match dialect {
        Dialect::OpenaiChat => {
            let choice = body["choices"].get(0).cloned().unwrap_or_default();
            let calls: Vec<Value> = items(&choice["message"]["tool_calls"])
                .enumerate()
                .map(|(at, call)| {
                    let mut call = call.clone();
                    call["index"] = json!(at);
                    call
                })
                .collect();
            let mut delta = choice["message"].clone();
            delta["tool_calls"] = json!(calls);
            in_chat(&[json!({"choices": [{"index": 0, "delta": delta, "finish_reason": choice["finish_reason"]}]})])
        }
        Dialect::AnthropicMessages => {
            let mut events = Vec::new();
            for (index, block) in items(&body["content"]).enumerate() {
                events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
                for (kind, member) in [("thinking_delta", "thinking"), ("signature_delta", "signature")] {
                    let delta = json!({"type": kind, member: block[member]});
                    events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
                }
            }
            events.push(json!({"type": "message_delta", "delta": {"stop_reason": body["stop_reason"]}}));
            in_messages(&events)
        }
        Dialect::OpenaiResponses => in_response(&body),
        _ => in_gemini(&[body]),
    }
}

fn in_messages(events: &[Value]) -> ResponseContent {
    let mut content_of_stream = ResponseContent::default();
    let mut calls: Vec<(u64, String, String)> = Vec::new();
    for event in events {
        let (block, delta, index) = (&event["content_block"], &event["delta"], event["index"].as_u64().unwrap_or(0));
        match (str_of(&event["type"]), str_of(&block["type"]), str_of(&delta["type"])) {
            ("content_block_start", "tool_use", _) => {
                let input = block["input"].as_object().filter(|input| !input.is_empty());
                let json = input.map_or_else(String::new, |input| Value::Object(input.clone()).to_string());
                calls.push((index, str_of(&block["name"]).to_owned(), json));
            }
            ("content_block_start", "redacted_thinking", _) => content_of_stream.seal(&block["data"]),
            ("content_block_start", "text", _) => content_of_stream.text.push_str(str_of(&block["text"])),
            ("content_block_delta", _, "text_delta") => content_of_stream.text.push_str(str_of(&delta["text"])),
            ("content_block_delta", _, "thinking_delta") => {
                content_of_stream.reasoning.push_str(str_of(&delta["thinking"]))
            }
            ("content_block_delta", _, "signature_delta") => content_of_stream.seal(&delta["signature"]),
            ("content_block_delta", _, "input_json_delta") => {
                if let Some(call) = calls.iter_mut().find(|call| call.0 == index) {
                    call.2.push_str(str_of(&delta["partial_json"]));
                }
            }
            ("message_delta", ..) => str_of(&delta["stop_reason"]).clone_into(&mut content_of_stream.finish),
            _ => {}
        }
    }
    content_of_stream.calls = calls.into_iter().map(|(_, name, json)| (name, arguments(&json))).collect();
    content_of_stream
}

fn in_chat(events: &[Value]) -> ResponseContent {
    let mut content_of_stream = ResponseContent::default();
    let mut calls: Vec<(u64, String, String, String)> = Vec::new();
    for event in events {
        let Some(first) = items(&event["choices"]).find(|choice| choice["index"].as_u64() == Some(0)) else {
            continue;
        };
        let delta = &first["delta"];
        content_of_stream.text.push_str(str_of(&delta["content"]));
        for part in items(&delta["content"]) {
            content_of_stream.text.push_str(str_of(&part["text"]));
            items(&part["thinking"]).for_each(|part| content_of_stream.reasoning.push_str(str_of(&part["text"])));
        }
        content_of_stream.text.push_str(str_of(&delta["refusal"]));
        let reasoning = if delta["reasoning_content"].is_string() { "reasoning_content" } else { "reasoning" };
        content_of_stream.reasoning.push_str(str_of(&delta[reasoning]));
        for detail in items(&delta["reasoning_details"]) {
            [&detail["signature"], &detail["data"]].into_iter().for_each(|seal| content_of_stream.seal(seal));
        }
        let only = json!({"function": delta["function_call"]});
        for call in items(&delta["tool_calls"]).chain(Some(&only).filter(|only| only["function"].is_object())) {
            let (index, id) = (call["index"].as_u64().unwrap_or(0), str_of(&call["id"]));
            let place = calls.iter().rposition(|known| known.0 == index && (id.is_empty() || known.1 == id));
            let place = place.unwrap_or_else(|| {
                calls.push((index, id.to_owned(), str_of(&call["function"]["name"]).to_owned(), String::new()));
                calls.len() - 1
            });
            calls[place].3.push_str(str_of(&call["function"]["arguments"]));
        }
        if first["finish_reason"].is_string() {
            str_of(&first["finish_reason"]).clone_into(&mut content_of_stream.finish);
        }
    }
    content_of_stream.calls = calls.into_iter().map(|(.., name, json)| (name, arguments(&json))).collect();
    content_of_stream
}

/// The pieces of a stream, which must add up to the response at its end.
fn in_responses(events: &[Value]) -> ResponseContent {
    let mut content_of_stream = ResponseContent::default();
    let mut calls: Vec<(u64, String, String)> = Vec::new();
    for event in events {
        let (delta, item, at) = (str_of(&event["delta"]), &event["item"], event["output_index"].as_u64().unwrap_or(0));
        match str_of(&event["type"]) {
            "response.output_text.delta" | "response.refusal.delta" => content_of_stream.text.push_str(delta),
            "response.reasoning_summary_part.added" if event["summary_index"] != 0 => {
                content_of_stream.reasoning.push_str("\n\n")
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                content_of_stream.reasoning.push_str(delta)
            }
            "response.output_item.added" if item["type"] == "function_call" => {
                calls.push((at, str_of(&item["name"]).to_owned(), String::new()));
            }
            "response.function_call_arguments.delta" => {
                calls.iter_mut().find(|call| call.0 == at).unwrap().2.push_str(delta);
            }
            "response.output_item.done" if item["type"] == "reasoning" => sealed(&mut content_of_stream, item),
            "response.completed" | "response.incomplete" | "response.done" => {
                content_of_stream.finish = in_response(&event["response"]).finish;
            }
            _ => {}
        }
    }
    content_of_stream.calls = calls.into_iter().map(|(_, name, json)| (name, arguments(&json))).collect();
    content_of_stream
}

/// Encrypted content goes back with the id of its item.
fn sealed(content_of_stream: &mut ResponseContent, item: &Value) {
    let encrypted = str_of(&item["encrypted_content"]);
    if encrypted.starts_with("b2Mtc2VhbDE6") {
        content_of_stream.seal(&item["encrypted_content"]);
    } else if !encrypted.is_empty() {
        content_of_stream.seals.push(format!("{}:{encrypted}", str_of(&item["id"])));
    }
}

pub(crate) fn in_response(response: &Value) -> ResponseContent {
    let mut content_of_stream = ResponseContent::default();
    for item in items(&response["output"]) {
        match str_of(&item["type"]) {
            "message" => {
                for piece in items(&item["content"]) {
                    content_of_stream.text.push_str(str_of(&piece["text"]));
                    content_of_stream.text.push_str(str_of(&piece["refusal"]));
                }
            }
            "reasoning" => {
                let summary: Vec<&str> = items(&item["summary"]).map(|piece| str_of(&piece["text"])).collect();
                content_of_stream.reasoning.push_str(&summary.join("\n\n"));
                items(&item["content"]).for_each(|piece| content_of_stream.reasoning.push_str(str_of(&piece["text"])));
                sealed(&mut content_of_stream, item);
            }
            "function_call" => {
                content_of_stream.calls.push((str_of(&item["name"]).to_owned(), arguments(str_of(&item["arguments"]))));
            }
            _ => {}
        }
    }
    let detail = str_of(&response["incomplete_details"]["reason"]);
    content_of_stream.finish = if detail.is_empty() { str_of(&response["status"]) } else { detail }.to_owned();
    content_of_stream
}

fn in_gemini(events: &[Value]) -> ResponseContent {
    let mut content_of_stream = ResponseContent::default();
    for event in events {
        for candidate in items(&event["candidates"]).filter(|candidate| candidate["index"].as_u64().unwrap_or(0) == 0) {
            for part in items(&candidate["content"]["parts"]) {
                content_of_stream.seal(&part["thoughtSignature"]);
                let text = str_of(&part["text"]);
                if part["thought"] == true {
                    content_of_stream.reasoning.push_str(text)
                } else {
                    content_of_stream.text.push_str(text)
                }
                if let Some(call) = part["functionCall"].as_object() {
                    let args = call.get("args").cloned().unwrap_or_else(|| json!({}));
                    content_of_stream.calls.push((str_of(&call["name"]).to_owned(), args));
                }
            }
            if candidate["finishReason"].is_string() {
                str_of(&candidate["finishReason"]).clone_into(&mut content_of_stream.finish);
            }
        }
        if event["promptFeedback"]["blockReason"].is_string() {
            "SAFETY".clone_into(&mut content_of_stream.finish);
        }
    }
    content_of_stream
}
