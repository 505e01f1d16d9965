//! What is held and exposed is what is believed: of many texts, of built-in tools, of parts on other models.

use crate::app::{Scripted, TestApp};
use opencredits_units::NanoUsd;
use serde_json::{Value, json};

const VENDORS: &str = r#"
    [[vendor]]
    id = "here"
    dialect = "openai-chat"
    also = { openai-embeddings = {}, openai-responses = {} }
    base_url = "http://here.example/v1"

    [[vendor]]
    id = "messages"
    dialect = "anthropic-messages"
    base_url = "http://messages.example/v1"
"#;
const MODELS: &str = r#"
    [[model]]
    id = "a/vectors"
    vendor = "here"
    kind = "embedding"
    context_window = 8192
    max_output_tokens = 1
    prices = { input = "10", output = "0" }

    [[model]]
    id = "a/cheap"
    vendor = "messages"
    upstream_model = "shared"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "1" }
    per_use = { web_search = "0.01" }

    [[model]]
    id = "a/searching"
    vendor = "here"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "1" }
    per_use = { web_search = "0.01" }

    [[model]]
    id = "a/dear"
    vendor = "messages"
    upstream_model = "shared"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "100", output = "100" }
"#;
/// A dollar, in nano-dollars.
const DOLLAR: i64 = 1_000_000_000;

/// An application that has no exposure: the highest possible charge is held.
fn app() -> TestApp {
    TestApp::with_exposure(VENDORS, MODELS, NanoUsd::ZERO, false)
}

#[tokio::test]
async fn many_texts_of_a_window_each_are_held_for_as_one_bill_may_have_them() {
    // 30 texts of 25,600 bytes, of which each is 6,400 tokens: 1.92 dollars, and a quarter on top.
    let text = "a1 ".repeat(25_600 / 3);
    let body = json!({"model": "a/vectors", "input": vec![text; 30]});
    let vectors = json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "model": "m", "usage": {"prompt_tokens": 192_000, "total_tokens": 192_000}});
    for (dollars, status, paid) in [(1, 402, 0), (20, 200, 2_400_000_000)] {
        let app = app();
        app.script("here.example", &[Scripted::Answer(200, None, vectors.to_string())]);
        let (user, key) = app.person(dollars).await;
        let answer = app.post("/v1/embeddings", &key, &body).await;
        let charged = dollars * DOLLAR - app.available(&user);
        assert_eq!((answer.status.as_u16(), charged), (status, paid), "{}", answer.text);
        app.settled();
    }
}

#[tokio::test]
async fn a_part_on_the_requests_own_model_is_charged_at_its_price_though_others_have_its_name_there() {
    for (model, paid) in [("a/cheap", 150_000), ("a/dear", 15_000_000)] {
        let part = json!({"type": "compaction", "model": "shared", "input_tokens": 90, "output_tokens": 10});
        let usage = json!({"input_tokens": 10, "output_tokens": 10, "iterations": [part]});
        let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "shared",
            "stop_reason": "end_turn", "content": [{"type": "text", "text": "Hi"}], "usage": usage});
        let app = app();
        app.script("messages.example", &[Scripted::Answer(200, None, message.to_string())]);
        let (user, key) = app.person(30).await;
        let body: Value =
            json!({"model": model, "max_tokens": 60, "messages": [{"role": "user", "content": "Hello you"}]});
        let answer = app.post("/v1/messages", &key, &body).await;
        assert_eq!((answer.status.as_u16(), 30 * DOLLAR - app.available(&user)), (200, paid), "{}", answer.text);
        app.settled();
    }
}

/// The web searches of a request to a model of this API, and the limits of each.
fn searching(limits: &[Option<u64>]) -> Value {
    let search = |limit: &Option<u64>| {
        let mut tool = json!({"type": "web_search_20250305", "name": "web_search"});
        limit.iter().for_each(|limit| tool["max_uses"] = json!(limit));
        tool
    };
    let tools: Vec<Value> = limits.iter().map(search).collect();
    json!({"model": "a/cheap", "max_tokens": 60, "tools": tools, "messages": [{"role": "user", "content": "Hello you"}]})
}

/// Sends a request with so many nano-dollars; the provider reports so much input and so many searches. The status, the
/// source of the usage, and the charge.
async fn check_searches(balance: i64, limits: &[Option<u64>], found: (u64, u64), expect: (u16, &str, i64)) {
    let app = app();
    let usage = json!({"input_tokens": found.0, "output_tokens": 10,
        "server_tool_use": {"web_search_requests": found.1, "code_execution_requests": 4}});
    let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hi"}], "usage": usage});
    app.script("messages.example", &[Scripted::Answer(200, None, message.to_string())]);
    let (user, key) = app.person_with(NanoUsd::new(balance)).await;
    let answer = app.post("/v1/messages", &key, &searching(limits)).await;
    let record = app.get(&format!("/v1/generation?id={}", answer.header("x-generation-id")), &key).await.json();
    let source = record["data"]["usage_source"].as_str().unwrap_or_default();
    let charged = balance - app.available(&user);
    assert_eq!((answer.status.as_u16(), source, charged), expect, "{limits:?} {found:?} {}", answer.text);
    app.settled();
}

#[tokio::test]
async fn searches_are_held_for_as_many_uses_and_as_much_input_as_are_believed() {
    // Two windows, ten searches, and 60 tokens of output and 64 more: 0.300124 dollars, and a quarter on top.
    let highest = 375_155_000;
    check_searches(highest - 1_000, &[None], (20, 1), (402, "", 0)).await;
    check_searches(highest, &[None], (200_000, 10), (200, "reported", 375_012_500)).await;
    // What is not believed is cut: the input to its estimate, the searches to their limit.
    check_searches(highest, &[None], (200_000, 100), (200, "implausible", 375_012_500)).await;
    check_searches(DOLLAR, &[Some(2)], (20, 2), (200, "reported", 25_037_500)).await;
    check_searches(DOLLAR, &[Some(2)], (20, 3), (200, "implausible", 25_037_500)).await;
    check_searches(2 * DOLLAR, &[Some(1), Some(50)], (20, 51), (200, "reported", 637_537_500)).await;
}

#[tokio::test]
async fn a_tool_without_a_limit_gets_the_one_that_is_held_for() {
    let app = app();
    let (_, key) = app.person(30).await;
    app.post("/v1/messages", &key, &searching(&[None, Some(3)])).await;
    let (_, sent) = app.last_sent();
    assert_eq!([&sent["tools"][0]["max_uses"], &sent["tools"][1]["max_uses"]], [10, 3]);
    let search = json!([{"type": "web_search"}]);
    let function = json!([{"type": "function", "name": "f", "parameters": {}}]);
    for (tools, limit, expect) in
        [(&search, Value::Null, json!(10)), (&search, json!(3), json!(3)), (&function, Value::Null, Value::Null)]
    {
        let body = json!({"model": "a/searching", "max_output_tokens": 60, "input": "Hello you", "tools": tools,
            "max_tool_calls": limit});
        app.post("/v1/responses", &key, &body).await;
        assert_eq!(app.last_sent().1["max_tool_calls"], expect, "{body}");
    }
}
