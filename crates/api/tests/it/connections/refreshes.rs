//! Refresh tokens, and revocation.

use super::house::{House, refusal, tokens};
use http::Method;
use serde_json::Value;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_refresh_gives_the_key_a_new_secret_and_the_former_ends_within_a_minute() {
    let house = House::new().await;
    let (first, refresh) = house.tokens().await;
    house.app.pass(Duration::from_secs(60));
    let (second, next) = tokens(&house.refresh(&refresh).await);
    assert_ne!((&first, &refresh), (&second, &next));
    assert!(house.works(&first).await && house.works(&second).await, "requests on their way go on");
    house.app.pass(Duration::from_secs(60));
    assert!(!house.works(&first).await && house.works(&second).await);
    let apps = house.apps().await;
    assert_eq!((apps.len(), &apps[0]["keys"]), (1, &Value::from(1)), "it is one key");
    house.app.pass(HOUR);
    assert!(!house.works(&second).await);
    assert_eq!(house.apps().await.len(), 1, "an app that can refresh is connected still");
    let (third, _) = tokens(&house.refresh(&next).await);
    assert!(house.works(&third).await);
    house.app.pass(Duration::from_secs(30 * 86_400));
    // The session is over by then, too.
    let connections = house.app.app.connections.clone().unwrap();
    assert_eq!(connections.apps_of(house.user.id).await.unwrap().len(), 0, "and one that cannot is not");
}

#[tokio::test]
async fn a_replaced_refresh_token_that_comes_again_ends_all() {
    let house = House::new().await;
    let (_, refresh) = house.tokens().await;
    let (access, next) = tokens(&house.refresh(&refresh).await);
    let (again, _) = tokens(&house.refresh(&refresh).await);
    assert!(house.works(&access).await && house.works(&again).await, "an answer may be lost, for 30 seconds");
    house.app.pass(Duration::from_secs(31));
    assert_eq!(refusal(&house.refresh(&refresh).await), (400, "invalid_grant".to_owned()));
    for key in [access, again] {
        assert!(!house.works(&key).await);
    }
    assert_eq!(refusal(&house.refresh(&next).await), (400, "invalid_grant".to_owned()));
    assert_eq!(house.apps().await.len(), 0);
}

#[tokio::test]
async fn wrong_refresh_tokens_are_refused() {
    let house = House::new().await;
    let (access, refresh) = house.tokens().await;
    for (token, error) in [
        ("", "invalid_request"),
        ("x", "invalid_grant"),
        (&*access, "invalid_grant"),
        (&*format!("{refresh}x"), "invalid_grant"),
    ] {
        assert_eq!(refusal(&house.refresh(token).await), (400, error.to_owned()), "{token}");
    }
    assert!(house.works(&access).await, "and end nothing");
}

#[tokio::test]
async fn revocation_stops_requests_at_once_whichever_token_it_names() {
    let check = async |pick: fn(&(String, String)) -> &String| {
        let house = House::new().await;
        let both = house.tokens().await;
        assert_eq!(house.spend(&both.0).await.status, 200);
        let answer = house.form("/oauth/revoke", &[("client_id", &house.client), ("token", pick(&both))]).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        // No time has passed: the clock of the test stands still.
        assert_eq!(house.spend(&both.0).await.status, 401);
        assert_eq!(refusal(&house.refresh(&both.1).await), (400, "invalid_grant".to_owned()));
    };
    check(|(access, _)| access).await;
    check(|(_, refresh)| refresh).await;
    let house = House::new().await;
    let (former, refresh) = house.tokens().await;
    let (access, _) = tokens(&house.refresh(&refresh).await);
    house.form("/oauth/revoke", &[("client_id", &house.client), ("token", &former)]).await;
    assert!(!house.works(&access).await, "a secret that was just replaced will do, too");
}

#[tokio::test]
async fn revocation_answers_as_the_specification_says() {
    let house = House::new().await;
    let client = house.client.clone();
    let check = async |fields: &[(&str, &str)], expect: (u16, &str)| {
        let answer = house.form("/oauth/revoke", fields).await;
        let error = if answer.text.is_empty() { String::new() } else { refusal(&answer).1 };
        assert_eq!((answer.status.as_u16(), error.as_str()), expect, "{fields:?}");
    };
    check(&[("client_id", &client), ("token", "nothing")], (200, "")).await;
    check(&[("client_id", &client), ("token", "oc_rt_nothing"), ("token_type_hint", "wrong")], (200, "")).await;
    check(&[("client_id", &client)], (400, "invalid_request")).await;
    check(&[("token", "nothing")], (400, "invalid_request")).await;
    check(&[("client_id", "oc_pk_nobody"), ("token", "nothing")], (401, "invalid_client")).await;
}

#[tokio::test]
async fn what_the_person_revokes_is_not_refreshed() {
    let house = House::new().await;
    let (access, refresh) = house.tokens().await;
    let keys = house.call(Method::GET, "/v1/keys", &Value::Null).await.json();
    let of_app = keys["data"].as_array().unwrap().iter().find(|key| !key["app_id"].is_null()).unwrap();
    let id = of_app["id"].as_str().unwrap();
    assert_eq!(house.call(Method::DELETE, &format!("/v1/keys/{id}"), &Value::Null).await.status, 200);
    assert!(!house.works(&access).await);
    assert_eq!(refusal(&house.refresh(&refresh).await), (400, "invalid_grant".to_owned()));
    assert_eq!(house.apps().await.len(), 0);
}
