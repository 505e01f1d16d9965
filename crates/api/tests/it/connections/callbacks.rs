//! Callbacks that get a code for a key that lasts: the form of other gateways.

use super::house::{CHALLENGE, House, VERIFIER, parameter, query, refusal};
use crate::app::Answer;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

const STRANGER: &str = "https://stranger.example/cb?keep=1";

fn asked(callback: &str) -> String {
    query(&[("callback_url", callback), ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")])
}

async fn code(house: &House, callback: &str) -> String {
    let answer = house.decide("/auth", &asked(callback), "allow").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let to = answer.json()["redirect_to"].as_str().unwrap().to_owned();
    assert!(to.starts_with(callback), "{to}");
    parameter(&to, "code").unwrap()
}

async fn exchange(house: &House, body: Value) -> Answer {
    house.app.post("/api/v1/auth/keys", "", &body).await
}

#[tokio::test]
async fn an_app_that_is_not_registered_gets_a_key_with_a_low_cap_and_no_commission() {
    let house = House::open().await;
    let page = house.app.get(&format!("/auth?{}", asked(STRANGER)), "").await;
    assert!(page.text.contains("Nobody here knows this app.") && page.text.contains("stranger.example"));
    let high = json!({"query": asked(STRANGER), "decision": "allow", "cap_usd": "5.01"});
    assert_eq!(house.call(Method::POST, "/auth", &high).await.json()["error"]["param"], "cap_usd");
    let code = code(&house, STRANGER).await;
    let answer =
        exchange(&house, json!({"code": code, "code_verifier": VERIFIER, "code_challenge_method": "S256"})).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    let key = answer.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(answer.json()["user_id"], house.user.id.to_string());
    assert_eq!(house.spend(&key).await.status, 200);
    let apps = house.apps().await;
    let app = &apps[0];
    assert_eq!((&app["name"], &app["registered"]), (&json!("stranger.example"), &json!(false)));
    assert_eq!((&app["cap_usd"], &app["keys"]), (&json!("3"), &json!(1)));
    assert_ne!(app["spent_usd"], "0");
    let keys = house.app.accounts.list_keys(house.user.id).await.unwrap();
    assert!(keys.iter().all(|key| key.partner.is_none()), "nobody earns");
    let id = app["id"].as_str().unwrap();
    let changed = house.call(Method::PATCH, &format!("/v1/apps/{id}"), &json!({"cap_usd": "1.5"})).await;
    assert_eq!(changed.json()["data"]["cap_usd"], "1.5", "{}", changed.text);
    let high = house.call(Method::PATCH, &format!("/v1/apps/{id}"), &json!({"cap_usd": "6"})).await;
    assert_eq!(high.status, 400);
    assert_eq!(house.call(Method::DELETE, &format!("/v1/apps/{id}"), &Value::Null).await.status, 200);
    assert!(!house.works(&key).await);
    assert_eq!(house.apps().await.len(), 0);
}

#[tokio::test]
async fn the_operator_decides_whether_strangers_may_ask() {
    let house = House::new().await;
    let page = house.app.get(&format!("/auth?{}", asked(STRANGER)), "").await;
    assert!(page.status == 403 && page.text.contains("not registered here"), "{}", page.text);
    assert_eq!(house.decide("/auth", &asked(STRANGER), "allow").await.status, 403);
    let registered = "https://app.example/back";
    let page = house.app.get(&format!("/auth?{}", asked(registered)), "").await;
    assert!(page.status == 200 && page.text.contains("Let an app use"), "{}", page.text);
    let code = code(&house, registered).await;
    let key = exchange(&house, json!({"code": code, "code_verifier": VERIFIER})).await.json();
    assert!(house.works(key["key"].as_str().unwrap()).await);
    let app = &house.apps().await[0];
    assert_eq!((&app["id"], &app["cap_usd"]), (&json!(house.partner.id), &json!("3")));
}

#[tokio::test]
async fn a_callback_is_a_url_of_the_web_or_registered() {
    let house = House::open().await;
    let check = async |query: String, status: u16| {
        let page = house.app.get(&format!("/auth?{query}"), "").await;
        assert_eq!((page.status.as_u16(), page.header("location")), (status, ""), "{query}");
        let decided = house.decide("/auth", &query, "allow").await;
        assert_eq!(decided.status, status, "{query}: {}", decided.text);
    };
    check(asked("https://b.example/"), 200).await;
    check(asked("http://localhost:3000/cb"), 200).await;
    // A loopback address names no app, whoever has registered it.
    check(asked("http://127.0.0.1/back"), 200).await;
    check(asked("http://b.example/"), 400).await;
    check(asked("com.example.app:/cb"), 400).await;
    check(asked("javascript:alert(1)"), 400).await;
    check(asked("https://me@b.example/"), 400).await;
    check(query(&[("callback_url", "https://b.example/")]), 400).await;
    let plain = [("callback_url", "https://b.example/"), ("code_challenge", CHALLENGE)];
    check(query(&plain), 400).await;
    check(query(&[plain[0], plain[1], ("code_challenge_method", "plain")]), 400).await;
    check(String::new(), 400).await;
    check(format!("{}&client_id={}", asked("com.example.app:/key"), house.client), 200).await;
    check(format!("{}&client_id={}", asked("https://b.example/"), house.client), 400).await;
    check(format!("{}&client_id=oc_pk_nobody", asked("https://b.example/")), 400).await;
}

#[tokio::test]
async fn a_wrong_exchange_gives_no_key() {
    let house = House::open().await;
    let right = |code: &str| json!({"code": code, "code_verifier": VERIFIER});
    let check = async |body: Value, error: &str| {
        assert_eq!(refusal(&exchange(&house, body.clone()).await), (400, error.to_owned()), "{body}");
    };
    let first = code(&house, STRANGER).await;
    check(json!({"code": first}), "invalid_request").await;
    check(json!({"code_verifier": VERIFIER}), "invalid_request").await;
    check(json!([]), "invalid_request").await;
    check(json!({"code": first, "code_verifier": VERIFIER, "code_challenge_method": "plain"}), "invalid_request").await;
    check(json!({"code": "x", "code_verifier": VERIFIER}), "invalid_grant").await;
    check(json!({"code": first, "code_verifier": VERIFIER.replace('d', "e")}), "invalid_grant").await;
    check(right(&first), "invalid_grant").await;
    let of_oauth = house.code().await;
    check(right(&of_oauth), "invalid_grant").await;
    assert_eq!(house.exchange(&of_oauth).await.status, 200, "a code for tokens is for tokens");
    let second = code(&house, STRANGER).await;
    assert_eq!(
        refusal(&house.exchange(&second).await),
        (400, "invalid_grant".to_owned()),
        "and one for a key for that"
    );
    house.app.pass(Duration::from_secs(60));
    check(right(&second), "invalid_grant").await;
    let third = code(&house, STRANGER).await;
    let key = exchange(&house, right(&third)).await.json()["key"].as_str().unwrap().to_owned();
    assert!(house.works(&key).await);
    check(right(&third), "invalid_grant").await;
    assert!(!house.works(&key).await, "a code that is used twice takes its key back");
}
