//! What a person sees of connected apps, and what they do with them.

use super::house::{House, now};
use http::Method;
use opencredits_service::accounts::{Actor, NewLimit, NewPartner};
use opencredits_store::{LimitOwner, LimitReset, Standing};
use opencredits_units::NanoUsd;
use serde_json::{Value, json};
use std::time::Duration;

async fn connect(house: &House, session: &str, more: Value) -> crate::app::Answer {
    let mut body = json!({"publishable_key": house.client});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    house.app.post("/v1/apps", session, &body).await
}

async fn key(house: &House, session: &str, more: Value) -> String {
    let answer = connect(house, session, more).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (201, "no-store"), "{}", answer.text);
    answer.json()["user_key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_page_of_ours_gets_a_key_that_replaces_the_one_of_before_in_the_same_session() {
    let house = House::new().await;
    let first = key(&house, &house.session, json!({})).await;
    let other_session = house.other_session(9).await;
    let elsewhere = key(&house, &other_session, json!({})).await;
    let second = key(&house, &house.session, json!({})).await;
    assert!(!house.works(&first).await, "it is replaced");
    assert!(house.works(&second).await && house.works(&elsewhere).await, "and that of another browser is not");
    let (access, _) = house.tokens().await;
    let third = key(&house, &house.session, json!({})).await;
    assert!(house.works(&access).await && house.works(&third).await, "nor what came another way");
    assert_eq!(house.apps().await[0]["keys"], 3);
}

#[tokio::test]
async fn spending_cap_and_last_use_are_shown_and_the_cap_holds() {
    let house = House::new().await;
    let key = key(&house, &house.session, json!({"cap_usd": 0.5, "cap_reset": "monthly"})).await;
    let app = house.apps().await.remove(0);
    assert_eq!(app["id"], house.partner.id.to_string());
    assert_eq!((&app["name"], &app["registered"]), (&json!("an app"), &json!(true)));
    assert_eq!(
        (&app["cap_usd"], &app["cap_reset"], &app["spent_usd"]),
        (&json!("0.5"), &json!("monthly"), &json!("0"))
    );
    assert_eq!((&app["last_used_at"], &app["keys"]), (&Value::Null, &json!(1)));
    house.app.pass(Duration::from_secs(5));
    assert_eq!(house.spend(&key).await.status, 200);
    house.app.drained().await;
    let app = house.apps().await.remove(0);
    let spent: NanoUsd = app["spent_usd"].as_str().unwrap().parse().unwrap();
    assert!(spent > NanoUsd::ZERO, "{app}");
    let at = app["last_used_at"].as_str().unwrap();
    assert_eq!(at, "2026-09-21T14:13:25Z", "{}", now(&house).get());
    let path = format!("/v1/apps/{}", house.partner.id);
    assert_eq!(house.call(Method::GET, &path, &Value::Null).await.json()["data"], app);
    let body = json!({"cap_usd": spent.to_string(), "cap_reset": null});
    let changed = house.call(Method::PATCH, &path, &body).await.json();
    assert_eq!((&changed["data"]["cap_reset"], &changed["data"]["spent_usd"]), (&Value::Null, &app["spent_usd"]));
    let refused = house.spend(&key).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["metadata"]["limit"]), (402, &json!("grant")));
    house.call(Method::PATCH, &path, &json!({"cap_usd": "9"})).await;
    assert_eq!(house.spend(&key).await.status, 200, "a raised cap holds at once");
    house.app.drained().await;
}

#[tokio::test]
async fn a_cap_is_chosen_or_stays_or_is_the_default() {
    let house = House::new().await;
    let check = async |more: Value, expect: &str| {
        let answer = connect(&house, &house.session, more.clone()).await;
        assert_eq!(answer.json()["app"]["cap_usd"], expect, "{more}: {}", answer.text);
    };
    check(json!({}), "10").await;
    check(json!({"cap_usd": "2.5"}), "2.5").await;
    check(json!({}), "2.5").await;
    check(json!({"cap_usd": null}), "2.5").await;
    for wrong in [json!("0"), json!("1000.000000001"), json!([])] {
        let answer = connect(&house, &house.session, json!({"cap_usd": wrong})).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["param"]), (400, &json!("cap_usd")), "{wrong}");
    }
    // The operator may have set a higher one.
    let owner = LimitOwner::Grant(house.user.id, house.partner.id);
    let limit = NewLimit { amount: NanoUsd::new(5_000_000_000_000), reset: Some(LimitReset::Daily) };
    house.app.accounts.set_limit(owner, Some(limit), Actor::Operator).await.unwrap();
    check(json!({}), "5000").await;
    check(json!({"cap_usd": "1"}), "1").await;
    assert_eq!(house.apps().await[0]["cap_reset"], "daily", "what is not named stays");
}

#[tokio::test]
async fn one_click_takes_everything_back_at_once() {
    let house = House::new().await;
    let direct = key(&house, &house.session, json!({})).await;
    let (access, refresh) = house.tokens().await;
    let waiting = house.code().await;
    let own = house.app.key(&house.user, None, None).await;
    let by_operator = house.app.key(&house.user, Some(&house.partner), None).await;
    let other =
        house.app.accounts.add_partner(NewPartner { name: "another app".to_owned(), share: None, markup: None });
    let other = other.await.unwrap();
    let kept = house.app.key(&house.user, Some(&other), None).await;
    assert_eq!(house.apps().await.len(), 2);
    let path = format!("/v1/apps/{}", house.partner.id);
    assert_eq!(house.call(Method::DELETE, &path, &Value::Null).await.status, 200);
    for key in [&direct, &access, &by_operator] {
        assert!(!house.works(key).await, "{key}");
    }
    assert!(house.works(&own).await && house.works(&kept).await, "nothing else is");
    assert_eq!(house.refresh(&refresh).await.status, 400);
    assert_eq!(house.exchange(&waiting).await.status, 400, "a code that was on its way gives nothing");
    assert_eq!(house.apps().await.len(), 1);
    assert_eq!(house.call(Method::DELETE, &path, &Value::Null).await.status, 404);
    key(&house, &house.session, json!({})).await;
    let app = house.apps().await.into_iter().find(|app| app["id"] == json!(house.partner.id)).unwrap();
    assert_eq!((&app["cap_usd"], &app["spent_usd"]), (&json!("10"), &json!("0")), "it begins anew");
}

#[tokio::test]
async fn nobody_sees_or_changes_another_persons_apps() {
    let house = House::new().await;
    let theirs = key(&house, &house.session, json!({})).await;
    let (mallory, _) = house.app.person(1).await;
    let stranger = House { user: mallory, ..house };
    let session = stranger.other_session(77).await;
    let stranger = House { session, ..stranger };
    assert_eq!(stranger.apps().await.len(), 0);
    let path = format!("/v1/apps/{}", stranger.partner.id);
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let body = if method == Method::PATCH { json!({"cap_usd": "1"}) } else { Value::Null };
        assert_eq!(stranger.call(method.clone(), &path, &body).await.status, 404, "{method}");
    }
    for id in ["x", "partner_1", "key_00000000000000000000000000"] {
        assert_eq!(stranger.call(Method::DELETE, &format!("/v1/apps/{id}"), &Value::Null).await.status, 404, "{id}");
    }
    assert!(stranger.works(&theirs).await);
}

#[tokio::test]
async fn an_unknown_app_is_not_connected() {
    let house = House::new().await;
    for (body, param) in [
        (json!({}), "publishable_key"),
        (json!({"publishable_key": "oc_pk_nobody"}), "publishable_key"),
        (json!({"publishable_key": 7}), "publishable_key"),
    ] {
        let answer = house.call(Method::POST, "/v1/apps", &body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["param"]), (400, &json!(param)), "{body}");
    }
    let name = house.partner.id.to_string();
    house.app.accounts.set_partner_standing(&name, Standing::Suspended, String::new()).await.unwrap();
    let answer = connect(&house, &house.session, json!({})).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
}
