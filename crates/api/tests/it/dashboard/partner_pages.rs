//! What the pages of the partner portal show.

use super::partner::{applied, approved, owner, send};
use super::{ask, fragment, page, session, signing};
use crate::app::TestApp;
use http::Method;
use opencredits_service::accounts::{Edit, PartnerEdit, Payout};
use opencredits_store::Partner;
use opencredits_units::{BasisPoints, EntryId, PartnerId, UnixMs};
use serde_json::json;
use std::time::Duration;

const PAGES: [&str; 4] = ["/partner", "/partner/keys", "/partner/statements", "/partner/guide"];
const DAY: Duration = Duration::from_secs(86_400);
const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&{{7*7}}";

/// So many new people who send a request through a partner.
async fn bring(app: &TestApp, partner: &Partner, people: usize) {
    for _ in 0..people {
        let (user, _) = app.person(10).await;
        let key = app.key(&user, Some(partner), None).await;
        ask(app, &key, "sandbox/gpt").await;
        app.pass(Duration::from_millis(5));
    }
}

/// The amount behind a heading of the headline.
fn figure<'a>(page: &'a str, after: &str) -> &'a str {
    let from = &page[page.find(after).unwrap_or_else(|| panic!("{after} in {page}"))..];
    let from = &from[from.find("class=\"figure\"").unwrap()..];
    let from = &from[from.find('>').unwrap() + 1..];
    from[..from.find('<').unwrap()].trim()
}

#[tokio::test]
async fn each_page_is_a_shell_for_browsers_and_the_policy_lets_it_show_the_checkout() {
    let app = signing(TestApp::new().await);
    for path in PAGES {
        let answer = app.get(path, "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text.contains("data-area=\"partner\" data-shell"), "{path}: {}", answer.text);
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    }
}

#[tokio::test]
async fn who_runs_no_partner_is_told_what_it_is_and_may_apply() {
    let app = signing(TestApp::new().await);
    let user = app.person(0).await.0;
    let token = session(&app, &user, 1).await;
    let overview = page(&app, "/partner", &token).await;
    assert!(
        overview.contains("data-api=\"POST /v1/partners/apply\"") && overview.contains("50% of the markup"),
        "{overview}"
    );
    for path in &PAGES[1..] {
        let shown = page(&app, path, &token).await;
        assert!(shown.contains("See how to apply") || shown.contains("Apply first"), "{path}: {shown}");
    }
    for name in ["One", "Two", "Three"] {
        applied(&app, &token, name).await;
        app.pass(Duration::from_secs(1));
    }
    let waiting = page(&app, "/partner", &token).await;
    assert!(
        waiting.contains("has not decided on Three") && waiting.contains("Three of your applications"),
        "{waiting}"
    );
    assert!(!waiting.contains("POST /v1/partners/apply"), "{waiting}");
}

#[tokio::test]
async fn a_rejection_stands_there_with_its_reason_and_no_text_of_a_person_is_markup() {
    let app = signing(TestApp::with_test_mode());
    let user = app.person(0).await.0;
    let token = session(&app, &user, 1).await;
    let id: PartnerId = applied(&app, &token, HOSTILE).await["data"]["id"].as_str().unwrap().parse().unwrap();
    for path in PAGES {
        let shown = page(&app, path, &token).await;
        assert!(!shown.contains("<img") && !shown.contains("{{7*7}}\""), "{path}: {shown}");
    }
    let test = page(&app, "/partner/keys", &token).await;
    assert!(test.contains("oc_sk_test_…") && test.contains("10,000") && !test.contains("/publishable-keys"), "{test}");
    app.accounts.reject_application(id, format!("no such page {HOSTILE}")).await.unwrap();
    let rejected = page(&app, "/partner", &token).await;
    assert!(
        rejected.contains("Rejected") && rejected.contains("no such page") && !rejected.contains("<img"),
        "{rejected}"
    );
    assert!(rejected.contains("Apply for another app"), "{rejected}");
    assert!(page(&app, "/partner/keys", &token).await.contains("Apply first"));
}

#[tokio::test]
async fn an_owners_texts_are_no_markup_on_any_page() {
    let app = signing(TestApp::with_test_mode());
    let (_, token, partner) = owner(&app, 1).await;
    let edit = PartnerEdit { name: Some(HOSTILE.to_owned()), ..PartnerEdit::default() };
    app.accounts.edit_partner(&partner.name, edit).await.unwrap();
    app.pass(DAY);
    approved(&app, &token, "Second").await;
    let base = format!("/v1/partners/{}", partner.id);
    for kind in ["keys", "publishable-keys", "test-keys"] {
        let made = send(&app, Method::POST, &format!("{base}/{kind}"), &token, &json!({"name": HOSTILE})).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    for path in PAGES {
        for query in [String::new(), format!("?partner={}", partner.id), format!("?partner={}&mode=test", partner.id)] {
            let shown = page(&app, &format!("{path}{query}"), &token).await;
            assert!(!shown.contains("<img") && shown.contains("&lt;img"), "{path}{query}: {shown}");
        }
    }
}

#[tokio::test]
async fn earnings_count_everything_and_days_of_fewer_than_five_people_are_not_shown() {
    let app = signing(TestApp::new().await);
    let (_, token, partner) = owner(&app, 1).await;
    bring(&app, &partner, 4).await;
    app.pass(DAY);
    let hidden = page(&app, "/partner", &token).await;
    assert_ne!(figure(&hidden, "Earned this month"), "0", "{hidden}");
    assert!(hidden.contains("Once 5 people") && !hidden.contains("sandbox/gpt"), "{hidden}");
    assert!(hidden.contains("Shown once there are 5"), "{hidden}");
    bring(&app, &partner, 6).await;
    let today = page(&app, "/partner", &token).await;
    assert!(!today.contains("sandbox/gpt"), "a day that goes on is not shown: {today}");
    app.pass(DAY);
    let shown = page(&app, "/partner?days=7", &token).await;
    assert!(shown.contains("sandbox/gpt") && shown.contains("September 2026"), "{shown}");
    assert_eq!(shown.matches("<rect class=\"hit\"").count(), 2 * 7, "commission and requests");
    assert!(shown.contains("Requests by day") && shown.contains(": 6"), "{shown}");
    let day = app.gateway().clock().now().day() - 1;
    let date = opencredits_service::day_text(day);
    let api = app.get(&format!("/v1/partners/{}/usage?from={date}&to={date}", partner.id), &token).await.json();
    assert_eq!((api["data"][0]["people"].as_u64(), api["data"].as_array().unwrap().len()), (Some(6), 1));
    let one = page(&app, &format!("/partner?from={date}&to={date}"), &token).await;
    let charged = api["data"][0]["charged_usd"].as_str().unwrap();
    assert!(one.contains(&format!("${charged}")), "{charged}: {one}");
    let long = page(&app, "/partner?days=365", &token).await;
    assert_eq!(long.matches("<rect class=\"hit\"").count(), 2 * 92);
    assert!(page(&app, "/partner?from=1970-01-01&to=2999-01-01&days=x&mode=else", &token).await.len() < 100_000);
}

#[tokio::test]
async fn commission_matures_is_paid_out_and_stands_in_the_statements() {
    let app = signing(TestApp::new().await);
    let (user, token, partner) = owner(&app, 1).await;
    bring(&app, &partner, 2).await;
    let earned = app.accounts.earnings_of(&partner).await.unwrap().accrued;
    let new = page(&app, "/partner", &token).await;
    assert_eq!((figure(&new, "Can be paid out"), figure(&new, "Matures next")), ("0", "0"));
    app.pass(Duration::from_secs(100 * 86_400));
    let token = session(&app, &user, 2).await;
    let soon = page(&app, "/partner", &token).await;
    assert_eq!(figure(&soon, "Can be paid out"), "0");
    assert_eq!(figure(&soon, "Matures next"), figure(&new, "Earned this month"));
    app.pass(Duration::from_secs(30 * 86_400));
    let token = session(&app, &user, 3).await;
    let matured = page(&app, "/partner", &token).await;
    assert_eq!(figure(&matured, "Can be paid out"), figure(&new, "Earned this month"));
    let id = EntryId::at(UnixMs::new(1_801_500_000_000), [7; 10]);
    let payout = Payout { partner: partner.name.clone(), amount: None, id: Some(id), reason: HOSTILE.to_owned() };
    assert_eq!(app.accounts.pay_out(payout).await.unwrap().amount, earned);
    let statements = page(&app, "/partner/statements", &token).await;
    assert!(statements.contains("September 2026") && statements.contains(&id.to_string()), "{statements}");
    assert!(statements.contains(&format!("${earned}")) && !statements.contains("<img"), "{statements}");
    assert!(
        statements.contains(&format!("data-download=\"/v1/partners/{}/statements?format=csv\"", partner.id)),
        "{statements}"
    );
    let listed = app.get(&format!("/v1/partners/{}/payouts", partner.id), &token).await.json();
    assert_eq!(listed["data"][0]["amount_usd"], json!(earned));
    assert_eq!(figure(&page(&app, "/partner", &token).await, "Can be paid out"), "0");
}

#[tokio::test]
async fn a_request_with_a_test_key_is_commission_of_test_mode_and_of_no_other() {
    let app = signing(TestApp::with_test_mode());
    let (_, token, partner) = owner(&app, 1).await;
    let made =
        send(&app, Method::POST, &format!("/v1/partners/{}/test-keys", partner.id), &token, &json!({"name": "n"}))
            .await;
    let key = made.json()["key"].as_str().unwrap().to_owned();
    ask(&app, &key, "openai/gpt-4o-mini").await;
    let test = page(&app, "/partner?mode=test", &token).await;
    assert!(test.contains("openai/gpt-4o-mini") && test.contains("nothing of this is paid out"), "{test}");
    assert_ne!(figure(&test, "Earned this month"), "0", "{test}");
    let live = page(&app, "/partner", &token).await;
    assert!(!live.contains("openai/gpt-4o-mini") && figure(&live, "Earned this month") == "0", "{live}");
    assert_eq!(fragment(&app, "/partner?mode=test", &key).await.status, 404, "in test mode there is no portal");
}

#[tokio::test]
async fn keys_terms_and_the_guide_are_the_partners_own() {
    let app = signing(TestApp::with_test_mode());
    let (_, token, partner) = owner(&app, 1).await;
    let edit = PartnerEdit { share: Edit::Set(BasisPoints::new(4_250)), ..PartnerEdit::default() };
    let partner = app.accounts.edit_partner(&partner.name, edit).await.unwrap();
    let keys = page(&app, "/partner/keys", &token).await;
    for part in ["42.5% of the markup", "https://editor.example", &partner.publishable_key, "oc_pk_test_"] {
        assert!(keys.contains(part), "{part}: {keys}");
    }
    let guide = page(&app, "/partner/guide", &token).await;
    let test_key = app.accounts.test_partner(&partner).await.unwrap().unwrap().publishable_key;
    assert!(guide.contains(&format!("data-key=\"{test_key}\"")), "{guide}");
    assert!(guide.contains("openai/gpt-4o-mini") && guide.contains("/assets/sdk.js"), "{guide}");
    app.pass(DAY);
    let second = approved(&app, &token, "Second").await;
    let switched = page(&app, "/partner/keys", &token).await;
    assert!(switched.contains(&second.publishable_key) && !switched.contains(&partner.publishable_key), "the newest");
    let back = page(&app, &format!("/partner/keys?partner={}", partner.id), &token).await;
    assert!(back.contains(&partner.publishable_key) && back.contains("data-many"), "{back}");
}
