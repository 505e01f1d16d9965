//! The usage that was charged stands in the answer, in every API, where the provider told none or told what cannot be.

use crate::app::{Scripted, TestApp};
use bytes::Bytes;
use serde_json::{Value, json};

const VENDORS: &str = r#"
    [[vendor]]
    id = "here"
    dialect = "openai-chat"
    base_url = "https://here.example/v1"
    key_env = "K"
"#;
const MODELS: &str = r#"
    [[model]]
    id = "a/plain"
    vendor = "here"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "2" }
"#;

/// The APIs, each with its path, a request for a stream or none, and where its usage object has input and output.
const APIS: [(&str, &str, &str, [&str; 2]); 4] = [
    ("chat", "/v1/chat/completions", "usage", ["prompt_tokens", "completion_tokens"]),
    ("messages", "/v1/messages", "usage", ["input_tokens", "output_tokens"]),
    ("responses", "/v1/responses", "usage", ["input_tokens", "output_tokens"]),
    ("gemini", "", "usageMetadata", ["promptTokenCount", "candidatesTokenCount"]),
];

fn request(api: &str, stream: bool) -> (String, Value) {
    let messages = json!([{"role": "user", "content": "Tell me of the sea"}]);
    let body = match api {
        "responses" => json!({"model": "a/plain", "input": "Tell me of the sea", "stream": stream}),
        "gemini" => json!({"contents": [{"role": "user", "parts": [{"text": "Tell me of the sea"}]}]}),
        _ => json!({"model": "a/plain", "max_tokens": 50, "messages": messages, "stream": stream}),
    };
    let gemini = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    let path = APIS.iter().find(|(name, ..)| *name == api).unwrap().1;
    let path = if path.is_empty() { format!("/v1beta/models/a/plain:{gemini}") } else { path.to_owned() };
    (path, body)
}

/// The last usage object of an answer, whole or streamed.
fn usage_in(text: &str, member: &str) -> Value {
    let data = text.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
    let values = data.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of = |value: Value| [&value[member], &value["response"][member]].into_iter().find(|at| at.is_object()).cloned();
    values.filter_map(of).next_back().unwrap_or_default()
}

fn chunk(choices: &Value, usage: &Value) -> String {
    format!(
        "data: {}\n\n",
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, "usage": usage})
    )
}

/// Sends a request, and compares what the answer shows with what the record says was charged.
async fn check(api: &str, stream: bool, usage: &Value, source: &str) {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", "{}");
    let answer = if stream {
        let text = json!([{"index": 0, "delta": {"role": "assistant", "content": "It is wide and blue"}}]);
        let finish = json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]);
        let mut events = [chunk(&text, &Value::Null), chunk(&finish, &Value::Null)].concat();
        if !usage.is_null() {
            events.push_str(&chunk(&json!([]), usage));
        }
        Scripted::Stream(vec![Ok(Bytes::from(events + "data: [DONE]\n\n"))])
    } else {
        let message = json!({"role": "assistant", "content": "It is wide and blue"});
        let choices = json!([{"index": 0, "finish_reason": "stop", "message": message}]);
        Scripted::Answer(200, None, json!({"id": "c", "model": "m", "choices": choices, "usage": usage}).to_string())
    };
    app.script("here.example", &[answer]);
    let (_, key) = app.person(10).await;
    let (path, body) = request(api, stream);
    let answer = app.post(&path, &key, &body).await;
    let what = format!("{api}, stream {stream}, {usage}: {}", answer.text);
    assert_eq!(answer.status, 200, "{what}");
    let record = app.get(&format!("/v1/generation?id={}", answer.header("x-generation-id")), &key).await.json();
    assert_eq!(record["data"]["usage_source"], source, "{what}");
    let (_, _, member, names) = APIS.into_iter().find(|(name, ..)| *name == api).unwrap();
    let shown = usage_in(&answer.text, member);
    let charged = ["tokens_prompt", "tokens_completion"].map(|name| record["data"][name].as_u64().unwrap());
    assert_eq!(names.map(|name| shown[name].as_u64()), charged.map(Some), "{what}");
    assert!(charged.iter().all(|count| *count > 0) && shown["cost"].as_f64().unwrap() > 0.0, "{what}");
    assert!(!answer.text.contains(r#""cost":null"#), "{what}");
    app.settled();
}

#[tokio::test]
async fn what_was_charged_is_shown_in_every_api() {
    for (api, ..) in APIS {
        for stream in [false, true] {
            check(api, stream, &Value::Null, "estimated").await;
            let impossible = json!({"prompt_tokens": 9_000_000, "completion_tokens": 5, "total_tokens": 9_000_005});
            check(api, stream, &impossible, "implausible").await;
            let usage = json!({"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17});
            check(api, stream, &usage, "reported").await;
        }
    }
}

#[tokio::test]
async fn a_member_of_the_providers_that_has_our_name_is_replaced() {
    let usage =
        json!({"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17, "cost": null, "credits": "none"});
    for stream in [false, true] {
        check("chat", stream, &usage, "reported").await;
    }
}

/// A stream that ends in order without a finish reason, or with a call instead of text.
async fn check_finish(api: &str, delta: Value, expect: &str) {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", "{}");
    let text = chunk(&json!([{"index": 0, "delta": delta, "finish_reason": null}]), &Value::Null);
    let usage = chunk(&json!([]), &json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}));
    app.script(
        "here.example",
        &[Scripted::Stream(vec![Ok(Bytes::from([&text, &usage, "data: [DONE]\n\n"].concat()))])],
    );
    let (_, key) = app.person(10).await;
    let (path, body) = request(api, true);
    let answer = app.post(&path, &key, &body).await;
    assert!(answer.text.contains(expect), "{api}: {}", answer.text);
    let (_, _, member, names) = APIS.into_iter().find(|(name, ..)| *name == api).unwrap();
    let shown = usage_in(&answer.text, member);
    assert_eq!(names.map(|name| shown[name].as_u64()), [Some(10), Some(5)], "{}", answer.text);
    assert!(shown["cost"].as_f64().unwrap() > 0.0, "{}", answer.text);
    app.settled();
}

#[tokio::test]
async fn a_stream_that_ends_without_a_finish_reason_gets_one() {
    let text = json!({"role": "assistant", "content": "Hello"});
    let call = json!({"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    check_finish("messages", text.clone(), r#""stop_reason":"end_turn""#).await;
    check_finish("messages", call.clone(), r#""stop_reason":"tool_use""#).await;
    check_finish("chat", text.clone(), r#""finish_reason":"stop""#).await;
    check_finish("chat", call.clone(), r#""finish_reason":"tool_calls""#).await;
    check_finish("responses", text.clone(), r#""status":"completed""#).await;
    check_finish("gemini", text, r#""finishReason":"STOP""#).await;
}

#[tokio::test]
async fn the_start_of_a_message_tells_the_estimated_input() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", "{}");
    let text = chunk(&json!([{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}]), &Value::Null);
    let usage = chunk(&json!([]), &json!({"prompt_tokens": 17, "completion_tokens": 5, "total_tokens": 22}));
    app.script(
        "here.example",
        &[Scripted::Stream(vec![Ok(Bytes::from([&text, &usage, "data: [DONE]\n\n"].concat()))])],
    );
    let (_, key) = app.person(10).await;
    let (path, body) = request("messages", true);
    let answer = app.post(&path, &key, &body).await;
    let start = answer.text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let start: Value = serde_json::from_str(start).unwrap();
    let told = start["message"]["usage"]["input_tokens"].as_u64().unwrap();
    assert!((12..=20).contains(&told), "{start}");
    let counted = app.post("/v1/messages/count_tokens", &key, &body).await.json();
    assert_eq!(counted["input_tokens"].as_u64(), Some(told), "the same as count_tokens says: {counted}");
    assert_eq!(usage_in(&answer.text, "usage")["input_tokens"], 17, "{}", answer.text);
}
