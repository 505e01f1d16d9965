//! How often somebody may try.

use super::{Postbox, Signing, accept, identity, settings, wrong};
use crate::app::request;
use http::Method;
use opencredits_identity::ChallengeId;
use opencredits_service::sign_in::{ActionLimits, SignInLimits, SignInSettings};
use opencredits_store::CodeChallenge;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tower_service::Service as _;

fn limited(mails: [u32; 3], answers: [u32; 3]) -> SignInSettings {
    let of = |[address, network, overall]: [u32; 3]| ActionLimits { address, network, overall };
    SignInSettings { limits: SignInLimits { mails: of(mails), answers: of(answers) }, ..settings() }
}

/// The status of a request for a code from an address.
async fn code_from(site: &Signing, email: &str, from: &str) -> u16 {
    let mut request = request(Method::POST, "/v1/auth/code", "", json!({ "email": email }).to_string());
    request.headers_mut().insert("x-forwarded-for", from.parse().unwrap());
    let answer = site.app.send(request).await;
    if answer.status == 429 {
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=3_600).contains(&wait), "{wait}");
    }
    answer.status.as_u16()
}

#[tokio::test]
async fn mails_are_limited_by_address_by_network_and_in_all() {
    let site = Signing::with(limited([2, 3, 5], [100, 100, 100])).await;
    for (email, from, expect) in [
        ("ada@example.org", "192.0.2.1", 202),
        ("ADA@Example.org", "198.51.100.1", 202),
        ("ada@example.org", "203.0.113.1", 429),
        ("b@example.org", "192.0.2.2", 202),
        ("c@example.org", "192.0.2.99", 202),
        ("d@example.org", "192.0.2.200", 429),
        ("d@example.org", "::ffff:192.0.2.200", 429),
        ("d@example.org", "2001:db8::1", 202),
        ("e@example.org", "2001:db8:ffff::1", 429),
    ] {
        assert_eq!(code_from(&site, email, from).await, expect, "{email} {from}");
    }
    site.app.pass(Duration::from_secs(1_800));
    assert_eq!(code_from(&site, "ada@example.org", "192.0.2.1").await, 202, "attempts come back");
    let link = site.post("/v1/auth/link", "", json!({"email": "ada@example.org"})).await;
    assert_eq!(link.status, 202, "a link has attempts of its own");
}

#[tokio::test]
async fn promise_06_a_restart_forgives_no_attempt() {
    let site = Signing::with(limited([2, 100, 100], [2, 100, 100])).await;
    let (challenge, code) = site.ask("ada@example.org").await;
    site.ask("ada@example.org").await;
    assert_eq!(code_from(&site, "ada@example.org", "192.0.2.1").await, 429);
    let answer = |typed: String| json!({"challenge": challenge, "code": typed, "accept": accept()});
    for _ in 0..2 {
        assert_eq!(site.post("/v1/auth/session", "", answer(wrong(&code))).await.status, 400);
    }
    let before = site.post("/v1/auth/session", "", answer(code.clone())).await;
    assert_eq!(before.status, 429, "{}", before.text);

    let mut site = site;
    site.app.store = site.app.place.reopened(site.app.folder.path());
    let post = Arc::new(Postbox::default());
    let anew = identity(&site.app, &post, limited([2, 100, 100], [2, 100, 100]));
    let site = Signing { app: site.app.with_identity(anew), post };
    assert_eq!(code_from(&site, "ada@example.org", "192.0.2.1").await, 429);
    assert_eq!(site.post("/v1/auth/session", "", answer(code)).await.status, 429);
    assert_eq!(code_from(&site, "eve@example.org", "192.0.2.1").await, 202);
}

#[tokio::test]
async fn a_signed_in_browser_has_the_limits_of_its_address_too() {
    let site = Signing::with(limited([3, 100, 100], [3, 100, 100])).await;
    let token = site.token("ada@example.org").await;
    let (challenge, code) = site.confirm(&token, "ada@example.org", "passkey_remove").await;
    let path = "/v1/account/passkeys/psk_00000000000000000000000000";
    let remove = async |code: &str| {
        let body = json!({"challenge": challenge, "code": code});
        site.send(Method::DELETE, path, &token, &body).await.status.as_u16()
    };
    let found = [remove(&wrong(&code)).await, remove(&wrong(&code)).await, remove(&code).await];
    assert_eq!(found, [400, 400, 429]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_tries_at_once_five_are_looked_at_and_one_is_accepted() {
    let site = Signing::new().await;
    let (challenge, code) = site.ask("ada@example.org").await;
    let statuses = at_once(&site, &json!({"challenge": challenge, "code": code, "accept": accept()})).await;
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((count(201), count(400)), (1, 499), "{statuses:?}");
    let left = stored(&site, &challenge).await;
    assert!(left.is_used && left.attempts_left <= 4, "the one that was accepted took an attempt, too");
}

/// The statuses of five hundred sign-ins at once.
async fn at_once(site: &Signing, body: &Value) -> Vec<u16> {
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let mut routes = site.app.routes();
        let request = request(Method::POST, "/v1/auth/session", "", body.to_string());
        racing.spawn(async move { routes.call(request).await.unwrap().status().as_u16() });
    }
    racing.join_all().await
}

async fn stored(site: &Signing, challenge: &Value) -> CodeChallenge {
    let id: ChallengeId = challenge.as_str().unwrap().parse().unwrap();
    site.app.store.challenge(id.bits()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_wrong_codes_at_once_five_are_looked_at() {
    let site = Signing::new().await;
    let (challenge, code) = site.ask("ada@example.org").await;
    let statuses = at_once(&site, &json!({"challenge": challenge, "code": wrong(&code)})).await;
    assert!(statuses.iter().all(|status| *status == 400), "{statuses:?}");
    let left = stored(&site, &challenge).await;
    assert_eq!((left.attempts_left, left.is_used), (0, false));
    let body = json!({"challenge": challenge, "code": code, "accept": accept()});
    assert_eq!(site.post("/v1/auth/session", "", body).await.status, 400, "the right one comes too late");
}
