//! People apply to run a partner, and partners see how many people they brought.

use crate::app::{Answer, TestApp, request};
use crate::engine::OnlyOnFiles;
use http::Method;
use opencredits_service::accounts::{AccountsError, Approval, Edit, NewKey, NewPartner, NewUser, PartnerEdit};
use opencredits_store::{Partner, Standing, User};
use opencredits_units::{BasisPoints, PartnerId};
use serde_json::{Value, json};
use std::time::Duration;

const MONTH: Duration = Duration::from_secs(31 * 86_400);

fn application(name: &str) -> Value {
    json!({"name": name, "url": "https://editor.example", "origins": ["https://editor.example"],
           "redirect_urls": ["https://editor.example/back"]})
}

async fn manager(app: &TestApp, user: &User) -> String {
    app.accounts.add_management_key(user.id, "console".to_owned()).await.unwrap().1.reveal().to_owned()
}

async fn quote(app: &TestApp, key: &str, origin: &str) -> Answer {
    let body = json!({"publishable_key": key, "models": ["sandbox/gpt"]});
    let mut asked = request(Method::POST, "/v1/credits/pricing", "", body.to_string());
    asked.headers_mut().insert("origin", origin.parse().unwrap());
    app.send(asked).await
}

#[tokio::test]
async fn an_applicant_has_test_mode_only_until_the_operator_approves() {
    let app = TestApp::with_test_mode();
    let (user, _) = app.person(10).await;
    let key = manager(&app, &user).await;
    let applied = app.post("/v1/partners/apply", &key, &application("Editor")).await;
    assert_eq!(applied.status, 201, "{}", applied.text);
    let applied = applied.json();
    assert_eq!(applied["data"]["state"], "open");
    let test_key = applied["test"]["key"].as_str().unwrap();
    let hello =
        json!({"model": "openai/gpt-4o-mini", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]});
    assert_eq!(app.post("/v1/chat/completions", test_key, &hello).await.status, 200);
    let test_pk = applied["test"]["publishable_key"].as_str().unwrap();
    assert_eq!(quote(&app, test_pk, "https://anywhere.example").await.status, 200);

    let id: PartnerId = applied["data"]["id"].as_str().unwrap().parse().unwrap();
    assert!(matches!(app.accounts.find_partner(&id.to_string()).await, Err(AccountsError::NoPartner { .. })));
    let approval = Approval { share: Some(BasisPoints::new(3_000)), ..Approval::default() };
    let partner = app.accounts.approve_application(id, approval.clone()).await.unwrap();
    assert_eq!((partner.id, partner.owner, partner.share), (id, Some(user.id), Some(BasisPoints::new(3_000))));
    assert_eq!(app.accounts.approve_application(id, approval).await.unwrap(), partner, "a repetition changes nothing");
    assert_eq!(quote(&app, &partner.publishable_key, "https://editor.example").await.status, 200);
    assert_eq!(quote(&app, &partner.publishable_key, "https://anywhere.example").await.status, 403);
    let listed = app.get("/v1/partners/applications", &key).await.json();
    assert_eq!(listed["data"][0]["state"], "approved");
    assert!(app.accounts.reject_application(id, "late".to_owned()).await.is_err(), "it is decided");
}

#[tokio::test]
async fn an_application_with_the_name_of_a_partner_is_refused_as_its_approval_would_be() {
    let app = TestApp::with_test_mode();
    let (user, _) = app.person(10).await;
    let key = manager(&app, &user).await;
    let taken = app.partner().await.name;
    let refused = app.post("/v1/partners/apply", &key, &application(&taken)).await;
    assert!(refused.status.is_client_error() && refused.text.contains(&taken), "{} {}", refused.status, refused.text);
    assert_eq!(app.post("/v1/partners/apply", &key, &application("Another")).await.status, 201);
}

#[tokio::test]
async fn a_rejected_applicant_has_no_test_mode_any_more() {
    let app = TestApp::with_test_mode();
    let (user, _) = app.person(10).await;
    let applied = app.post("/v1/partners/apply", &manager(&app, &user).await, &application("Editor")).await.json();
    let key = applied["test"]["key"].as_str().unwrap();
    let id: PartnerId = applied["data"]["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(app.get("/v1/credits/balance", key).await.status, 200);
    app.accounts.reject_application(id, "no such page".to_owned()).await.unwrap();
    assert_eq!(app.get("/v1/credits/balance", key).await.status, 403);
    assert!(app.accounts.add_test_key(&id.to_string(), "another".to_owned()).await.is_err());
}

#[tokio::test]
async fn test_mode_has_the_share_and_the_markup_of_the_live_partner() {
    let app = TestApp::with_test_mode();
    let share = Some(BasisPoints::new(4_000));
    let partner =
        app.accounts.add_partner(NewPartner { name: "Editor".to_owned(), share, markup: None }).await.unwrap();
    let of_test = async || app.accounts.test_partner(&partner).await.unwrap().unwrap();
    assert_eq!((of_test().await.share, of_test().await.markup), (share, None));
    let share = Edit::Set(BasisPoints::new(3_000));
    app.accounts.edit_partner("Editor", PartnerEdit { share, ..PartnerEdit::default() }).await.unwrap();
    assert_eq!(of_test().await.share, Some(BasisPoints::new(3_000)));
}

#[tokio::test]
async fn a_person_has_three_open_applications_at_most_and_a_rejection_frees_a_place() {
    let app = TestApp::new().await;
    let (user, spending) = app.person(10).await;
    let key = manager(&app, &user).await;
    let apply = async |name: &str| app.post("/v1/partners/apply", &key, &application(name)).await;
    let first = apply("One").await;
    assert_eq!(first.json()["test"], Value::Null, "test mode is off here");
    let id: PartnerId = first.json()["data"]["id"].as_str().unwrap().parse().unwrap();
    for (name, status) in [("Two", 201), ("Three", 201), ("Four", 400)] {
        let answer = apply(name).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text);
    }
    let rejected = app.accounts.reject_application(id, "no such page".to_owned()).await.unwrap();
    assert_eq!(rejected.reason, "no such page");
    assert!(app.accounts.approve_application(id, Approval::default()).await.is_err());
    assert_eq!(apply("Four").await.status, 201);
    let wrong = [
        json!({"name": "", "url": "https://a.example"}),
        json!({"name": "Five", "url": "http://a.example"}),
        json!({"name": "Five", "url": "https://a.example", "origins": ["https://a.example/path"]}),
        json!({"name": "Five"}),
        json!({"name": "Five", "url": "https://a.example", "share": 1}),
    ];
    for body in wrong {
        assert_eq!(app.post("/v1/partners/apply", &key, &body).await.status, 400, "{body}");
    }
    assert_eq!(app.post("/v1/partners/apply", &spending, &application("Six")).await.status, 403);
}

/// So many new people with a key through a partner, of whom the first ones have bought.
async fn bring(app: &TestApp, partner: &Partner, people: usize, buyers: u8) {
    for at in 0..people {
        let label = format!("person {} {at}", app.fixed_day());
        let user = app.accounts.add_user(NewUser { id: None, label }).await.unwrap();
        for _ in 0..2 {
            let new = NewKey { partner: Some(partner.id), ..TestApp::plain_key(&user) };
            app.accounts.add_key(new).await.unwrap();
        }
        if at < usize::from(buyers) {
            let mut order = opencredits_store::conformance::order(u8::try_from(at).unwrap());
            order.id = opencredits_units::OrderId::from_bits(user.id.bits());
            (order.user, order.partner, order.request) = (user.id, None, None);
            order.state = opencredits_store::OrderState::Paid;
            app.store.add_order(&order).await.unwrap();
        }
    }
}

#[tokio::test]
async fn referrals_count_people_once_over_five_or_more_and_never_the_owner() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let secret = app.accounts.add_partner_key(&partner.name, "reports".to_owned()).await.unwrap().1;
    let shown = async || app.get("/v1/partner/referrals", secret.reveal()).await.json()["data"].clone();
    let (owner, _) = app.person(10).await;
    let edit = opencredits_service::accounts::Edit::Set(owner.id);
    let edit = opencredits_service::accounts::PartnerEdit { owner: edit, ..Default::default() };
    app.accounts.edit_partner(&partner.name, edit).await.unwrap();
    app.key(&owner, Some(&partner), None).await;
    bring(&app, &partner, 4, 1).await;
    app.pass(MONTH);
    assert_eq!(shown().await, json!([]), "four people are too few, and the owner is none of them");
    bring(&app, &partner, 6, 2).await;
    assert_eq!(shown().await, json!([]), "those of today are counted tomorrow");
    app.pass(MONTH);
    assert_eq!(shown().await, json!([{"month": "other", "people": 10, "buyers": 3}]));
    bring(&app, &partner, 7, 0).await;
    app.pass(MONTH);
    let found = shown().await;
    assert_eq!((found[0]["people"].clone(), found[0]["buyers"].clone()), (json!(7), json!(0)), "{found}");
    assert_eq!(found[1], json!({"month": "other", "people": 10, "buyers": 3}));
}

#[tokio::test]
async fn a_partner_asks_for_its_figures_sixty_times_a_minute_at_most() {
    if OnlyOnFiles::Minutes.leaves_out() {
        return;
    }
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let secret = app.accounts.add_partner_key(&partner.name, "reports".to_owned()).await.unwrap().1;
    for _ in 0..60 {
        assert_eq!(app.get("/v1/partner", secret.reveal()).await.status, 200);
    }
    for path in ["/v1/partner", "/v1/partner/usage", "/v1/partner/referrals", "/v1/partner/statements"] {
        let answer = app.get(path, secret.reveal()).await;
        assert_eq!(answer.status, 429, "{path}: {}", answer.text);
        assert_ne!(answer.header("retry-after"), "", "{path}");
    }
    app.pass(Duration::from_secs(60));
    assert_eq!(app.get("/v1/partner", secret.reveal()).await.status, 200);
    app.accounts.set_partner_standing(&partner.name, Standing::Suspended, String::new()).await.unwrap();
    assert_eq!(app.get("/v1/partner", secret.reveal()).await.status, 403);
}
