//! Translation: nothing that both sides can say is lost, wherever a stream is split.

use bytes::Bytes;
use opencredits_providers::{Dialect, End, Origin, Relay, Target, UsageChunk, translate, translate_body};
use opencredits_testkit::{Recording, recordings};
use opencredits_units::Usage;
use serde_json::{Map, Value, json};

/// What an answer says, read by other means than the hub's.
#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    reasoning: String,
    seals: Vec<String>,
    calls: Vec<(String, String, Value)>,
}

fn events(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.trim_end_matches('\r').strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
}

fn str_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!({}))
}

fn said_in_messages(stream: &str) -> Said {
    let mut said = Said::default();
    let mut calls: Vec<(u64, String, String, String)> = Vec::new();
    for event in events(stream) {
        let (block, delta, index) = (&event["content_block"], &event["delta"], event["index"].as_u64().unwrap_or(0));
        match (str_of(&event["type"]), str_of(&block["type"]), str_of(&delta["type"])) {
            ("content_block_start", "tool_use", _) => {
                let input = block["input"].as_object().filter(|input| !input.is_empty());
                let json = input.map_or_else(String::new, |input| Value::Object(input.clone()).to_string());
                calls.push((index, str_of(&block["id"]).to_owned(), str_of(&block["name"]).to_owned(), json));
            }
            ("content_block_start", "redacted_thinking", _) => said.seals.push(str_of(&block["data"]).to_owned()),
            ("content_block_start", "text", _) => said.text.push_str(str_of(&block["text"])),
            ("content_block_delta", _, "text_delta") => said.text.push_str(str_of(&delta["text"])),
            ("content_block_delta", _, "thinking_delta") => said.reasoning.push_str(str_of(&delta["thinking"])),
            ("content_block_delta", _, "signature_delta") if !str_of(&delta["signature"]).is_empty() => {
                said.seals.push(str_of(&delta["signature"]).to_owned());
            }
            ("content_block_delta", _, "input_json_delta") => {
                if let Some(call) = calls.iter_mut().find(|call| call.0 == index) {
                    call.3.push_str(str_of(&delta["partial_json"]));
                }
            }
            _ => {}
        }
    }
    said.calls = calls.into_iter().map(|(_, id, name, json)| (id, name, arguments(&json))).collect();
    said
}

fn said_in_chat(stream: &str) -> Said {
    let mut said = Said::default();
    let mut calls: Vec<(u64, String, String, String)> = Vec::new();
    for event in events(stream) {
        let first =
            event["choices"].as_array().into_iter().flatten().find(|choice| choice["index"].as_u64() == Some(0));
        let Some(delta) = first.map(|choice| &choice["delta"]) else {
            continue;
        };
        said.text.push_str(str_of(&delta["content"]));
        said.text.push_str(str_of(&delta["refusal"]));
        let reasoning = if delta["reasoning_content"].is_string() { "reasoning_content" } else { "reasoning" };
        said.reasoning.push_str(str_of(&delta[reasoning]));
        for detail in delta["reasoning_details"].as_array().into_iter().flatten() {
            let seal = [&detail["signature"], &detail["data"]].into_iter().find(|seal| seal.is_string());
            said.seals.extend(seal.map(|seal| str_of(seal).to_owned()));
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let (index, id) = (call["index"].as_u64().unwrap_or(0), str_of(&call["id"]));
            let place = calls.iter().rposition(|known| known.0 == index && (id.is_empty() || known.1 == id));
            let place = place.unwrap_or_else(|| {
                calls.push((index, id.to_owned(), str_of(&call["function"]["name"]).to_owned(), String::new()));
                calls.len() - 1
            });
            calls[place].3.push_str(str_of(&call["function"]["arguments"]));
        }
    }
    said.calls = calls.into_iter().map(|(_, id, name, json)| (id, name, arguments(&json))).collect();
    said
}

fn through(from: Dialect, to: Dialect, stream: &str, size: usize) -> String {
    let origin = Origin { vendor: "v".to_owned(), created: 1 };
    let mut relay = Relay::new(from, to, origin, UsageChunk::Asked).unwrap();
    let mut out = Vec::new();
    for chunk in stream.as_bytes().chunks(size.max(1)) {
        out.extend_from_slice(&relay.feed(&Bytes::copy_from_slice(chunk)).unwrap());
    }
    let _outcome = relay.outcome(End::Clean);
    out.extend_from_slice(&relay.close(r#""cost":0.5"#));
    String::from_utf8(out).unwrap()
}

fn recorded(dialect: Dialect, stream: bool) -> Vec<Recording> {
    let form = if dialect == Dialect::OpenaiChat { "-chat" } else { "anthropic-messages" };
    recordings(move |row| row.stream == stream && row.status == 200 && row.api.ends_with(form))
        .into_iter()
        .filter(|recording| recording.expected.error.is_none() && recording.row.api != "ollama-chat")
        .collect()
}

#[test]
fn a_recorded_stream_says_the_same_in_the_other_dialect_wherever_it_is_split() {
    let (chat, messages) = (Dialect::OpenaiChat, Dialect::AnthropicMessages);
    for recording in recorded(messages, true) {
        let whole = through(messages, chat, &recording.body, recording.body.len());
        assert_eq!(said_in_chat(&whole), said_in_messages(&recording.body), "{}", recording.row.file);
        for size in [1, 7, 100] {
            assert_eq!(through(messages, chat, &recording.body, size), whole, "{} by {size}", recording.row.file);
        }
        assert!(whole.contains("\"cost\":0.5") && whole.trim_end().ends_with("data: [DONE]"));
    }
    for recording in recorded(chat, true) {
        let whole = through(chat, messages, &recording.body, recording.body.len());
        let (mut expected, found) = (said_in_chat(&recording.body), said_in_messages(&whole));
        // What a host of this dialect seals is not carried: none takes it back from another.
        expected.seals.clear();
        assert_eq!(found, expected, "{}", recording.row.file);
        for size in [1, 7, 100] {
            assert_eq!(through(chat, messages, &recording.body, size), whole, "{} by {size}", recording.row.file);
        }
        well_formed(&whole, &recording.row.file);
    }
}

/// One block is open at a time, indices rise, and the end comes last.
fn well_formed(stream: &str, file: &str) {
    let (mut open, mut next, mut kinds) = (None, 0, Vec::new());
    for event in events(stream) {
        let (kind, index) = (str_of(&event["type"]).to_owned(), event["index"].as_u64());
        match kind.as_str() {
            "content_block_start" => {
                assert_eq!((open, index), (None, Some(next)), "{file}");
                open = index;
            }
            "content_block_delta" => assert_eq!(index, open, "{file}"),
            "content_block_stop" => {
                assert_eq!(index, open, "{file}");
                (open, next) = (None, next + 1);
            }
            _ => {}
        }
        kinds.push(kind);
    }
    assert_eq!(open, None, "{file}");
    assert_eq!(kinds[0], "message_start", "{file}");
    assert_eq!(kinds[kinds.len() - 2..], ["message_delta", "message_stop"], "{file}");
}

#[test]
fn a_recorded_answer_says_the_same_in_the_other_dialect() {
    let origin = Origin { vendor: "v".to_owned(), created: 1 };
    let both = [Dialect::OpenaiChat, Dialect::AnthropicMessages];
    for (from, to) in [(both[0], both[1]), (both[1], both[0])] {
        for recording in recorded(from, false) {
            let there = translate_body(from, to, recording.body.as_bytes(), &Usage::default(), &origin).unwrap();
            let back = translate_body(to, from, &there, &Usage::default(), &origin).unwrap();
            let (first, last) = (shape(from, recording.body.as_bytes()), shape(from, &back));
            assert_eq!(first, last, "{}", recording.row.file);
        }
    }
}

/// Text and calls of a whole answer.
fn shape(dialect: Dialect, body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap();
    if dialect == Dialect::OpenaiChat {
        let message = &body["choices"][0]["message"];
        let calls = message["tool_calls"].as_array().into_iter().flatten();
        let calls: Vec<_> = calls
            .map(|call| json!([call["function"]["name"], arguments(str_of(&call["function"]["arguments"]))]))
            .collect();
        let text = [str_of(&message["content"]), str_of(&message["refusal"])].concat();
        return json!([text, calls]);
    }
    let blocks = body["content"].as_array().unwrap();
    let text: String = blocks.iter().map(|block| str_of(&block["text"])).collect();
    let calls = blocks.iter().filter(|block| block["type"] == "tool_use");
    json!([text, calls.map(|call| json!([call["name"], call["input"]])).collect::<Vec<_>>()])
}

fn fields(body: &Map<String, Value>) -> Vec<(String, String)> {
    body.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
}

fn target(dialect: Dialect) -> Target<'static> {
    Target { dialect, vendor: "v", output_max: 32_000, reasons: true }
}

fn check_round_trip(from: Dialect, to: Dialect, body: Value, kept: &[&str]) {
    let fields = fields(body.as_object().unwrap());
    let there = translate(from, &target(to), fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()))).unwrap();
    let back = translate(to, &target(from), there.fields.iter().map(|(name, raw)| (*name, raw.as_str()))).unwrap();
    let found: Map<String, Value> =
        back.fields.iter().map(|(name, raw)| ((*name).to_owned(), serde_json::from_str(raw).unwrap())).collect();
    for name in kept {
        assert_eq!(found.get(*name), body.get(*name), "{name} by way of {to}");
    }
}

#[test]
fn a_request_comes_back_as_it_was_in_all_that_both_sides_can_say() {
    let schema = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    let chat = json!({"model": "m", "temperature": 0.5, "stop": ["a", "b"], "parallel_tool_calls": false, "stream": true,
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"q\":\"x\"}"}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "tool", "tool_call_id": "c2", "content": "two"},
            {"role": "assistant", "content": "done"}, {"role": "user", "content": "more"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": true}}});
    let kept = [
        "model",
        "temperature",
        "stop",
        "parallel_tool_calls",
        "stream",
        "messages",
        "tools",
        "tool_choice",
        "response_format",
    ];
    check_round_trip(Dialect::OpenaiChat, Dialect::AnthropicMessages, chat, &kept);
    let messages = json!({"model": "m", "system": "S", "top_p": 0.25, "stop_sequences": ["a"],
        "messages": [{"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {"q": 1e300}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"},
                                         {"type": "text", "text": "and"}]}],
        "tools": [{"name": "f", "input_schema": schema}], "tool_choice": {"type": "any"}});
    let kept = ["model", "system", "top_p", "stop_sequences", "messages", "tools", "tool_choice"];
    check_round_trip(Dialect::AnthropicMessages, Dialect::OpenaiChat, messages, &kept);
}

#[test]
fn sealed_thoughts_go_back_to_their_provider_byte_for_byte_and_to_no_other() {
    let details = json!([
        {"type": "reasoning.text", "text": "hm", "signature": "sig+/=", "format": "v", "index": 0},
        {"type": "reasoning.encrypted", "data": "data+/=", "format": "v", "index": 1},
        {"type": "reasoning.text", "text": "unsigned", "format": "v", "index": 2}]);
    let body = json!({"model": "m", "reasoning_effort": "low", "messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes", "reasoning_details": details}, {"role": "user", "content": "more"}]});
    let fields = fields(body.as_object().unwrap());
    let sent = |vendor| {
        let to = Target { vendor, ..target(Dialect::AnthropicMessages) };
        let fields = fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()));
        let sent = translate(Dialect::OpenaiChat, &to, fields).unwrap().fields;
        let raw = sent.into_iter().find_map(|(name, raw)| (name == "messages").then_some(raw)).unwrap();
        serde_json::from_str::<Value>(&raw).unwrap()[1]["content"].clone()
    };
    let own = json!([{"type": "thinking", "thinking": "hm", "signature": "sig+/="},
        {"type": "redacted_thinking", "data": "data+/="}, {"type": "text", "text": "yes"}]);
    assert_eq!(sent("v"), own);
    assert_eq!(sent("other"), "yes");
}
