//! The sandbox, byte for byte where that matters, and through the taps.

mod answers;
mod commands;
mod rules;

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
    let url = format!("sandbox://local/v1{}", dialect.path("m", false));
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
    let mut tap = StreamTap::new(dialect, UsageChunk::Requested);
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
