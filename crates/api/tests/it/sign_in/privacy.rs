//! What a person asks of their data, over the routes.

use super::Signing;
use crate::app::TestApp;
use http::Method;
use opencredits_api::PrivacyApp;
use opencredits_identity::{Link, LinkKeys, Purpose};
use opencredits_keys::HashKey;
use opencredits_service::UsageReads;
use opencredits_service::accounts::Tables;
use opencredits_service::mail::{AccountLinks, MailQueue};
use opencredits_service::privacy::{ExportTables, Exporter, Privacy, PrivacyPorts, PrivacyTables};
use opencredits_units::EntryId;
use serde_json::{Value, json};
use std::sync::Arc;

fn link_keys() -> LinkKeys {
    LinkKeys::new(vec![HashKey::new([8; 32])]).unwrap()
}

const ADA: &str = "ada@example.org";

pub(crate) fn app(app: &TestApp) -> PrivacyApp {
    let store = app.store.clone();
    let gateway = Arc::clone(&app.app.gateway);
    let ports = PrivacyPorts {
        ledger: app.ledger.clone().into(),
        queue: MailQueue::new(Some(store.clone()), app.fixed.clone(), app.fixed.clone()),
        purchases: None,
        changed: Box::new(move || gateway.keyring().forget_all()),
        clock: app.fixed.clone(),
        entropy: app.fixed.clone(),
    };
    let privacy = Privacy::new(PrivacyTables::of(store.clone()), ports, 14);
    let privacy = Arc::new(privacy.with_links(Some(AccountLinks::new(link_keys()))));
    let usage = Arc::new(UsageReads::new(app.ledger.clone(), store.clone()));
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

/// The link of a notice that ends its kind.
fn unsubscribe(site: &Signing, user: &Value, (kind, purpose): (&str, Purpose)) -> String {
    let user: opencredits_units::UserId = user.as_str().unwrap().parse().unwrap();
    let subject = [&user.bits().to_be_bytes()[..], kind.as_bytes()].concat();
    let link = Link::new(purpose, &subject, [1; 16], site.app.app.gateway.clock().now()).unwrap();
    format!("/mails/unsubscribe?link={}", link.sign(&link_keys()).unwrap().reveal())
}

#[tokio::test]
async fn a_person_chooses_which_notices_they_get() {
    let site = Signing::new().await;
    let (token, other) = (site.token(ADA).await, site.token("bob@example.org").await);
    let path = "/v1/account/notifications";
    let shown = async |token: &str| {
        let shown = site.get(path, token).await.json();
        ["low_balance", "limit_80", "limit_100"].map(|name| shown[name].as_bool().unwrap())
    };
    assert_eq!(shown(&token).await, [true; 3], "all are on at first");
    let choose = async |body: Value| site.send(Method::PATCH, path, &token, &body).await;
    assert_eq!(choose(json!({ "low_balance": false, "limit_100": false })).await.status, 200);
    assert_eq!(choose(json!({ "limit_100": true })).await.status, 200, "what is not named stays");
    assert_eq!(choose(json!({})).await.status, 200);
    assert_eq!((shown(&token).await, shown(&other).await), ([false, true, true], [true; 3]));
    for wrong in [json!({ "receipt": false }), json!({ "low_balance": "no" }), json!({ "low_balance": 0 }), json!([])] {
        assert_eq!(choose(wrong.clone()).await.status, 400, "{wrong}");
    }
    assert_eq!(site.send(Method::PATCH, path, "", &json!({ "low_balance": true })).await.status, 401);
    assert_eq!(shown(&token).await, [false, true, true]);
    let always = site.get(path, &token).await.json()["always"].to_string();
    for kind in ["receipt", "top_up_failed", "security"] {
        assert!(always.contains(kind), "{kind}");
    }
    let changes = site.app.store.audits(EntryId::default(), 99).await.unwrap();
    let changes = changes.iter().filter(|one| one.action == "user.notices").count();
    assert_eq!(changes, 2, "each change is recorded, and what changes nothing is not");
}

#[tokio::test]
async fn a_link_in_a_notice_ends_its_kind_by_one_request_and_opening_it_ends_nothing() {
    let site = Signing::new().await;
    let begun = site.enter(ADA).await;
    let (token, user) = (super::token(&begun), &begun["user"]["id"]);
    let link = unsubscribe(&site, user, ("low_balance", Purpose::Unsubscribe));
    let is_on = async || site.get("/v1/account/notifications", &token).await.json()["low_balance"] == true;
    let page = site.get(&link, "").await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, "no-store"));
    assert_eq!(page.header("referrer-policy"), "no-referrer", "the link goes nowhere else");
    assert!(page.text.contains("<form method=\"post\"") && !page.text.contains(ADA), "{}", page.text);
    assert!(is_on().await, "programs that look at mails open links");
    for _ in 0..2 {
        let mut request = crate::app::request(Method::POST, &link, "", "List-Unsubscribe=One-Click".to_owned());
        let form = "application/x-www-form-urlencoded".parse().unwrap();
        request.headers_mut().insert("content-type", form);
        let done = site.app.send(request).await;
        assert_eq!(done.status, 200, "once and again: {}", done.text);
        assert!(!is_on().await);
    }
    let shown = site.get("/v1/account/notifications", &token).await.json();
    assert_eq!((&shown["limit_80"], &shown["limit_100"]), (&json!(true), &json!(true)), "and no other kind");
    let wrong = [
        unsubscribe(&site, user, ("limit_all", Purpose::DeletionCancel)),
        unsubscribe(&site, user, ("receipt", Purpose::Unsubscribe)),
        unsubscribe(&site, &json!("user_00000000000000000000000000"), ("limit_all", Purpose::Unsubscribe)),
        format!("{}x", unsubscribe(&site, user, ("limit_all", Purpose::Unsubscribe))),
        "/mails/unsubscribe".to_owned(),
        "/mails/unsubscribe?link=%00".to_owned(),
    ];
    for link in wrong {
        let status = site.post(&link, "", Value::Null).await.status.as_u16();
        assert_eq!(status, 400, "{link}");
    }
    assert_eq!(site.get("/v1/account/notifications", &token).await.json()["limit_100"], true);
}
