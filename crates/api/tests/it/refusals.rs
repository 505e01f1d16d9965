//! What is refused is refused before a byte goes upstream, in the words of its API.

use crate::app::{TestApp, request};
use http::{HeaderValue, Method};
use opencredits_service::accounts::NewKey;
use opencredits_store::{Standing, User};
use opencredits_units::{NanoUsd, UserId};
use serde_json::{Value, json};

fn chat(model: &str) -> Value {
    json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]})
}

async fn check(app: &TestApp, key: &str, body: &Value, expect: (u16, &str, &str)) -> Value {
    let before = app.upstream.sent.lock().unwrap().len();
    let (status, error_type, messages_type) = expect;
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    let openai = app.post("/v1/chat/completions", key, body).await;
    assert_eq!(
        (openai.status.as_u16(), openai.json()["error"]["type"].as_str()),
        (status, Some(error_type)),
        "{}",
        openai.text
    );
    let mut body = body.clone();
    body["model"] = model.replace("sandbox/gpt", "sandbox/claude").into();
    let messages = app.post("/v1/messages", key, &body).await;
    let error = messages.json();
    assert_eq!(messages.status.as_u16(), status, "{}", messages.text);
    assert_eq!(error["type"], "error");
    assert_eq!(error["error"]["type"], messages_type);
    assert_eq!(error["error"]["error_type"], error_type);
    assert_eq!(error["request_id"], messages.header("x-request-id"));
    assert_eq!(app.upstream.sent.lock().unwrap().len(), before, "nothing goes upstream");
    openai.json()["error"].clone()
}

#[tokio::test]
async fn keys_that_open_nothing_are_refused() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let unauthenticated = (401, "authentication", "authentication_error");
    check(&app, "", &chat("sandbox/gpt"), unauthenticated).await;
    check(&app, "sk-something-else", &chat("sandbox/gpt"), unauthenticated).await;
    let typo =
        if key.ends_with('z') { format!("{}y", &key[..key.len() - 1]) } else { format!("{}z", &key[..key.len() - 1]) };
    check(&app, &typo, &chat("sandbox/gpt"), unauthenticated).await;
    let unknown = opencredits_keys::UserKey::generate([200; 32]);
    check(&app, unknown.reveal(), &chat("sandbox/gpt"), unauthenticated).await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    assert_eq!(app.post("/v1/chat/completions", &key, &chat("sandbox/gpt")).await.status, 200);
    let record = app.accounts.list_keys(user.id).await.unwrap().remove(0);
    app.accounts.revoke_key(record.id).await.unwrap();
    check(&app, &key, &chat("sandbox/gpt"), (401, "authentication", "authentication_error")).await;
}

#[tokio::test]
async fn a_key_is_bound_to_its_models_by_any_of_their_names() {
    let app = TestApp::new().await;
    let (user, _) = app.person(10).await;
    for name in ["sandbox/gpt", "Sandbox/GPT", "gpt"] {
        let allowed_models = Some(vec!["gone/model".to_owned(), name.to_owned()]);
        let key = app.key_with(NewKey { allowed_models, ..TestApp::plain_key(&user) }).await;
        for asked in ["sandbox/gpt", "gpt", "SANDBOX/gpt"] {
            let answer = app.post("/v1/chat/completions", &key, &chat(asked)).await;
            assert_eq!(answer.status, 200, "{name} as {asked}: {}", answer.text);
        }
        let mut other = chat("sandbox/claude");
        check(&app, &key, &other, (403, "model_not_allowed", "permission_error")).await;
        other["models"] = json!(["sandbox/gpt"]);
        let answer = app.post("/v1/chat/completions", &key, &other).await;
        assert_eq!(answer.status, 403, "a list does not get around it: {}", answer.text);
    }
    app.settled();
}

#[tokio::test]
async fn who_is_suspended_or_whose_key_has_ended_spends_nothing() {
    let app = TestApp::new().await;
    let (user, _) = app.person(10).await;
    let expires_at = Some(app.fixed.clock.now().saturating_add_ms(1_000));
    let key = app.key_with(NewKey { expires_at, ..TestApp::plain_key(&user) }).await;
    assert_eq!(app.post("/v1/chat/completions", &key, &chat("sandbox/gpt")).await.status, 200);
    app.fixed.clock.advance_ms(1_000);
    check(&app, &key, &chat("sandbox/gpt"), (401, "authentication", "authentication_error")).await;

    let suspended = User { id: UserId::from_bits(5), label: "Eve".to_owned(), standing: Standing::Suspended, ..user };
    app.store.add_user(&suspended).await.unwrap();
    let key = app.key_with(TestApp::plain_key(&suspended)).await;
    check(&app, &key, &chat("sandbox/gpt"), (403, "permission_denied", "permission_error")).await;
    assert_eq!(app.get("/v1/credits/balance", &key).await.status, 403);
}

#[tokio::test]
async fn what_is_not_covered_is_refused_with_what_would_be() {
    let app = TestApp::new().await;
    let (user, _) = app.person(0).await;
    let empty = app.key(&user, None, None).await;
    let error = check(&app, &empty, &chat("sandbox/gpt"), (402, "payment_required", "billing_error")).await;
    assert_eq!(error["metadata"]["available"], "0");
    assert_eq!(error["metadata"]["affordable_max_tokens"], 0);
    assert_eq!(error["metadata"]["limit"], "balance");
    assert!(error["metadata"]["top_up_url"].as_str().unwrap().starts_with("https://credits.example/"));
    assert!(error["message"].as_str().unwrap().contains("top up at https://credits.example/top-up"), "{error}");

    let (rich, _) = app.person(10).await;
    let limited = app.key(&rich, None, Some(1)).await;
    let error = check(&app, &limited, &chat("sandbox/gpt"), (402, "limit_reached", "billing_error")).await;
    assert_eq!(error["metadata"]["limit"], "key");
    assert_eq!(app.available(&rich), 10_000_000_000);
}

#[tokio::test]
async fn the_affordable_cap_that_a_402_names_is_accepted() {
    let app = TestApp::new().await;
    let (_, key) = app.person_with(NanoUsd::new(300_000_000)).await;
    let mut body =
        json!({"model": "sandbox/claude", "max_tokens": 16_384, "messages": [{"role": "user", "content": "Hi"}]});
    body["system"] = "x".repeat(400_000).into();
    let refused = app.post("/v1/messages", &key, &body).await;
    assert_eq!(refused.status, 402, "{}", refused.text);
    let cap = refused.json()["error"]["metadata"]["affordable_max_tokens"].as_u64().unwrap();
    assert!(cap > 16);
    body["max_tokens"] = (cap + 1).into();
    assert_eq!(app.post("/v1/messages", &key, &body).await.status, 402);
    body["max_tokens"] = cap.into();
    assert_eq!(app.post("/v1/messages", &key, &body).await.status, 200);
    app.settled();
}

#[tokio::test]
async fn a_cap_that_the_balance_can_pay_is_put_in_where_the_client_gave_none() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let body = json!({"model": "sandbox/gpt", "messages": [{"role": "user", "content": "Hello"}]});
    assert_eq!(app.post("/v1/chat/completions", &key, &body).await.status, 200);
    assert_eq!(app.last_sent().1.get("max_tokens"), None, "a rich balance needs no cap");

    let (_, key) = app.person_with(NanoUsd::new(3_000_000)).await;
    let answer = app.post("/v1/chat/completions", &key, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cap = app.last_sent().1["max_tokens"].as_u64().unwrap();
    assert!((16..16_384).contains(&cap), "{cap}");
    app.settled();
}

#[tokio::test]
async fn a_model_that_is_not_there_is_refused() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let unknown = json!({"model": "nobody/knows", "max_tokens": 5, "messages": []});
    check(&app, &key, &unknown, (404, "not_found", "not_found_error")).await;
}

#[tokio::test]
async fn what_means_nothing_is_refused_by_name() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let invalid = (400, "invalid_request", "invalid_request_error");
    check(&app, &key, &json!({"max_tokens": 5, "messages": []}), invalid).await;
    check(&app, &key, &json!({"model": "sandbox/gpt", "max_tokens": "many", "messages": []}), invalid).await;
    check(&app, &key, &json!({"model": "sandbox/gpt", "max_tokens": 0, "messages": []}), invalid).await;
    check(&app, &key, &json!({"model": "sandbox/gpt", "max_tokens": 5, "messages": "Hello"}), invalid).await;
    check(&app, &key, &json!({"model": "sandbox/gpt", "max_tokens": 5, "messages": [], "stream": "yes"}), invalid)
        .await;
    let broken = app.send(request(Method::POST, "/v1/messages", &key, "{\"model\":".to_owned())).await;
    assert_eq!(broken.status, 400);
    let large = app.send(request(Method::POST, "/v1/messages", &key, "x".repeat((1 << 20) + 1))).await;
    assert_eq!((large.status.as_u16(), large.json()["error"]["type"].as_str()), (413, Some("request_too_large")));
}

#[tokio::test]
async fn an_idempotency_key_that_cannot_be_read_is_refused_by_name() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let long = "k".repeat(256);
    for value in ["größe".as_bytes(), b"\xff", long.as_bytes()] {
        let mut sent = request(Method::POST, "/v1/chat/completions", &key, chat("sandbox/gpt").to_string());
        sent.headers_mut().insert("idempotency-key", HeaderValue::from_bytes(value).unwrap());
        let refused = app.send(sent).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.text.contains("Idempotency-Key"), "{}", refused.text);
    }
    assert_eq!(app.available(&user), 10_000_000_000);
}

#[tokio::test]
async fn strict_mode_refuses_what_lax_mode_drops() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let mut body = chat("sandbox/gpt");
    body["user"] = "jane".into();
    let lax = app.post("/v1/chat/completions", &key, &body).await;
    assert_eq!((lax.status.as_u16(), lax.header("x-opencredits-dropped")), (200, "user"));
    body["z größe"] = 1.into();
    let named = app.post("/v1/chat/completions", &key, &body).await;
    assert_eq!((named.status.as_u16(), named.header("x-opencredits-dropped")), (200, "user, z%20gr%C3%B6%C3%9Fe"));
    let mut strict = request(Method::POST, "/v1/chat/completions", &key, body.to_string());
    strict.headers_mut().insert("x-opencredits-strict", "true".parse().unwrap());
    let strict = app.send(strict).await;
    assert_eq!(strict.status, 400);
    assert_eq!(strict.json()["error"]["param"], "user");
    assert_eq!(strict.json()["error"]["type"], "unsupported_parameter");
}

#[tokio::test]
async fn a_providers_refusal_is_told_but_never_that_of_our_own_account() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    for (said, status, error_type) in [
        (400, 400, "invalid_request"),
        (401, 502, "provider_unavailable"),
        (402, 502, "provider_unavailable"),
        (403, 502, "provider_unavailable"),
        (429, 429, "rate_limit_exceeded"),
        (500, 502, "provider_unavailable"),
        (503, 503, "provider_overloaded"),
    ] {
        let mut body = chat("sandbox/gpt");
        body["messages"][0]["content"] = format!("sandbox:error {said}").into();
        let answer = app.post("/v1/chat/completions", &key, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"]["type"].as_str()),
            (status, Some(error_type)),
            "{said}"
        );
    }
    assert_eq!(app.available(&user), 10_000_000_000, "nothing was charged");
    app.settled();
}

#[tokio::test]
async fn an_sdk_is_told_not_to_send_again_what_will_be_refused_again() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let ask = |model: &str, text: &str, idempotency: &'static str| {
        let body =
            serde_json::json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": text}]});
        let mut request = request(Method::POST, "/v1/chat/completions", &key, body.to_string());
        request.headers_mut().insert("idempotency-key", http::HeaderValue::from_static(idempotency));
        request
    };
    for (sent, status, should) in [
        (ask("sandbox/gpt", "Hello", "one"), 200, ""),
        (ask("sandbox/gpt", "Hello", "one"), 409, "false"),
        (ask("sandbox/gpt", "Hello", " "), 400, "false"),
        (ask("nobody", "Hello", "two"), 404, "false"),
        (ask("sandbox/gpt", "sandbox:error 503", "three"), 503, ""),
    ] {
        let answer = app.send(sent).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-should-retry")), (status, should), "{}", answer.text);
    }
}
