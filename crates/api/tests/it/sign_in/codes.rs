//! Codes and links: who gets in, and what refuses whom.

use super::{Signing, TERMS, accept, settings, token, wrong};
use http::Method;
use opencredits_service::sign_in::{SignInSettings, SignUp};
use opencredits_units::UserId;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn promise_14_a_new_person_signs_in_with_a_code_says_their_age_and_is_known_the_next_time() {
    let site = Signing::new().await;
    let asked = site.post("/v1/auth/code", "", json!({"email": " Ada@Example.org "})).await;
    assert_eq!((asked.status.as_u16(), &asked.json()["expires_in"]), (202, &json!(300)));
    assert_eq!(asked.header("cache-control"), "no-store");
    let challenge = asked.json()["challenge"].clone();
    assert!(challenge.as_str().unwrap().starts_with("chl_"));
    let code = site.code("ada@example.org").await;
    let body = |accept: Value| json!({"challenge": challenge, "code": code, "accept": accept});
    for (refused, why) in [
        (body(Value::Null), "no terms"),
        (body(json!({"terms": "1999", "age_16": true})), "old terms"),
        (body(json!({"terms": TERMS, "age_16": false})), "too young"),
        (body(json!({"terms": TERMS})), "no age"),
    ] {
        let answer = site.post("/v1/auth/session", "", refused).await;
        assert_eq!(answer.status, 403, "{why}");
        let error = answer.json()["error"].clone();
        assert_eq!((&error["type"], &error["metadata"]["terms_version"]), (&json!("terms_required"), &json!(TERMS)));
    }
    let begun = site.post("/v1/auth/session", "", body(accept())).await;
    assert_eq!(begun.status, 201, "the code was not spent: {}", begun.text);
    let begun = begun.json();
    assert_eq!((&begun["is_new"], &begun["user"]["email"]), (&json!(true), &json!("ada@example.org")));
    assert_eq!(begun["session"]["browser"], "Firefox on Linux");
    assert_eq!(begun["session"]["expires_at"], "2026-10-05T14:13:20Z");

    let shown = site.send(Method::GET, "/v1/auth/session", &token(&begun), &Value::Null).await.json();
    assert_eq!(shown["user"], json!({"id": begun["user"]["id"], "email": "ada@example.org", "role": "none"}));
    assert_eq!((&shown["terms_version"], &shown["session"]), (&json!(TERMS), &begun["session"]));
    let id: UserId = begun["user"]["id"].as_str().unwrap().parse().unwrap();
    let user = site.app.store.user(id).await.unwrap().unwrap();
    assert!(user.label.starts_with("person ") && !user.label.contains("ada"), "{}", user.label);
    assert_eq!(site.app.available(&user), 0, "and has a wallet");
    let accepted = site.app.store.accepted_terms(id).await.unwrap();
    assert_eq!(accepted.iter().map(|terms| (&*terms.version, terms.is_of_age)).collect::<Vec<_>>(), [(TERMS, true)]);

    let (challenge, code) = site.ask("ada@example.org").await;
    let again = site.post("/v1/auth/session", "", json!({"challenge": challenge, "code": code})).await;
    assert_eq!(again.status, 201, "terms are accepted once: {}", again.text);
    assert_eq!((&again.json()["is_new"], &again.json()["user"]["id"]), (&json!(false), &begun["user"]["id"]));
    assert_eq!(site.app.store.counts(site.app.fixed.clock.now()).await.unwrap().waiting, 0, "no code is in the outbox");
}

#[tokio::test]
async fn promise_14_a_new_version_of_the_terms_is_accepted_at_the_next_sign_in() {
    let site = Signing::new().await;
    let id = site.enter("ada@example.org").await["user"]["id"].clone();
    let newer = super::identity(&site.app, &site.post, SignInSettings { terms_version: "2027".into(), ..settings() });
    let site = Signing { app: site.app.with_identity(newer), post: site.post };
    let (challenge, code) = site.ask("ada@example.org").await;
    let mut body = json!({"challenge": challenge, "code": code});
    assert_eq!(site.post("/v1/auth/session", "", body.clone()).await.json()["error"]["type"], "terms_required");
    body["accept"] = json!({"terms": "2027", "age_16": true});
    let begun = site.post("/v1/auth/session", "", body).await;
    assert_eq!((begun.status.as_u16(), &begun.json()["user"]["id"]), (201, &id), "{}", begun.text);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_code_is_refused_in_the_same_words() {
    let site = Signing::new().await;
    let mut words = Vec::new();
    let mut check = async |why: &str, body: Value| {
        let answer = site.post("/v1/auth/session", "", body).await;
        assert_eq!(answer.status, 400, "{why}: {}", answer.text);
        assert_eq!(answer.json()["error"]["param"], "code", "{why}");
        words.push(answer.json()["error"]["message"].clone());
    };
    let with = |challenge: &Value, code: &str| json!({"challenge": challenge, "code": code, "accept": accept()});
    let (first, code) = site.ask("ada@example.org").await;
    check("a wrong code", with(&first, &wrong(&code))).await;
    check("no code", with(&first, "hello")).await;
    check("an unknown challenge", with(&json!("chl_00000000000000000000000000"), &code)).await;
    check("what is no challenge", with(&json!("x"), &code)).await;
    let (second, other) = site.ask("eve@example.org").await;
    check("the code of another challenge", with(&first, &other)).await;
    let token = site.token("ada@example.org").await;
    let (export, of_export) = site.confirm(&token, "ada@example.org", "export").await;
    check("a code for another purpose", with(&export, &of_export)).await;
    let begun = site.post("/v1/auth/session", "", with(&first, &code)).await;
    assert_eq!(begun.status, 201, "two were wrong, three are left: {}", begun.text);
    check("a code that was used", with(&first, &code)).await;
    site.app.pass(Duration::from_secs(300));
    check("a code that is too old", with(&second, &other)).await;
    words.dedup();
    assert_eq!(words.len(), 1, "{words:?}");
}

#[tokio::test]
async fn after_five_wrong_codes_the_right_one_is_refused() {
    let site = Signing::new().await;
    let (challenge, code) = site.ask("ada@example.org").await;
    for attempt in 0..6 {
        let typed = if attempt < 5 { wrong(&code) } else { code.clone() };
        let body = json!({"challenge": challenge, "code": typed, "accept": accept()});
        assert_eq!(site.post("/v1/auth/session", "", body).await.status, 400, "{attempt}");
    }
}

#[tokio::test]
async fn a_link_signs_in_once_and_within_a_day() {
    let site = Signing::new().await;
    let link = async || {
        let asked = site.post("/v1/auth/link", "", json!({"email": "ada@example.org"})).await;
        assert_eq!((asked.status.as_u16(), asked.json()), (202, json!({"expires_in": 86_400})), "{}", asked.text);
        let text = site.mail("ada@example.org").await.text;
        let (_, rest) = text.split_once("https://credits.example/sign-in/link#").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let use_ = async |link: &str, accept: Value| {
        site.post("/v1/auth/session", "", json!({"link": link, "accept": accept})).await
    };
    let first = link().await;
    assert_eq!(use_(&first, Value::Null).await.json()["error"]["type"], "terms_required");
    let begun = use_(&first, accept()).await;
    assert_eq!(begun.status, 201, "it was not spent: {}", begun.text);
    assert_eq!(begun.json()["user"]["email"], "ada@example.org");
    let mut refused = vec![use_(&first, accept()).await];
    let late = link().await;
    let mut cut = late.clone();
    cut.pop();
    refused.push(use_(&cut, accept()).await);
    refused.push(use_("", accept()).await);
    refused.push(use_(&"A".repeat(9_000), accept()).await);
    site.app.pass(Duration::from_secs(86_400));
    refused.push(use_(&late, accept()).await);
    for answer in &refused {
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["param"]), (400, &json!("link")));
        assert_eq!(answer.json()["error"]["message"], refused[0].json()["error"]["message"]);
    }
}

#[tokio::test]
async fn where_sign_up_is_closed_only_those_with_an_address_get_in() {
    let site = Signing::with(SignInSettings { sign_up: SignUp::Closed, ..settings() }).await;
    let (user, _) = site.app.person(5).await;
    site.app.store.set_email(user.id, "Ada@example.org").await.unwrap();
    let (challenge, code) = site.ask("eve@example.org").await;
    let body = json!({"challenge": challenge, "code": code, "accept": accept()});
    let refused = site.post("/v1/auth/session", "", body).await;
    assert_eq!((refused.status.as_u16(), refused.text.contains("ask them")), (403, true), "{}", refused.text);
    let begun = site.enter("ada@example.org").await;
    assert_eq!((&begun["user"]["id"], &begun["is_new"]), (&json!(user.id), &json!(false)));
}

#[tokio::test]
async fn a_body_of_another_form_is_refused_and_not_repeated() {
    let site = Signing::new().await;
    let check = async |path: &str, body: Value, expect: u16| {
        let answer = site.post(path, "", body).await;
        assert_eq!(answer.status, expect, "{path}: {}", answer.text);
        assert!(!answer.text.contains("canary"), "{}", answer.text);
    };
    check("/v1/auth/code", json!({}), 400).await;
    check("/v1/auth/code", json!({"email": 7}), 400).await;
    check("/v1/auth/code", json!({"email": "canary@example.org", "more": "canary"}), 400).await;
    check("/v1/auth/code", json!({"email": "a@example.org", "purpose": "export"}), 400).await;
    check("/v1/auth/code", json!({"email": "canary"}), 400).await;
    check("/v1/auth/code", json!({"purpose": "export"}), 401).await;
    check("/v1/auth/link", json!({"email": ["canary"]}), 400).await;
    check("/v1/auth/session", json!({"challenge": "canary"}), 400).await;
    check("/v1/auth/session", json!({"link": "canary", "code": "1", "challenge": "x"}), 400).await;
    check("/v1/auth/session", json!({"passkey": {"challenge": "canary"}}), 400).await;
    check("/v1/auth/session", json!([]), 400).await;
    let large = format!("{{\"email\": \"{}\"}}", "a".repeat(70_000));
    let answer = site.app.send(crate::app::request(Method::POST, "/v1/auth/code", "", large)).await;
    assert_eq!(answer.status, 413);
    let answer = site.app.send(crate::app::request(Method::POST, "/v1/auth/code", "", "[".repeat(60_000))).await;
    assert_eq!(answer.status, 400, "nesting has an end");
}

#[tokio::test]
async fn without_its_settings_nobody_signs_in_and_the_routes_say_so() {
    let app = crate::app::TestApp::new().await;
    for (method, path) in [
        (Method::POST, "/v1/auth/code"),
        (Method::POST, "/v1/auth/link"),
        (Method::POST, "/v1/auth/session"),
        (Method::GET, "/v1/auth/session"),
        (Method::GET, "/v1/account/sessions"),
        (Method::POST, "/v1/auth/passkey/options"),
    ] {
        let answer = app.send(crate::app::request(method, path, "", "{}".to_owned())).await;
        assert_eq!((answer.status.as_u16(), answer.text.contains("[identity]")), (404, true), "{path} {}", answer.text);
    }
}
