//! The sandbox, byte for byte where that matters, and through the taps.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use opencredits_providers::sandbox::Sandbox;
use opencredits_providers::{
    Dialect, End, ErrorKind, Outcome, StreamTap, Transport, TransportError, Trust, UpstreamError, UpstreamRequest,
    UpstreamResponse, UsageChunk, read_body,
};
use opencredits_testkit::{IndexRow, recordings};
use opencredits_units::{Bucket, Tokens, ToolUse};
use serde_json::{Value, json};
use std::time::Duration;

const BODY_BYTES_MAX: usize = 4 << 20;

async fn send(dialect: Dialect, body: &Value) -> UpstreamResponse {
    let url = format!("sandbox://local/v1{}", dialect.path());
    let request =
        UpstreamRequest { url: url.parse().unwrap(), headers: HeaderMap::new(), body: body.to_string().into() };
    Sandbox::new().send(request).await.unwrap()
}

/// A request in either dialect with these members besides.
fn request(dialect: Dialect, said: &str, members: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": said}]});
    if dialect == Dialect::AnthropicMessages {
        body["max_tokens"] = 10_000.into();
    }
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn chat(said: &str, members: Value) -> Value {
    answer(Dialect::OpenaiChat, &request(Dialect::OpenaiChat, said, members))
}

fn messages(said: &str, members: Value) -> Value {
    let dialect = Dialect::AnthropicMessages;
    answer(dialect, &request(dialect, said, members))
}

#[tokio::main(flavor = "current_thread")]
async fn answer(dialect: Dialect, body: &Value) -> Value {
    let response = send(dialect, body).await;
    assert_eq!(response.headers["content-type"], "application/json");
    let body = response.body.read_all(BODY_BYTES_MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// The chunks of a stream, and how it ended.
#[tokio::main(flavor = "current_thread")]
async fn chunks(dialect: Dialect, body: &Value) -> (Vec<Bytes>, Result<(), TransportError>) {
    let mut response = send(dialect, body).await;
    assert_eq!(response.status, StatusCode::OK);
    let content_type = &response.headers["content-type"];
    assert_eq!(content_type, "text/event-stream; charset=utf-8");
    let mut chunks = Vec::new();
    loop {
        match response.body.chunk().await {
            Some(Ok(chunk)) => chunks.push(chunk),
            Some(Err(error)) => return (chunks, Err(error)),
            None => return (chunks, Ok(())),
        }
    }
}

/// The events of a stream that ends well.
fn events(dialect: Dialect, said: &str, members: Value) -> Vec<Value> {
    let mut body = request(dialect, said, members);
    body["stream"] = true.into();
    let (chunks, end) = chunks(dialect, &body);
    assert_eq!(end, Ok(()));
    let data = chunks.iter().map(|chunk| {
        let text = std::str::from_utf8(chunk).unwrap();
        text.trim_end().rsplit_once("data: ").unwrap().1
    });
    let data = data.filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// What a stream comes to when a tap watches it.
fn tapped(dialect: Dialect, body: &Value) -> Outcome {
    let mut body = body.clone();
    body["stream"] = true.into();
    if dialect == Dialect::OpenaiChat {
        body["stream_options"] = json!({"include_usage": true});
    }
    let (chunks, end) = chunks(dialect, &body);
    let mut tap = StreamTap::new(dialect, UsageChunk::Asked);
    for chunk in &chunks {
        tap.feed(chunk).unwrap();
    }
    tap.outcome(if end.is_ok() { End::Clean } else { End::Cut })
}

fn weather() -> Value {
    let schema = json!({
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "kelvin"]}},
        "required": ["city", "unit"],
    });
    json!({"name": "get_weather", "parameters": schema.clone(), "input_schema": schema})
}

fn chat_tools() -> Value {
    json!([
        {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}},
        {"type": "function", "function": weather()},
    ])
}

fn messages_tools() -> Value {
    json!([{"name": "add", "input_schema": {"type": "object"}}, weather()])
}

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
fn a_tool_is_called_where_the_words_bring_it_to_mind() {
    let calls = |said, members: Value| {
        let mut body = json!({"tools": chat_tools()});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = chat(said, body);
        let choice = &answer["choices"][0];
        let calls = choice["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
        let reason = if calls.is_empty() { "stop" } else { "tool_calls" };
        assert_eq!(choice["finish_reason"], reason, "{said}");
        let called = calls.iter().map(|call| {
            let function = &call["function"];
            format!("{}({})", function["name"].as_str().unwrap(), function["arguments"].as_str().unwrap())
        });
        called.collect::<Vec<_>>()
    };
    let paris = r#"get_weather({"city":"Paris","unit":"celsius"})"#;
    let london = r#"get_weather({"city":"London","unit":"celsius"})"#;
    let named = json!({"tool_choice": {"type": "function", "function": {"name": "get_weather"}}});
    assert_eq!(calls("Hello", json!({})), [""; 0]);
    assert_eq!(calls("How is the weather?", json!({})), [paris]);
    assert_eq!(calls("Use a tool", json!({})), ["add({})"]);
    assert_eq!(calls("Use a tool", json!({"tool_choice": "none"})), [""; 0]);
    assert_eq!(calls("Hello", json!({"tool_choice": "required"})), ["add({})"]);
    assert_eq!(calls("Hello", named.clone()), [paris]);
    assert_eq!(calls("Hello in parallel", named), [paris, london]);
    assert_eq!(calls("Weather in parallel", json!({})), [paris, "add({})"]);
    let alone = json!({"parallel_tool_calls": false});
    assert_eq!(calls("Weather in parallel", alone), [paris]);
}

#[test]
fn a_message_calls_tools_too() {
    let answer = messages("Weather, in parallel", json!({"tools": messages_tools()}));
    assert_eq!(answer["stop_reason"], "tool_use");
    let content = answer["content"].as_array().unwrap();
    assert_eq!(content[0]["type"], "tool_use");
    assert_eq!(content[0]["input"], json!({"city": "Paris", "unit": "celsius"}));
    assert_eq!(content[1]["name"], "add");
    assert_ne!(content[0]["id"], content[1]["id"]);
    let one = json!({"tools": messages_tools(), "tool_choice": {"type": "tool", "name": "add", "disable_parallel_tool_use": true}});
    let answer = messages("In parallel", one);
    assert_eq!(answer["content"].as_array().unwrap().len(), 1);
    assert_eq!(answer["content"][0]["name"], "add");
}

#[test]
fn a_streamed_call_joins_to_its_arguments() {
    let members = json!({"tools": chat_tools()});
    let of_chat = events(Dialect::OpenaiChat, "weather", members);
    let calls = of_chat.iter().map(|event| &event["choices"][0]["delta"]["tool_calls"][0]);
    let joined: String = calls.filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(joined, r#"{"city":"Paris","unit":"celsius"}"#);
    let members = json!({"tools": messages_tools()});
    let of_messages = events(Dialect::AnthropicMessages, "weather", members);
    let joined: String = of_messages.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(joined, r#"{"city":"Paris","unit":"celsius"}"#);
}

#[test]
fn what_a_tool_gave_is_told() {
    let dialect = Dialect::OpenaiChat;
    let call = json!({"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}});
    let mut body = request(dialect, "weather", json!({"tools": chat_tools()}));
    let turn = body["messages"].as_array_mut().unwrap();
    turn.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
    turn.push(json!({"role": "tool", "tool_call_id": "c", "content": "sunny"}));
    let message = &answer(dialect, &body)["choices"][0]["message"];
    assert_eq!(message["content"], "The tool says: sunny");

    let dialect = Dialect::AnthropicMessages;
    let mut body = request(dialect, "weather", json!({"tools": messages_tools()}));
    let turn = body["messages"].as_array_mut().unwrap();
    turn.push(
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "get_weather", "input": {}}]}),
    );
    turn.push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "sunny"}]}]}));
    assert_eq!(answer(dialect, &body)["content"][0]["text"], "The tool says: sunny");
}

#[test]
fn structured_output_fits_its_schema() {
    let schema = json!({"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]});
    let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema.clone()}});
    let answer = chat("Hello", json!({"response_format": format}));
    assert_eq!(answer["choices"][0]["message"]["content"], r#"{"age":3}"#);
    let format = json!({"format": {"type": "json_schema", "schema": schema}});
    let answer = messages("Hello", json!({"output_config": format}));
    assert_eq!(answer["content"][0]["text"], r#"{"age":3}"#);
}

#[test]
fn the_output_cap_is_kept() {
    let answer = chat("sandbox:tokens 500", json!({"max_completion_tokens": 7}));
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 7);
    let answer = messages("sandbox:tokens 500", json!({"max_tokens": 7}));
    assert_eq!(answer["stop_reason"], "max_tokens");
    assert_eq!(answer["usage"]["output_tokens"], 7);
    let thinking = json!({"reasoning_effort": "high", "max_completion_tokens": 7});
    let answer = chat("Hello", thinking);
    assert_eq!(answer["choices"][0]["message"]["content"], "");
    assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 7);
    let call = json!({"tools": messages_tools(), "max_tokens": 2, "tool_choice": {"type": "any"}});
    let answer = messages("weather", call);
    assert_eq!((&answer["stop_reason"], &answer["content"]), (&json!("max_tokens"), &json!([])));
}

#[test]
fn an_ordered_length_is_exact() {
    for tokens in [0, 1, 11, 12, 500, 131_072] {
        let answer = chat(&format!("sandbox:tokens {tokens}"), json!({"max_tokens": 200_000}));
        assert_eq!(answer["usage"]["completion_tokens"], tokens);
    }
}

#[test]
fn a_stop_sequence_ends_the_text_before_it() {
    let answer = chat("sandbox:echo one two three", json!({"stop": ["three", " two"]}));
    assert_eq!(answer["choices"][0]["message"]["content"], "one");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let answer = messages("sandbox:echo one two three", json!({"stop_sequences": [" two"]}));
    assert_eq!(answer["content"][0]["text"], "one");
    assert_eq!(answer["stop_reason"], "stop_sequence");
    assert_eq!(answer["stop_sequence"], " two");
}

#[test]
fn several_answers_are_counted_together() {
    let answer = chat("sandbox:echo abc", json!({"n": 3}));
    let texts = answer["choices"].as_array().unwrap().iter();
    let texts: Vec<_> = texts.map(|choice| choice["message"]["content"].as_str().unwrap()).collect();
    assert_eq!(texts, ["abc", "abc (Answer 2.)", "abc (Answer 3.)"]);
    assert_eq!(answer["usage"]["completion_tokens"], 1 + 4 + 4);
}

#[test]
fn thoughts_come_first_and_are_counted() {
    let answer = messages("Hello", json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}));
    let thought = &answer["content"][0];
    assert_eq!(thought["type"], "thinking");
    assert!(thought["thinking"].as_str().unwrap().starts_with("The sandbox turns"));
    assert!(thought["signature"].as_str().unwrap().len() > 20);
    assert_eq!(answer["content"][1]["type"], "text");
    let thoughts = &answer["usage"]["output_tokens_details"]["thinking_tokens"];
    assert_eq!(thoughts, 59);
    let hidden = json!({"thinking": {"type": "adaptive", "display": "omitted"}});
    let answer = messages("Hello", hidden);
    assert_eq!(answer["content"][0]["thinking"], "");
    let none = chat("Hello", json!({"reasoning_effort": "none"}));
    assert_eq!(none["usage"]["completion_tokens_details"]["reasoning_tokens"], 0);
}

fn input_of(members: Value) -> [Option<u64>; 4] {
    let body = request(Dialect::AnthropicMessages, "Hello", members);
    let usage = tapped(Dialect::AnthropicMessages, &body).usage.unwrap();
    [Bucket::InputUncached, Bucket::CacheRead, Bucket::CacheWrite5m, Bucket::CacheWrite1h]
        .map(|bucket| usage.get(bucket).map(Tokens::get))
}

#[test]
fn a_marked_prefix_is_written_and_with_the_word_it_is_read() {
    let system =
        |words: &str, control: Value| json!({"system": [{"type": "text", "text": words, "cache_control": control}]});
    let five = json!({"type": "ephemeral"});
    let hour = json!({"type": "ephemeral", "ttl": "1h"});
    assert_eq!(input_of(json!({})), [Some(5), Some(0), Some(0), Some(0)]);
    assert_eq!(input_of(system("12345678", five.clone())), [Some(5), Some(0), Some(2), Some(0)]);
    assert_eq!(input_of(system("12345678", hour)), [Some(5), Some(0), Some(0), Some(2)]);
    assert_eq!(input_of(system("a cached text", five.clone())), [Some(5), Some(4), Some(0), Some(0)]);
    assert_eq!(input_of(json!({"cache_control": five})), [Some(0), Some(0), Some(5), Some(0)]);
}

#[test]
fn a_chat_reads_its_beginning_from_the_cache_by_itself() {
    let dialect = Dialect::OpenaiChat;
    let messages = json!([{"role": "system", "content": "a cached text"}, {"role": "user", "content": "Hello"}]);
    let usage = &answer(dialect, &json!({"model": "m", "messages": messages}))["usage"];
    assert_eq!(usage["prompt_tokens"], 12);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 7);
}

#[test]
fn a_search_is_counted_as_a_use() {
    let search = json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]});
    let dialect = Dialect::AnthropicMessages;
    let outcome = tapped(dialect, &request(dialect, "Search for news", search));
    assert_eq!(outcome.usage.unwrap().uses(ToolUse::WebSearch), Some(Tokens::new(1)));
}

#[test]
fn images_and_documents_are_taken() {
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let audio = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [image, audio]}]});
    let usage = &answer(Dialect::OpenaiChat, &body)["usage"];
    assert_eq!(usage["prompt_tokens"], 3 + 85 + 100);
    assert_eq!(usage["prompt_tokens_details"]["audio_tokens"], 100);
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}});
    let document = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A"}});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [image, document]}]});
    assert_eq!(answer(Dialect::AnthropicMessages, &body)["usage"]["input_tokens"], 3 + 85 + 300);
}

#[tokio::main(flavor = "current_thread")]
async fn refused(dialect: Dialect, body: &Value) -> (u16, UpstreamError, HeaderMap) {
    let response = send(dialect, body).await;
    let status = response.status.as_u16();
    let body = response.body.read_all(BODY_BYTES_MAX).await.unwrap();
    (status, UpstreamError::read(status, &body, None), response.headers)
}

#[test]
fn an_error_is_ordered_by_its_status() {
    for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        let check = |what: &str, status: u16, kind: ErrorKind| {
            let body = request(dialect, &format!("sandbox:error {what}"), json!({}));
            let (got, error, headers) = refused(dialect, &body);
            assert_eq!((got, error.kind), (status, kind), "{dialect} {what}");
            let retry = headers.get("retry-after").map(|after| after.to_str().unwrap());
            let wanted = matches!(what, "429" | "503" | "529").then_some("1");
            assert_eq!(retry, wanted, "{dialect} {what}");
        };
        check("400", 400, ErrorKind::InvalidRequest);
        check("401", 401, ErrorKind::OurAccount);
        check("402", 402, ErrorKind::OurAccount);
        check("429", 429, ErrorKind::RateLimited);
        check("500", 500, ErrorKind::Server);
        check("529", 529, ErrorKind::Overloaded);
        check("7", 500, ErrorKind::Server);
    }
    let body = request(Dialect::OpenaiChat, "sandbox:error quota", json!({}));
    assert_eq!(refused(Dialect::OpenaiChat, &body).1.kind, ErrorKind::OurAccount);
}

#[test]
fn a_request_that_lacks_something_is_refused() {
    let check = |dialect, body: Value| {
        let (status, error, _) = refused(dialect, &body);
        assert_eq!((status, error.kind), (400, ErrorKind::InvalidRequest), "{body}");
    };
    let hello = json!([{"role": "user", "content": "Hello"}]);
    check(Dialect::OpenaiChat, json!(7));
    check(Dialect::OpenaiChat, json!({"messages": hello}));
    check(Dialect::OpenaiChat, json!({"model": "m"}));
    check(Dialect::OpenaiChat, json!({"model": "m", "messages": []}));
    check(Dialect::OpenaiChat, json!({"model": "m", "messages": hello, "n": 0}));
    check(Dialect::OpenaiChat, json!({"model": "m", "messages": hello, "n": 1_000}));
    check(Dialect::OpenaiChat, json!({"model": "m", "messages": hello, "max_tokens": 0}));
    check(Dialect::AnthropicMessages, json!({"model": "m", "messages": hello}));
    check(Dialect::AnthropicMessages, json!({"model": "m", "messages": hello, "max_tokens": -1}));
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    check(
        Dialect::AnthropicMessages,
        json!({"model": "m", "messages": hello, "max_tokens": 1024, "thinking": thinking}),
    );
}

#[test]
fn a_cut_stream_breaks_after_so_many_chunks() {
    for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        for most in [0, 3] {
            let body = request(dialect, &format!("sandbox:cut {most}"), json!({"stream": true}));
            let (chunks, end) = chunks(dialect, &body);
            assert_eq!((chunks.len(), end), (most, Err(TransportError::Broken)));
            assert!(!tapped(dialect, &body).is_final());
        }
    }
}

#[test]
fn a_failing_stream_says_so() {
    for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        let outcome = tapped(dialect, &request(dialect, "sandbox:fail 4", json!({})));
        let error = outcome.error.as_ref().unwrap();
        assert!(matches!(error.kind, ErrorKind::Overloaded | ErrorKind::Server));
        assert!(!outcome.is_final());
    }
}

#[test]
fn an_empty_answer_is_empty() {
    for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        let body = request(dialect, "sandbox:empty", json!({}));
        assert!(tapped(dialect, &body).is_empty());
        let whole = read_body(dialect, answer(dialect, &body).to_string().as_bytes());
        assert!(whole.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_stream_takes_its_time() {
    let check = async |said: &str, head_ms: u64, all_ms: u64| {
        let dialect = Dialect::AnthropicMessages;
        let started = tokio::time::Instant::now();
        let response = send(dialect, &request(dialect, said, json!({"stream": true}))).await;
        assert_eq!(started.elapsed(), Duration::from_millis(head_ms), "{said}");
        response.body.read_all(BODY_BYTES_MAX).await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_millis(all_ms), "{said}");
    };
    check("sandbox:echo a b", 0, 0).await;
    check("sandbox:echo a b sandbox:slow 50", 0, 8 * 50).await;
    check("sandbox:echo a b sandbox:silent 15000", 0, 15_000).await;
    check("sandbox:echo a b sandbox:wait 2000", 2_000, 2_000).await;
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
    let ours = |row: &IndexRow| row.status == 200 && row.api.parse::<Dialect>().is_ok();
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
