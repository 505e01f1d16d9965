//! Where people are sent, and where they never are.

use super::house::{BACK, CHALLENGE, House, ISSUER, parameter, query};

/// What becomes of an authorization request.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// The page that asks.
    Page,
    /// A page of ours that says what is wrong; the person is sent nowhere.
    Refused,
    /// The client is told this error.
    Told(String),
}

async fn seen(house: &House, fields: &[(&str, &str)]) -> Seen {
    let query = query(fields);
    let answer = house.app.get(&format!("/oauth/authorize?{query}"), "").await;
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cache-control"), "no-store");
    let decided = house.decide("/oauth/authorize", &query, "allow").await;
    match answer.status.as_u16() {
        200 => {
            assert!(answer.text.contains("class=\"decide stack\""), "{}", answer.text);
            assert!(parameter(decided.json()["redirect_to"].as_str().unwrap(), "code").is_some());
            Seen::Page
        }
        302 => {
            let to = answer.header("location").to_owned();
            assert!(to.starts_with(&format!("{BACK}?")), "{to}");
            assert_eq!(parameter(&to, "iss").as_deref(), Some(ISSUER), "{to}");
            assert_eq!(decided.json()["redirect_to"], to, "the decision is told the same");
            Seen::Told(parameter(&to, "error").unwrap())
        }
        400 => {
            assert_eq!(answer.header("location"), "");
            assert_eq!(decided.status, 400, "and nothing is granted: {}", decided.text);
            Seen::Refused
        }
        status => panic!("{status} for {fields:?}"),
    }
}

#[tokio::test]
async fn a_person_is_sent_to_a_registered_url_alone() {
    let house = House::new().await;
    let other = house.app.accounts.add_partner(opencredits_service::accounts::NewPartner {
        name: "another app".to_owned(),
        share: None,
        markup: None,
    });
    let other = other.await.unwrap();
    house.register(&other, &["https://other.example/back"]).await;
    let check = async |redirect: &str, expect: Seen| {
        let fields = [
            ("response_type", "code"),
            ("client_id", &*house.client),
            ("redirect_uri", redirect),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        assert_eq!(seen(&house, &fields).await, expect, "{redirect}");
    };
    check(BACK, Seen::Page).await;
    check("http://127.0.0.1/back", Seen::Page).await;
    check("http://127.0.0.1:51004/back", Seen::Page).await;
    check("com.example.app:/key", Seen::Page).await;
    for wrong in [
        "",
        "https://app.example/back/",
        "https://app.example/back?next=https://evil.example",
        "https://app.example:444/back",
        "http://app.example/back",
        "https://app.example.evil.example/back",
        "https://evil.example/back",
        "https://app.example@evil.example/back",
        "https://app.example\\@evil.example/back",
        "//app.example/back",
        "https://APP.example/back",
        "https://app.example/back#a",
        "https://app.example/x/../back",
        "http://127.0.0.1:51004/other",
        "http://localhost:51004/back",
        "http://127.0.0.1:1@evil.example/back",
        "https://127.0.0.1:51004/back",
        "com.example.other:/key",
        "com.example.app:/other",
        "javascript:alert(1)",
        "data:text/html,a",
        "https://other.example/back",
        "/oauth/authorize",
    ] {
        check(wrong, Seen::Refused).await;
    }
}

#[tokio::test]
async fn what_else_is_wrong_is_told_to_the_client_with_its_state() {
    let house = House::new().await;
    let right = [
        ("response_type", "code"),
        ("client_id", &*house.client),
        ("redirect_uri", BACK),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let check = async |name: &str, value: &str, expect: Seen| {
        let mut fields: Vec<(&str, &str)> = right.iter().copied().filter(|(found, _)| *found != name).collect();
        fields.push((name, value));
        assert_eq!(seen(&house, &fields).await, expect, "{name}={value}");
    };
    let told = |error: &str| Seen::Told(error.to_owned());
    check("response_type", "token", told("unsupported_response_type")).await;
    check("response_type", "", told("invalid_request")).await;
    check("code_challenge", "", told("invalid_request")).await;
    check("code_challenge", "short", told("invalid_request")).await;
    check("code_challenge_method", "plain", told("invalid_request")).await;
    check("code_challenge_method", "", told("invalid_request")).await;
    check("scope", "admin", told("invalid_scope")).await;
    check("scope", "inference", Seen::Page).await;
    check("resource", "https://evil.example", told("invalid_target")).await;
    check("response_mode", "fragment", told("invalid_request")).await;
    check("request_uri", "https://evil.example", told("invalid_request")).await;
    check("client_id", "oc_pk_nobody", Seen::Refused).await;
    check("client_id", "", Seen::Refused).await;
    let stated = format!("/oauth/authorize?{}&scope=admin", house.asked());
    let to = house.app.get(&stated, "").await.header("location").to_owned();
    assert_eq!(parameter(&to, "state").as_deref(), Some("a state & more"));
    let denied = house.decide("/oauth/authorize", &house.asked(), "deny").await.json();
    let to = denied["redirect_to"].as_str().unwrap();
    assert_eq!(parameter(to, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(to, "state").as_deref(), Some("a state & more"));
}
