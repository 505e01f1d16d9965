//! How fast a key may send, with a clock that stands still.

use crate::app::{Answer, TestApp, request};
use crate::engine::OnlyOnFiles;
use http::Method;
use http_body_util::BodyExt;
use opencredits_service::accounts::NewKey;
use opencredits_store::Rates;
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::time::Duration;

fn chat(text: &str) -> Value {
    json!({"model": "sandbox/gpt", "max_tokens": 200, "messages": [{"role": "user", "content": text}]})
}

async fn limited(app: &TestApp, rates: Rates) -> String {
    let (user, _) = app.person(10).await;
    app.key_with(NewKey { rates, ..TestApp::plain_key(&user) }).await
}

fn requests(count: u32) -> Rates {
    Rates { requests_per_minute: NonZeroU32::new(count), ..Rates::default() }
}

fn told(answer: &Answer) -> [&str; 3] {
    ["limit", "remaining", "reset"].map(|what| answer.header(["x-ratelimit-", what, "-requests"].concat().leak()))
}

#[tokio::test]
async fn every_answer_of_a_limited_key_tells_its_rates_through_every_api() {
    if OnlyOnFiles::Minutes.leaves_out() {
        return;
    }
    let app = TestApp::new().await;
    let key = limited(&app, requests(8)).await;
    let claude =
        json!({"model": "sandbox/claude", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]});
    let stream = json!({"model": "sandbox/gpt", "max_tokens": 20, "stream": true, "messages": [{"role": "user", "content": "Hello"}]});
    let responses = json!({"model": "sandbox/gpt", "max_output_tokens": 20, "input": "Hello"});
    let gemini = json!({"contents": [{"parts": [{"text": "Hello"}]}]});
    let cases: [(&str, Value, u16); 8] = [
        ("/v1/chat/completions", chat("Hello"), 200),
        ("/v1/chat/completions", stream, 200),
        ("/v1/messages", claude, 200),
        ("/v1/responses", responses, 200),
        ("/v1beta/models/sandbox/gpt:generateContent", gemini, 200),
        ("/v1/chat/completions", json!({"model": "no/such"}), 400),
        ("/v1/chat/completions", chat("sandbox:error 503"), 503),
        ("/v1/messages", json!({"model": "no/such", "max_tokens": 1, "messages": []}), 404),
    ];
    for (at, (path, body, status)) in cases.into_iter().enumerate() {
        let answer = app.post(path, &key, &body).await;
        let remaining = (7 - at).to_string();
        let reset = format!("{}s", (at + 1) as f64 * 7.5).replace("60s", "1m0s");
        assert_eq!(told(&answer), ["8", &remaining, &reset], "{path}: {}", answer.text);
        assert!(answer.status == status || status >= 400 && answer.status.as_u16() >= 400, "{path}: {}", answer.text);
    }
    let lookup = app.get("/v1/key", &key).await;
    assert_eq!(told(&lookup), ["8", "0", "1m0s"], "a look-up costs nothing");
    assert_eq!(lookup.json()["data"]["rate_limit"]["requests_remaining"], 0);
    for path in ["/v1/credits/balance", "/v1/generations", "/v1/activity", "/v1/generation?id=none"] {
        assert_eq!(told(&app.get(path, &key).await), ["8", "0", "1m0s"], "{path}");
    }
    for (path, body) in [("/v1/chat/completions", chat("Hello")), ("/v1/messages", chat("Hello"))] {
        let answer = app.post(path, &key, &body).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "8"), "{}", answer.text);
        assert_eq!(told(&answer), ["8", "0", "1m0s"]);
        assert!(answer.text.contains("rate_limit_exceeded") && answer.text.contains("8 requests in a minute"));
    }
    assert_eq!(app.post("/v1/messages", &key, &chat("Hello")).await.json()["error"]["type"], "rate_limit_error");
    app.pass(Duration::from_millis(7_499));
    assert_eq!(app.post("/v1/chat/completions", &key, &chat("Hello")).await.status, 429);
    app.pass(Duration::from_millis(1));
    assert_eq!(app.post("/v1/chat/completions", &key, &chat("Hello")).await.status, 200);
    app.settled();
}

#[tokio::test]
async fn a_key_without_rates_is_told_none() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let answer = app.post("/v1/chat/completions", &key, &chat("Hello")).await;
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("x-ratelimit")), "{:?}", answer.headers);
    assert_eq!(app.get("/v1/key", &key).await.json()["data"]["rate_limit"], Value::Null);
}

#[tokio::test]
async fn tokens_are_counted_as_they_were_used_and_given_back_where_nothing_was() {
    if OnlyOnFiles::Minutes.leaves_out() {
        return;
    }
    let app = TestApp::new().await;
    let rates = Rates { tokens_per_minute: NonZeroU32::new(1_000), ..Rates::default() };
    let key = limited(&app, rates).await;
    let left = |answer: &Answer| answer.header("x-ratelimit-remaining-tokens").parse::<u32>().unwrap();
    let answer = app.post("/v1/chat/completions", &key, &chat("sandbox:tokens 120")).await;
    let used = u32::try_from(answer.json()["usage"]["total_tokens"].as_u64().unwrap()).unwrap();
    assert_eq!((left(&answer), answer.header("x-ratelimit-limit-tokens")), (1_000 - used, "1000"), "{}", answer.text);
    // A failed request has used nothing.
    let failed = app.post("/v1/chat/completions", &key, &chat("sandbox:error 503")).await;
    assert_eq!((failed.status.as_u16(), left(&failed)), (503, 1_000 - used));
    let refused = app.post("/v1/chat/completions", &key, &json!({"model": "no/such", "messages": []})).await;
    assert_eq!(left(&refused), 1_000 - used);
    // A long answer is owed, and paid off before anything else is admitted.
    let mut long = chat("sandbox:tokens 3000");
    long["max_tokens"] = json!(4_000);
    let answer = app.post("/v1/chat/completions", &key, &long).await;
    assert_eq!((answer.status.as_u16(), left(&answer)), (200, 0), "{}", answer.text);
    app.pass(Duration::from_secs(60));
    let refused = app.post("/v1/chat/completions", &key, &chat("Hello")).await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert!(refused.text.contains("1000 tokens in a minute"), "{}", refused.text);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((60..=200).contains(&wait), "{wait}");
    app.pass(Duration::from_secs(wait - 1));
    assert_eq!(app.post("/v1/chat/completions", &key, &chat("Hello")).await.status, 429);
    app.pass(Duration::from_secs(1));
    assert_eq!(app.post("/v1/chat/completions", &key, &chat("Hello")).await.status, 200);
    app.settled();
}

#[tokio::test]
async fn a_place_is_free_again_once_the_request_is_settled_also_after_its_client_has_left() {
    let app = TestApp::new().await;
    let rates = Rates { parallel_max: NonZeroU32::new(1), ..Rates::default() };
    let key = limited(&app, rates).await;
    let mut body = chat("sandbox:slow 20");
    body["stream"] = json!(true);
    let mut response = app.open(request(Method::POST, "/v1/chat/completions", &key, body.to_string())).await;
    response.body_mut().frame().await.unwrap().unwrap();
    let refused = app.post("/v1/chat/completions", &key, &chat("Hello")).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "1"), "{}", refused.text);
    assert!(refused.text.contains("1 requests at once"), "{}", refused.text);
    assert_eq!(app.get("/v1/key", &key).await.json()["data"]["rate_limit"]["running"], 1);
    drop(response);
    // The reaper reads on; until it has settled the request, the place is taken.
    assert_eq!(app.post("/v1/chat/completions", &key, &chat("Hello")).await.status, 429);
    app.drained().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(app.get("/v1/key", &key).await.json()["data"]["rate_limit"]["running"], 0);
    for text in ["Hello", "sandbox:error 503", "Hello"] {
        app.rested().await;
        assert_ne!(app.post("/v1/chat/completions", &key, &chat(text)).await.status, 429, "each gives its place back");
    }
    app.settled();
}

#[tokio::test]
async fn a_change_of_another_key_leaves_what_is_left_as_it_was() {
    if OnlyOnFiles::Minutes.leaves_out() {
        return;
    }
    let app = TestApp::new().await;
    let key = limited(&app, requests(2)).await;
    app.post("/v1/chat/completions", &key, &chat("Hello")).await;
    // Forgets every cached key.
    limited(&app, requests(5)).await;
    let answer = app.post("/v1/chat/completions", &key, &chat("Hello")).await;
    assert_eq!(told(&answer)[1], "0");
    assert_eq!(app.post("/v1/chat/completions", &key, &chat("Hello")).await.status, 429);
}
