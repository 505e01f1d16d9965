//! What becomes of a request whose client, provider or process gives up on it: its hold always ends, and what it used is
//! paid for.

use crate::app::{Scripted, TestApp, request};
use crate::engine::OnlyOnFiles;
use axum::body::Body;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use opencredits_ledger::{HoldRow, Phase, PlaceHold};
use opencredits_service::jobs;
use opencredits_units::{EntryId, NanoUsd};
use serde_json::{Value, json};
use std::time::Duration;

const VENDORS: &str = r#"
    [[vendor]]
    id = "here"
    dialect = "openai-chat"
    base_url = "http://here.example/v1"
    stop_billing = "ends"
"#;
const MODELS: &str = r#"
    [[model]]
    id = "a/plain"
    vendor = "here"
    context_window = 100000
    max_output_tokens = 1000
    supports = ["tools"]
    prices = { input = "1", output = "10" }

    [[model]]
    id = "a/thinking"
    vendor = "here"
    context_window = 100000
    max_output_tokens = 1000
    supports = ["tools", "reasoning"]
    prices = { input = "1", output = "10" }
"#;

fn streamed(key: &str, model: &str, text: &str) -> http::Request<Body> {
    let body =
        json!({"model": model, "max_tokens": 900, "stream": true, "messages": [{"role": "user", "content": text}]});
    request(Method::POST, "/v1/chat/completions", key, body.to_string())
}

#[tokio::test]
async fn more_abandoned_streams_than_there_are_places_are_all_settled_and_paid_for() {
    let app = TestApp::new().await;
    let mut open = Vec::new();
    for _ in 0..40 {
        let (user, key) = app.person(10).await;
        let mut response = app.open(streamed(&key, "sandbox/gpt", "sandbox:slow 20")).await;
        response.body_mut().frame().await.unwrap().unwrap();
        response.body_mut().frame().await.unwrap().unwrap();
        open.push((user, response));
    }
    let users: Vec<_> = open.into_iter().map(|(user, _dropped)| user).collect();
    app.drained().await;
    let unpaid = users.iter().filter(|user| app.available(user) == 10_000_000_000).count();
    assert_eq!(unpaid, 0);
}

#[tokio::test]
async fn a_provider_that_is_silent_before_its_head_is_bridged_by_comments() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let answer = app.send(streamed(&key, "sandbox/gpt", "sandbox:wait 200")).await;
    let across = json!({"model": "sandbox/claude", "max_tokens": 60, "stream": true, "seed": 7,
        "messages": [{"role": "user", "content": "sandbox:wait 200"}]});
    let waited = app.send(request(Method::POST, "/v1/chat/completions", &key, across.to_string())).await;
    assert!(
        waited.text.starts_with(": keep-alive") && waited.header("x-opencredits-dropped") == "seed",
        "{}",
        waited.text
    );
    assert!(answer.text.starts_with(": keep-alive\n\n"), "{}", answer.text);
    assert!(answer.text.ends_with("data: [DONE]\n\n"), "{}", answer.text);
    app.settled();

    // What comes late is told in band, whatever it is.
    let app = TestApp::answering(VENDORS, MODELS, "application/json", "{}");
    let (_, key) = app.person(10).await;
    let refusal = Scripted::Answer(400, None, json!({"error": {"message": "no such tool"}}).to_string());
    let whole = json!({"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Hi\n"}}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 7}});
    let whole = Scripted::Answer(200, None, serde_json::to_string_pretty(&whole).unwrap());
    for (late, said) in [(refusal, "no such tool"), (whole, "\"credits\"")] {
        app.script("here.example", &[Scripted::Late(Duration::from_millis(100), Box::new(late))]);
        let answer = app.send(streamed(&key, "a/plain", "Hello")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.starts_with(": keep-alive\n\n"), "{}", answer.text);
        let events = answer.text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
        let last: Value = events.filter_map(|data| serde_json::from_str(data).ok()).last().unwrap();
        assert!(last.to_string().contains(said), "{last}");
    }
    app.settled();
}

/// What a client pays that leaves after the first words of an answer with 8,000 tokens of thought, and how it was counted.
async fn check_leaver(model: &str, source: &str, charged: i64) {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", "{}");
    let event = |value: Value| Ok(Bytes::from(format!("data: {value}\n\n")));
    let chunks = vec![
        event(json!({"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello"}}]})),
        event(json!({"id": "c", "choices": [{"index": 0, "delta": {"content": " there"}}]})),
        event(json!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})),
        event(json!({"id": "c", "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 800,
            "completion_tokens_details": {"reasoning_tokens": 780}}})),
    ];
    app.script("here.example", &[Scripted::Paced(chunks, Duration::from_millis(20))]);
    let (user, key) = app.person(10).await;
    let mut response = app.open(streamed(&key, model, "Hello")).await;
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    app.drained().await;
    let record = app.get(&format!("/v1/generation?id={id}"), &key).await.json();
    assert_eq!(record["data"]["usage_source"], source, "{record}");
    assert_eq!(10_000_000_000 - app.available(&user) >= charged, charged > 1_000_000, "{record}");
}

#[tokio::test]
async fn who_leaves_after_the_first_words_pays_for_the_thoughts_before_them() {
    check_leaver("a/thinking", "reported", 10_025_000).await;
}

#[tokio::test]
async fn who_leaves_a_model_that_does_not_think_stops_it() {
    check_leaver("a/plain", "estimated", 1_000_000).await;
}

fn in_flight(app: &TestApp) -> Vec<HoldRow> {
    app.ledger.holds().into_iter().filter(|hold| hold.phase == Phase::InFlight).collect()
}

#[tokio::test]
async fn a_hold_lives_as_long_as_its_request_and_no_longer_than_its_process() {
    if OnlyOnFiles::OneProcess.leaves_out() {
        return;
    }
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let mut response = app.open(streamed(&key, "sandbox/gpt", "sandbox:slow 20")).await;
    response.body_mut().frame().await.unwrap().unwrap();
    let before = in_flight(&app)[0].expires_at;
    app.pass(Duration::from_secs(3_600));
    jobs::expire(app.gateway()).await.unwrap();
    let held = in_flight(&app);
    assert!(held.len() == 1 && held[0].expires_at > before, "{held:?}");
    let _rest = response.into_body().collect().await.unwrap();
    app.settled();
    assert!(app.available(&user) < 10_000_000_000, "a slow client pays as any other");

    // One that a process left when it died.
    let now = app.gateway().clock().now();
    let id = EntryId::at(now, [1; 10]);
    let hold = PlaceHold { id, payer: user.wallet, limits: &[], amount: NanoUsd::new(1_000), expires_at: now };
    app.ledger.done(|ledger| ledger.place_hold(hold, now));
    app.ledger.done(|ledger| ledger.mark_in_flight(id, now));
    let mut response = app.open(streamed(&key, "sandbox/gpt", "sandbox:slow 20")).await;
    response.body_mut().frame().await.unwrap().unwrap();
    jobs::release_strays(app.gateway()).await.unwrap();
    let held = in_flight(&app);
    assert!(held.len() == 1 && held[0].id != id, "{held:?}");
    let _rest = response.into_body().collect().await.unwrap();
    app.settled();
}

#[tokio::test]
async fn every_hold_that_a_dead_process_left_is_released_at_the_start() {
    if OnlyOnFiles::OneProcess.leaves_out() {
        return;
    }
    let app = TestApp::new().await;
    let (user, _) = app.person(10).await;
    let now = app.gateway().clock().now();
    for (at, is_sent) in [(1, false), (2, true), (3, false)] {
        let id = EntryId::at(now, [at; 10]);
        let expires_at = now.saturating_add_ms(1_800_000);
        let hold = PlaceHold { id, payer: user.wallet, limits: &[], amount: NanoUsd::new(1_000), expires_at };
        app.ledger.done(|ledger| ledger.place_hold(hold, now));
        if is_sent {
            app.ledger.done(|ledger| ledger.mark_in_flight(id, now));
        }
    }
    jobs::release_left(app.gateway()).await.unwrap();
    app.settled();
    assert_eq!(app.available(&user), 10_000_000_000);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_a_model_that_goes_on_thinking_aloud_pays_for_all_that_was_seen() {
    if OnlyOnFiles::StillTime.leaves_out() {
        return;
    }
    let app = TestApp::answering(VENDORS, MODELS, "application/json", "{}");
    let event = |text: &str| {
        let delta = json!({"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]});
        Ok(Bytes::from(format!("data: {delta}\n\n")))
    };
    let mut chunks = vec![event(&"word ".repeat(400))];
    chunks.extend((0..1_000).map(|_| event("more ")));
    app.script("here.example", &[Scripted::Paced(chunks, Duration::from_secs(1))]);
    let (user, key) = app.person(10).await;
    let mut response = app.open(streamed(&key, "a/thinking", "Hello")).await;
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    app.drained().await;
    let charged = 10_000_000_000 - app.available(&user);
    // 400 words and some, at 10 USD a million and a quarter on top; the hold is for 900 tokens.
    assert!(charged > 700_000, "{charged}");
}
