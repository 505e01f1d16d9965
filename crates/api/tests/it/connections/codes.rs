//! Authorization codes: what they are exchanged for, and every refusal.

use super::house::{BACK, CHALLENGE, House, ISSUER, VERIFIER, parameter, query, refusal, tokens};
use crate::app::request;
use http::Method;
use opencredits_store::Standing;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// The fields of a form.
type Fields = Vec<(&'static str, String)>;

#[tokio::test]
async fn a_code_gives_a_key_of_the_partner_that_is_bound_to_the_cap() {
    let house = House::new().await;
    let answer = house.decide("/oauth/authorize", &house.asked(), "allow").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let to = answer.json()["redirect_to"].as_str().unwrap().to_owned();
    assert!(to.starts_with(&format!("{BACK}?code=oc_code_")), "{to}");
    assert_eq!(parameter(&to, "state").as_deref(), Some("a state & more"));
    assert_eq!(parameter(&to, "iss").as_deref(), Some(ISSUER));
    let answer = house.exchange(&parameter(&to, "code").unwrap()).await;
    assert_eq!((answer.header("cache-control"), answer.header("content-type")), ("no-store", "application/json"));
    let body = answer.json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3_600)));
    assert_eq!(body["scope"], "inference");
    let (access, _) = tokens(&answer);
    assert!(access.starts_with("oc_sk_"), "an access token is a user key");
    assert_eq!(house.spend(&access).await.status, 200);
    let key = house.app.get("/v1/key", &access).await.json();
    let grant = key["data"]["limits"].as_array().unwrap().iter().find(|limit| limit["whose"] == "grant").cloned();
    assert_eq!(grant.unwrap()["limit"], 300, "the cap of 3 dollars, in credits: {key}");
    house.app.pass(Duration::from_secs(3_600));
    assert!(!house.works(&access).await, "it lasts an hour");
}

#[tokio::test]
async fn every_wrong_exchange_has_the_error_of_the_specification() {
    let house = House::new().await;
    let (client, other) = (house.client.clone(), "oc_pk_0000000000000000000000".to_owned());
    let code = house.code().await;
    let right = |code: &str| {
        vec![
            ("grant_type", "authorization_code".to_owned()),
            ("client_id", client.clone()),
            ("code", code.to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
        ]
    };
    let check = async |change: &dyn Fn(&mut Fields), expect: (u16, &str)| {
        let mut fields = right(&code);
        change(&mut fields);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, error) = refusal(&house.form("/oauth/token", &fields).await);
        assert_eq!((status, error.as_str()), expect, "{fields:?}");
    };
    let set = |name: &'static str, value: &str| {
        let value = value.to_owned();
        move |fields: &mut Vec<(&'static str, String)>| {
            fields.retain(|(found, _)| *found != name);
            fields.push((name, value.clone()));
        }
    };
    check(&set("grant_type", ""), (400, "invalid_request")).await;
    check(&set("grant_type", "password"), (400, "unsupported_grant_type")).await;
    check(&set("grant_type", "client_credentials"), (400, "unsupported_grant_type")).await;
    check(&set("client_id", ""), (400, "invalid_request")).await;
    check(&set("client_id", &other), (401, "invalid_client")).await;
    check(&set("client_id", "callback:https://app.example/back"), (401, "invalid_client")).await;
    check(&set("code", ""), (400, "invalid_request")).await;
    check(&set("code", "oc_code_short"), (400, "invalid_grant")).await;
    check(&set("code", &code.replace("oc_code_", "oc_rt_")), (400, "invalid_grant")).await;
    check(&set("code_verifier", ""), (400, "invalid_request")).await;
    check(&set("code_verifier", "short"), (400, "invalid_request")).await;
    let twice = |fields: &mut Vec<(&'static str, String)>| fields.push(("code", "oc_code_again".to_owned()));
    check(&twice, (400, "invalid_request")).await;
    // None of these has used it up.
    let (access, _) = tokens(&house.exchange(&code).await);
    assert!(house.works(&access).await);
    let json = request(Method::POST, "/oauth/token", "", json!({"grant_type": "authorization_code"}).to_string());
    assert_eq!(refusal(&house.app.send(json).await), (400, "invalid_request".to_owned()), "no form");
    let long = "a=".repeat(9_000);
    assert_eq!(house.form_text("/oauth/token", &long).await.status, 413, "longer than any form");
}

#[tokio::test]
async fn a_wrong_proof_and_another_redirect_use_a_code_up() {
    let house = House::new().await;
    let check = async |name: &'static str, value: &str| {
        let code = house.code().await;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &*house.client),
            ("code", &code),
            ("code_verifier", VERIFIER),
        ];
        fields.retain(|(found, _)| *found != name);
        fields.push((name, value));
        let expect = (400, "invalid_grant".to_owned());
        assert_eq!(refusal(&house.form("/oauth/token", &fields).await), expect, "{name}");
        assert_eq!(refusal(&house.exchange(&code).await), expect, "it is used up by {name}");
    };
    check("code_verifier", "xBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").await;
    check("redirect_uri", "https://app.example/other").await;
    let code = house.code().await;
    house.app.pass(Duration::from_secs(60));
    assert_eq!(refusal(&house.exchange(&code).await), (400, "invalid_grant".to_owned()), "it lasts a minute");
    assert_eq!(house.apps().await.len(), 0, "nothing came of any of them");
}

#[tokio::test]
async fn a_code_that_is_used_twice_takes_back_what_it_gave() {
    let house = House::new().await;
    let code = house.code().await;
    let (access, refresh) = tokens(&house.exchange(&code).await);
    let (kept, _) = house.tokens().await;
    assert!(house.works(&access).await);
    let another = house.app.accounts.add_partner(opencredits_service::accounts::NewPartner {
        name: "another app".to_owned(),
        share: None,
        markup: None,
    });
    let another = another.await.unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", &*another.publishable_key),
        ("code", &code),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(refusal(&house.form("/oauth/token", &fields).await), (400, "invalid_grant".to_owned()));
    assert!(house.works(&access).await, "another client takes nothing back");
    assert_eq!(refusal(&house.exchange(&code).await), (400, "invalid_grant".to_owned()));
    assert!(!house.works(&access).await, "the key is revoked at once");
    assert_eq!(refusal(&house.refresh(&refresh).await), (400, "invalid_grant".to_owned()), "and the refresh token");
    assert!(house.works(&kept).await, "what another code gave stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_100_exchanges_of_one_code_one_gets_a_key_and_it_is_taken_back() {
    let house = Arc::new(House::new().await);
    let code = house.code().await;
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (house, code) = (house.clone(), code.clone());
        racing.spawn(async move { house.exchange(&code).await });
    }
    let answers = racing.join_all().await;
    let granted: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert!(granted.len() <= 1, "{} of them got tokens", granted.len());
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refusal(answer), (400, "invalid_grant".to_owned()));
    }
    let keys = house.app.accounts.list_keys(house.user.id).await.unwrap();
    let of_app: Vec<_> = keys.iter().filter(|key| key.partner.is_some()).collect();
    assert_eq!(of_app.len(), 1, "one key was made");
    assert!(of_app[0].revoked_at.is_some(), "and revoked, since its code was used twice");
    for answer in granted {
        assert!(!house.works(&tokens(answer).0).await);
    }
}

#[tokio::test]
async fn a_client_that_is_revoked_or_suspended_gets_nothing_more() {
    let house = House::new().await;
    let code = house.code().await;
    let (_, refresh) = house.tokens().await;
    let name = house.partner.id.to_string();
    house.app.accounts.set_partner_standing(&name, Standing::Suspended, String::new()).await.unwrap();
    let expect = (401, "invalid_client".to_owned());
    assert_eq!(refusal(&house.exchange(&code).await), expect);
    assert_eq!(refusal(&house.refresh(&refresh).await), expect);
    let page = house.app.get(&format!("/oauth/authorize?{}", house.asked()), "").await;
    assert_eq!((page.status.as_u16(), page.header("location")), (400, ""));
    house.app.accounts.set_partner_standing(&name, Standing::Good, String::new()).await.unwrap();
    assert_eq!(house.exchange(&code).await.status, 200, "it was not used up");
    let key = house.app.accounts.publishable_keys(&name).await.unwrap().remove(0);
    house.app.accounts.revoke_publishable_key(key.id).await.unwrap();
    assert_eq!(refusal(&house.refresh(&refresh).await), expect);
}

#[tokio::test]
async fn metadata_names_what_there_is_and_a_401_names_the_metadata() {
    let house = House::new().await;
    let server = house.app.get("/.well-known/oauth-authorization-server", "").await.json();
    assert_eq!(server["issuer"], ISSUER);
    for (name, path) in [
        ("authorization_endpoint", "/oauth/authorize"),
        ("token_endpoint", "/oauth/token"),
        ("revocation_endpoint", "/oauth/revoke"),
        ("device_authorization_endpoint", "/oauth/device_authorization"),
    ] {
        assert_eq!(server[name], format!("{ISSUER}{path}"));
        let answer = house.app.get(path, "").await;
        assert_ne!(answer.status, 404, "{path} is there");
    }
    assert_eq!(server["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(server["authorization_response_iss_parameter_supported"], true);
    for (path, resource) in [("", ISSUER.to_owned()), ("/v1", format!("{ISSUER}/v1"))] {
        let document = house.app.get(&format!("/.well-known/oauth-protected-resource{path}"), "").await.json();
        assert_eq!((&document["resource"], &document["authorization_servers"]), (&json!(resource), &json!([ISSUER])));
    }
    let text = "Bearer resource_metadata=\"https://credits.example/.well-known/oauth-protected-resource/v1\"";
    let app = house.app.with_settings(|settings| settings.challenge = Some(text.parse().unwrap()));
    let refused = app.post("/v1/chat/completions", "", &json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.header("www-authenticate")), (401, text));
    let refused = app.get("/v1/credits/balance", "oc_sk_wrong").await;
    assert_eq!((refused.status.as_u16(), refused.header("www-authenticate")), (401, text));
}

#[tokio::test]
async fn pages_of_any_origin_call_the_token_endpoints_and_none_decides() {
    let house = House::new().await;
    let preflight = async |path: &str| {
        let request = http::Request::builder().method(Method::OPTIONS).uri(path);
        let request = request.header("origin", "https://app.example");
        let request = request.header("access-control-request-method", "POST");
        let request = request.header("access-control-request-headers", "content-type, authorization");
        let answer = house.app.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
        answer.header("access-control-allow-origin").to_owned()
    };
    for path in ["/oauth/token", "/oauth/revoke", "/oauth/device_authorization", "/api/v1/auth/keys"] {
        assert_eq!(preflight(path).await, "*", "{path}");
    }
    for path in ["/oauth/authorize", "/auth", "/connect", "/device"] {
        assert_eq!(preflight(path).await, "", "{path}");
    }
}

#[tokio::test]
async fn a_resource_is_one_of_ours() {
    let house = House::new().await;
    let check = async |resource: &str, expect: Option<&str>| {
        let query = format!("{}&{}", house.asked(), query(&[("resource", resource)]));
        let answer = house.decide("/oauth/authorize", &query, "allow").await;
        let to = answer.json()["redirect_to"].as_str().unwrap().to_owned();
        assert_eq!(parameter(&to, "error").as_deref(), expect, "{resource}");
        assert_eq!(parameter(&to, "code").is_some(), expect.is_none(), "{resource}");
    };
    check("https://credits.example/v1", None).await;
    check("https://credits.example/", None).await;
    check("https://evil.example/v1", Some("invalid_target")).await;
    assert_eq!(CHALLENGE.len(), 43);
}
