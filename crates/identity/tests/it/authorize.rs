//! Authorization requests.

use opencredits_identity::oauth::{
    Asked, AuthorizationRefusal, AuthorizationRequest, Bearer, BearerKind, Client, Issuer, OauthError, OauthRefusal,
    Offer,
};
use proptest::prelude::*;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const OFFER: Offer<'_> =
    Offer { scopes: &["spend", "balance"], resources: &["https://credits.example/v1", "https://credits.example"] };

fn issuer() -> Issuer {
    Issuer::from_base_url("https://credits.example/").unwrap()
}

fn asked(query: &str, redirects: &[&str]) -> Result<AuthorizationRequest, AuthorizationRefusal> {
    let redirect_urls: Vec<String> = redirects.iter().map(|url| (*url).to_owned()).collect();
    Asked::read(query)?.check(&Client { id: "app", redirect_urls: &redirect_urls }, &OFFER)
}

/// A query that holds, with parameters exchanged, or left out where their value is empty.
fn query(changes: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/back"),
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "xyz"),
    ];
    all.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    all.extend(changes);
    all.retain(|(_, value)| !value.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish()
}

#[test]
fn a_request_that_holds_is_read() {
    let request = asked(&query(&[]), &["https://app.example/back"]).unwrap();
    assert_eq!((request.client_id.as_str(), request.redirect_url.as_str()), ("app", "https://app.example/back"));
    assert_eq!(request.scopes, ["spend", "balance"]);
    assert!(request.resources.is_empty());
    assert!(!format!("{request:?}").contains("xyz"));
    let code = Bearer::generate(BearerKind::Code, [0; 32]);
    assert_eq!(
        request.granted(&code, &issuer()),
        format!("https://app.example/back?code={}&state=xyz&iss=https%3A%2F%2Fcredits.example", code.reveal())
    );
    let refusal = OauthRefusal::new(OauthError::AccessDenied, "the person refused");
    assert_eq!(
        request.refused(&refusal, &issuer()),
        "https://app.example/back?error=access_denied&error_description=the+person+refused&state=xyz\
         &iss=https%3A%2F%2Fcredits.example"
    );
}

#[test]
fn scopes_and_resources_are_those_that_there_are() {
    let check = |name: &str, value: &str, expect: Result<&[&str], OauthError>| {
        let found = asked(&query(&[(name, value)]), &["https://app.example/back"]);
        let found = match found {
            Ok(request) => Ok(if name == "scope" { request.scopes } else { request.resources }),
            Err(AuthorizationRefusal::Redirected { refusal, .. }) => Err(refusal.error),
            Err(other) => panic!("{other:?}"),
        };
        let expect = expect.map(|list| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(found, expect, "{name} {value}");
    };
    check("scope", "balance", Ok(&["balance"]));
    check("scope", "balance  spend balance", Ok(&["balance", "spend"]));
    check("scope", "balance admin", Err(OauthError::InvalidScope));
    check("scope", " ", Err(OauthError::InvalidRequest));
    check("resource", "https://credits.example/v1/", Ok(&["https://credits.example/v1"]));
    check("resource", "https://evil.example/v1", Err(OauthError::InvalidTarget));
    let two = query(&[("resource", "https://credits.example/v1"), ("resource", "https://credits.example/")]);
    assert_eq!(asked(&two, &["https://app.example/back"]).unwrap().resources.len(), 2);
}

#[test]
fn who_is_not_known_is_sent_nowhere() {
    let check = |changes: &[(&str, &str)], redirects: &[&str], expect: OauthError| {
        let found = asked(&query(changes), redirects);
        let Err(AuthorizationRefusal::Shown(refusal)) = &found else { panic!("{changes:?} {found:?}") };
        assert_eq!(refusal.error, expect, "{changes:?}");
        assert_eq!(found.unwrap_err().location(&issuer()), None);
    };
    let registered: &[&str] = &["https://app.example/back"];
    check(&[("client_id", "")], registered, OauthError::InvalidRequest);
    check(&[("client_id", "app"), ("client_id", "app")], registered, OauthError::InvalidRequest);
    check(&[("client_id", "other")], registered, OauthError::InvalidClient);
    check(&[("client_id", &"a".repeat(501))], registered, OauthError::InvalidRequest);
    check(&[("redirect_uri", "https://evil.example/back")], registered, OauthError::InvalidRequest);
    check(&[("redirect_uri", "https://app.example/back#a")], registered, OauthError::InvalidRequest);
    check(
        &[("redirect_uri", "https://app.example/back"), ("redirect_uri", "https://evil.example")],
        registered,
        OauthError::InvalidRequest,
    );
    check(&[], &[], OauthError::InvalidRequest);
    check(&[("redirect_uri", "")], &["https://app.example/a", "https://app.example/b"], OauthError::InvalidRequest);
    check(&[("other", &"a".repeat(9_000))], registered, OauthError::InvalidRequest);
    check(&[("a", "1"); 65], registered, OauthError::InvalidRequest);
}

#[test]
fn a_known_client_is_told_at_its_redirect() {
    let check = |changes: &[(&str, &str)], expect: OauthError| {
        let refusal = asked(&query(changes), &["https://app.example/back"]).unwrap_err();
        let location = refusal.location(&issuer()).unwrap();
        let start = format!("https://app.example/back?error={}&error_description=", expect.name());
        assert!(location.starts_with(&start), "{changes:?} {location}");
        assert!(location.ends_with("&state=xyz&iss=https%3A%2F%2Fcredits.example"), "{location}");
    };
    check(&[("response_type", "")], OauthError::InvalidRequest);
    check(&[("response_type", "token")], OauthError::UnsupportedResponseType);
    check(&[("response_type", "code id_token")], OauthError::UnsupportedResponseType);
    check(&[("response_mode", "fragment")], OauthError::InvalidRequest);
    check(&[("code_challenge", "")], OauthError::InvalidRequest);
    check(&[("code_challenge_method", "")], OauthError::InvalidRequest);
    check(&[("code_challenge_method", "plain")], OauthError::InvalidRequest);
    check(&[("code_challenge", &CHALLENGE[1..])], OauthError::InvalidRequest);
    check(&[("code_challenge", &format!("{CHALLENGE}="))], OauthError::InvalidRequest);
    check(&[("request_uri", "https://evil.example")], OauthError::InvalidRequest);
    check(&[("scope", "spend"), ("scope", "balance")], OauthError::InvalidRequest);
}

#[test]
fn a_state_that_does_not_hold_is_not_sent_back() {
    for changes in [vec![("state", "a"), ("state", "b")], vec![("state", &*"s".repeat(1_025))]] {
        let location = asked(&query(&changes), &["https://app.example/back"]).unwrap_err().location(&issuer()).unwrap();
        assert!(location.contains("error=invalid_request") && !location.contains("&state="), "{location}");
    }
}

#[test]
fn the_only_redirect_need_not_be_named_and_its_query_stays() {
    let check = |listed: &str, start: &str| {
        let request = asked(&query(&[("redirect_uri", "")]), &[listed]).unwrap();
        let to = request.granted(&Bearer::generate(BearerKind::Code, [0; 32]), &issuer());
        assert!(to.starts_with(start), "{to}");
    };
    check("https://app.example/back?a=b", "https://app.example/back?a=b&code=oc_code_");
    check("https://app.example/back?", "https://app.example/back?code=oc_code_");
    check("com.example.app:/back", "com.example.app:/back?code=oc_code_");
    let request = asked(&query(&[("redirect_uri", "http://127.0.0.1:5000/a")]), &["http://127.0.0.1/a"]).unwrap();
    assert_eq!(request.redirect_url, "http://127.0.0.1:5000/a");
}

proptest! {
    #[test]
    fn nobody_is_sent_anywhere_but_to_what_is_registered(changes in prop::collection::vec(
        (prop::sample::select(vec!["client_id", "redirect_uri", "response_type", "state", "scope", "code_challenge", "resource"]),
         prop::sample::select(vec!["", "app", "code", "https://app.example/back", "https://evil.example", "//evil.example", "javascript:a", "\r\nLocation: x", "é", CHALLENGE])),
        0..6,
    )) {
        let location = match asked(&query(&changes), &["https://app.example/back"]) {
            Ok(request) => Some(request.granted(&Bearer::generate(BearerKind::Code, [1; 32]), &issuer())),
            Err(refusal) => refusal.location(&issuer()),
        };
        if let Some(location) = location {
            prop_assert!(location.starts_with("https://app.example/back?"));
            prop_assert!(location.bytes().all(|byte| byte > b' ' && byte <= b'~'), "{:?}", location);
        }
    }

    #[test]
    fn reading_never_panics(query in ".{0,400}") {
        let _ = asked(&query, &["https://app.example/back"]);
    }
}
