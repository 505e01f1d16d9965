//! Which provider is asked, what follows when it does not answer, and what the person pays then.

use crate::app::{Scripted, TestApp};
use bytes::Bytes;
use opencredits_providers::TransportError;
use serde_json::{Value, json};

const VENDORS: &str = r#"
    [[vendor]]
    id = "cheap"
    dialect = "openai-chat"
    base_url = "http://cheap.example/v1"

    [[vendor]]
    id = "dear"
    dialect = "anthropic-messages"
    base_url = "http://dear.example/v1"
    data_collection = false
    zdr = true

    [[vendor]]
    id = "double"
    dialect = "openai-chat"
    base_url = "http://double.example/v1"
"#;
/// A hundred times the price: the lot falls on it once in ten thousand times.
const MODELS: &str = r#"
    [[model]]
    id = "a/both"
    vendor = "cheap"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "10" }

    [[model.route]]
    vendor = "dear"
    upstream_model = "both-1"
    region = "eu"
    prices = { input = "100", output = "1000", cache_read = "10" }

    [[model]]
    id = "a/uncached"
    vendor = "cheap"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "10" }

    [[model.route]]
    vendor = "dear"
    upstream_model = "uncached-1"
    prices = { input = "100", output = "1000" }

    [[model]]
    id = "a/short"
    vendor = "double"
    context_window = 100000
    max_output_tokens = 40
    prices = { input = "1", output = "10" }

    [[model]]
    id = "a/other"
    vendor = "dear"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "2", output = "20" }

    [[model]]
    id = "a/single"
    vendor = "cheap"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "10" }

    [[model]]
    id = "a/double"
    vendor = "double"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "10" }
"#;
/// 20 tokens in and 7 out at the prices of `cheap`, and a quarter on top, in nano-dollars.
const CHEAP: i64 = 112_500;
const DEAR: i64 = 100 * CHEAP;
const OTHER: i64 = 2 * CHEAP;

fn chat() -> Scripted {
    let body = json!({"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hi"}}], "usage": {"prompt_tokens": 20, "completion_tokens": 7}});
    Scripted::Answer(200, None, body.to_string())
}

fn message() -> Scripted {
    let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hi"}], "usage": {"input_tokens": 20, "output_tokens": 7}});
    Scripted::Answer(200, None, body.to_string())
}

fn refusal(status: u16, retry_after: Option<&'static str>) -> Scripted {
    Scripted::Answer(status, retry_after, json!({"error": {"message": "no"}}).to_string())
}

fn app() -> TestApp {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", "{}");
    app.script("cheap.example", &[chat()]);
    app.script("dear.example", &[message()]);
    app.script("double.example", &[chat()]);
    app
}

/// Sends a request that has `more` beside the model, and says its status, who was asked, and what was paid.
async fn outcome(app: &TestApp, model: &str, more: &Value) -> (u16, Vec<String>, i64, Value) {
    let (user, key) = app.person(10).await;
    let mut body = json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let before = app.available(&user);
    let answer = app.post("/v1/chat/completions", &key, &body).await;
    let paid = before - app.available(&user);
    let asked = app.asked().iter().map(|host| host.trim_end_matches(".example").to_owned()).collect();
    app.settled();
    if answer.status != 200 {
        return (answer.status.as_u16(), asked, paid, answer.json());
    }
    let record = app.get(&format!("/v1/generation?id={}", answer.header("x-generation-id")), &key).await;
    (200, asked, paid, record.json()["data"]["attempts"].clone())
}

async fn check(app: &TestApp, model: &str, more: Value, expected: (u16, &[&str], i64)) -> Value {
    let (status, asked, paid, seen) = outcome(app, model, &more).await;
    assert_eq!(
        (status, asked.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), paid),
        expected,
        "{more} {seen}"
    );
    seen
}

#[tokio::test]
async fn a_provider_that_fails_is_followed_by_another_and_one_is_paid_for() {
    let broken = Scripted::Answer(200, None, json!({"error": {"message": "no", "code": 502}}).to_string());
    let failed_attempts = [
        refusal(429, Some("60")),
        refusal(500, None),
        refusal(503, None),
        refusal(401, None),
        refusal(404, None),
        Scripted::Unreachable,
        Scripted::Failing(TransportError::Refused),
        broken,
        Scripted::Answer(200, None, r#"{"id": "c", "choices": [{"index": 0,"#.to_owned()),
        Scripted::Answer(200, None, r#"{"id": "c", "choices": [], "usage": {"prompt_tokens": 20,}}"#.to_owned()),
        Scripted::Answer(200, None, "<html>busy</html>".to_owned()),
    ];
    for miss in failed_attempts {
        let app = app();
        app.script("cheap.example", &[miss]);
        let attempts = check(&app, "a/both", json!({}), (200, &["cheap", "dear"], DEAR)).await;
        let named: Vec<&Value> = attempts.as_array().unwrap().iter().map(|attempt| &attempt["provider_name"]).collect();
        assert_eq!(named, ["cheap", "dear"], "each attempt is in the record");
    }
}

#[tokio::test]
async fn where_all_fail_the_client_is_told_of_each_and_pays_nothing() {
    let app = app();
    app.script("cheap.example", &[refusal(500, None)]);
    app.script("dear.example", &[refusal(529, Some("60"))]);
    let seen = check(&app, "a/both", json!({}), (503, &["cheap", "dear"], 0)).await;
    assert_eq!(seen["error"]["metadata"]["previous_errors"], json!([{"provider_name": "cheap", "status": 500}]));
}

#[tokio::test]
async fn a_single_provider_is_asked_again_and_not_for_ever() {
    let app = app();
    app.script("cheap.example", &[refusal(500, None), Scripted::Unreachable, chat()]);
    check(&app, "a/single", json!({}), (200, &["cheap", "cheap", "cheap"], CHEAP)).await;
    app.script("cheap.example", &[refusal(500, None)]);
    check(&app, "a/single", json!({}), (502, &["cheap", "cheap", "cheap"], 0)).await;
    app.script("cheap.example", &[refusal(429, Some("0")), chat()]);
    check(&app, "a/single", json!({}), (200, &["cheap", "cheap"], CHEAP)).await;
    app.script("cheap.example", &[refusal(429, Some("60")), chat()]);
    let told = check(&app, "a/single", json!({}), (429, &["cheap"], 0)).await;
    assert_eq!(told["error"]["metadata"]["retry_after"], 60, "who must wait a minute is told, and does not hang");
    // Half a minute after the time of the test.
    app.script("cheap.example", &[refusal(429, Some("Mon, 21 Sep 2026 14:13:50 GMT")), chat()]);
    let told = check(&app, "a/single", json!({}), (429, &["cheap"], 0)).await;
    assert_eq!(told["error"]["metadata"]["retry_after"], 30, "{told}");
}

#[tokio::test]
async fn what_is_wrong_with_the_request_is_asked_of_nobody_else_but_of_another_model() {
    let app = app();
    app.script("cheap.example", &[refusal(400, None)]);
    check(&app, "a/both", json!({}), (400, &["cheap"], 0)).await;
    check(&app, "a/single", json!({"models": ["a/other"]}), (200, &["cheap", "dear"], OTHER)).await;
    let unknown = check(&app, "a/single", json!({"models": ["a/nothing"]}), (404, &[], 0)).await;
    assert!(unknown["error"]["message"].as_str().unwrap().contains("a/nothing"), "{unknown}");
}

#[tokio::test]
async fn a_request_says_who_may_serve_it() {
    let app = app();
    let preferences = [
        (json!({}), "cheap"),
        (json!({"order": ["DEAR"]}), "dear"),
        (json!({"order": ["dear", "cheap"], "allow_fallbacks": false}), "dear"),
        (json!({"only": ["dear"]}), "dear"),
        (json!({"ignore": ["cheap"]}), "dear"),
        (json!({"sort": "price"}), "cheap"),
        (json!({"data_collection": "deny"}), "dear"),
        (json!({"zdr": true}), "dear"),
        (json!({"max_price": {"prompt": 5, "completion": "20"}, "order": ["dear"]}), "cheap"),
        (json!({"require_parameters": true, "order": ["dear"]}), "cheap"),
    ];
    for (wish, served) in preferences {
        let paid = if served == "cheap" { CHEAP } else { DEAR };
        // What the other dialect cannot say leaves out who speaks it, where all must be said.
        check(&app, "a/both", json!({"provider": wish, "seed": 7}), (200, &[served], paid)).await;
    }
}

#[tokio::test]
async fn where_wishes_leave_nobody_the_client_is_told_which() {
    let app = app();
    let preferences = [
        (json!({"only": ["nobody"]}), "constraint_filtered", "provider.only"),
        (json!({"max_price": {"prompt": 0.5}}), "constraint_filtered", "provider.max_price"),
        (json!({"order": ["nobody"], "allow_fallbacks": false}), "constraint_filtered", "provider.order"),
    ];
    for (wish, code, field) in preferences {
        let seen = check(&app, "a/both", json!({"provider": wish}), (404, &[], 0)).await;
        let availability = &seen["error"]["metadata"]["availability"];
        assert_eq!((&availability["code"], &availability["excluded_by"][0]), (&json!(code), &json!(field)), "{seen}");
    }
    let private = json!({"provider": {"data_collection": "deny"}});
    let seen = check(&app, "a/single", private, (404, &[], 0)).await;
    assert_eq!(seen["error"]["metadata"]["availability"]["code"], "privacy_restricted");
    for wrong in
        [json!({"provider": {"ordr": []}}), json!({"provider": {"max_price": {"prompt": "x"}}}), json!({"models": 1})]
    {
        let seen = check(&app, "a/both", wrong, (400, &[], 0)).await;
        assert!(seen["error"]["param"].as_str().is_some(), "{seen}");
    }
}

#[tokio::test]
async fn a_provider_that_is_out_is_asked_last() {
    let app = app();
    app.script("cheap.example", &[refusal(500, None)]);
    for _ in 0..3 {
        check(&app, "a/both", json!({}), (200, &["cheap", "dear"], DEAR)).await;
    }
    check(&app, "a/both", json!({}), (200, &["dear"], DEAR)).await;
    let (_, key) = app.person(10).await;
    let shown = app.get("/v1/models/a/both/endpoints", &key).await.json();
    let endpoints = shown["data"]["endpoints"].as_array().unwrap();
    let of = |at: usize, name: &str| endpoints[at][name].clone();
    assert_eq!((of(0, "status"), of(1, "status")), (json!("out"), json!("ok")), "{shown}");
    assert_eq!((of(0, "uptime"), of(1, "uptime")), (json!(0), json!(100)), "{shown}");
    assert_eq!((of(1, "region"), of(1, "zdr"), of(1, "data_collection")), (json!("eu"), json!(true), json!("deny")));
    assert_eq!(of(1, "pricing")["completion"], "0.001");
}

#[tokio::test]
async fn an_account_that_is_limited_is_left_alone_and_the_next_one_asked() {
    let app = app();
    app.script("double.example", &[refusal(429, Some("60")), chat()]);
    check(&app, "a/double", json!({}), (200, &["double", "double"], CHEAP)).await;
    let (_, key) = app.person(10).await;
    let body = json!({"model": "a/double", "messages": [{"role": "user", "content": "Hello"}]});
    for _ in 0..3 {
        assert_eq!(app.post("/v1/chat/completions", &key, &body).await.status, 200);
        assert_eq!(app.last_sent().0["authorization"], "Bearer two", "the first one is left alone");
    }
}

/// Whom the second request of a conversation asks, whose first one was answered by `dear`.
async fn check_second(model: &str, (session, more): (&str, Value), expected: &str) {
    let app = app();
    let (_, key) = app.person(10).await;
    let ask = |session: &str, more: Value| {
        let mut body = json!({"model": model, "max_tokens": 50, "session_id": session,
            "messages": [{"role": "user", "content": "Hello"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for body in [ask("mine", json!({"provider": {"only": ["dear"]}})), ask(session, more.clone())] {
        assert_eq!(app.post("/v1/chat/completions", &key, &body).await.status, 200);
    }
    assert_eq!(app.asked(), ["dear.example", expected], "{model} {more}");
}

#[tokio::test]
async fn a_conversation_stays_with_who_has_its_cache_or_its_seals_and_the_request_may_say_otherwise() {
    let sealed = json!({"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi",
        "reasoning_details": [{"type": "reasoning.text", "text": "so", "signature": "s", "format": "dear"}]},
        {"role": "user", "content": "And?"}]});
    check_second("a/both", ("mine", json!({})), "dear.example").await;
    check_second("a/both", ("another", json!({})), "cheap.example").await;
    check_second("a/both", ("mine", json!({"provider": {"order": ["cheap"]}})), "cheap.example").await;
    check_second("a/both", ("mine", json!({"provider": {"sort": "price"}})), "cheap.example").await;
    check_second("a/uncached", ("mine", json!({})), "cheap.example").await;
    check_second("a/uncached", ("mine", sealed), "dear.example").await;
}

#[tokio::test]
async fn a_provider_that_breaks_off_after_its_head_is_out_too() {
    let hollow = Scripted::Answer(200, None, "{}".to_owned());
    let page = Scripted::Answer(200, None, "<html>Gateway</html>".to_owned());
    for miss in [hollow, page] {
        let app = app();
        app.script("cheap.example", &[miss]);
        for _ in 0..3 {
            check(&app, "a/both", json!({}), (200, &["cheap", "dear"], DEAR)).await;
        }
        check(&app, "a/both", json!({}), (200, &["dear"], DEAR)).await;
    }
    // A provider may bill an answer that broke off: nobody else is asked, but others are from the next request on.
    let app = app();
    app.script("cheap.example", &[Scripted::Broken]);
    for _ in 0..3 {
        check(&app, "a/both", json!({}), (502, &["cheap"], 0)).await;
    }
    check(&app, "a/both", json!({}), (200, &["dear"], DEAR)).await;
}

#[tokio::test]
async fn a_cap_that_is_put_in_is_none_that_a_fallback_would_refuse() {
    let app = app();
    app.script("cheap.example", &[refusal(500, None)]);
    let (_, key) = app.person_with(opencredits_units::NanoUsd::new(20_000_000)).await;
    let body = json!({"model": "a/single", "models": ["a/short"], "messages": [{"role": "user", "content": "Hello"}]});
    assert_eq!(app.post("/v1/chat/completions", &key, &body).await.status, 200);
    let sent = app.last_sent().1;
    assert_eq!((&sent["model"], &sent["max_tokens"]), (&json!("short"), &json!(40)), "{sent}");
}

#[tokio::test]
async fn the_fields_that_are_said_to_be_dropped_are_those_of_who_answered() {
    for (cheap, dropped) in [(chat(), ""), (refusal(500, None), "seed")] {
        let app = app();
        app.script("cheap.example", &[cheap]);
        let (_, key) = app.person(10).await;
        let body = json!({"model": "a/both", "seed": 7, "messages": [{"role": "user", "content": "Hello"}]});
        let answer = app.post("/v1/chat/completions", &key, &body).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-opencredits-dropped")), (200, dropped));
    }
}

#[tokio::test]
async fn one_provider_alone_is_one_that_can_say_it_all() {
    let app = app();
    let wish =
        json!({"seed": 7, "session_id": "s", "provider": {"allow_fallbacks": false, "require_parameters": true}});
    app.script("cheap.example", &[refusal(500, None)]);
    check(&app, "a/both", wish.clone(), (502, &["cheap", "cheap", "cheap"], 0)).await;
    // Out now, so that the other one would be first, which cannot say it.
    let (status, asked, ..) = outcome(&app, "a/both", &wish).await;
    assert_eq!((status, asked[0].as_str()), (502, "cheap"));
}

#[tokio::test]
async fn a_stream_that_begins_with_an_error_or_has_no_event_goes_elsewhere_unseen() {
    let event = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
    let overloaded = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"overloaded_error\",\"code\":529}}\n\n";
    let failed_attempts = [
        Scripted::Stream(vec![event(overloaded)]),
        Scripted::Stream(vec![event(": PROCESSING\n\n"), event(": PROCESSING\n\n"), event(overloaded)]),
        Scripted::Stream(
            overloaded.as_bytes().chunks(1).map(|byte| event(std::str::from_utf8(byte).unwrap())).collect(),
        ),
        Scripted::Stream(vec![event("data: {\"id\":\"c\",\"choices\":[{\n\n")]),
        Scripted::Stream(vec![]),
    ];
    let said = event(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"usage\":\
         {\"input_tokens\":20,\"output_tokens\":1}}}\n\n\
         event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":\
         {\"output_tokens\":7}}\n\n\
         event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    for miss in failed_attempts {
        let app = app();
        app.script("cheap.example", &[miss]);
        app.script("dear.example", &[Scripted::Stream(vec![said.clone()])]);
        let (user, key) = app.person(10).await;
        let before = app.available(&user);
        let body = json!({"model": "a/both", "stream": true, "max_tokens": 100,
            "messages": [{"role": "user", "content": "Hello"}]});
        let answer = app.post("/v1/chat/completions", &key, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.text.ends_with("data: [DONE]\n\n") && !answer.text.contains("error"), "{}", answer.text);
        assert_eq!(app.asked(), ["cheap.example", "dear.example"]);
        assert_eq!(before - app.available(&user), DEAR);
        app.settled();
    }
    // One that had begun is told of in the stream, and nobody else is asked.
    let app = app();
    let chunk = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    app.script("cheap.example", &[Scripted::Stream(vec![event(chunk), event(overloaded)])]);
    let (_, key) = app.person(10).await;
    let body = json!({"model": "a/both", "stream": true, "messages": [{"role": "user", "content": "Hello"}]});
    let answer = app.post("/v1/chat/completions", &key, &body).await;
    assert!(answer.text.contains("Hi") && answer.text.contains("overloaded"), "{}", answer.text);
    assert_eq!(app.asked(), ["cheap.example"]);
}
