//! The checkout for frames of apps, and the browser SDK.

use crate::app::TestApp;
use opencredits_service::accounts::{NewPartner, PublishableKeyEdit};

const PAGE: &str = "https://app.example";

/// An app with three partners: their publishable keys, of which the first lists a page, the second none, the third another.
async fn with_partners() -> (TestApp, [String; 3]) {
    let app = TestApp::new().await;
    let mut keys = Vec::new();
    for (name, origin) in [("listed", Some(PAGE)), ("unlisted", None), ("other", Some("https://other.example"))] {
        let new = NewPartner { name: name.to_owned(), share: None, markup: None };
        app.accounts.add_partner(new).await.unwrap();
        let origins = origin.map(|origin| vec![origin.to_owned()]);
        let edit = PublishableKeyEdit { origins, ..PublishableKeyEdit::default() };
        keys.push(app.accounts.add_publishable_key(name, edit).await.unwrap().key);
    }
    (app, keys.try_into().unwrap())
}

/// The pages that may frame what is at a path.
async fn ancestors(app: &TestApp, path: &str) -> String {
    let answer = app.get(path, "").await;
    assert_eq!(answer.status, 200, "{path}");
    let policy = answer.header("content-security-policy").to_owned();
    assert!(!policy.contains("unsafe") && policy.starts_with("default-src 'none'"), "{policy}");
    policy.split_once("frame-ancestors ").unwrap().1.to_owned()
}

#[tokio::test]
async fn the_checkout_may_be_framed_by_the_pages_of_its_key() {
    let (app, [listed, unlisted, _]) = with_partners().await;
    let of = |key: &str| format!("/embed/checkout.html?pk={key}");
    assert_eq!(ancestors(&app, &of(&listed)).await, format!("'self' {PAGE}"));
    let local = ancestors(&app, &of(&unlisted)).await;
    assert!(local.contains(" http://localhost:*") && !local.contains("https://app.example"), "{local}");
    assert_eq!(ancestors(&app, &of("oc_pk_unknown")).await, "'self'");
    let all = ancestors(&app, "/embed/checkout").await;
    for source in [PAGE, "https://other.example", "http://localhost:*"] {
        assert!(all.split(' ').any(|one| one == source), "{source} is missing in {all}");
    }
    assert!(!all.split(' ').any(|one| ["*", "https:", "http:"].contains(&one)), "{all}");
    for path in ["/embed/paid", "/embed/cancelled"] {
        assert_eq!(ancestors(&app, path).await, "'none'", "{path}");
    }
}

#[tokio::test]
async fn the_config_names_the_app_to_its_own_pages_only() {
    let (app, [listed, unlisted, other]) = with_partners().await;
    for (key, origin, status) in [
        (listed.as_str(), PAGE, 200),
        (&listed, "https://other.example", 403),
        (&listed, "http://localhost:3000", 403),
        (&listed, "null", 403),
        (&other, PAGE, 403),
        (&unlisted, "http://localhost:3000", 200),
        (&unlisted, PAGE, 403),
        ("oc_pk_unknown", PAGE, 404),
    ] {
        let answer = app.get(&format!("/embed/config?publishable_key={key}&origin={origin}"), "").await;
        assert_eq!(answer.status.as_u16(), status, "{key} {origin}");
        let shown = answer.json();
        match status {
            200 => assert!(shown["partner"]["name"].is_string() && shown.as_object().unwrap().len() == 1, "{shown}"),
            _ => assert!(!shown.to_string().contains("\"partner\""), "{shown}"),
        }
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_or_whose_partner_is_suspended_shows_nothing() {
    let (app, [listed, ..]) = with_partners().await;
    let keys = app.accounts.publishable_keys("listed").await.unwrap();
    let id = keys.iter().find(|key| key.key == listed).unwrap().id;
    app.accounts.revoke_publishable_key(id).await.unwrap();
    assert_eq!(ancestors(&app, &format!("/embed/checkout?pk={listed}")).await, "'self'");
    assert!(!ancestors(&app, "/embed/checkout").await.contains(PAGE));
    let answer = app.get(&format!("/embed/config?publishable_key={listed}&origin={PAGE}"), "").await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn the_sdk_is_the_one_of_the_package() {
    let app = TestApp::new().await;
    let answer = app.get("/assets/sdk.js", "").await;
    assert_eq!(answer.text, include_str!("../../../../sdk/src/opencredits.js"));
    assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
}
