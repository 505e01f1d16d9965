//! Passkeys, with an authenticator in software.

use super::authenticator::{Authenticator, BE, UP, UV, Words};
use super::{Signing, settings, token, wrong};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use opencredits_identity::passkey::{AssertionAnswer, PasskeyChallenge, RegistrationAnswer};
use opencredits_service::accounts::{NewPartner, PublishableKeyEdit};
use opencredits_service::sign_in::SignInSettings;
use opencredits_units::UnixMs;
use serde_json::{Value, json};
use std::time::Duration;

const NOTHING: Value = Value::Null;

fn challenge_of(options: &Value) -> PasskeyChallenge {
    let value = URL_SAFE_NO_PAD.decode(options["challenge"].as_str().unwrap()).unwrap();
    PasskeyChallenge { value: value.try_into().unwrap(), expires_at: UnixMs::new(u64::MAX) }
}

fn registration(answer: &RegistrationAnswer) -> Value {
    json!({"id": answer.id, "rawId": answer.raw_id, "type": answer.r#type, "response": {
        "clientDataJSON": answer.response.client_data_json, "attestationObject": answer.response.attestation_object}})
}

fn assertion(answer: &AssertionAnswer) -> Value {
    json!({"id": answer.id, "rawId": answer.raw_id, "type": answer.r#type, "response": {
        "clientDataJSON": answer.response.client_data_json, "authenticatorData": answer.response.authenticator_data,
        "signature": answer.response.signature}})
}

async fn options(site: &Signing, token: &str) -> Value {
    let answer = site.post("/v1/account/passkeys/options", token, NOTHING).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// What registers a passkey.
fn registering(options: &Value, key: &Authenticator) -> Value {
    let answer = key.register(&Words::registration(&challenge_of(options)));
    json!({"challenge": options["challenge"], "credential": registration(&answer), "name": "laptop"})
}

/// What signs in with a passkey, changed as a test wants it.
async fn asserting(site: &Signing, key: &Authenticator, change: impl FnOnce(&mut Words)) -> Value {
    let options = site.post("/v1/auth/passkey/options", "", NOTHING).await.json();
    assert_eq!((&options["rpId"], &options["allowCredentials"]), (&json!("credits.example"), &json!([])));
    let mut words = Words::assertion(&challenge_of(&options));
    change(&mut words);
    json!({"passkey": {"challenge": options["challenge"], "credential": assertion(&key.assert(&words))}})
}

#[tokio::test]
async fn a_passkey_is_registered_used_renamed_and_removed() {
    for key in [Authenticator::es256(), Authenticator::ed_dsa()] {
        let site = Signing::new().await;
        let begun = site.enter("ada@example.org").await;
        let session = token(&begun);
        let offered = options(&site, &session).await;
        assert_eq!((&offered["rp"]["id"], &offered["attestation"]), (&json!("credits.example"), &json!("none")));
        assert_eq!(offered["authenticatorSelection"]["userVerification"], "required");
        let made = site.post("/v1/account/passkeys", &session, registering(&offered, &key)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let again = site.post("/v1/account/passkeys", &session, registering(&offered, &key)).await;
        assert_eq!(again.status, 400, "a challenge is answered once");
        let twin = registering(&options(&site, &session).await, &key);
        assert_eq!(site.post("/v1/account/passkeys", &session, twin).await.status, 400, "a credential is there once");

        let body = asserting(&site, &key, |_| {}).await;
        let entered = site.post("/v1/auth/session", "", body.clone()).await;
        assert_eq!(entered.status, 201, "{}", entered.text);
        assert_eq!(entered.json()["user"], begun["user"]);
        assert_eq!(site.post("/v1/auth/session", "", body).await.status, 400, "an answer holds once");

        let path = format!("/v1/account/passkeys/{}", made.json()["data"]["id"].as_str().unwrap());
        let renamed = site.send(Method::PATCH, &path, &session, &json!({"name": " desk "})).await;
        assert_eq!(renamed.status, 204, "{}", renamed.text);
        let list = site.send(Method::GET, "/v1/account/passkeys", &session, &NOTHING).await.json();
        assert_eq!((&list["data"][0]["name"], list["data"].as_array().unwrap().len()), (&json!("desk"), 1));
        assert!(!list["data"][0]["last_used_at"].is_null());
        let stranger = site.token("eve@example.org").await;
        assert_eq!(site.send(Method::PATCH, &path, &stranger, &json!({"name": "x"})).await.status, 404);

        let (challenge, code) = site.confirm(&session, "ada@example.org", "remove_passkey").await;
        let remove = async |code: &str| {
            site.send(Method::DELETE, &path, &session, &json!({"challenge": challenge, "code": code})).await.status
        };
        assert_eq!(remove(&wrong(&code)).await, 400);
        assert_eq!(remove(&code).await, 204);
        let body = asserting(&site, &key, |_| {}).await;
        assert_eq!(site.post("/v1/auth/session", "", body).await.status, 400, "what was removed signs nobody in");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_hold_signs_nobody_in() {
    let site = Signing::new().await;
    let (key, other) = (Authenticator::es256(), Authenticator::es256());
    let session = site.token("ada@example.org").await;
    let body = registering(&options(&site, &session).await, &key);
    assert_eq!(site.post("/v1/account/passkeys", &session, body).await.status, 201);
    let mut words = Vec::new();
    let mut check = async |why: &str, body: Value| {
        let answer = site.post("/v1/auth/session", "", body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["param"]), (400, &json!("passkey")), "{why}");
        words.push(answer.json()["error"]["message"].clone());
    };
    check("another origin", asserting(&site, &key, |words| words.origin = "https://evil.example").await).await;
    check("another site", asserting(&site, &key, |words| words.rp_id = "evil.example").await).await;
    check("another challenge", asserting(&site, &key, |words| words.challenge = [1; 32]).await).await;
    check("not verified", asserting(&site, &key, |words| words.flags = UP | BE).await).await;
    check("another ceremony", asserting(&site, &key, |words| words.kind = "webauthn.create").await).await;
    check("another key", asserting(&site, &other, |_| {}).await).await;
    check("a frame", asserting(&site, &key, |words| words.more = r#","crossOrigin":true"#).await).await;
    let mut of_registration = asserting(&site, &key, |_| {}).await;
    of_registration["passkey"]["challenge"] = options(&site, &session).await["challenge"].clone();
    check("a challenge to register", of_registration).await;
    let late = asserting(&site, &key, |_| {}).await;
    site.app.pass(Duration::from_secs(300));
    check("too late", late).await;
    words.dedup();
    assert_eq!(words.len(), 1, "{words:?}");
    let body = asserting(&site, &key, |words| words.flags = UP | UV | BE).await;
    assert_eq!(site.post("/v1/auth/session", "", body).await.status, 201);
}

/// A site with a person who has a passkey, and the keys of two apps: one of pages of `https://app.example`, one of any own machine.
async fn with_apps(key: &Authenticator) -> (Signing, [String; 2]) {
    let site = Signing::new().await;
    let session = site.token("ada@example.org").await;
    let body = registering(&options(&site, &session).await, key);
    assert_eq!(site.post("/v1/account/passkeys", &session, body).await.status, 201);
    let mut keys = Vec::new();
    for (name, origins) in [("listed", Some(vec!["https://app.example".to_owned()])), ("unlisted", None)] {
        let new = NewPartner { name: name.to_owned(), share: None, markup: None };
        site.app.accounts.add_partner(new).await.unwrap();
        let edit = PublishableKeyEdit { origins, ..PublishableKeyEdit::default() };
        keys.push(site.app.accounts.add_publishable_key(name, edit).await.unwrap().key);
    }
    (site, keys.try_into().unwrap())
}

#[tokio::test]
async fn a_passkey_signs_in_within_the_checkout_of_pages_that_may_show_it() {
    const APP: &str = r#","crossOrigin":true,"topOrigin":"https://app.example""#;
    const LOCAL: &str = r#","crossOrigin":true,"topOrigin":"http://localhost:3000""#;
    // Browsers may leave the page's origin out.
    const UNTOLD: &str = r#","crossOrigin":true"#;
    let key = Authenticator::es256();
    let (site, [listed, unlisted]) = with_apps(&key).await;
    let check = async |words: &'static str, embedder: Option<(&str, &str)>, expect: (u16, Value)| {
        let mut body = asserting(&site, &key, |said| said.more = words).await;
        if let Some((publishable_key, origin)) = embedder {
            body["passkey"]["embedder"] = json!({"publishable_key": publishable_key, "origin": origin});
        }
        let answer = site.post("/v1/auth/session", "", body).await;
        let param = answer.json()["error"]["param"].clone();
        assert_eq!((answer.status.as_u16(), param), expect, "{words} {embedder:?}: {}", answer.text);
    };
    let begun = || (201, NOTHING);
    let refused = |status, param| (status, json!(param));
    let app = (listed.as_str(), "https://app.example");
    check(APP, Some(app), begun()).await;
    check(UNTOLD, Some(app), begun()).await;
    check("", Some(app), begun()).await;
    check(LOCAL, Some((&unlisted, "http://localhost:3000")), begun()).await;
    check(APP, None, refused(400, "passkey")).await;
    check(UNTOLD, None, refused(400, "passkey")).await;
    // The page is another than the frame was told.
    check(LOCAL, Some(app), refused(400, "passkey")).await;
    check(LOCAL, Some((&unlisted, "http://localhost:3001")), refused(400, "passkey")).await;
    check(LOCAL, Some((&listed, "http://localhost:3000")), refused(403, "origin")).await;
    check(APP, Some((&unlisted, "https://app.example")), refused(403, "origin")).await;
    check(APP, Some(("oc_pk_unknown", "https://app.example")), refused(404, "publishable_key")).await;
}

#[tokio::test]
async fn a_session_that_is_not_fresh_needs_a_code_to_add_a_passkey() {
    let site = Signing::new().await;
    let key = Authenticator::es256();
    let session = site.token("ada@example.org").await;
    site.app.pass(Duration::from_secs(600));
    let mut body = registering(&options(&site, &session).await, &key);
    let refused = site.post("/v1/account/passkeys", &session, body.clone()).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["param"]), (400, &json!("code")), "{}", refused.text);
    let (challenge, code) = site.confirm(&session, "ada@example.org", "passkey_add").await;
    body["confirmation"] = json!({"challenge": challenge, "code": code});
    assert_eq!(site.post("/v1/account/passkeys", &session, body).await.status, 201, "the challenge was not used");
}

#[tokio::test]
async fn an_ip_address_has_no_passkeys_and_the_routes_say_what_is_needed() {
    let public_url = "http://127.0.0.1:8787".to_owned();
    let site = Signing::with(SignInSettings { public_url, ..settings() }).await;
    let session = site.token("ada@example.org").await;
    for path in ["/v1/auth/passkey/options", "/v1/account/passkeys/options"] {
        let answer = site.post(path, &session, NOTHING).await;
        assert_eq!((answer.status.as_u16(), answer.text.contains("http://localhost")), (400, true), "{}", answer.text);
    }
}
