//! What a person asks of their data, over the routes.

use super::Signing;
use crate::app::TestApp;
use http::Method;
use opencredits_api::PrivacyApp;
use opencredits_service::UsageReads;
use opencredits_service::accounts::Tables;
use opencredits_service::mail::MailQueue;
use opencredits_service::privacy::{ExportTables, Exporter, Privacy, PrivacyPorts, PrivacyTables};
use opencredits_store::{AuditLog, Outbox};
use opencredits_units::EntryId;
use serde_json::{Value, json};
use std::sync::Arc;

const ADA: &str = "ada@example.org";

pub(crate) fn app(app: &TestApp) -> PrivacyApp {
    let store = app.store.clone();
    let gateway = Arc::clone(&app.app.gateway);
    let ports = PrivacyPorts {
        ledger: app.ledger.clone(),
        queue: MailQueue::new(Some(Arc::new(store.clone())), app.fixed.clone(), app.fixed.clone()),
        purchases: None,
        changed: Box::new(move || gateway.keyring().forget_all()),
        clock: app.fixed.clone(),
        entropy: app.fixed.clone(),
    };
    let privacy = Arc::new(Privacy::new(PrivacyTables::of(store.clone()), ports, 14));
    let usage = Arc::new(UsageReads::new(app.ledger.clone(), Arc::new(store.clone())));
    let tables = ExportTables::of(Tables::of(store.clone()), store);
    PrivacyApp::new(privacy, Arc::new(Exporter::new(tables, usage, app.ledger.clone())))
}

impl Signing {
    async fn get(&self, path: &str, token: &str) -> crate::app::Answer {
        self.send(Method::GET, path, token, &Value::Null).await
    }

    /// The body of a request that a code confirms.
    async fn confirmed(&self, token: &str, purpose: &str) -> Value {
        let (challenge, code) = self.confirm(token, ADA, purpose).await;
        json!({ "challenge": challenge, "code": code })
    }
}

#[tokio::test]
async fn promise_12_an_export_is_confirmed_by_a_code_for_it_and_belongs_to_its_session() {
    let site = Signing::new().await;
    let (token, other) = (site.token(ADA).await, site.token(ADA).await);
    let path = "/v1/account/export";
    assert_eq!(site.get(path, &token).await.status, 403, "not without a code");
    let wrong_purpose = site.confirmed(&token, "deletion").await;
    assert_eq!(site.post(path, &token, wrong_purpose).await.status, 400, "a code for something else is none");
    let right = site.confirmed(&token, "export").await;
    assert_eq!(site.post(path, "", right.clone()).await.status, 401, "nobody is signed in");
    let confirmed = site.post(path, &token, right.clone()).await;
    assert_eq!((confirmed.status.as_u16(), confirmed.json()["expires_in"].as_u64()), (200, Some(300)));
    assert_eq!(site.post(path, &token, right).await.status, 400, "a code is used once");
    assert_eq!(site.get(path, &other).await.status, 403, "another session has to confirm for itself");
    assert_eq!(site.get("/v1/account/export?format=tar", &token).await.status, 400);
    let archive = site.get("/v1/account/export?format=zip", &token).await;
    assert_eq!((archive.status.as_u16(), archive.header("content-type")), (200, "application/zip"));
    assert_eq!(archive.header("cache-control"), "no-store");
    assert!(archive.text.starts_with("PK"));
    for name in ["README.txt", "addresses.json", "addresses.csv", "requests.csv", "changes.json"] {
        assert!(archive.text.contains(name), "{name}");
    }
    let actions = site.app.store.audits(EntryId::default(), 99).await.unwrap();
    assert!(actions.iter().any(|one| one.action == "user.export" && one.detail.is_empty()), "it is recorded");
}

#[tokio::test]
async fn promise_12_a_deletion_is_confirmed_scheduled_and_called_off() {
    let site = Signing::new().await;
    let token = site.token(ADA).await;
    let path = "/v1/account/deletion";
    let preview = site.get(path, &token).await.json();
    assert_eq!((&preview["scheduled"], &preview["balance_lost_usd"]), (&json!(false), &json!("0")));
    let wrong = json!({ "challenge": "chl_1", "code": "000000" });
    assert_eq!(site.post(path, &token, wrong).await.status, 400, "not without a code");
    let body = site.confirmed(&token, "deletion").await;
    let leaving = site.post(path, &token, body).await;
    assert_eq!(leaving.status, 202, "{}", leaving.text);
    let state = site.get("/v1/account/privacy", &token).await.json();
    assert_eq!(state["deletion"]["due_at"], leaving.json()["due_at"]);
    assert_eq!(state["paused"], true);
    assert_eq!(
        site.app.store.counts(site.app.app.gateway.clock().now()).await.unwrap().waiting,
        1,
        "a mail tells of it"
    );
    assert_eq!(site.send(Method::DELETE, path, &token, &Value::Null).await.status, 204);
    assert_eq!(site.send(Method::DELETE, path, &token, &Value::Null).await.status, 404, "once");
    assert_eq!(site.get("/v1/account/privacy", &token).await.json()["paused"], false);
    let link = site.post("/v1/account/deletion/cancel", "", json!({ "link": "AQ" })).await;
    assert_eq!(link.status, 400, "a link that nobody signed");
}

#[tokio::test]
async fn promise_12_restriction_and_objection_are_confirmed_and_can_be_lifted() {
    let site = Signing::new().await;
    let token = site.token(ADA).await;
    for (path, name, since) in [
        ("/v1/account/restriction", "restricted", "restricted_since"),
        ("/v1/account/objection", "objected", "objected_since"),
    ] {
        for on in [true, false] {
            let mut body = json!({ "challenge": "chl_1", "code": "000000" });
            body[name] = json!(on);
            assert_eq!(site.send(Method::PUT, path, &token, &body).await.status, 400, "not without a code");
            let mut body = site.confirmed(&token, "restriction").await;
            body[name] = json!(on);
            let answer = site.send(Method::PUT, path, &token, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json()[since].is_null(), !on, "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_deleted_person_is_signed_out_and_their_address_makes_another_account() {
    let site = Signing::new().await;
    let begun = site.enter(ADA).await;
    let token = super::token(&begun);
    let privacy = &site.app.app.identity.as_ref().unwrap().privacy.as_ref().unwrap().privacy;
    let user: opencredits_units::UserId = begun["user"]["id"].as_str().unwrap().parse().unwrap();
    privacy.erase(user, opencredits_service::privacy::Asker::Operator).await.unwrap();
    assert_eq!(site.standing(&token).await, 401);
    let again = site.enter(ADA).await;
    assert_eq!(again["is_new"], true);
    assert_ne!(again["user"]["id"], begun["user"]["id"]);
}
