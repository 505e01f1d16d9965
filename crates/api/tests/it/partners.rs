//! What partners earn, what follows purchases back, and what they see.

use crate::app::{Answer, TestApp, request};
use http::Method;
use opencredits_keys::PartnerKey;
use opencredits_service::accounts::{AccountsError, Edit, PartnerEdit, Payout, PublishableKeyEdit};
use opencredits_service::books;
use opencredits_store::{Partner, PartnerKeyRecord, Standing, User};
use opencredits_units::{EntryId, KeyId, NanoUsd, UnixMs};
use serde_json::{Value, json};
use std::time::Duration;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const DAY: Duration = Duration::from_secs(86_400);
const PATHS: [&str; 4] = ["/v1/partner", "/v1/partner/usage", "/v1/partner/statements", "/v1/partner/payouts"];

fn chat(model: &str) -> Value {
    json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]})
}

async fn ask(app: &TestApp, key: &str, model: &str) {
    let answer = app.post("/v1/chat/completions", key, &chat(model)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

fn earned(app: &TestApp, partner: &Partner) -> i64 {
    app.ledger.balance(partner.earnings).unwrap().posted.get()
}

/// A secret key of this partner.
async fn secret_of(app: &TestApp, partner: &Partner) -> String {
    app.accounts.add_partner_key(&partner.name, "reports".to_owned()).await.unwrap().1.reveal().to_owned()
}

fn payout(partner: &Partner, amount: Option<i64>, id: u128) -> Payout {
    Payout {
        partner: partner.name.clone(),
        amount: amount.map(NanoUsd::new),
        id: Some(EntryId::at(NOW, id.to_be_bytes()[6..].try_into().unwrap())),
        reason: "bank transfer".to_owned(),
    }
}

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn own_spending_and_that_of_a_suspended_partner_earn_nothing_and_cost_the_same() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let (owner, _) = app.person(10).await;
    let (other, _) = app.person(10).await;
    let keys = [app.key(&owner, Some(&partner), None).await, app.key(&other, Some(&partner), None).await];
    let check = async |user: &User, key: &str, earns: bool| {
        let before = (app.available(user), earned(&app, &partner));
        ask(&app, key, "sandbox/gpt").await;
        let (charged, commission) = (before.0 - app.available(user), earned(&app, &partner) - before.1);
        assert_eq!(commission > 0, earns, "{commission}");
        assert!(charged > commission, "{charged} {commission}");
        charged
    };
    let full = check(&owner, &keys[0], true).await;
    let edit = PartnerEdit { owner: Edit::Set(owner.id), ..PartnerEdit::default() };
    app.accounts.edit_partner(&partner.name, edit).await.unwrap();
    assert_eq!(check(&owner, &keys[0], false).await, full, "the price is the same");
    check(&other, &keys[1], true).await;
    app.accounts.set_partner_standing(&partner.name, Standing::Suspended, String::new()).await.unwrap();
    assert_eq!(check(&other, &keys[1], false).await, full, "and so is that of a suspended partner's key");
    app.accounts.set_partner_standing(&partner.name, Standing::Good, String::new()).await.unwrap();
    check(&other, &keys[1], true).await;
    check(&owner, &keys[0], false).await;
    app.settled();
}

#[tokio::test]
async fn two_who_collude_get_no_more_out_than_was_paid_in() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    // The person has enough for some requests, and sends more.
    let has = 3_000_000;
    let (user, _) = app.person_with(NanoUsd::new(has)).await;
    let key = app.key(&user, Some(&partner), None).await;
    let mut served = 0;
    while app.post("/v1/chat/completions", &key, &chat("sandbox/gpt")).await.status == 200 {
        served += 1;
        assert!(served < 1_000, "the balance ends");
    }
    let (left, commission) = (app.available(&user), earned(&app, &partner));
    let spent = has - left;
    assert!(left >= 0 && served > 0, "{left} {served}");
    assert!(spent > 0 && commission > 0);
    // 40 % of the markup, which is a fifth of what was collected.
    assert!(commission <= spent * 2 / 25, "{commission} of {spent}");
    app.settled();
}

#[tokio::test]
async fn a_suspended_partners_publishable_and_secret_keys_are_refused() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let secret = secret_of(&app, &partner).await;
    let quote = json!({"publishable_key": partner.publishable_key});
    assert_eq!(app.post("/v1/credits/pricing", "", &quote).await.status, 200);
    json(&app.get("/v1/partner", &secret).await);
    app.accounts.set_partner_standing(&partner.id.to_string(), Standing::Suspended, String::new()).await.unwrap();
    let refused = app.post("/v1/credits/pricing", "", &quote).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["param"]), (400, &json!("publishable_key")));
    for path in PATHS {
        assert_eq!(app.get(path, &secret).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn commission_is_paid_out_once_it_has_matured_and_once_for_an_id() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let (user, _) = app.person(10).await;
    let key = app.key(&user, Some(&partner), None).await;
    ask(&app, &key, "sandbox/gpt").await;
    let first = earned(&app, &partner);
    let matured = async || app.accounts.earnings_of(&partner).await.unwrap().matured.get();
    let refused = async |amount: Option<i64>, id: u128| {
        let refused = app.accounts.pay_out(payout(&partner, amount, id)).await;
        assert!(matches!(refused, Err(AccountsError::NotMatured { .. })), "{refused:?}");
    };
    app.pass(DAY * 120);
    assert_eq!(matured().await, 0, "the day of the request does not count");
    refused(None, 1).await;
    app.pass(DAY);
    assert_eq!(matured().await, first);
    ask(&app, &key, "sandbox/gpt").await;
    assert_eq!(matured().await, first, "what was earned today has not matured");
    refused(Some(first + 1), 1).await;
    let part = first / 3;
    let paid = app.accounts.pay_out(payout(&partner, Some(part), 1)).await.unwrap();
    let again = app.accounts.pay_out(payout(&partner, Some(part), 1)).await.unwrap();
    assert_eq!((paid.id, paid.amount, again.amount), (again.id, NanoUsd::new(part), NanoUsd::new(part)));
    assert_eq!(matured().await, first - part, "under one id it is paid once");
    let other = app.accounts.pay_out(payout(&partner, Some(part + 1), 1)).await;
    assert!(matches!(other, Err(AccountsError::Ledger(_))), "{other:?}");
    refused(Some(first - part + 1), 2).await;
    let rest = app.accounts.pay_out(payout(&partner, None, 2)).await.unwrap();
    let rest_again = app.accounts.pay_out(payout(&partner, None, 2)).await.unwrap();
    assert_eq!((rest.amount.get(), rest_again.amount.get()), (first - part, first - part));
    refused(None, 3).await;
    assert_eq!(app.ledger.balance(books::PAYOUTS).unwrap().posted.get(), first);
    let changes = app.accounts.changes(EntryId::default(), 100).await.unwrap();
    assert_eq!(changes.iter().filter(|change| change.action == "partner.payout").count(), 2);
    let sheet = app.accounts.balance_sheet(None).await.unwrap();
    let line = |name: &str| sheet.lines.iter().find(|line| line.name == name).unwrap().amount.get();
    assert_eq!((line("paid out to partners"), sheet.difference), (-first, NanoUsd::ZERO));
    assert_eq!(line("payable to partners"), earned(&app, &partner));
    app.settled();
}

/// Six people at one model, two of them at another, and a person of another app; on the first day.
async fn people(app: &TestApp) -> (Partner, Vec<(User, String)>) {
    let partner = app.partner().await;
    let mut people = Vec::new();
    for n in 0..6 {
        let (user, _) = app.person(10).await;
        let key = app.key(&user, Some(&partner), None).await;
        ask(app, &key, "sandbox/gpt").await;
        if n < 2 {
            ask(app, &key, "sandbox/claude").await;
        }
        people.push((user, key));
    }
    (partner, people)
}

#[tokio::test]
async fn usage_is_shown_over_five_people_or_more_and_adds_up() {
    let app = TestApp::new().await;
    let (partner, people) = people(&app).await;
    let secret = secret_of(&app, &partner).await;
    let usage = async |query: &str| json(&app.get(&format!("/v1/partner/usage{query}"), &secret).await);
    assert_eq!(usage("").await["data"], json!([]), "a day that goes on is not shown");
    app.pass(DAY);
    let shown = usage("").await;
    let rows = shown["data"].as_array().unwrap();
    let row = |at: usize| (rows[at]["model"].clone(), rows[at]["people"].clone(), rows[at]["requests"].clone());
    assert_eq!((rows.len(), row(0)), (1, (json!("other"), json!(6), json!(8))), "two people alone are not shown");
    let commission: NanoUsd = rows[0]["commission_usd"].as_str().unwrap().parse().unwrap();
    assert_eq!(commission.get(), earned(&app, &partner));
    // On the next day four people use one model.
    for (_, key) in &people[..4] {
        ask(&app, key, "sandbox/gpt").await;
    }
    app.pass(DAY);
    assert_eq!(usage("?from=2026-09-22").await["data"], json!([]), "a day of four people is withheld");
    assert_eq!(usage("").await["data"].as_array().unwrap().len(), 1);
    for (query, param) in [("?from=yesterday", "from"), ("?to=2026-13-01", "to"), ("?from=2020-01-01", "from")] {
        let refused = app.get(&format!("/v1/partner/usage{query}"), &secret).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["error"]["param"]), (400, &json!(param)), "{query}");
    }
}

#[tokio::test]
async fn a_partner_sees_its_earnings_statements_and_payouts() {
    let app = TestApp::new().await;
    let (partner, _) = people(&app).await;
    let secret = secret_of(&app, &partner).await;
    let all = NanoUsd::new(earned(&app, &partner));
    app.pass(DAY * 130);
    let half = NanoUsd::new(all.get() / 2);
    let rest = all.checked_sub(half).unwrap();
    app.accounts.pay_out(payout(&partner, Some(half.get()), 1)).await.unwrap();
    let shown = json(&app.get("/v1/partner", &secret).await);
    let earnings = &shown["earnings"];
    assert_eq!((&shown["name"], &shown["share_bps"]), (&json!("an app"), &json!(4_000)));
    let expect = [("accrued", all), ("taken_back", NanoUsd::ZERO), ("paid_out", half), ("balance", rest)];
    for (name, amount) in expect.into_iter().chain([("matured", rest)]) {
        assert_eq!(earnings[format!("{name}_usd")], json!(amount), "{name}");
    }
    let statements = json(&app.get("/v1/partner/statements", &secret).await);
    let months: Vec<_> = statements["data"].as_array().unwrap().iter().map(|month| month["month"].clone()).collect();
    assert_eq!(months, ["2027-01", "2026-12", "2026-11", "2026-10", "2026-09"]);
    let month = |at: usize, name: &str| statements["data"][at][name].clone();
    assert_eq!((month(4, "commission_usd"), month(4, "balance_usd")), (json!(all), json!(all)));
    assert_eq!((month(0, "paid_out_usd"), month(0, "balance_usd")), (json!(half), json!(rest)));
    let payouts = json(&app.get("/v1/partner/payouts", &secret).await);
    assert_eq!(payouts["data"].as_array().unwrap().len(), 1);
    assert_eq!(payouts["data"][0]["amount_usd"], json!(half));
}

#[tokio::test]
async fn promise_11_no_answer_to_a_partner_names_a_person_a_key_a_balance_or_a_reason() {
    let app = TestApp::new().await;
    let (partner, people) = people(&app).await;
    let secret = secret_of(&app, &partner).await;
    for (user, _) in &people {
        app.accounts.set_email(user.id, &format!("{}@example.org", user.wallet)).await.unwrap();
    }
    app.pass(DAY * 130);
    app.accounts.pay_out(payout(&partner, None, 1)).await.unwrap();
    let keys: Vec<String> = {
        let mut ids = Vec::new();
        for (user, _) in &people {
            ids.extend(app.accounts.list_keys(user.id).await.unwrap().into_iter().map(|key| key.id.to_string()));
        }
        ids
    };
    for path in PATHS.into_iter().chain(["/v1/partner/usage?from=2026-09-01&to=2026-10-01"]) {
        let answer = app.get(path, &secret).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        for (user, key) in &people {
            let balance = NanoUsd::new(app.available(user)).to_string();
            let of_person = [user.id.to_string(), user.wallet.to_string(), user.label.clone(), key.clone(), balance];
            for word in of_person {
                assert!(!answer.text.contains(&word), "{path} has {word}: {}", answer.text);
            }
        }
        for word in
            keys.iter().map(String::as_str).chain(["@", "user_", "key_", "acct_", "gen_", "order_", "bank transfer"])
        {
            let named = answer.text.replace("publishable_key", "");
            assert!(!named.contains(word), "{path} has {word}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn each_kind_of_key_opens_its_own_paths_only() {
    let app = TestApp::new().await;
    let (user, spending) = app.person(10).await;
    let partner = app.partner().await;
    let (record, secret) = app.accounts.add_partner_key(&partner.name, "reports".to_owned()).await.unwrap();
    let managing = app.accounts.add_management_key(user.id, "all".to_owned()).await.unwrap().1.reveal().to_owned();
    let secret = secret.reveal().to_owned();
    let unknown = PartnerKey::generate([9; 32]).reveal().to_owned();
    let check = async |path: &str, key: &str, expect: u16| {
        let answer = app.get(path, key).await;
        assert_eq!(answer.status.as_u16(), expect, "{path}: {}", answer.text);
    };
    for path in PATHS {
        check(path, &secret, 200).await;
        for (key, expect) in [(&spending, 403), (&managing, 403), (&unknown, 401), (&"oc_rk_1".to_owned(), 401)] {
            check(path, key, expect).await;
        }
        check(path, "", 401).await;
        for key in ["", "oc_rk_1", "sk-1", &spending, &managing] {
            let words = app.get(path, key).await.text;
            assert!(words.contains("oc_rk_") && !words.contains("oc_sk_"), "{path}: {words}");
        }
    }
    for path in ["/v1/key", "/v1/keys", "/v1/credits", "/v1/generations", "/v1/transactions", "/v1/activity"] {
        check(path, &secret, 403).await;
    }
    let spent = app.post("/v1/chat/completions", &secret, &chat("sandbox/gpt")).await;
    assert_eq!(spent.status, 403, "{}", spent.text);
    app.accounts.revoke_partner_key(record.id).await.unwrap();
    check("/v1/partner", &secret, 401).await;
    let stored: PartnerKeyRecord = app.store.partner_keys_of(partner.id).await.unwrap().remove(0);
    assert!(stored.revoked_at.is_some() && stored.id != KeyId::default());
}

#[tokio::test]
async fn a_publishable_key_may_be_used_by_the_pages_that_are_listed_for_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let origins = Some(vec!["https://app.example".to_owned()]);
    let edit = PublishableKeyEdit { name: Some("web".to_owned()), origins, ..PublishableKeyEdit::default() };
    let added = app.accounts.add_publishable_key(&partner.name, edit).await.unwrap();
    let quote = async |key: &str, origin: Option<&str>| {
        let body = json!({"publishable_key": key, "models": ["sandbox/gpt"]}).to_string();
        let mut sent = request(Method::POST, "/v1/credits/pricing", "", body);
        if let Some(origin) = origin {
            sent.headers_mut().insert("origin", origin.parse().unwrap());
        }
        app.send(sent).await.status.as_u16()
    };
    for (origin, expect) in [(None, 200), (Some("https://app.example"), 200), (Some("https://other.example"), 403)] {
        assert_eq!(quote(&added.key, origin).await, expect, "{origin:?}");
        assert_eq!(quote(&partner.publishable_key, origin).await, 200, "no origin is listed for the first key");
    }
    let anywhere = PublishableKeyEdit { origins: Some(Vec::new()), ..PublishableKeyEdit::default() };
    app.accounts.edit_publishable_key(added.id, anywhere).await.unwrap();
    assert_eq!(quote(&added.key, Some("https://other.example")).await, 200);
    app.accounts.revoke_publishable_key(added.id).await.unwrap();
    assert_eq!(quote(&added.key, None).await, 400);
    assert_eq!(quote(&partner.publishable_key, None).await, 200, "the other key works on");
    let wrong =
        PublishableKeyEdit { origins: Some(vec!["http://app.example".to_owned()]), ..PublishableKeyEdit::default() };
    let refused = app.accounts.add_publishable_key(&partner.name, wrong).await;
    assert!(matches!(refused, Err(AccountsError::Invalid { field: "an origin", .. })), "{refused:?}");
}

/// elizaOS/eliza#8264: an app named itself in a header, which some routes read and some did not. No route reads one.
#[tokio::test]
async fn no_header_and_no_field_of_a_request_names_the_partner_that_earns() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let (user, plain) = app.person(10).await;
    let through = app.key(&user, Some(&partner), None).await;
    let names = ["x-partner", "x-affiliate", "x-app-id", "x-publishable-key", "http-referer", "x-title", "origin"];
    for (path, model) in [("/v1/chat/completions", "sandbox/gpt"), ("/v1/messages", "sandbox/claude")] {
        let mut request = request(Method::POST, path, &plain, chat(model).to_string());
        for name in names {
            for value in [partner.id.to_string(), partner.publishable_key.clone()] {
                request.headers_mut().append(name, value.parse().unwrap());
            }
        }
        assert_eq!(app.send(request).await.status, 200, "{path}");
        assert_eq!(earned(&app, &partner), 0, "{path}");
        ask(&app, &through, "sandbox/gpt").await;
        let earns = earned(&app, &partner);
        assert!(earns > 0, "the key that it issued names it");
        let paid = opencredits_ledger::Transfer {
            id: EntryId::at(NOW, [u8::try_from(path.len()).unwrap(); 10]),
            from: partner.earnings,
            to: books::PAYOUTS,
            amount: NanoUsd::new(earns),
            memo: b"",
        };
        app.ledger.done(|ledger| ledger.transfer(paid, NOW));
    }
    app.settled();
}
