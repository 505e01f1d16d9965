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
