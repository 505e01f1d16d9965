//! What answers look like, whole and streamed.

use super::*;

#[test]
fn a_chat_answer_has_every_member_that_clients_read() {
    let answer = chat("sandbox:echo Hello there", json!({}));
    let id = answer["id"].as_str().unwrap();
    assert!(id.starts_with("chatcmpl-"), "{id}");
    let expected = json!({
        "id": id,
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "m",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": "Hello there", "refusal": null, "annotations": []},
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 3,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": null,
    });
    assert_eq!(answer, expected);
}

#[test]
fn a_message_has_every_member_that_clients_read() {
    let answer = messages("sandbox:echo Hello there", json!({}));
    let id = answer["id"].as_str().unwrap();
    assert!(id.starts_with("msg_"), "{id}");
    let expected = json!({
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hello there"}],
        "stop_reason": "end_turn",
        "stop_sequence": null,
        "stop_details": null,
        "usage": {
            "input_tokens": 9,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 3,
            "service_tier": "standard",
            "inference_geo": "not_available",
        },
    });
    assert_eq!(answer, expected);
}

#[test]
fn a_chat_stream_is_chunks_then_usage_then_done() {
    let dialect = Dialect::OpenaiChat;
    let usage = json!({"stream": true, "stream_options": {"include_usage": true}});
    let (chunks, _) = chunks(dialect, &request(dialect, "sandbox:echo Hello there", usage.clone()));
    assert_eq!(chunks.last().unwrap(), "data: [DONE]\n\n");
    let events = events(dialect, "sandbox:echo Hello there", usage);
    let deltas: Vec<_> = events.iter().map(|event| &event["choices"][0]["delta"]).collect();
    let role = json!({"role": "assistant", "content": "", "refusal": null});
    let expected = [role, json!({"content": "Hello "}), json!({"content": "there"}), json!({}), Value::Null];
    assert_eq!(deltas, expected.iter().collect::<Vec<_>>());
    assert_eq!(events[3]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[3]["usage"], Value::Null);
    assert_eq!(events[4]["choices"], json!([]));
    assert_eq!(events[4]["usage"]["total_tokens"], 12);
}

#[test]
fn a_chat_stream_tells_usage_only_where_it_was_asked_for() {
    let events = events(Dialect::OpenaiChat, "Hello", json!({}));
    assert!(events.iter().all(|event| event.get("usage").is_none()));
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "stop");
}

#[test]
fn a_message_stream_names_its_events() {
    let dialect = Dialect::AnthropicMessages;
    let body = request(dialect, "sandbox:echo Hi you", json!({"stream": true}));
    let (chunks, _) = chunks(dialect, &body);
    let names = chunks.iter().map(|chunk| {
        let text = std::str::from_utf8(chunk).unwrap();
        let (event, data) = text.split_once("\ndata: ").unwrap();
        let name = event.strip_prefix("event: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], name);
        name
    });
    let expected = [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

/// A stream, tapped, comes to what the whole answer says.
#[track_caller]
fn check_agreement(dialect: Dialect, said: &str, members: Value) {
    let body = request(dialect, said, members);
    let whole = read_body(dialect, answer(dialect, &body).to_string().as_bytes());
    let streamed = tapped(dialect, &body);
    assert!(whole.is_final() && streamed.is_final(), "{said}");
    assert_eq!(streamed.usage, whole.usage, "{said}");
    assert_eq!(streamed.finish, whole.finish, "{said}");
    assert_eq!(streamed.model.as_deref(), Some("m"));
    assert_eq!(streamed.produced.is_nothing(), whole.produced.is_nothing());
}

#[test]
fn a_stream_comes_to_the_same_as_a_whole_answer() {
    let cached = json!([{"type": "text", "text": "Be cached.", "cache_control": {"type": "ephemeral"}}]);
    let written = json!([{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]);
    let of_chat = [
        json!({}),
        json!({"n": 3}),
        json!({"max_tokens": 2}),
        json!({"stop": "made"}),
        json!({"reasoning_effort": "high"}),
        json!({"tools": chat_tools(), "tool_choice": "required"}),
        json!({"response_format": {"type": "json_object"}}),
    ];
    let of_messages = [
        json!({}),
        json!({"max_tokens": 2}),
        json!({"stop_sequences": ["made"]}),
        json!({"thinking": {"type": "adaptive"}}),
        json!({"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}}),
        json!({"tools": messages_tools(), "tool_choice": {"type": "any"}}),
        json!({"system": cached}),
        json!({"system": written}),
        json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ];
    for said in ["Search for news", "sandbox:refusal", "sandbox:tokens 300"] {
        of_chat.iter().for_each(|members| check_agreement(Dialect::OpenaiChat, said, members.clone()));
        of_messages.iter().for_each(|members| check_agreement(Dialect::AnthropicMessages, said, members.clone()));
    }
}

#[test]
fn the_same_request_has_the_same_answer() {
    let body = request(Dialect::OpenaiChat, "Hello", json!({"stream": true}));
    assert_eq!(chunks(Dialect::OpenaiChat, &body), chunks(Dialect::OpenaiChat, &body));
    let other = request(Dialect::OpenaiChat, "Hello!", json!({"stream": true}));
    assert_ne!(chunks(Dialect::OpenaiChat, &body), chunks(Dialect::OpenaiChat, &other));
}

#[test]
fn every_recorded_request_is_answered() {
    let spoken = ["openai-chat", "anthropic-messages"];
    let ours = |row: &IndexRow| row.status == 200 && spoken.contains(&row.api.as_str());
    for recording in recordings(ours) {
        let dialect = recording.row.api.parse().unwrap();
        let mut body = recording.request_body.clone();
        let outcome = tapped(dialect, &body);
        assert!(outcome.is_final() && !outcome.is_empty(), "{}", recording.id);
        assert_eq!(outcome.trust, Trust::Sound, "{}", recording.id);
        body["stream"] = false.into();
        let whole = read_body(dialect, answer(dialect, &body).to_string().as_bytes());
        assert_eq!(whole.usage, outcome.usage, "{}", recording.id);
        assert_eq!(whole.finish, outcome.finish, "{}", recording.id);
    }
}

#[tokio::test]
async fn another_path_is_not_found() {
    let request = UpstreamRequest {
        url: "sandbox://local/v1/responses".parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    let response = Sandbox::new().send(request).await.unwrap();
    assert_eq!(response.status, StatusCode::NOT_FOUND);
}
