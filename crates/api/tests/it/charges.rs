//! Charges that a provider's counts, a leaving client or a broken connection must not spoil.

use crate::app::{Scripted, TestApp, request};
use axum::body::Body;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use opencredits_providers::TransportError;
use serde_json::{Value, json};
use std::time::Duration;

const VENDORS: &str = r#"
    [[vendor]]
    id = "here"
    dialect = "openai-chat"
    base_url = "http://here.example/v1"
    stop_billing = "ends"

    [[vendor]]
    id = "messages"
    dialect = "anthropic-messages"
    base_url = "http://messages.example/v1"
    stop_billing = "ends"
"#;
const MODELS: &str = r#"
    [[model]]
    id = "a/plain"
    vendor = "here"
    context_window = 1000000
    max_output_tokens = 1000
    supports = ["tools"]
    prices = { input = "1", output = "2" }

    [[model]]
    id = "a/claude"
    vendor = "messages"
    context_window = 1000000
    max_output_tokens = 1000
    prices = { input = "1", output = "2" }
"#;
/// Ten dollars, in nano-dollars.
const BALANCE: i64 = 10_000_000_000;

fn app() -> TestApp {
    TestApp::answering(VENDORS, MODELS, "application/json", "{}")
}

fn answer(usage: &Value) -> String {
    let choice = json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}});
    json!({"id": "c", "model": "m", "choices": [choice], "usage": usage}).to_string()
}

/// Sends a small request whose provider reports `usage`; the answer must reach the client. The source of the usage, the
/// charge, and the bill's input and output.
async fn check_usage(usage: &str, more: Value, expect: (&str, i64, u64, u64)) {
    let app = app();
    let body = answer(&json!("USAGE")).replace("\"USAGE\"", usage);
    app.script("here.example", &[Scripted::Answer(200, None, body)]);
    let (user, key) = app.person(10).await;
    let mut request = json!({"model": "a/plain", "max_tokens": 5, "messages": [{"role": "user", "content": "q"}]});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = app.post("/v1/chat/completions", &key, &request).await;
    assert_eq!((answer.status.as_u16(), answer.text.contains("Hi")), (200, true), "{}", answer.text);
    let record = app.get(&format!("/v1/generation?id={}", answer.header("x-generation-id")), &key).await.json();
    let count = |name: &str| record["data"][name].as_u64().unwrap_or(0);
    let found = (record["data"]["usage_source"].as_str().unwrap(), BALANCE - app.available(&user));
    assert_eq!(
        (found.0, found.1, count("tokens_prompt"), count("tokens_completion")),
        expect,
        "{usage} {more} {record}"
    );
    app.settled();
}

#[tokio::test]
async fn counts_that_cannot_be_are_not_charged() {
    let small = json!({});
    check_usage(r#"{"prompt_tokens": 10, "completion_tokens": 5}"#, small.clone(), ("reported", 25_000, 10, 5)).await;
    let huge = r#"{"prompt_tokens": 5000000, "completion_tokens": 5, "total_tokens": 5000005}"#;
    check_usage(huge, small.clone(), ("implausible", 26_250, 11, 5)).await;
    let most = r#"{"prompt_tokens": 4294967295, "completion_tokens": 5}"#;
    check_usage(most, small.clone(), ("implausible", 26_250, 11, 5)).await;
    let invented = r#"{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 5000000}"#;
    check_usage(invented, small.clone(), ("implausible", 25_000, 10, 5)).await;
    let without_cap = json!({"max_tokens": null});
    let hidden = r#"{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 915}"#;
    check_usage(hidden, without_cap, ("implausible", 25_000, 10, 5)).await;
    let long = r#"{"prompt_tokens": 10, "completion_tokens": 1000000}"#;
    check_usage(long, small.clone(), ("implausible", 15_000, 10, 1)).await;
    let beyond = r#"{"prompt_tokens": 1e30, "completion_tokens": 99999999999999999999999}"#;
    check_usage(beyond, small.clone(), ("implausible", 16_250, 11, 1)).await;
    let cached = r#"{"prompt_tokens": 9000000000, "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 9000000000}}"#;
    check_usage(cached, small, ("implausible", 26_250, 11, 5)).await;
}

#[tokio::test]
async fn a_charge_never_overruns_a_keys_limit() {
    let app = app();
    // Plausible, and above the hold: a document of which nobody here knows the length.
    let usage = json!({"prompt_tokens": 900_000, "completion_tokens": 5});
    app.script("here.example", &[Scripted::Answer(200, None, answer(&usage))]);
    let (user, _) = app.person(10).await;
    let limit = 1_250_000_000;
    let key = app.key(&user, None, Some(limit)).await;
    let file = json!({"type": "file", "file": {"file_id": "file-1"}});
    let body = json!({"model": "a/plain", "max_tokens": 5, "messages": [{"role": "user", "content": [file]}]});
    for _ in 0..3 {
        let _refused_at_last = app.post("/v1/chat/completions", &key, &body).await;
    }
    assert!(BALANCE - app.available(&user) <= limit, "{}", BALANCE - app.available(&user));
    app.settled();
}

fn streamed(key: &str, model: &str, idempotency: &str) -> http::Request<Body> {
    let text = "word ".repeat(2_000);
    let body =
        json!({"model": model, "max_tokens": 60, "stream": true, "messages": [{"role": "user", "content": text}]});
    let path = if model == "a/claude" { "/v1/messages" } else { "/v1/chat/completions" };
    let mut request = request(Method::POST, path, key, body.to_string());
    request.headers_mut().insert("idempotency-key", idempotency.parse().unwrap());
    request
}

/// Chunks of a stream, the first of which says nothing yet.
fn silent_stream(first: Value) -> Scripted {
    let event = |name: &str, value: &Value| Ok(Bytes::from(format!("event: {name}\ndata: {value}\n\n")));
    let kind = first["type"].as_str().unwrap_or("message").to_owned();
    let mut chunks: Vec<Result<Bytes, TransportError>> = vec![event(&kind, &first)];
    chunks.extend((0..50).map(|_| Ok(Bytes::from_static(b": nothing yet\n\n"))));
    Scripted::Paced(chunks, Duration::from_millis(50))
}

/// A client leaves before the first word: what it pays, and that its idempotency key stays spent.
async fn check_leaver(model: &str, host: &str, answer: Scripted, at_least: i64) {
    let app = app();
    app.script(host, &[answer]);
    let (user, key) = app.person(10).await;
    let mut response = app.open(streamed(&key, model, "once")).await;
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    app.drained().await;
    let paid = BALANCE - app.available(&user);
    let record = app.get(&format!("/v1/generation?id={id}"), &key).await.json();
    assert!(paid >= at_least, "{paid} {record}");
    assert_eq!(record["data"]["usage_source"], "estimated", "{record}");
    let again = app.send(streamed(&key, model, "once")).await;
    assert_eq!(again.status, 409, "{}", again.text);
}

#[tokio::test]
async fn who_leaves_before_the_first_word_pays_for_the_input_that_was_read() {
    let role = json!({"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]});
    // 10,000 bytes of English are some 2,200 tokens, at a dollar a million and a quarter on top.
    check_leaver("a/plain", "here.example", silent_stream(role), 2_000_000).await;
    let start = json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant",
        "model": "m", "content": [], "usage": {"input_tokens": 2_003, "output_tokens": 1}}});
    check_leaver("a/claude", "messages.example", silent_stream(start), 2_503_750).await;
}

#[tokio::test]
async fn who_leaves_while_the_provider_is_silent_pays_for_the_input_once_it_answers_and_nothing_where_it_fails() {
    for (late, is_free) in [
        (silent_stream(json!({"id": "c", "choices": [{"index": 0, "delta": {"content": "Hi"}}]})), false),
        (Scripted::Answer(500, None, json!({"error": {"message": "no"}}).to_string()), true),
        (Scripted::Unreachable, true),
    ] {
        let app = app();
        app.script("here.example", &[Scripted::Late(Duration::from_millis(150), Box::new(late))]);
        let (user, key) = app.person(10).await;
        let mut response = app.open(streamed(&key, "a/plain", "once")).await;
        response.body_mut().frame().await.unwrap().unwrap();
        drop(response);
        app.drained().await;
        assert_eq!(app.available(&user) == BALANCE, is_free);
    }
}

#[tokio::test]
async fn of_more_abandoned_requests_than_there_are_places_none_is_free() {
    let app = app();
    let never = Scripted::Late(Duration::from_secs(2), Box::new(Scripted::Unreachable));
    app.script("here.example", &[never]);
    let mut waiting = Vec::new();
    for _ in 0..40 {
        let (user, key) = app.person(10).await;
        let mut response = app.open(streamed(&key, "a/plain", "once")).await;
        response.body_mut().frame().await.unwrap().unwrap();
        waiting.push((user, response));
    }
    let users: Vec<_> = waiting.into_iter().map(|(user, _dropped)| user).collect();
    let paying = users
        .iter()
        .filter(|user| app.available(user) < BALANCE && app.ledger.balance(user.wallet).unwrap().held.get() == 0);
    assert!(paying.count() >= 20, "those beyond the places of the reaper are charged by estimate");
    app.drained().await;
}

/// A provider fails; how often it was asked, what the client got, and what was paid.
async fn check_sent(answers: &[Scripted], expect: (u16, usize, i64)) {
    let app = app();
    app.script("here.example", answers);
    let (user, key) = app.person(10).await;
    let body = json!({"model": "a/plain", "max_tokens": 5, "messages": [{"role": "user", "content": "q"}]});
    let answer = app.post("/v1/chat/completions", &key, &body).await;
    let paid = BALANCE - app.available(&user);
    assert_eq!((answer.status.as_u16(), app.asked().len(), paid), expect, "{}", answer.text);
    app.settled();
}

#[tokio::test]
async fn nothing_is_sent_again_that_its_provider_may_bill() {
    let good = Scripted::Answer(200, None, answer(&json!({"prompt_tokens": 10, "completion_tokens": 5})));
    for error in [
        TransportError::Broken,
        TransportError::FirstByteTimeout,
        TransportError::IdleTimeout,
        TransportError::TotalTimeout,
        TransportError::TooLarge { limit_bytes: 9 },
    ] {
        let status = if error.is_timeout() { 504 } else { 502 };
        check_sent(&[Scripted::Failing(error), good.clone()], (status, 1, 0)).await;
    }
    check_sent(&[Scripted::Broken, good.clone()], (502, 1, 0)).await;
    let half = Scripted::Stream(vec![Ok(Bytes::from_static(b"data: {\"id\":")), Err(TransportError::Broken)]);
    check_sent(&[half, good.clone()], (502, 1, 0)).await;
    for error in [TransportError::Connect, TransportError::Refused, TransportError::Tls, TransportError::Closed] {
        check_sent(&[Scripted::Failing(error), good.clone()], (200, 2, 25_000)).await;
    }
    let closed = Scripted::Failing(TransportError::Closed);
    check_sent(&[closed.clone(), closed, good], (502, 2, 0)).await;
}

#[tokio::test]
async fn a_usage_with_many_iterations_is_charged_though_its_record_is_shortened() {
    let app = app();
    // Each names another count, so that no two are the same.
    let iteration = |at: usize| {
        json!({"type": "compaction", "input_tokens": 20 + at, "output_tokens": 3,
        "cache_read_input_tokens": 1, "cache_creation_input_tokens": 2})
    };
    let iterations: Vec<Value> = (0..400).map(iteration).collect();
    let usage = json!({"input_tokens": 20, "output_tokens": 7, "iterations": iterations});
    let body = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hi"}], "usage": usage});
    app.script("messages.example", &[Scripted::Answer(200, None, body.to_string())]);
    let (user, key) = app.person(10).await;
    let body = json!({"model": "a/claude", "max_tokens": 60, "messages": [{"role": "user", "content": "Hello"}]});
    let answer = app.post("/v1/messages", &key, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let record = app.get(&format!("/v1/generation?id={}", answer.header("x-generation-id")), &key).await.json();
    assert!(BALANCE - app.available(&user) > 400 * 20 * 1_250, "{record}");
    assert_eq!(record["data"]["bill"]["other_models"].as_array().unwrap().len(), 1, "{record}");
    app.settled();
}

const RESELLER: &str = r#"
    [[vendor]]
    id = "reseller"
    dialect = "openai-chat"
    also = { openai-responses = {} }
    base_url = "http://reseller.example/v1"
    reported_cost = { member = "cost", pico_usd = 1000000000000, fees_max = "0.05" }
"#;
const RESOLD: &str = r#"
    [[model]]
    id = "a/resold"
    vendor = "reseller"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "2" }
"#;

/// A reseller that reports `cost` in dollars; the book's cost is 0.00002. The cost of the record, the charge in nano-dollars
/// with 25 % on top, and the last line of the bill.
async fn check_cost(cost: &str, stream: bool, expect: (&str, i64, &str)) {
    let app = TestApp::answering(RESELLER, RESOLD, "application/json", "{}");
    let usage =
        format!(r#"{{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"cost":{cost},"is_byok":false}}"#);
    let script = if stream {
        let event = |choices: &str, usage: &str| {
            format!("data: {{\"id\":\"c\",\"model\":\"m\",\"choices\":{choices},\"usage\":{usage}}}\n\n")
        };
        let text = event(r#"[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]"#, "null");
        Scripted::Stream(vec![Ok(Bytes::from([text, event("[]", &usage), "data: [DONE]\n\n".to_owned()].concat()))])
    } else {
        Scripted::Answer(200, None, answer(&json!("USAGE")).replace("\"USAGE\"", &usage))
    };
    app.script("reseller.example", &[script]);
    let (user, key) = app.person(10).await;
    let request =
        json!({"model": "a/resold", "max_tokens": 5, "stream": stream, "messages": [{"role": "user", "content": "q"}]});
    let answer = app.post("/v1/chat/completions", &key, &request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        answer.text.matches("\"cost\":").count(),
        1,
        "our cost takes the place of the reseller's: {}",
        answer.text
    );
    let record = app.get(&format!("/v1/generation?id={}", answer.header("x-generation-id")), &key).await.json();
    let bill = &record["data"]["bill"];
    let lines = bill["lines"].as_array().unwrap();
    let found = (bill["cost"].as_str().unwrap(), BALANCE - app.available(&user));
    assert_eq!((found.0, found.1, lines.last().unwrap()["what"].as_str().unwrap()), expect, "{cost}: {record}");
    let sum: f64 = lines.iter().map(|line| line["amount"].as_str().unwrap().parse::<f64>().unwrap()).sum();
    assert!((sum - found.0.parse::<f64>().unwrap()).abs() < 1e-9, "the lines add up to the cost: {bill}");
    app.settled();
}

#[tokio::test]
async fn the_cost_that_a_reseller_reports_is_ours_where_it_is_near_the_books() {
    for stream in [false, true] {
        check_cost("0.00764", stream, ("0.00764", 9_550_000, "provider_fees")).await;
        check_cost("1.2e-5", stream, ("0.000012", 15_000, "provider_discount")).await;
        check_cost("0.00002", stream, ("0.00002", 25_000, "output")).await;
        // Our own key at the maker of the model, a mistake, and nothing: the book is charged.
        check_cost("0", stream, ("0.00002", 25_000, "output")).await;
        check_cost("7", stream, ("0.00002", 25_000, "output")).await;
        check_cost("null", stream, ("0.00002", 25_000, "output")).await;
        check_cost("\"0.00764\"", stream, ("0.00002", 25_000, "output")).await;
    }
}

#[tokio::test]
async fn a_hold_has_room_for_the_fees_of_a_reseller() {
    let app = TestApp::answering(RESELLER, RESOLD, "application/json", "{}");
    let (_, key) = app.person_with(opencredits_units::NanoUsd::new(40_000_000)).await;
    let file = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}});
    let request = json!({"model": "a/resold", "max_tokens": 5, "messages": [{"role": "user", "content": [file]}]});
    let answer = app.post("/v1/chat/completions", &key, &request).await;
    assert_eq!(answer.status, 402, "{}", answer.text);
    let needed: f64 = answer.json()["error"]["metadata"]["required"].as_str().unwrap().parse().unwrap();
    assert!(needed > 6.25, "five cents and a quarter of them, in credits: {needed}");
}
