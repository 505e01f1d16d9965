//! Streams: charged before their last bytes, kept alive, and settled whoever leaves.

use crate::app::{TestApp, request};
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;

fn chat(text: &str) -> Value {
    json!({"model": "sandbox/gpt", "max_tokens": 60, "stream": true, "messages": [{"role": "user", "content": text}]})
}

fn streamed(key: &str, body: &Value) -> Request<Body> {
    request(Method::POST, "/v1/chat/completions", key, body.to_string())
}

/// The JSON events of a stream.
fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn usage_rides_on_the_finish_chunk_unless_its_own_chunk_was_asked_for() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let plain = app.send(streamed(&key, &chat("Hello"))).await;
    assert!(plain.header("content-type").starts_with("text/event-stream"));
    assert!(plain.headers.get("x-credits-charged").is_none());
    let all = events(&plain.text);
    let last = all.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["usage"]["generation_id"], plain.header("x-generation-id"));
    assert!(all.iter().all(|event| event["choices"].as_array().is_some_and(|choices| !choices.is_empty())));
    assert!(plain.text.ends_with("data: [DONE]\n\n"));
    let charged = 10_000_000_000 - app.available(&user);
    assert_eq!(last["usage"]["cost"].to_string(), opencredits_units::NanoUsd::new(charged).to_string());

    let mut body = chat("Hello");
    body["stream_options"] = json!({"include_usage": true});
    let asked = events(&app.send(streamed(&key, &body)).await.text);
    let last = asked.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert!(last["usage"]["credits"].is_number());
    assert!(asked.iter().rev().skip(1).all(|event| event.get("usage").is_none_or(Value::is_null)));
    app.settled();
}

#[tokio::test]
async fn the_usage_of_messages_stands_in_message_delta() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let body = json!({"model": "sandbox/claude", "max_tokens": 60, "stream": true, "messages": [{"role": "user", "content": "Hello"}]});
    let answer = app.post("/v1/messages", &key, &body).await;
    let all = events(&answer.text);
    let delta = all.iter().find(|event| event["type"] == "message_delta").unwrap();
    assert!(delta["usage"]["credits"].is_number(), "{delta}");
    assert_eq!(all.last().unwrap()["type"], "message_stop");
    app.settled();
}

#[tokio::test]
async fn a_silent_provider_is_bridged_by_comments() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let answer = app.send(streamed(&key, &chat("sandbox:silent 300"))).await;
    assert!(answer.text.contains(": keep-alive\n\n"), "{}", answer.text);
    assert!(answer.text.ends_with("data: [DONE]\n\n"));
    app.settled();
}

#[tokio::test]
async fn a_stream_that_breaks_says_so_in_band_and_is_charged_for_what_came() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let answer = app.send(streamed(&key, &chat("sandbox:cut 3"))).await;
    assert_eq!(answer.status, 200);
    let last = events(&answer.text).pop().unwrap();
    assert_eq!(last["error"]["type"], "provider_unavailable");
    assert_eq!(last["choices"][0]["finish_reason"], "error");
    assert_eq!(last["request_id"], answer.header("x-request-id"));
    let charged = 10_000_000_000 - app.available(&user);
    assert!(charged > 0, "what was produced is paid for");
    let record = app.get(&format!("/v1/generation?id={}", answer.header("x-generation-id")), &key).await.json();
    assert_eq!(record["data"]["usage_source"], "estimated");
    app.settled();
}

#[tokio::test]
async fn nothing_produced_is_nothing_charged() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let answer = app.send(streamed(&key, &chat("sandbox:cut 0"))).await;
    assert_eq!(app.available(&user), 10_000_000_000, "{}", answer.text);
    app.settled();
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_stream_is_charged_for_the_whole_answer() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let whole = {
        app.send(streamed(&key, &chat("sandbox:slow 5"))).await;
        10_000_000_000 - app.available(&user)
    };
    let before = app.available(&user);
    let mut response = app.open(streamed(&key, &chat("sandbox:slow 5"))).await;
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    app.drained().await;
    assert_eq!(before - app.available(&user), whole, "the vendor's bill goes on, so it is read to its end");
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_charged_for_it_once() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let mut body = chat("sandbox:slow 20");
    body["stream"] = false.into();
    let mut waiting = Box::pin(app.send(streamed(&key, &body)));
    while app.upstream.sent.lock().unwrap().is_empty() {
        let left = tokio::time::timeout(Duration::from_millis(1), &mut waiting).await;
        assert!(left.is_err(), "the client leaves before the answer");
    }
    drop(waiting);
    app.drained().await;
    assert!(app.available(&user) < 10_000_000_000);
}
