//! The device flow.

use super::house::{DEVICE_GRANT, House, refusal, tokens};
use crate::app::Answer;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

async fn begin(house: &House) -> (String, String) {
    let answer = house.form("/oauth/device_authorization", &[("client_id", &house.client)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    let (device, user) = (body["device_code"].as_str().unwrap(), body["user_code"].as_str().unwrap());
    assert_eq!(body["verification_uri"], "https://credits.example/device");
    assert_eq!(body["verification_uri_complete"], format!("https://credits.example/device?user_code={user}"));
    assert_eq!((&body["interval"], &body["expires_in"]), (&json!(5), &json!(600)));
    (device.to_owned(), user.to_owned())
}

async fn poll(house: &House, device: &str) -> Answer {
    let fields = [("grant_type", DEVICE_GRANT), ("client_id", &*house.client), ("device_code", device)];
    house.form("/oauth/token", &fields).await
}

async fn decide(house: &House, user_code: &str, decision: &str) -> Answer {
    let body = json!({"user_code": user_code, "decision": decision, "cap_usd": "2"});
    house.call(Method::POST, "/device", &body).await
}

fn wait(house: &House, seconds: u64) {
    house.app.pass(Duration::from_secs(seconds));
}

#[tokio::test]
async fn a_terminal_waits_until_the_person_has_typed_its_code() {
    let house = House::new().await;
    let (device, user) = begin(&house).await;
    let pending = (400, "authorization_pending".to_owned());
    assert_eq!(refusal(&poll(&house, &device).await), pending);
    assert_eq!(refusal(&poll(&house, &device).await), (400, "slow_down".to_owned()), "too early");
    wait(&house, 5);
    assert_eq!(refusal(&poll(&house, &device).await), (400, "slow_down".to_owned()), "it waits ten seconds now");
    wait(&house, 15);
    assert_eq!(refusal(&poll(&house, &device).await), pending);
    let typed = user.to_lowercase().replace('-', " ");
    let answer = decide(&house, &typed, "allow").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["app"]), (200, &json!("an app")), "{}", answer.text);
    wait(&house, 15);
    let (access, refresh) = tokens(&poll(&house, &device).await);
    assert_eq!(house.spend(&access).await.status, 200);
    assert_eq!(house.apps().await[0]["cap_usd"], "2");
    assert_eq!(house.refresh(&refresh).await.status, 200);
    wait(&house, 15);
    assert_eq!(refusal(&poll(&house, &device).await), (400, "invalid_grant".to_owned()), "a code gives tokens once");
    assert!(!house.works(&access).await, "and twice takes them back");
}

#[tokio::test]
async fn a_refusal_and_the_end_of_the_time_are_told() {
    let house = House::new().await;
    let (device, user) = begin(&house).await;
    assert_eq!(decide(&house, &user, "deny").await.status, 200);
    assert_eq!(refusal(&poll(&house, &device).await), (400, "access_denied".to_owned()));
    assert_eq!(decide(&house, &user, "allow").await.status, 404, "a decision is made once");
    let (device, user) = begin(&house).await;
    wait(&house, 600);
    assert_eq!(refusal(&poll(&house, &device).await), (400, "expired_token".to_owned()));
    assert_eq!(decide(&house, &user, "allow").await.status, 404);
    let fields = [("grant_type", DEVICE_GRANT), ("client_id", &*house.client), ("device_code", "oc_dc_x")];
    assert_eq!(refusal(&house.form("/oauth/token", &fields).await), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_terminal_of_another_client_learns_nothing() {
    let house = House::new().await;
    let (device, user) = begin(&house).await;
    let new = opencredits_service::accounts::NewPartner { name: "another app".to_owned(), share: None, markup: None };
    let other = house.app.accounts.add_partner(new).await.unwrap();
    decide(&house, &user, "allow").await;
    let fields = [("grant_type", DEVICE_GRANT), ("client_id", &*other.publishable_key), ("device_code", &*device)];
    assert_eq!(refusal(&house.form("/oauth/token", &fields).await), (400, "invalid_grant".to_owned()));
    tokens(&poll(&house, &device).await);
}

#[tokio::test]
async fn a_request_for_a_code_is_checked() {
    let house = House::new().await;
    let client = house.client.clone();
    let check = async |fields: &[(&str, &str)], expect: (u16, &str)| {
        let (status, error) = refusal(&house.form("/oauth/device_authorization", fields).await);
        assert_eq!((status, error.as_str()), expect, "{fields:?}");
    };
    check(&[], (400, "invalid_request")).await;
    check(&[("client_id", "oc_pk_nobody")], (401, "invalid_client")).await;
    check(&[("client_id", &client), ("scope", "admin")], (400, "invalid_scope")).await;
    check(&[("client_id", &client), ("resource", "https://evil.example")], (400, "invalid_target")).await;
}

#[tokio::test]
async fn what_a_terminal_wants_is_shown_to_signed_in_people_alone() {
    let house = House::new().await;
    let (_, user) = begin(&house).await;
    let page = house.app.get(&format!("/device?user_code={user}"), "").await;
    assert!(page.status == 200 && page.text.contains(&user) && !page.text.contains("an app"), "{}", page.text);
    let fragment = async |code: &str, session: &str| {
        let request = http::Request::builder().uri(format!("/device?user_code={code}"));
        let request = request.header("opencredits-fragment", "main").header("accept", "text/html");
        let request = match session {
            "" => request,
            token => request.header("authorization", format!("Bearer {token}")),
        };
        house.app.send(request.body(axum::body::Body::empty()).unwrap()).await
    };
    assert_eq!(fragment(&user, "").await.status, 401);
    let shown = fragment(&user, &house.session).await;
    assert!(shown.status == 200 && shown.text.contains("Let an app use your credits?"), "{}", shown.text);
    assert_eq!(fragment("BBBB-BBBB", &house.session).await.status, 404);
    // Codes cannot be guessed faster than changes are made.
    let mut last = 0;
    for _ in 0..60 {
        last = fragment("BBBB-BBBB", &house.session).await.status.as_u16();
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn an_app_that_is_disconnected_does_not_get_what_its_terminal_waits_for() {
    let house = House::new().await;
    let (device, user) = begin(&house).await;
    decide(&house, &user, "allow").await;
    let id = house.partner.id.to_string();
    assert_eq!(house.call(Method::DELETE, &format!("/v1/apps/{id}"), &Value::Null).await.status, 200);
    assert_eq!(refusal(&poll(&house, &device).await), (400, "access_denied".to_owned()));
}
