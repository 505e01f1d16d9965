//! Small balances: what is held is what is likely, caps are lowered, and the operator's loss has a bound.

use crate::app::{Answer, Scripted, TestApp, request};
use bytes::Bytes;
use http::Method;
use opencredits_service::books;
use opencredits_units::NanoUsd;
use serde_json::{Value, json};
use std::time::Duration;

const VENDORS: &str = r#"
    [[vendor]]
    id = "messages"
    dialect = "anthropic-messages"
    base_url = "http://messages.example/v1"

    [[vendor]]
    id = "gemini"
    dialect = "gemini-generate"
    base_url = "http://gemini.example/v1beta"
"#;
/// The prices of a model that Claude Code asks for.
const MODELS: &str = r#"
    [[model]]
    id = "anthropic/claude-sonnet"
    vendor = "messages"
    context_window = 200000
    max_output_tokens = 64000
    supports = ["tools", "reasoning", "temperature"]
    prices = { input = "3", output = "15", cache_read = "0.3", cache_write_5m = "3.75", cache_write_1h = "6" }

    [[model]]
    id = "google/gemini"
    vendor = "gemini"
    context_window = 200000
    max_output_tokens = 64000
    supports = ["tools", "reasoning"]
    prices = { input = "3", output = "15" }
"#;
/// A credit, in nano-dollars.
const CREDIT: i64 = 10_000_000;
const HALF_DOLLAR: NanoUsd = NanoUsd::new(500_000_000);

fn app() -> TestApp {
    TestApp::with_exposure(VENDORS, MODELS, HALF_DOLLAR, true)
}

fn message(input: u64, output: u64) -> Scripted {
    let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hi"}], "usage": {"input_tokens": input, "output_tokens": output}});
    Scripted::Answer(200, None, body.to_string())
}

/// A request with so many bytes of English, as Claude Code's first one is.
fn coding(bytes: usize, cap: u64) -> Value {
    let text = "You are an agent that helps people with software engineering tasks. ".repeat(bytes / 68 + 1);
    let system = json!([{"type": "text", "text": text[..bytes], "cache_control": {"type": "ephemeral"}}]);
    json!({"model": "anthropic/claude-sonnet", "max_tokens": cap, "system": system,
        "messages": [{"role": "user", "content": "Say hello"}]})
}

async fn post(app: &TestApp, key: &str, body: &Value) -> Answer {
    app.post("/v1/messages", key, body).await
}

#[tokio::test]
async fn the_first_request_of_a_coding_agent_is_served_from_forty_credits() {
    let app = app();
    app.script("messages.example", &[message(18_000, 12)]);
    let (_, key) = app.person_with(NanoUsd::new(40 * CREDIT)).await;
    let answer = post(&app, &key, &coding(85_000, 32_000)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cap: u64 = answer.header("x-opencredits-output-cap").parse().unwrap();
    let (_, sent) = app.last_sent();
    assert_eq!(sent["max_tokens"].as_u64(), Some(cap), "the cap that goes upstream is the one that is named");
    assert!((4_000..32_000).contains(&cap), "{cap}");
    assert_eq!(app.last_sent_text().matches("max_tokens").count(), 1);
    app.settled();
}

#[tokio::test]
async fn four_of_them_in_parallel_are_served_from_a_hundred_and_twenty_credits() {
    let app = app();
    app.script("messages.example", &[Scripted::Late(Duration::from_millis(50), Box::new(message(18_000, 12)))]);
    let (_, key) = app.person_with(NanoUsd::new(120 * CREDIT)).await;
    let body = coding(85_000, 32_000);
    let all = futures_util::future::join_all((0..4).map(|_| post(&app, &key, &body))).await;
    for answer in all {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    app.settled();
}

/// Sends a request with an output cap; the status, and the cap that went upstream.
async fn check_cap(credits: i64, cap: u64, header: Option<&'static str>, expect: (u16, Option<u64>)) {
    let app = app();
    app.script("messages.example", &[message(20, 12)]);
    let (_, key) = app.person_with(NanoUsd::new(credits * CREDIT)).await;
    let mut request = request(Method::POST, "/v1/messages", &key, coding(400, cap).to_string());
    if let Some(value) = header {
        request.headers_mut().insert("x-opencredits-lower-cap", value.parse().unwrap());
    }
    let answer = app.send(request).await;
    let named = answer.headers.get("x-opencredits-output-cap").map(|cap| cap.to_str().unwrap().parse().unwrap());
    assert_eq!((answer.status.as_u16(), named), expect, "{credits} credits, {cap}: {}", answer.text);
    app.settled();
}

#[tokio::test]
async fn a_cap_that_the_balance_does_not_cover_is_lowered_unless_too_little_is_left() {
    check_cap(1_000, 32_000, None, (200, None)).await;
    check_cap(30, 32_000, None, (200, Some(7_974))).await;
    check_cap(1, 32_000, None, (402, None)).await;
    check_cap(30, 32_000, Some("false"), (402, None)).await;
}

#[tokio::test]
async fn a_cap_above_the_longest_answer_is_lowered_and_named() {
    check_cap(1_000, 500_000, None, (200, Some(64_000))).await;
    check_cap(1_000, 64_000, None, (200, None)).await;
    check_cap(1_000, 500_000, Some("false"), (200, Some(64_000))).await;
}

#[tokio::test]
async fn lowering_is_the_operators_to_switch_off() {
    let app = TestApp::with_exposure(VENDORS, MODELS, HALF_DOLLAR, false);
    let (_, key) = app.person_with(NanoUsd::new(30 * CREDIT)).await;
    let answer = post(&app, &key, &coding(400, 32_000)).await;
    assert_eq!(answer.status, 402, "{}", answer.text);
    let needed: f64 = answer.json()["error"]["metadata"]["required"].as_str().unwrap().parse().unwrap();
    assert!((60.0..65.0).contains(&needed), "{needed}");
}

#[tokio::test]
async fn a_budget_for_reasoning_shrinks_with_the_cap() {
    let app = app();
    app.script("messages.example", &[message(20, 12)]);
    let (_, key) = app.person_with(NanoUsd::new(30 * CREDIT)).await;
    let mut body = coding(400, 32_000);
    body["thinking"] = json!({"type": "enabled", "budget_tokens": 31_999});
    assert_eq!(post(&app, &key, &body).await.status, 200);
    let (_, sent) = app.last_sent();
    let [cap, budget] = [&sent["max_tokens"], &sent["thinking"]["budget_tokens"]].map(|value| value.as_u64().unwrap());
    assert!(budget >= 1_024 && budget < cap, "{budget} of {cap}");
}

#[tokio::test]
async fn a_cap_that_is_put_in_leaves_room_for_the_input() {
    let app = app();
    app.script("messages.example", &[message(20, 12)]);
    let (_, key) = app.person(1_000).await;
    // 160,000 tokens of a window of 200,000.
    let text = "word ".repeat(160_000);
    let body = json!({"model": "anthropic/claude-sonnet", "messages": [{"role": "user", "content": text}]});
    let answer = app.post("/v1/chat/completions", &key, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (_, sent) = app.last_sent();
    let cap = sent["max_tokens"].as_u64().unwrap();
    assert!((10_000..=40_000).contains(&cap), "{cap}");
}

/// Adversarial text, of which every byte is a token: two hundred requests at once, of a person with little.
#[tokio::test]
async fn the_operators_loss_on_one_person_is_bounded_whatever_the_text_is() {
    let app = app();
    let bytes = 20_000;
    app.script("messages.example", &[Scripted::Late(Duration::from_millis(30), Box::new(message(bytes, 200)))]);
    let (user, key) = app.person_with(NanoUsd::new(100 * CREDIT)).await;
    let text = "q7".repeat(usize::try_from(bytes).unwrap() / 2);
    let body =
        json!({"model": "anthropic/claude-sonnet", "max_tokens": 200, "messages": [{"role": "user", "content": text}]});
    for _ in 0..3 {
        let all = futures_util::future::join_all((0..200).map(|_| post(&app, &key, &body))).await;
        let served = all.iter().filter(|answer| answer.status == 200).count();
        assert!(all.iter().all(|answer| [200, 402].contains(&answer.status.as_u16())));
        assert!(served < 200);
        app.settled();
    }
    let lost = app.ledger.balance(books::BAD_DEBT).unwrap().posted.get().abs();
    assert!(lost <= HALF_DOLLAR.get(), "{lost}");
    assert!(app.available(&user) >= 0);
}

#[tokio::test]
async fn who_overran_is_held_by_what_was_measured() {
    let app = app();
    let bytes = 20_000;
    app.script("messages.example", &[message(bytes, 12)]);
    let (user, key) = app.person(10).await;
    let text = "x".repeat(usize::try_from(bytes).unwrap());
    let body = json!({"model": "anthropic/claude-sonnet", "max_tokens": 200, "stream": true,
        "messages": [{"role": "user", "content": text}]});
    let held = async || {
        let never = Scripted::Paced(vec![Ok(Bytes::from_static(b": wait\n\n")); 2], Duration::from_millis(300));
        app.script("messages.example", &[never]);
        let response = app.open(request(Method::POST, "/v1/messages", &key, body.to_string())).await;
        let held = app.ledger.balance(user.wallet).unwrap().held.get();
        drop(response);
        app.drained().await;
        held
    };
    let first = held().await;
    app.script("messages.example", &[message(bytes, 12)]);
    let mut whole = body.clone();
    whole["stream"] = false.into();
    assert_eq!(post(&app, &key, &whole).await.status, 200);
    let second = held().await;
    assert!(second > first + first / 2, "{first} {second}");
}

#[tokio::test]
async fn a_budget_of_gemini_shrinks_too() {
    let app = app();
    let body = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 20, "candidatesTokenCount": 2, "totalTokenCount": 22}});
    app.script("gemini.example", &[Scripted::Answer(200, None, body.to_string())]);
    let (_, key) = app.person_with(NanoUsd::new(30 * CREDIT)).await;
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "generationConfig": {"maxOutputTokens": 32_000, "thinkingConfig": {"thinkingBudget": 30_000}}});
    let answer = app.post("/v1beta/models/google/gemini:generateContent", &key, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let (_, sent) = app.last_sent();
    let config = &sent["generationConfig"];
    let [cap, budget] = [&config["maxOutputTokens"], &config["thinkingConfig"]["thinkingBudget"]];
    let [cap, budget] = [cap, budget].map(|value| value.as_u64().unwrap());
    assert!(cap < 32_000 && budget < cap, "{budget} of {cap}");
    app.settled();
}

#[tokio::test]
async fn a_short_balance_is_held_by_an_exact_count_where_the_vocabulary_is_public() {
    let vendors = "[[vendor]]\nid = \"chat\"\ndialect = \"openai-chat\"\nbase_url = \"http://chat.example/v1\"\nauth = \"none\"\n";
    let model = |id: &str| {
        format!(
            "[[model]]\nid = \"{id}\"\nvendor = \"chat\"\ncontext_window = 400000\nmax_output_tokens = 64000\nprices = {{ input = \"10\", output = \"10\" }}\n"
        )
    };
    let models = [model("house/gpt-5-mini"), model("house/unknown")].concat();
    let usage = json!({"prompt_tokens": 20_010, "completion_tokens": 5, "total_tokens": 20_015});
    let choice = json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}});
    let answered = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage});
    // Three digits are one token, so that these are 20,000. A token a byte would cost 0.75 dollars with the markup.
    let digits = "0123456789".repeat(6_000);
    let ask =
        |model: &str| json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": digits}]});
    let check = async |model: &str, available: i64, exposure: NanoUsd, status: u16| {
        let app = TestApp::with_exposure(vendors, &models, exposure, true);
        app.script("chat.example", &[Scripted::Answer(200, None, answered.to_string())]);
        let (user, key) = app.person_with(NanoUsd::new(available)).await;
        let answer = app.post("/v1/chat/completions", &key, &ask(model)).await;
        assert_eq!(answer.status, status, "{model} with {available}: {}", answer.text);
        let expected = if status == 200 { available - 20_015 * 12_500 } else { available };
        assert_eq!(app.available(&user), expected);
        app.settled();
    };
    check("house/gpt-5-mini", 300_000_000, NanoUsd::ZERO, 200).await;
    check("house/unknown", 300_000_000, NanoUsd::ZERO, 402).await;
    // What is likely is no more than what is counted, so that there is no margin to pay for.
    check("house/gpt-5-mini", 256_000_000, HALF_DOLLAR, 200).await;
    check("house/unknown", 256_000_000, HALF_DOLLAR, 402).await;
    check("house/gpt-5-mini", 240_000_000, HALF_DOLLAR, 402).await;
}

#[tokio::test]
async fn what_a_vendor_adds_to_the_input_and_how_often_it_bills_it_is_believed() {
    let models = "[[model]]\nid = \"house/unknown\"\nvendor = \"chat\"\ncontext_window = 400000\n\
                  max_output_tokens = 64000\nprices = { input = \"10\", output = \"10\" }\n";
    let usage = json!({"prompt_tokens": 4_000, "completion_tokens": 4, "total_tokens": 4_004});
    let choice = |index: u64| json!({"index": index, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}});
    let answered = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice(0), choice(1)], "usage": usage});
    let body = json!({"model": "house/unknown", "n": 2, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]});
    let check = async |more: &str, is_believed: bool| {
        let vendor = "[[vendor]]\nid = \"chat\"\ndialect = \"openai-chat\"\nbase_url = \"http://chat.example/v1\"\nauth = \"none\"\n";
        let app = TestApp::with_exposure(&[vendor, more].concat(), models, HALF_DOLLAR, true);
        app.script("chat.example", &[Scripted::Answer(200, None, answered.to_string())]);
        let (user, key) = app.person(10).await;
        let before = app.available(&user);
        let answer = app.post("/v1/chat/completions", &key, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(before - app.available(&user) == 4_004 * 12_500, is_believed, "{more}");
        app.settled();
    };
    // A token for each byte and 2,048 are fewer than these.
    check("", false).await;
    check("bills_input_by_choice = true\n", true).await;
    check("added_input_tokens = 3000\n", true).await;
}
