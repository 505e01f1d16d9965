//! What operators do: first it is shown, then it is done, and the record of changes names who did it.

use super::{Shop, confirmation};
use crate::dashboard::session;
use opencredits_store::{Role, Standing};
use opencredits_units::{EntryId, NanoUsd};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_grant_shows_its_amount_is_made_once_and_is_recorded_with_who_made_it() {
    let shop = Shop::open().await;
    let act = json!({"do": "grant", "user": shop.person.id, "credits": "1000", "reason": "a bug of ours"});
    let before = shop.app.available(&shop.person);
    let seen = shop.preview(&shop.token, &act).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    for part in ["Give credits", "1,000 credits", "$10.00", "a bug of ours", "Balance after"] {
        assert!(seen.text.contains(part), "{part}: {}", seen.text);
    }
    assert!(seen.text.contains("&lt;script&gt;canary") && !seen.text.contains("<script>"), "{}", seen.text);
    assert_eq!(shop.app.available(&shop.person), before, "a preview changes nothing");
    let (id, confirm) = confirmation(&seen);
    for replayed in [false, true] {
        let done = shop.perform(&shop.token, &act, (&id, &confirm)).await;
        assert_eq!(done.status, 200, "{}", done.text);
        assert_eq!(
            (done.json()["reply"].as_str(), done.json()["replayed"].as_bool()),
            (Some("credits_granted"), Some(replayed))
        );
        assert_eq!(done.header("cache-control"), "no-store");
        assert_eq!(shop.app.available(&shop.person), before + 10_000_000_000);
    }
    let change = shop.last_change().await;
    let who = format!("operator {}", shop.operator.id);
    assert_eq!(
        (change.actor, change.action.as_str(), change.subject),
        (who, "credits.grant", shop.person.id.to_string())
    );
    assert!(change.detail.contains("10 USD") && change.detail.contains("a bug of ours"), "{}", change.detail);
    assert!(shop.page(&format!("/operator/people/{}", shop.person.id)).await.contains("a bug of ours"));
    shop.app.settled();
}

#[tokio::test]
async fn what_was_not_looked_at_is_not_done() {
    let shop = Shop::open().await;
    let act = |credits: &str| json!({"do": "grant", "user": shop.person.id, "credits": credits, "reason": "test"});
    let before = shop.app.available(&shop.person);
    let (id, confirm) = confirmation(&shop.preview(&shop.token, &act("1")).await);
    let (other_id, _) = confirmation(&shop.preview(&shop.token, &act("1")).await);
    let other_session = session(&shop.app, &shop.operator, 7).await;
    let check = async |token: &str, act: Value, id: &str, confirm: &str, what: &str| {
        let done = shop.perform(token, &act, (id, confirm)).await;
        assert_eq!(done.status, 409, "{what}: {}", done.text);
    };
    check(&shop.token, act("1"), &id, "", "no confirmation").await;
    check(&shop.token, act("1"), &id, "00", "a made-up one").await;
    check(&shop.token, act("1000"), &id, &confirm, "another amount").await;
    check(&shop.token, act("1"), &other_id, &confirm, "another id").await;
    check(&other_session, act("1"), &id, &confirm, "another session").await;
    let without = shop.app.post("/v1/operator/actions", &shop.token, &json!({"act": act("1")})).await;
    assert_eq!(without.status, 400, "{}", without.text);
    shop.app.pass(Duration::from_secs(601));
    check(&shop.token, act("1"), &id, &confirm, "too long ago").await;
    assert_eq!(shop.app.available(&shop.person), before);
}

#[tokio::test]
async fn a_role_that_is_taken_or_a_suspension_ends_what_was_looked_at() {
    let shop = Shop::open().await;
    let act = json!({"do": "suspend", "user": shop.person.id, "reason": "test"});
    let (id, confirm) = confirmation(&shop.preview(&shop.token, &act).await);
    shop.app.store.set_standing(shop.operator.id, Standing::Suspended).await.unwrap();
    assert_eq!(shop.perform(&shop.token, &act, (&id, &confirm)).await.status, 404);
    shop.app.store.set_standing(shop.operator.id, Standing::Good).await.unwrap();
    shop.app.store.set_role(shop.operator.id, Role::None).await.unwrap();
    assert_eq!(shop.perform(&shop.token, &act, (&id, &confirm)).await.status, 404);
    assert_eq!(shop.app.store.user(shop.person.id).await.unwrap().unwrap().standing, Standing::Good);
}

#[tokio::test]
async fn wrong_acts_are_refused_before_anybody_confirms_them() {
    let shop = Shop::open().await;
    let (person, nobody) = (shop.person.id, shop.person.wallet.to_string().replacen("acct", "user", 1));
    let check = async |act: Value, status: u16, words: &str| {
        let seen = shop.preview(&shop.token, &act).await;
        assert_eq!(seen.status.as_u16(), status, "{act}: {}", seen.text);
        assert!(seen.text.contains(words), "{act}: {}", seen.text);
    };
    let grant =
        |credits: &str, reason: &str| json!({"do": "grant", "user": person, "credits": credits, "reason": reason});
    check(grant("1", " "), 400, "give a reason").await;
    check(grant("0", "x"), 400, "not above zero").await;
    check(grant("-5", "x"), 400, "").await;
    check(grant("many", "x"), 400, "no amount of credits").await;
    check(json!({"do": "take", "user": person, "credits": "1000000", "reason": "x"}), 400, "does not cover").await;
    check(json!({"do": "suspend", "user": person, "reason": ""}), 400, "give a reason").await;
    check(json!({"do": "suspend", "user": nobody, "reason": "x"}), 404, "").await;
    check(json!({"do": "run_job", "job": "nothing"}), 404, "no job nothing").await;
    check(json!({"do": "pay_out", "partner": shop.partner.id, "credits": "5", "reason": "x"}), 400, "have matured")
        .await;
    check(json!({"do": "refund_order", "order": shop.order, "amount_minor": 999_999, "reason": "x"}), 400, "is left")
        .await;
    check(json!({"do": "refund_order", "order": shop.order, "amount_minor": -1, "reason": "x"}), 400, "is left").await;
    let generation = shop.generation.replace("gen_0", "gen_1");
    let refund = json!({"do": "refund", "user": person, "generation": generation, "credits": "1", "reason": "x"});
    check(refund, 404, "is not charged").await;
}

/// Every act, and what its record says.
async fn acts(shop: &Shop) -> Vec<(Value, &'static str)> {
    let (person, partner) = (shop.person.id, shop.partner.id);
    let key = shop.app.store.keys_of(person).await.unwrap()[0].id;
    let publishable = shop.app.accounts.publishable_keys(&partner.to_string()).await.unwrap();
    let applied = shop.app.accounts.applications_of(person).await.unwrap()[0].id;
    let on = |act: &str, more: Value| {
        let mut act = json!({"do": act, "user": person});
        act.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        act
    };
    let moved = json!({"credits": "5", "reason": "test"});
    let cap = json!({"credits": "50", "reset": "daily", "partner": partner});
    vec![
        (on("take", moved.clone()), "credits.take"),
        (on("add", moved.clone()), "credits.correct"),
        (on("deduct", moved.clone()), "credits.correct"),
        (
            on("refund", json!({"credits": "0.0001", "reason": "bad answer", "generation": shop.generation})),
            "credits.refund",
        ),
        (on("set_limit", json!({"credits": "500", "reset": "monthly"})), "user.limit"),
        (on("set_limit", cap), "grant.limit"),
        (on("remove_limit", json!({"partner": partner})), "grant.limit"),
        (on("rename", json!({"label": "Ada Lovelace"})), "user.rename"),
        (on("set_email", json!({"email": "lovelace@example.org"})), "user.email"),
        (on("remove_email", json!({})), "user.email"),
        (on("suspend", json!({"reason": "test"})), "user.suspend"),
        (on("resume", json!({"reason": "test"})), "user.resume"),
        (on("restrict", json!({})), "user.restrict"),
        (on("unrestrict", json!({})), "user.unrestrict"),
        (on("object", json!({})), "user.object"),
        (on("unobject", json!({})), "user.unobject"),
        (on("delete", json!({})), "user.deletion_ask"),
        (on("keep", json!({})), "user.deletion_cancel"),
        (on("end_sessions", json!({})), "user.end_sessions"),
        (json!({"do": "edit_key", "key": key, "name": "laptop", "credits": "9"}), "key.edit"),
        (json!({"do": "edit_key", "key": key, "models": ["sandbox/gpt"], "expires_in_days": 3}), "key.edit"),
        (json!({"do": "switch_off", "key": key}), "key.edit"),
        (json!({"do": "switch_on", "key": key}), "key.edit"),
        (json!({"do": "rotate_key", "key": key, "overlap_hours": 1}), "key.rotate"),
        (json!({"do": "revoke_key", "key": key}), "key.revoke"),
        (json!({"do": "edit_partner", "partner": partner, "share_bps": 2500}), "partner.edit"),
        (json!({"do": "suspend_partner", "partner": partner, "reason": "test"}), "partner.suspend"),
        (json!({"do": "resume_partner", "partner": partner, "reason": "test"}), "partner.resume"),
        (
            json!({"do": "revoke_publishable", "partner": partner, "key": publishable[0].id}),
            "partner.publishable_revoke",
        ),
        (json!({"do": "approve", "application": applied, "share_bps": 3000}), "partner.approve"),
        (json!({"do": "refund_order", "order": shop.order, "amount_minor": 300, "reason": "test"}), "order.refund"),
        (json!({"do": "run_job", "job": "count"}), "job.run"),
    ]
}

/// Each act is done, and its record names the operator.
#[tokio::test]
async fn every_act_is_done_and_recorded_with_the_operator() {
    let shop = Shop::open().await;
    let who = format!("operator {}", shop.operator.id);
    let mut seen = shop.last_change().await.id;
    for (act, action) in acts(&shop).await {
        shop.app.pass(Duration::from_secs(1));
        let done = shop.act(act.clone()).await;
        assert_eq!(done.status, 200, "{act}: {}", done.text);
        // Some acts leave several records.
        let last = EntryId::from_bits(u128::MAX);
        let latest = shop.app.store.latest_audits(None, last, 5).await.unwrap();
        let new: Vec<_> = latest.into_iter().filter(|change| change.id > seen).collect();
        assert!(new.iter().any(|change| change.action == action), "{act}: {new:?}");
        assert!(new.iter().all(|change| change.actor == who), "{act}: {new:?}");
        seen = new[0].id;
    }
    let state = shop.app.store.privacy_of(shop.person.id).await.unwrap();
    assert!(!state.is_paused() && state.objected_at.is_none(), "{state:?}");
    let all = shop.app.store.latest_audits(None, EntryId::from_bits(u128::MAX), 500).await.unwrap();
    assert!(all.iter().any(|change| change.actor == "operator"), "what the admin tool did is named as before");
    assert!(all.iter().all(|change| !change.detail.contains("lovelace@example.org")));
    shop.app.settled();
}

#[tokio::test]
async fn a_secret_is_in_the_answer_once_and_works() {
    let shop = Shop::open().await;
    let done = shop.act(json!({"do": "add_key", "user": shop.person.id, "name": "new", "credits": "50"})).await;
    let key = done.json()["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("oc_sk_"), "{}", done.text);
    assert_eq!(shop.app.get("/v1/key", &key).await.status, 200);
    for path in shop.pages() {
        assert!(!shop.page(&path).await.contains(&key), "{path}");
    }
    let done = shop.act(json!({"do": "add_partner", "name": "Another", "share_bps": 5000})).await;
    assert_eq!(done.json()["partner"]["share_bps"], 5000, "{}", done.text);
    let read = shop.act(json!({"do": "reread", "order": shop.order})).await;
    assert_eq!((read.json()["reply"].as_str(), read.json()["as_stored"].as_bool()), (Some("order"), Some(false)));
    let reconciled = shop.act(json!({"do": "reconcile"})).await;
    assert_eq!(reconciled.status, 200, "{}", reconciled.text);
}

#[tokio::test]
async fn a_key_is_made_and_changed_with_all_that_it_may_do() {
    let shop = Shop::open().await;
    let made = json!({"do": "add_key", "user": shop.person.id, "name": "new", "credits": "50", "reset": "weekly",
        "partner": shop.partner.id, "expires_in_days": 7, "models": ["sandbox/gpt"], "requests_per_minute": 9,
        "tokens_per_minute": 5000, "parallel": 2});
    let seen = shop.preview(&shop.token, &made).await;
    for shown in ["Every Monday", "sandbox&#x2f;gpt", "5,000", "Editor"] {
        assert!(seen.text.contains(shown), "{shown}: {}", seen.text);
    }
    let key = shop.act(made).await.json()["key"].as_str().unwrap().to_owned();
    let own = shop.app.get("/v1/key", &key).await.json()["data"].clone();
    assert_eq!((&own["limit"], &own["limit_reset"]), (&json!(50), &json!("weekly")), "{own}");
    assert_eq!(own["allowed_models"], json!(["sandbox/gpt"]), "{own}");
    let rates = ["requests", "tokens", "parallel"].map(|name| own["rate_limit"][name].as_u64());
    assert_eq!(rates, [Some(9), Some(5_000), Some(2)], "{own}");
    assert!(own["expires_at"].is_string(), "{own}");
    let keys = shop.app.store.keys_of(shop.person.id).await.unwrap();
    let id = keys.iter().find(|key| key.name == "new").unwrap().id;
    assert_eq!(keys.iter().find(|key| key.name == "new").unwrap().partner, Some(shop.partner.id));
    let edited = json!({"do": "edit_key", "key": id, "no_limit": true, "all_models": true, "expires_in_days": 0,
        "requests_per_minute": 0, "tokens_per_minute": 0, "parallel": 3});
    assert_eq!(shop.act(edited).await.status, 200);
    let own = shop.app.get("/v1/key", &key).await.json()["data"].clone();
    let gone = [&own["limit"], &own["allowed_models"], &own["expires_at"], &own["rate_limit"]["requests"]];
    assert!(gone.iter().all(|value| value.is_null()), "{own}");
    assert_eq!(own["rate_limit"]["parallel"], 3, "{own}");
}

#[tokio::test]
async fn everything_about_a_person_is_exported_and_deleted_at_once_by_an_operator() {
    let shop = Shop::open().await;
    let who = format!("operator {}", shop.operator.id);
    let path = format!("/v1/operator/people/{}/export", shop.person.id);
    let stranger = session(&shop.app, &shop.person, 9).await;
    assert_eq!(shop.app.get(&path, &stranger).await.status, 404, "a person without the role");
    let archive = shop.app.get(&path, &shop.token).await;
    assert_eq!((archive.status.as_u16(), archive.header("content-type")), (200, "application/zip"));
    assert!(archive.text.starts_with("PK"), "a zip archive");
    let recorded = shop.last_change().await;
    assert_eq!((recorded.action.as_str(), &recorded.actor), ("user.export", &who));
    let seen = shop.preview(&shop.token, &json!({"do": "delete_now", "user": shop.person.id})).await;
    assert!(seen.text.contains("nothing calls it off"), "{}", seen.text);
    let done = shop.act(json!({"do": "delete_now", "user": shop.person.id})).await;
    assert_eq!((done.status.as_u16(), done.json()["privacy"].as_str()), (200, Some("deleted")), "{}", done.text);
    let state = shop.app.store.privacy_of(shop.person.id).await.unwrap();
    assert!(state.erased_at.is_some(), "{state:?}");
    let page = shop.page(&format!("/operator/people/{}", shop.person.id)).await;
    assert!(!page.contains("data-download"), "nothing is left to export: {page}");
}

#[tokio::test]
async fn a_payout_shows_what_has_matured() {
    let shop = Shop::open().await;
    let key = shop.app.key(&shop.person, Some(&shop.partner), None).await;
    for _ in 0..3 {
        crate::dashboard::ask(&shop.app, &key, "sandbox/gpt").await;
    }
    shop.app.pass(Duration::from_secs(200 * 86_400));
    let earned = shop.app.accounts.earnings_of(&shop.partner).await.unwrap();
    assert!(earned.matured > NanoUsd::ZERO, "{earned:?}");
    let token = session(&shop.app, &shop.operator, 8).await;
    let act = json!({"do": "pay_out", "partner": shop.partner.id, "credits": null, "reason": "November"});
    let seen = shop.preview(&token, &act).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let (id, confirm) = confirmation(&seen);
    let done = shop.perform(&token, &act, (&id, &confirm)).await;
    assert_eq!((done.status.as_u16(), done.json()["reply"].as_str()), (200, Some("paid_out")), "{}", done.text);
    let paid = shop.app.accounts.earnings_of(&shop.partner).await.unwrap();
    assert_eq!((paid.paid_out, paid.matured), (earned.matured, NanoUsd::ZERO));
    assert_eq!(shop.last_change().await.actor, format!("operator {}", shop.operator.id));
    shop.app.settled();
}
