//! Sealed content goes back to its provider, through clients of every dialect, and to no other provider.

use crate::fixtures::{ALL, fields, target};
use opencredits_translation::{Dialect, Origin, Target, translate, translate_body, unsealed};
use opencredits_units::Usage;
use serde_json::{Value, json};

/// An answer of each dialect that thinks, calls a tool, and seals what it thought.
fn answer(dialect: Dialect) -> Value {
    match dialect {
        Dialect::AnthropicMessages => json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "thinking", "thinking": "hm", "signature": "sig+/=\u{e9}"},
                {"type": "redacted_thinking", "data": "data:+/="},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"q": 12_345_678_901_234_567_890_u64}}],
            "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}}),
        Dialect::OpenaiResponses => json!({"id": "resp_1", "object": "response", "status": "completed", "model": "m",
            "output": [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc+/="},
                {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{\"q\":1}"}]}),
        _ => json!({"responseId": "r", "modelVersion": "m", "candidates": [{"index": 0, "finishReason": "STOP",
            "content": {"role": "model", "parts": [{"text": "hm", "thought": true},
                {"functionCall": {"id": "g1", "name": "f", "args": {"q": 1}}, "thoughtSignature": "c2ln"}]}}]}),
    }
}

/// The next request of a client of `dialect` that got `answer`.
fn next_request(dialect: Dialect, answer: &Value) -> Value {
    match dialect {
        Dialect::OpenaiChat => {
            let message = &answer["choices"][0]["message"];
            let result = json!({"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "done"});
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}, message, result]})
        }
        Dialect::AnthropicMessages => {
            let blocks = answer["content"].as_array().unwrap();
            let call = blocks.iter().find(|block| block["type"] == "tool_use").unwrap();
            let result = json!({"type": "tool_result", "tool_use_id": call["id"], "content": "done"});
            json!({"model": "m", "max_tokens": 9_000, "messages": [{"role": "user", "content": "hi"},
                {"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]})
        }
        Dialect::OpenaiResponses => {
            let mut input = vec![json!({"role": "user", "content": "hi"})];
            input.extend(answer["output"].as_array().unwrap().clone());
            let call = input.iter().find(|item| item["type"] == "function_call").unwrap();
            let id = call["call_id"].clone();
            input.push(json!({"type": "function_call_output", "call_id": id, "output": "done"}));
            json!({"model": "m", "input": input})
        }
        _ => {
            let content_of_stream = &answer["candidates"][0]["content"];
            let call =
                content_of_stream["parts"].as_array().unwrap().iter().find_map(|part| part["functionCall"].as_object());
            let response = json!({"id": call.unwrap()["id"], "name": "f", "response": {"output": "done"}});
            let result = json!({"role": "user", "parts": [{"functionResponse": response}]});
            json!({"model": "m", "contents": [{"role": "user", "parts": [{"text": "hi"}]}, content_of_stream, result]})
        }
    }
}

/// The model's turn as `dialect` sends it upstream.
fn turn(dialect: Dialect, sent: &[(&str, String)]) -> Value {
    let find = |name: &str| {
        let raw = sent.iter().find_map(|(found, raw)| (*found == name).then_some(raw)).unwrap();
        serde_json::from_str::<Value>(raw).unwrap()
    };
    match dialect {
        Dialect::AnthropicMessages => find("messages")[1]["content"].clone(),
        Dialect::OpenaiResponses => {
            let items = find("input").as_array().unwrap()[1..].to_vec();
            items.into_iter().filter(|item| item["type"] != "function_call_output").collect()
        }
        _ => find("contents")[1]["parts"].clone(),
    }
}

fn sent_back(client: Dialect, provider: Dialect, vendor: &str) -> Value {
    let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
    let body = answer(provider).to_string();
    let given = translate_body(provider, client, body.as_bytes(), &Usage::default(), &origin).unwrap();
    let request = next_request(client, &serde_json::from_slice(&given).unwrap());
    let fields = fields(request.as_object().unwrap());
    let to = Target { vendor, ..target(provider) };
    let fields = fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()));
    turn(provider, &translate(client, &to, fields).unwrap().fields)
}

#[test]
fn a_seal_comes_back_through_clients_of_every_dialect_byte_for_byte_and_beside_its_call() {
    for provider in [Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate] {
        let expected = match provider {
            Dialect::AnthropicMessages => answer(provider)["content"].clone(),
            Dialect::OpenaiResponses => json!([
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc+/="},
                {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{\"q\":1}"}]),
            // Thinking that nobody signed is not asked back.
            _ => json!([{"functionCall": {"id": "g1", "name": "f", "args": {"q": 1}}, "thoughtSignature": "c2ln"}]),
        };
        for client in ALL.into_iter().filter(|client| *client != provider) {
            assert_eq!(sent_back(client, provider, "v"), expected, "{provider} through {client}");
        }
    }
}

#[test]
fn a_seal_goes_to_nobody_else() {
    for provider in [Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate] {
        for client in ALL.into_iter().filter(|client| *client != provider) {
            let sent = sent_back(client, provider, "another").to_string();
            for seal in ["sig+/=", "data:+/=", "enc+/=", "c2ln", "b2Mtc2VhbDE6"] {
                assert!(!sent.contains(seal), "{provider} through {client}: {sent}");
            }
            assert!(sent.contains("\"f\""), "the call itself goes on: {sent}");
        }
    }
}

#[test]
fn a_conversation_that_moves_to_a_vendor_of_the_clients_own_dialect_leaves_foreign_seals_behind() {
    let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
    let clients = [
        (Dialect::OpenaiChat, "messages"),
        (Dialect::AnthropicMessages, "messages"),
        (Dialect::OpenaiResponses, "input"),
        (Dialect::GeminiGenerate, "contents"),
    ];
    for (client, field) in clients {
        for provider in [Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate] {
            if client == provider {
                continue;
            }
            let body = answer(provider).to_string();
            let given = translate_body(provider, client, body.as_bytes(), &Usage::default(), &origin).unwrap();
            let request = next_request(client, &serde_json::from_slice(&given).unwrap());
            let kept = unsealed(client, field, &request[field].to_string(), &|vendor| vendor == "v").unwrap();
            let kept: Value = serde_json::from_str(&kept).unwrap();
            for mark in ["b2Mtc2VhbDE6", "reasoning_details"] {
                assert!(!kept.to_string().contains(mark), "{provider} through {client}: {kept}");
            }
            assert_eq!(kept.as_array().unwrap().last(), request[field].as_array().unwrap().last());
            assert!(kept.to_string().contains("\"f\""), "{kept}");
        }
    }
}

/// A host of `openai-chat` thinks, calls a tool, and is told what came of it, through a client of `client`.
fn thought_back(client: Dialect, to: &Target<'_>) -> Value {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let message = json!({"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [call]});
    let body =
        json!({"id": "1", "model": "m", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]});
    let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
    let given =
        translate_body(Dialect::OpenaiChat, client, body.to_string().as_bytes(), &Usage::default(), &origin).unwrap();
    let request = next_request(client, &serde_json::from_slice(&given).unwrap());
    let fields = fields(request.as_object().unwrap());
    let sent = translate(client, to, fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()))).unwrap();
    let messages = sent.fields.iter().find_map(|(name, raw)| (*name == "messages").then_some(raw)).unwrap();
    let messages: Value = serde_json::from_str(messages).unwrap();
    assert_eq!(messages[1]["tool_calls"][0]["id"], "c1", "{messages}");
    messages[1]["reasoning_content"].clone()
}

#[test]
fn what_was_thought_goes_back_to_a_vendor_that_wants_it_and_a_blank_where_another_thought() {
    let wants = Target { wants_reasoning: true, ..target(Dialect::OpenaiChat) };
    for client in [Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate] {
        assert_eq!(thought_back(client, &wants), "hm", "{client}");
    }
    for client in [Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate] {
        assert_eq!(thought_back(client, &Target { vendor: "another", ..wants }), " ", "{client}");
        assert_eq!(thought_back(client, &target(Dialect::OpenaiChat)), Value::Null, "{client}");
    }
}

#[test]
fn what_a_host_of_chat_sealed_comes_back_as_it_came() {
    let details = json!([
        {"type": "reasoning.text", "text": "hm", "signature": "sig+/=\u{e9}", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "enc:+/=", "id": "rs_1", "format": "openai-responses-v1", "index": 1}]);
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let message = json!({"role": "assistant", "reasoning": "hm", "reasoning_details": details, "tool_calls": [call]});
    let body = json!({"id": "1", "model": "m", "choices": [{"index": 0, "message": message}]}).to_string();
    let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
    for client in [Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate] {
        let given = translate_body(Dialect::OpenaiChat, client, body.as_bytes(), &Usage::default(), &origin).unwrap();
        let request = next_request(client, &serde_json::from_slice(&given).unwrap());
        let fields = fields(request.as_object().unwrap());
        let back = |vendor| {
            let to = Target { vendor, ..target(Dialect::OpenaiChat) };
            let fields = fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()));
            let sent = translate(client, &to, fields).unwrap().fields;
            let messages = sent.into_iter().find_map(|(name, raw)| (name == "messages").then_some(raw)).unwrap();
            serde_json::from_str::<Value>(&messages).unwrap()[1].clone()
        };
        assert_eq!(back("v")["reasoning_details"], details, "{client}");
        let elsewhere = back("another");
        assert_eq!((&elsewhere["reasoning_details"], &elsewhere["tool_calls"][0]["id"]), (&Value::Null, &json!("c1")));
    }
}

#[test]
fn the_pieces_of_a_streamed_thought_are_one_again() {
    let piece = |index: u64, more: Value| {
        let mut piece = json!({"type": "reasoning.text", "format": "v", "index": index});
        piece.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        piece
    };
    let details = [
        piece(0, json!({"text": "h"})),
        piece(0, json!({"text": "m"})),
        piece(0, json!({"signature": "sig"})),
        piece(1, json!({"data": "enc"})),
        piece(2, json!({"text": "so"})),
        piece(2, json!({"signature": "gis"})),
    ];
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes", "reasoning_details": details}, {"role": "user", "content": "more"}]});
    let fields = fields(body.as_object().unwrap());
    let fields = fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()));
    let sent = translate(Dialect::OpenaiChat, &target(Dialect::AnthropicMessages), fields).unwrap();
    let expected = json!([{"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "enc"}, {"type": "thinking", "thinking": "so", "signature": "gis"},
        {"type": "text", "text": "yes"}]);
    assert_eq!(turn(Dialect::AnthropicMessages, &sent.fields), expected);
}
