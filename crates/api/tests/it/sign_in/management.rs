//! A session manages an account as a management key does, and spends nothing.

use super::{Signing, token};
use crate::app::request;
use crate::payments::sandbox_payments;
use http::Method;
use opencredits_service::accounts::Grant;
use opencredits_store::Standing;
use opencredits_units::{EntryId, NanoUsd, UserId};
use serde_json::{Value, json};

const NOTHING: Value = Value::Null;

#[tokio::test]
async fn a_session_makes_keys_sees_money_and_requests_and_is_named_in_the_record_of_changes() {
    let site = Signing::new().await;
    let begun = site.enter("ada@example.org").await;
    let session = token(&begun);
    let user: UserId = begun["user"]["id"].as_str().unwrap().parse().unwrap();
    let (amount, reason) = (NanoUsd::new(5_000_000_000), "welcome".to_owned());
    site.app.accounts.grant_credits(Grant { user, amount, id: None, reason }).await.unwrap();
    let balance = site.app.get("/v1/credits/balance", &session).await;
    assert_eq!(balance.json(), json!({"balance": 500}), "{}", balance.text);
    let made = site.post("/v1/keys", &session, json!({"name": "laptop"})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let chat = json!({"model": "sandbox/gpt", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]});
    let answer = site.app.post("/v1/chat/completions", &key, &chat).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = answer.header("x-generation-id").to_owned();
    for path in [
        "/v1/keys",
        "/v1/credits",
        "/v1/transactions",
        "/v1/generations",
        "/v1/activity",
        "/v1/partners/applications",
        &format!("/v1/generation?id={id}"),
    ] {
        let shown = site.app.get(path, &session).await;
        assert_eq!(shown.status, 200, "{path}: {}", shown.text);
    }
    let audits = site.app.store.audits(EntryId::default(), 100).await.unwrap();
    let actor = &audits.iter().find(|audit| audit.action == "key.add").unwrap().actor;
    assert_eq!(actor, begun["session"]["id"].as_str().unwrap());

    let spends = site.app.post("/v1/chat/completions", &session, &chat).await;
    assert_eq!((spends.status.as_u16(), spends.text.contains("spends nothing")), (403, true), "{}", spends.text);
    site.send(Method::DELETE, "/v1/auth/session", &session, &NOTHING).await;
    assert_eq!(site.app.get("/v1/keys", &session).await.status, 401);
    assert_eq!(site.app.get("/v1/credits/balance", &session).await.status, 401);
}

#[tokio::test]
async fn a_session_buys_credits() {
    let site = Signing::new().await;
    let payments = sandbox_payments(&site.app);
    let site = Signing { app: site.app.with_payments(payments), post: site.post };
    let session = site.token("ada@example.org").await;
    let bought = site.post("/v1/credits/checkout", &session, json!({"amount": 10})).await;
    assert!(bought.status.is_success(), "{}", bought.text);
    let orders = site.app.get("/v1/credits/orders", &session).await;
    assert_eq!(orders.status, 200, "{}", orders.text);
}

#[tokio::test]
async fn a_suspended_person_signs_in_and_manages_nothing() {
    let site = Signing::new().await;
    let begun = site.enter("ada@example.org").await;
    let id = begun["user"]["id"].as_str().unwrap();
    site.app.accounts.set_standing(id, Standing::Suspended, "why".to_owned()).await.unwrap();
    let session = site.token("ada@example.org").await;
    assert_eq!(site.standing(&session).await, 200, "what is kept about them stays theirs to ask for");
    assert_eq!(site.app.get("/v1/keys", &session).await.status, 403);
}

#[tokio::test]
async fn an_address_that_took_no_mail_takes_it_again_once_a_code_came_back() {
    let site = Signing::new().await;
    let begun = site.enter("ada@example.org").await;
    let user: UserId = begun["user"]["id"].as_str().unwrap().parse().unwrap();
    site.app.store.flag_bounced("ada@example.org", site.app.fixed.clock.now()).await.unwrap();
    site.enter("ada@example.org").await;
    assert_eq!(site.app.store.email_of(user).await.unwrap().unwrap().bounced_at, None);
}

#[tokio::test]
async fn two_tokens_that_differ_are_refused() {
    let site = Signing::new().await;
    let (ada, eve) = (site.token("ada@example.org").await, site.token("eve@example.org").await);
    let mut request = request(Method::GET, "/v1/auth/session", &ada, String::new());
    request.headers_mut().insert("x-api-key", eve.parse().unwrap());
    assert_eq!(site.app.send(request).await.status, 401);
}
