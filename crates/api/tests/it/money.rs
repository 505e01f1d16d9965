//! Every request is charged exactly, once, to whom it concerns.

use crate::app::{TestApp, request};
use http::Method;
use opencredits_service::{books, config::Ack};
use serde_json::{Value, json};

fn chat(text: &str) -> Value {
    json!({"model": "sandbox/gpt", "max_tokens": 50, "messages": [{"role": "user", "content": text}]})
}

/// What the prices of `sandbox/gpt` make of a usage, in nano-dollars: 0.4 and 1.6 USD a million, 25 % on top.
fn charge_of(usage: &Value) -> i64 {
    let (prompt, completion) = (usage["prompt_tokens"].as_i64().unwrap(), usage["completion_tokens"].as_i64().unwrap());
    let cached = usage["prompt_tokens_details"]["cached_tokens"].as_i64().unwrap_or(0);
    let pico = (prompt - cached) * 400_000 + cached * 100_000 + completion * 1_600_000;
    (pico * 5 + 3_999) / 4_000
}

#[tokio::test]
async fn a_charge_is_the_reported_usage_times_the_price_to_the_nano_dollar() {
    for ack in [Ack::Accepted, Ack::Durable] {
        let app = TestApp::with_ack(ack).await;
        let (user, key) = app.person(10).await;
        let before = app.available(&user);
        let answer = app.post("/v1/chat/completions", &key, &chat("Hello")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let charged = before - app.available(&user);
        let usage = &answer.json()["usage"];
        assert_eq!(charged, charge_of(usage), "{usage}");
        assert_eq!(answer.header("x-credits-charged"), usage["credits"].to_string());
        assert!(answer.header("x-generation-id").starts_with("gen_"));
        app.settled();
    }
}

#[tokio::test]
async fn the_same_request_streamed_is_charged_the_same() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let mut charges = Vec::new();
    for stream in [false, true] {
        let mut body = chat("Hello");
        body["stream"] = stream.into();
        let before = app.available(&user);
        app.post("/v1/chat/completions", &key, &body).await;
        charges.push(before - app.available(&user));
    }
    assert!(charges[0] > 0);
    assert_eq!(charges[0], charges[1]);
    app.settled();
}

#[tokio::test]
async fn the_same_request_through_each_api_earns_the_partner_its_share() {
    let app = TestApp::new().await;
    let (user, _) = app.person(10).await;
    let partner = app.partner().await;
    let key = app.key(&user, Some(&partner), None).await;
    let mut body = chat("Hello");
    let earned = |app: &TestApp| app.ledger.balance(partner.earnings).unwrap().posted.get();
    for (path, model) in [("/v1/chat/completions", "sandbox/gpt"), ("/v1/messages", "sandbox/claude")] {
        body["model"] = model.into();
        let before = (app.available(&user), earned(&app));
        assert_eq!(app.post(path, &key, &body).await.status, 200);
        let (charged, commission) = (before.0 - app.available(&user), earned(&app) - before.1);
        // 40 % of the markup, which is a fifth of the charge, rounded down.
        let markup = charged - charged * 4 / 5;
        assert!((markup * 2 / 5 - commission).abs() <= 1, "{charged} {commission}");
    }
    app.settled();
}

#[tokio::test]
async fn what_leaves_a_wallet_is_what_the_house_the_provider_and_the_partner_get() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    for n in 0..20 {
        app.post("/v1/chat/completions", &key, &chat(&"word ".repeat(n))).await;
    }
    let posted = |id| app.ledger.balance(id).unwrap().posted.get();
    let spent = 10_000_000_000 - app.available(&user);
    assert_eq!(posted(books::PROVIDERS) + posted(books::REVENUE), spent);
    assert_eq!(posted(books::BAD_DEBT), 0);
    app.settled();
}

#[tokio::test]
async fn fifty_requests_at_once_are_each_charged_once() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let requests = (0..50).map(|_| async { app.post("/v1/chat/completions", &key, &chat("Hello")).await });
    let answers = futures_util::future::join_all(requests).await;
    let sum: i64 = answers.iter().map(|answer| charge_of(&answer.json()["usage"])).sum();
    assert_eq!(10_000_000_000 - app.available(&user), sum);
    app.settled();
}

#[tokio::test]
async fn an_idempotency_key_buys_one_answer() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let send = || {
        let mut request = request(Method::POST, "/v1/chat/completions", &key, chat("Hello").to_string());
        request.headers_mut().insert("idempotency-key", "abc".parse().unwrap());
        app.send(request)
    };
    let first = send().await;
    let after = app.available(&user);
    let second = send().await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 409));
    assert_eq!(second.json()["error"]["metadata"]["generation_id"], first.header("x-generation-id"));
    assert_eq!(second.json()["error"]["type"], "duplicate_request");
    assert_eq!(app.available(&user), after);
    app.settled();
}

#[tokio::test]
async fn a_failed_request_frees_its_idempotency_key() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let send = |text: &str| {
        let mut request = request(Method::POST, "/v1/chat/completions", &key, chat(text).to_string());
        request.headers_mut().insert("idempotency-key", "abc".parse().unwrap());
        app.send(request)
    };
    assert_eq!(send("sandbox:error 503").await.status, 503);
    app.rested().await;
    assert_eq!(send("Hello").await.status, 200);
    assert_eq!(send("Hello").await.status, 409);
    app.settled();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_requests_at_once_with_one_idempotency_key_one_is_charged() {
    let app = std::sync::Arc::new(TestApp::new().await);
    let (user, key) = app.person(10).await;
    let body = chat(&"word ".repeat(20_000)).to_string();
    for round in 0..20 {
        let before = app.available(&user);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let mut request = request(Method::POST, "/v1/chat/completions", &key, body.clone());
            request.headers_mut().insert("idempotency-key", format!("round-{round}").parse().unwrap());
            let app = std::sync::Arc::clone(&app);
            tasks.spawn(async move { app.send(request).await });
        }
        let answers = tasks.join_all().await.into_iter();
        let (bought, refused): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.status == 200);
        assert_eq!(bought.len(), 1, "round {round}");
        for answer in refused {
            assert_eq!(answer.status, 409, "{}", answer.text);
            assert_eq!(answer.json()["error"]["metadata"]["generation_id"], bought[0].header("x-generation-id"));
        }
        assert_eq!(before - app.available(&user), charge_of(&bought[0].json()["usage"]), "round {round}");
    }
    app.settled();
}

const VENDOR: &str = r#"
    [[vendor]]
    id = "here"
    dialect = "anthropic-messages"
    base_url = "http://here.example/v1"
"#;
const CACHING: &str = r#"
    [[model]]
    id = "a/caching"
    vendor = "here"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "10", cache_write_5m = "1.25", cache_write_1h = "2" }
"#;

#[tokio::test]
async fn what_is_written_to_a_cache_is_billed_for_as_long_as_was_asked_where_the_provider_does_not_say() {
    let told = json!({"cache_creation_input_tokens": 1_000, "cache_creation":
        {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 0}});
    let untold = json!({"cache_creation_input_tokens": 1_000});
    // 1,000 tokens at 1.25 or 2 USD a million, and a quarter on top, in nano-dollars.
    for (ttl, usage, paid) in
        [("5m", &untold, 1_562_500), ("1h", &untold, 2_500_000), ("1h", &told, 1_562_500), ("5m", &told, 1_562_500)]
    {
        let mut usage = usage.clone();
        usage["input_tokens"] = json!(0);
        usage["output_tokens"] = json!(0);
        let answer = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
            "content": [], "usage": usage});
        let app = TestApp::answering(VENDOR, CACHING, "application/json", &answer.to_string());
        let (user, key) = app.person(10).await;
        let before = app.available(&user);
        let block = json!({"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral", "ttl": ttl}});
        let body = json!({"model": "a/caching", "max_tokens": 50, "messages": [{"role": "user", "content": [block]}]});
        assert_eq!(app.post("/v1/messages", &key, &body).await.status, 200);
        assert_eq!(before - app.available(&user), paid, "{ttl} {usage}");
    }
}

#[tokio::test]
async fn a_tool_whose_use_has_no_price_is_not_sent_anywhere() {
    let answer = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [], "usage": {"input_tokens": 20, "output_tokens": 5, "server_tool_use": {"web_search_requests": 3}}});
    let ask = json!({"model": "a/caching", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}],
        "tools": [{"type": "web_search_20260209", "name": "web_search"}]});
    let priced = format!("{CACHING}per_use = {{ web_search = \"0.01\" }}\n");
    for (models, status, paid) in [(CACHING, 400, 0), (&priced, 200, 37_587_500)] {
        let app = TestApp::answering(VENDOR, models, "application/json", &answer.to_string());
        let (user, key) = app.person(10).await;
        let before = app.available(&user);
        let answer = app.post("/v1/messages", &key, &ask).await;
        assert_eq!((answer.status.as_u16(), before - app.available(&user)), (status, paid), "{}", answer.text);
        if status == 400 {
            assert!(
                answer.text.contains("web_search") && answer.text.contains("unsupported_parameter"),
                "{}",
                answer.text
            );
            assert_eq!(app.asked(), [""; 0]);
        }
        app.settled();
    }
}
