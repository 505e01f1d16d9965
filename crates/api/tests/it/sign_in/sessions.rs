//! Sessions: their list, their end, and what ends them.

use super::{Signing, accept, token};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

const NOTHING: Value = Value::Null;

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all() {
    let site = Signing::new().await;
    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push(site.token("ada@example.org").await);
        site.app.pass(Duration::from_secs(60));
    }
    let stranger = site.token("eve@example.org").await;
    let list = async |token: &str| {
        let answer = site.send(Method::GET, "/v1/account/sessions", token, &NOTHING).await;
        answer.json()["data"].as_array().unwrap().clone()
    };
    let all = list(&tokens[3]).await;
    assert_eq!(all.len(), 4);
    assert_eq!(all.iter().filter(|session| session["current"] == true).count(), 1);
    assert_eq!((&all[0]["current"], &all[0]["browser"]), (&json!(true), &json!("Firefox on Linux")));

    let path = |session: &Value| format!("/v1/account/sessions/{}", session["id"].as_str().unwrap());
    let theirs = site.send(Method::DELETE, &path(&all[3]), &stranger, &NOTHING).await;
    assert_eq!((theirs.status.as_u16(), site.standing(&tokens[0]).await), (404, 200), "nobody ends another's");
    assert_eq!(site.send(Method::DELETE, &path(&all[3]), &tokens[3], &NOTHING).await.status, 204);
    assert_eq!(site.send(Method::DELETE, &path(&all[3]), &tokens[3], &NOTHING).await.status, 404);
    assert_eq!((site.standing(&tokens[0]).await, site.standing(&tokens[1]).await), (401, 200));
    let ended = site.send(Method::DELETE, "/v1/account/sessions", &tokens[3], &NOTHING).await;
    assert_eq!(ended.json(), json!({"ended": 2}));
    let standings = [site.standing(&tokens[1]).await, site.standing(&tokens[2]).await, site.standing(&tokens[3]).await];
    assert_eq!(standings, [401, 401, 200]);
    assert_eq!(site.send(Method::DELETE, "/v1/auth/session", &tokens[3], &NOTHING).await.status, 204);
    assert_eq!((site.standing(&tokens[3]).await, site.standing(&stranger).await), (401, 200));
}

#[tokio::test]
async fn a_session_ends_unused_or_in_time_and_a_use_prolongs_it() {
    const DAY: Duration = Duration::from_secs(86_400);
    let site = Signing::new().await;
    let (used, unused) = (site.token("ada@example.org").await, site.token("ada@example.org").await);
    for day in 1..90 {
        site.app.pass(DAY);
        assert_eq!(site.standing(&used).await, 200, "day {day}");
    }
    assert_eq!(site.standing(&unused).await, 401, "14 days without a use end it");
    let list = site.send(Method::GET, "/v1/account/sessions", &used, &NOTHING).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "and it is not listed");
    site.app.pass(DAY);
    assert_eq!(site.standing(&used).await, 401, "90 days end it in any case");
}

#[tokio::test]
async fn a_sign_in_ends_the_session_that_the_browser_had() {
    let site = Signing::new().await;
    let old = site.token("ada@example.org").await;
    let (challenge, code) = site.ask("ada@example.org").await;
    let begun = site.post("/v1/auth/session", &old, json!({"challenge": challenge, "code": code})).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    assert_eq!((site.standing(&old).await, site.standing(&token(&begun.json())).await), (401, 200));

    let planted = site.token("eve@example.org").await;
    let (challenge, code) = site.ask("ada@example.org").await;
    let begun = site.post("/v1/auth/session", &planted, json!({"challenge": challenge, "code": code})).await;
    let victim = token(&begun.json());
    assert_ne!(victim, planted, "a token that was planted is not taken over");
    assert_eq!(site.standing(&planted).await, 401, "and is worth nothing afterwards");
}

#[tokio::test]
async fn a_person_has_a_hundred_sessions_at_most() {
    let site = Signing::new().await;
    let first = site.token("ada@example.org").await;
    for _ in 0..100 {
        site.app.pass(Duration::from_secs(1));
        site.token("ada@example.org").await;
    }
    assert_eq!(site.standing(&first).await, 401, "the one that was not used for longest ends");
}

#[tokio::test]
async fn promise_09_only_a_token_in_the_header_is_a_session() {
    let site = Signing::new().await;
    let begun = site.enter("ada@example.org").await;
    let token = token(&begun);
    let check = async |name: &str, value: String, expect: u16| {
        let mut request = crate::app::request(Method::GET, "/v1/auth/session", "", String::new());
        request.headers_mut().insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        let answer = site.app.send(request).await;
        assert_eq!(answer.status, expect, "{name}: {}", answer.text);
        assert!(answer.headers.get("set-cookie").is_none());
        assert_ne!(answer.header("access-control-allow-credentials"), "true");
    };
    check("authorization", format!("Bearer {token}"), 200).await;
    check("cookie", format!("session={token}; opencredits.session={token}"), 401).await;
    check("authorization", format!("Basic {token}"), 401).await;
    check("authorization", format!("Bearer {}", begun["session"]["id"].as_str().unwrap()), 401).await;
    check("authorization", format!("Bearer {}0", &token[..token.len() - 1]), 401).await;
    let in_query = format!("/v1/auth/session?session={token}&authorization=Bearer%20{token}");
    assert_eq!(site.app.get(&in_query, "").await.status, 401);
}

#[tokio::test]
async fn promise_08_what_is_over_is_deleted_and_what_is_not_stays() {
    let site = Signing::new().await;
    let token = site.token("ada@example.org").await;
    site.post("/v1/auth/link", "", json!({"email": "eve@example.org"})).await;
    site.post("/v1/auth/passkey/options", "", Value::Null).await;
    let deleted = site.sign_in().delete_over(|| false).await.unwrap();
    assert_eq!(deleted.sum(), 0);
    // The job runs every ten minutes, so that a challenge of five minutes is gone within a quarter of an hour.
    site.app.pass(Duration::from_secs(301));
    let deleted = site.sign_in().delete_over(|| false).await.unwrap();
    assert_eq!((deleted.challenges, deleted.links, deleted.sessions), (2, 0, 0));
    let buckets = deleted.buckets;
    site.app.pass(Duration::from_secs(86_400));
    let deleted = site.sign_in().delete_over(|| false).await.unwrap();
    assert_eq!((deleted.challenges, deleted.links, deleted.sessions), (0, 1, 0));
    assert!(buckets + deleted.buckets > 0, "an attempt is forgotten once its bucket is full");
    assert_eq!(site.standing(&token).await, 200);
    site.app.pass(Duration::from_secs(15 * 86_400));
    assert_eq!(site.sign_in().delete_over(|| false).await.unwrap().sessions, 1);
    let (challenge, code) = site.ask("ada@example.org").await;
    let again = site.post("/v1/auth/session", "", json!({"challenge": challenge, "code": code, "accept": accept()}));
    assert_eq!(again.await.status, 201, "the person stays");
}
