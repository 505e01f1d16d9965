//! People manage their own keys, and nobody else's.

use crate::app::{Answer, TestApp, request};
use crate::engine::OnlyOnFiles;
use http::{Method, StatusCode};
use opencredits_store::{Standing, User};
use opencredits_units::EntryId;
use serde_json::{Value, json};

async fn managing(app: &TestApp, user: &User) -> String {
    let (_, secret) = app.accounts.add_management_key(user.id, "console".to_owned()).await.unwrap();
    secret.reveal().to_owned()
}

async fn send(app: &TestApp, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    app.send(request(method, path, key, body)).await
}

fn chat() -> Value {
    json!({"model": "sandbox/gpt", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]})
}

#[tokio::test]
async fn a_key_is_made_listed_changed_and_revoked() {
    let app = TestApp::new().await;
    let (user, _) = app.person(10).await;
    let manager = managing(&app, &user).await;
    let new = json!({"name": "laptop", "limit": 12.5, "limit_reset": "weekly", "expires_at": "2030-01-31T00:00:00Z",
        "allowed_models": ["sandbox/gpt"], "requests_per_minute": 60, "tokens_per_minute": 9000, "parallel_max": 3});
    let made = send(&app, Method::POST, "/v1/keys", &manager, &new).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let secret = made.json()["key"].as_str().unwrap().to_owned();
    let data = made.json()["data"].clone();
    for (field, value) in new.as_object().unwrap() {
        assert_eq!(&data[field], value, "{field}");
    }
    assert_eq!((&data["limit_remaining"], &data["disabled"]), (&json!(12.5), &json!(false)));
    assert_eq!(data["limit_resets_at"], "2026-09-28T00:00:00Z");
    assert_eq!(data["label"].as_str().unwrap(), format!("oc_sk_…{}", &secret[secret.len() - 4..]));
    let answer = app.post("/v1/chat/completions", &secret, &chat()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);

    let path = format!("/v1/keys/{}", data["id"].as_str().unwrap());
    let seen = send(&app, Method::GET, &path, &manager, &Value::Null).await;
    assert!(!seen.text.contains(&secret), "a secret is shown once");
    let seen = seen.json()["data"].clone();
    assert_eq!(seen["usage"].to_string(), answer.header("x-credits-charged"));
    let spent = seen["limit"].as_f64().unwrap() - seen["limit_remaining"].as_f64().unwrap();
    assert!((spent - seen["usage"].as_f64().unwrap()).abs() < 1e-9);
    let listed = send(&app, Method::GET, "/v1/keys", &manager, &Value::Null).await.json();
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["next"]), (2, &Value::Null));

    let change = json!({"name": "desk", "limit": 20, "limit_reset": null, "expires_at": null, "allowed_models": null,
        "tokens_per_minute": null});
    let changed = send(&app, Method::PATCH, &path, &manager, &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    for (field, value) in change.as_object().unwrap() {
        assert_eq!(&changed.json()["data"][field], value, "{field}");
    }
    assert_eq!(changed.json()["data"]["requests_per_minute"], 60, "what is not named stays");
    let left = changed.json()["data"]["limit_remaining"].as_f64().unwrap();
    assert!((20.0 - spent - left).abs() < 1e-9, "what was spent stays spent");

    let off = send(&app, Method::PATCH, &path, &manager, &json!({"disabled": true})).await;
    assert_eq!(off.json()["data"]["disabled"], true);
    let refused = app.post("/v1/chat/completions", &secret, &chat()).await;
    assert_eq!((refused.status.as_u16(), refused.text.contains("switched off")), (403, true), "{}", refused.text);
    send(&app, Method::PATCH, &path, &manager, &json!({"disabled": false})).await;
    assert_eq!(app.post("/v1/chat/completions", &secret, &chat()).await.status, 200);

    assert_eq!(send(&app, Method::DELETE, &path, &manager, &Value::Null).await.json()["deleted"], true);
    assert_eq!(app.post("/v1/chat/completions", &secret, &chat()).await.status, 401);
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        assert_eq!(send(&app, method, &path, &manager, &json!({})).await.status, 404);
    }
    let listed = send(&app, Method::GET, "/v1/keys", &manager, &Value::Null).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    app.settled();
}

#[tokio::test]
async fn nobody_sees_or_changes_the_keys_of_another_person() {
    let app = TestApp::new().await;
    let ((ada, _), (bea, _)) = (app.person(10).await, app.person(10).await);
    let (of_ada, of_bea) = (managing(&app, &ada).await, managing(&app, &bea).await);
    let made = send(&app, Method::POST, "/v1/keys", &of_ada, &json!({"name": "hers"})).await.json();
    let path = format!("/v1/keys/{}", made["data"]["id"].as_str().unwrap());
    for (method, body) in
        [(Method::GET, Value::Null), (Method::PATCH, json!({"limit": 1})), (Method::DELETE, Value::Null)]
    {
        let answer = send(&app, method.clone(), &path, &of_bea, &body).await;
        assert_eq!(answer.status, 404, "{method}: {}", answer.text);
    }
    let listed = send(&app, Method::GET, "/v1/keys", &of_bea, &Value::Null).await;
    assert!(!listed.text.contains(made["data"]["id"].as_str().unwrap()), "{}", listed.text);
    let still = send(&app, Method::GET, &path, &of_ada, &Value::Null).await;
    assert_eq!((still.status.as_u16(), &still.json()["data"]["limit"]), (200, &Value::Null));
    for id in ["key_0", "nonsense", "key_00000000000000000000000000"] {
        assert_eq!(send(&app, Method::GET, &format!("/v1/keys/{id}"), &of_ada, &Value::Null).await.status, 404);
    }
}

#[tokio::test]
async fn a_management_key_spends_nothing_and_a_user_key_manages_nothing() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let manager = managing(&app, &user).await;
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"] {
        let answer = app.post(path, &manager, &chat()).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text);
        assert!(answer.text.contains("management key") && answer.text.contains("permission_denied"), "{}", answer.text);
        assert!(!answer.text.contains(&manager));
    }
    assert_eq!(app.get("/v1/key", &manager).await.status, 403);
    for (method, path) in [
        (Method::GET, "/v1/keys"),
        (Method::POST, "/v1/keys"),
        (Method::DELETE, "/v1/keys/key_00000000000000000000000000"),
        (Method::GET, "/v1/credits"),
    ] {
        let answer = send(&app, method, path, &key, &Value::Null).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.contains("send a management key")),
            (403, true),
            "{path}: {}",
            answer.text
        );
        let answer = send(&app, Method::GET, "/v1/keys", "", &Value::Null).await;
        assert_eq!(answer.status, 401);
    }
    assert_eq!(app.asked(), [""; 0]);
}

#[tokio::test]
async fn credits_are_what_was_got_and_what_was_used() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let (manager, other) = (managing(&app, &user).await, app.key(&user, None, None).await);
    for key in [&key, &other] {
        assert_eq!(app.post("/v1/chat/completions", key, &chat()).await.status, 200);
    }
    let data = app.get("/v1/credits", &manager).await.json()["data"].clone();
    assert_eq!(data["total_credits"], 1000);
    let used = data["total_usage"].as_f64().unwrap();
    assert!(used > 0.0 && (1000.0 - used - data["balance"].as_f64().unwrap()).abs() < 1e-9, "{data}");
    assert_eq!((&data["held"], &data["available"]), (&json!(0), &data["balance"]));
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_named() {
    let app = TestApp::new().await;
    let (user, _) = app.person(10).await;
    let manager = managing(&app, &user).await;
    for (body, param) in [
        (json!({}), "name"),
        (json!({"name": "a", "include_byok_in_limit": true}), "include_byok_in_limit"),
        (json!({"name": "a", "limit": "much"}), "limit"),
        (json!({"name": "a", "limit_reset": "daily"}), "limit"),
        (json!({"name": "a", "disabled": true}), "disabled"),
        (json!({"name": "a", "parallel_max": 0}), "parallel_max"),
    ] {
        let answer = send(&app, Method::POST, "/v1/keys", &manager, &body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["param"]),
            (400, &json!(param)),
            "{body}: {}",
            answer.text
        );
    }
    for body in [
        json!({"name": ""}),
        json!({"name": "a", "limit": 0}),
        json!({"name": "a", "limit": -1}),
        json!({"name": "a", "expires_at": "2020-01-01T00:00:00Z"}),
        json!({"name": "a", "allowed_models": []}),
    ] {
        assert_eq!(send(&app, Method::POST, "/v1/keys", &manager, &body).await.status, 400, "{body}");
    }
    let listed = send(&app, Method::GET, "/v1/keys", &manager, &Value::Null).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "none of them was made");
    for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "offset=1"] {
        let answer = send(&app, Method::GET, &format!("/v1/keys?{query}"), &manager, &Value::Null).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn keys_are_listed_page_by_page() {
    let app = TestApp::new().await;
    let (user, _) = app.person(10).await;
    let manager = managing(&app, &user).await;
    for at in 0..6 {
        app.pass(std::time::Duration::from_millis(1));
        send(&app, Method::POST, "/v1/keys", &manager, &json!({"name": format!("key {at}")})).await;
    }
    let (mut names, mut path) = (Vec::new(), "/v1/keys?limit=3".to_owned());
    loop {
        let page = send(&app, Method::GET, &path, &manager, &Value::Null).await.json();
        let rows = page["data"].as_array().unwrap().clone();
        assert!(rows.len() <= 3);
        names.extend(rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/keys?limit=3&cursor={next}");
    }
    assert_eq!(names, ["a key", "key 0", "key 1", "key 2", "key 3", "key 4", "key 5"]);
}

#[tokio::test]
async fn changes_are_bounded_and_reading_is_not() {
    if OnlyOnFiles::Minutes.leaves_out() {
        return;
    }
    let app = TestApp::new().await;
    let ((user, _), (bea, _)) = (app.person(10).await, app.person(10).await);
    let (manager, other) = (managing(&app, &user).await, managing(&app, &bea).await);
    let none = "/v1/keys/key_00000000000000000000000000";
    for _ in 0..60 {
        assert_eq!(send(&app, Method::DELETE, none, &manager, &Value::Null).await.status, 404);
    }
    let refused = send(&app, Method::POST, "/v1/keys", &manager, &json!({"name": "a"})).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "1"), "{}", refused.text);
    assert_eq!(send(&app, Method::GET, "/v1/keys", &manager, &Value::Null).await.status, 200);
    assert_eq!(
        send(&app, Method::DELETE, none, &other, &Value::Null).await.status,
        404,
        "others are not bounded by it"
    );
    app.pass(std::time::Duration::from_secs(1));
    assert_eq!(send(&app, Method::POST, "/v1/keys", &manager, &json!({"name": "a"})).await.status, 201);
}

#[tokio::test]
async fn a_suspended_person_is_stopped_at_once_and_every_change_is_recorded() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let manager = managing(&app, &user).await;
    assert_eq!(app.post("/v1/chat/completions", &key, &chat()).await.status, 200);
    app.accounts.set_standing(&user.label, Standing::Suspended, "a chargeback".to_owned()).await.unwrap();
    for (method, path, key) in [
        (Method::POST, "/v1/chat/completions", &key),
        (Method::GET, "/v1/keys", &manager),
        (Method::GET, "/v1/credits", &manager),
    ] {
        let answer = send(&app, method, path, key, &chat()).await;
        assert_eq!((answer.status, answer.text.contains("suspended")), (StatusCode::FORBIDDEN, true), "{path}");
    }
    app.accounts.set_standing(&user.label, Standing::Good, String::new()).await.unwrap();
    assert_eq!(app.post("/v1/chat/completions", &key, &chat()).await.status, 200);
    let made = send(&app, Method::POST, "/v1/keys", &manager, &json!({"name": "a"})).await.json();
    let path = format!("/v1/keys/{}", made["data"]["id"].as_str().unwrap());
    send(&app, Method::PATCH, &path, &manager, &json!({"limit": 5})).await;
    send(&app, Method::DELETE, &path, &manager, &Value::Null).await;
    let mut changes = app.accounts.changes(EntryId::default(), 100).await.unwrap();
    changes.sort_by(|a, b| a.action.cmp(&b.action));
    let actions: Vec<&str> = changes.iter().map(|change| change.action.as_str()).collect();
    assert_eq!(
        actions,
        ["credits.grant", "key.add", "key.add_management", "key.edit", "key.revoke", "user.resume", "user.suspend"]
    );
    let suspended = changes.iter().find(|change| change.action == "user.suspend").unwrap();
    assert_eq!((suspended.actor.as_str(), suspended.detail.as_str()), ("operator", "a chargeback"));
    assert_eq!(suspended.subject, user.id.to_string());
    let edited = changes.iter().find(|change| change.action == "key.edit").unwrap();
    assert!(edited.actor.starts_with("key_") && edited.detail.contains("0.05 USD"), "{edited:?}");
}

#[tokio::test]
async fn a_revoked_management_key_is_stopped_at_once() {
    let app = TestApp::new().await;
    let (user, _) = app.person(10).await;
    let (record, secret) = app.accounts.add_management_key(user.id, "console".to_owned()).await.unwrap();
    assert_eq!(app.get("/v1/keys", secret.reveal()).await.status, 200);
    app.accounts.revoke_management_key(record.id).await.unwrap();
    assert_eq!(app.get("/v1/keys", secret.reveal()).await.status, 401);
}

#[tokio::test]
async fn a_rotated_key_works_on_with_its_new_secret_and_the_old_one_ends_at_once_or_after_its_overlap() {
    use opencredits_service::accounts::{Actor, Rotated};
    let app = TestApp::new().await;
    let (user, first) = app.person(10).await;
    let key = app.accounts.list_keys(user.id).await.unwrap()[0].id;
    let rotate = async |overlap_ms| {
        let Rotated { secret, .. } = app.accounts.rotate_key((key, None), overlap_ms, Actor::Operator).await.unwrap();
        secret.reveal().to_owned()
    };
    let status = async |key: &str| app.post("/v1/chat/completions", key, &chat()).await.status.as_u16();
    assert_eq!(status(&first).await, 200);
    let second = rotate(60_000).await;
    assert_eq!((status(&first).await, status(&second).await), (200, 200), "both are valid for the overlap");
    let usage = app.get("/v1/key", &second).await.json()["data"]["usage"].as_f64().unwrap();
    assert!(usage > 0.0, "it is the same key: {usage}");
    app.pass(std::time::Duration::from_millis(60_000));
    assert_eq!((status(&first).await, status(&second).await), (401, 200), "the old one ends with it");
    let third = rotate(60_000).await;
    let fourth = rotate(0).await;
    assert_eq!((status(&second).await, status(&third).await, status(&fourth).await), (401, 401, 200));
    app.accounts.revoke_key(key).await.unwrap();
    assert_eq!(status(&fourth).await, 401);
    let fifth = rotate_of_a_revoked_key(&app, key).await;
    assert!(fifth, "a revoked key gets no new secret");
}

async fn rotate_of_a_revoked_key(app: &TestApp, key: opencredits_units::KeyId) -> bool {
    let actor = opencredits_service::accounts::Actor::Operator;
    app.accounts.rotate_key((key, None), 0, actor).await.is_err()
}
