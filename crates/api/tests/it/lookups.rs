//! What a key's owner may look up.

use crate::app::{TestApp, request};
use http::Method;
use serde_json::json;
use std::sync::atomic::Ordering;

fn chat() -> serde_json::Value {
    json!({"model": "sandbox/gpt", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]})
}

#[tokio::test]
async fn a_balance_read_right_after_an_answer_shows_its_charge() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    assert_eq!(app.get("/v1/credits/balance", &key).await.json(), json!({"balance": 1000}));
    let answer = app.post("/v1/chat/completions", &key, &chat()).await;
    let balance = app.get("/v1/credits/balance", &key).await.json();
    assert_eq!(balance["balance"].to_string(), answer.header("x-credits-remaining"));
}

#[tokio::test]
async fn the_bill_of_a_generation_can_be_recomputed_and_is_its_owners_alone() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let (_, other) = app.person(10).await;
    let answer = app.post("/v1/chat/completions", &key, &chat()).await;
    let path = format!("/v1/generation?id={}", answer.header("x-generation-id"));
    let data = app.get(&path, &key).await.json()["data"].clone();
    assert_eq!(data["model"], "sandbox/gpt");
    assert_eq!(data["usage_source"], "reported");
    let mut pico = 0;
    for line in data["bill"]["lines"].as_array().unwrap() {
        let rate = opencredits_units::Decimal::parse(line["rate"].as_str().unwrap(), 12).unwrap();
        pico += rate * i128::from(line["quantity"].as_i64().unwrap());
    }
    let total = opencredits_units::Decimal::parse(data["bill"]["total"].as_str().unwrap(), 9).unwrap();
    assert_eq!((pico * 5 + 3_999) / 4_000, total, "{data}");
    assert_eq!(data["total_cost"].to_string(), data["bill"]["collected"].as_str().unwrap());
    assert_eq!(app.get(&path, &other).await.status, 404);
    assert_eq!(app.get("/v1/generation?id=nonsense", &key).await.status, 400);
}

#[tokio::test]
async fn a_generation_names_its_app_and_why_it_ended_and_no_count_that_was_not_reported() {
    let app = TestApp::new().await;
    let (user, plain) = app.person(10).await;
    let partner = app.partner().await;
    let through = app.key(&user, Some(&partner), None).await;
    let claude =
        json!({"model": "sandbox/claude", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]});
    let short = json!({"model": "sandbox/gpt", "max_tokens": 1, "messages": [{"role": "user", "content": "sandbox:echo a b c d"}]});
    let echo = json!({"model": "sandbox/gpt", "messages": [{"role": "user", "content": "sandbox:echo Hi"}]});
    let partner_id = json!(partner.id);
    for (key, path, body, reasons, written, app_id) in [
        (&plain, "/v1/chat/completions", echo, ("stop", "stop"), json!(null), json!(null)),
        (&through, "/v1/messages", claude, ("length", "max_tokens"), json!(0), partner_id.clone()),
        (&through, "/v1/messages", short, ("length", "length"), json!(null), partner_id),
    ] {
        let answer = app.post(path, key, &body).await;
        let path = format!("/v1/generation?id={}", answer.header("x-generation-id"));
        // Any key of the account may ask.
        let data = app.get(&path, &plain).await.json()["data"].clone();
        assert_eq!((&data["finish_reason"], &data["native_finish_reason"]), (&json!(reasons.0), &json!(reasons.1)));
        assert_eq!((&data["native_tokens_cache_write"], &data["app_id"]), (&written, &app_id), "{data}");
    }
}

#[tokio::test]
async fn a_key_shows_its_limit_and_its_usage() {
    let app = TestApp::new().await;
    let (user, _) = app.person(10).await;
    let key = app.key(&user, None, Some(2_000_000_000)).await;
    let answer = app.post("/v1/chat/completions", &key, &chat()).await;
    let data = app.get("/v1/key", &key).await.json()["data"].clone();
    assert_eq!(data["limit"], 200);
    for period in ["usage", "usage_daily", "usage_weekly", "usage_monthly"] {
        assert_eq!(data[period].to_string(), answer.header("x-credits-charged"), "{period}");
    }
    let left = 200.0 - data["usage"].as_f64().unwrap();
    assert!((data["limit_remaining"].as_f64().unwrap() - left).abs() < 1e-6);
}

#[tokio::test]
async fn a_model_is_found_by_its_slash_plain_or_encoded_and_in_any_case() {
    let app = TestApp::new().await;
    for path in ["/v1/models/sandbox/gpt", "/v1/models/sandbox%2Fgpt", "/v1/models/Sandbox%2FGPT"] {
        let model = app.get(path, "").await;
        assert_eq!((model.status.as_u16(), model.json()["id"].as_str()), (200, Some("sandbox/gpt")), "{path}");
    }
    assert_eq!(app.get("/v1/models/nobody%2Fknows", "").await.status, 404);
    let list = app.get("/v1/models?limit=20", "").await.json();
    assert_eq!(list["object"], "list");
    for field in [
        "id",
        "object",
        "created",
        "released",
        "owned_by",
        "name",
        "description",
        "context_window",
        "max_tokens",
        "context_length",
        "max_output_tokens",
        "type",
        "tags",
        "pricing",
    ] {
        assert!(list["data"][0].get(field).is_some(), "{field}");
    }
    assert_eq!(
        list["data"][1]["pricing"],
        json!({"prompt": "0.0000004", "completion": "0.0000016", "currency": "USD", "unit": "token"})
    );
}

#[tokio::test]
async fn a_price_is_quoted_by_query_and_by_body() {
    let app = TestApp::new().await;
    // 2,500 × 0.4 + 2,500 × 1.6 USD a million is 0.005 USD; with 25 % on top 0.625 credits.
    let expect = json!({"models": [{"id": "sandbox/gpt", "credits_per_request": 0.625}], "token_assumption": {"input_tokens": 2500, "output_tokens": 2500}});
    assert_eq!(app.get("/v1/credits/pricing?models=sandbox/gpt", "").await.json(), expect);
    assert_eq!(app.post("/v1/credits/pricing", "", &json!({"models": ["sandbox/gpt"]})).await.json(), expect);
    for path in ["models[]=sandbox/gpt&models[]=sandbox/claude", "models=sandbox/gpt,sandbox/claude"] {
        let quoted = app.get(&format!("/v1/credits/pricing?{path}"), "").await.json();
        let ids: Vec<_> = quoted["models"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
        assert_eq!(ids, ["sandbox/gpt", "sandbox/claude"], "{path}");
    }
    let partner = app.partner().await;
    let path = format!("/v1/credits/pricing?publishable_key={}&input_tokens=5000", partner.publishable_key);
    assert_eq!(app.get(&path, "").await.json()["token_assumption"]["input_tokens"], 5_000);
    assert_eq!(app.get("/v1/credits/pricing?publishable_key=oc_pk_no", "").await.status, 400);
    assert_eq!(app.get("/v1/credits/pricing?input_tokens=many", "").await.status, 400);
    assert_eq!(app.get("/v1/credits/pricing?models=nobody/knows", "").await.status, 404);
}

#[tokio::test]
async fn a_price_is_quoted_for_so_many_models_and_a_long_name_is_not_repeated() {
    let app = TestApp::new().await;
    let check = async |names: Vec<String>, status: u16, says: &str| {
        let answer = app.post("/v1/credits/pricing", "", &json!({"models": names})).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.text.contains(says) && (status == 200 || answer.text.len() < 1_000), "{}", answer.text);
    };
    check(vec!["sandbox/gpt".to_owned(); 1_000], 200, "sandbox/gpt").await;
    check(vec!["sandbox/gpt".to_owned(); 1_001], 400, "models has more than 1000 names").await;
    check(vec!["n".repeat(60_000)], 404, "nnn…").await;
}

#[tokio::test]
async fn small_things_answer() {
    let app = TestApp::new().await;
    assert_eq!(app.get("/v1/features", "").await.json(), json!({"opencredits_enabled": true, "country": "PT"}));
    assert_eq!(app.send(request(Method::HEAD, "/", "", String::new())).await.status, 200);
    assert_eq!(app.get("/healthz", "").await.status, 200);
    for (ready, status) in [(true, 200), (false, 503)] {
        app.app.ready.store(ready, Ordering::Relaxed);
        assert_eq!(app.get("/readyz", "").await.status, status);
    }
    let unknown = app.get("/v1/nothing", "").await;
    assert_eq!((unknown.status.as_u16(), unknown.json()["error"]["type"].as_str()), (404, Some("not_found")));
    assert_eq!(app.get("/v1/messages", "").await.json()["type"], "error");
    let wrong = app.get("/v1/chat/completions", "").await;
    assert_eq!((wrong.status.as_u16(), wrong.header("allow")), (405, "POST"));
    let large = request(Method::POST, "/v1/credits/pricing", "", "x".repeat(65 << 10));
    assert_eq!(app.send(large).await.status, 413);
}

#[tokio::test]
async fn models_are_listed_in_the_shape_of_each_api() {
    let app = TestApp::new().await;
    let list = app.get("/v1beta/models", "").await.json();
    let first = &list["models"][0];
    assert!(first["name"].as_str().unwrap().starts_with("models/sandbox/"), "{list}");
    assert!(first["inputTokenLimit"].is_u64() && first["outputTokenLimit"].is_u64(), "{list}");
    let one = app.get("/v1beta/models/sandbox%2Fgpt", "").await.json();
    assert_eq!(one["name"], "models/sandbox/gpt");
    // The key's header tells the API where the path has the version of others, or none.
    let (_, key) = app.person(10).await;
    for (path, expect) in [("/v1/models", &list), ("/v1/models/sandbox/gpt", &one)] {
        let mut asked = request(Method::GET, path, "", String::new());
        asked.headers_mut().insert("x-goog-api-key", key.parse().unwrap());
        assert_eq!(app.send(asked).await.json(), *expect, "{path}");
    }
    let body = serde_json::json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    let bare = app.post("/models/sandbox/gpt:generateContent", &key, &body).await;
    assert!(bare.json()["candidates"].is_array(), "{}", bare.text);
    let unknown = app.get("/v1beta/models/nobody", "").await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]["status"]), (404, &serde_json::json!("NOT_FOUND")));
    let (_, key) = app.person(10).await;
    let embeds = app.post("/v1beta/models/sandbox/gpt:batchEmbedContents", &key, &serde_json::json!({})).await;
    assert_eq!((embeds.status.as_u16(), &embeds.json()["error"]["status"]), (404, &serde_json::json!("NOT_FOUND")));
    assert_eq!(app.get("/v1/models/sandbox/gpt", "").await.json()["max_input_tokens"], one["inputTokenLimit"]);
}
