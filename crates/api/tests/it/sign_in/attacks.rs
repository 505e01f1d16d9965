//! What an attacker tries.

use super::{Signing, accept};
use http::Method;
use opencredits_units::UserId;
use serde_json::{Value, json};

#[tokio::test]
async fn an_answer_does_not_tell_whether_there_is_an_account() {
    let site = Signing::new().await;
    site.enter("ada@example.org").await;
    let shape = |answer: &crate::app::Answer| {
        let mut body = answer.json();
        if let Some(challenge) = body.get_mut("challenge") {
            *challenge = json!(challenge.as_str().unwrap().len());
        }
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        (answer.status, body, names)
    };
    for path in ["/v1/auth/code", "/v1/auth/link"] {
        let known = site.post(path, "", json!({"email": "ada@example.org"})).await;
        let unknown = site.post(path, "", json!({"email": "nobody@example.org"})).await;
        assert_eq!(shape(&known), shape(&unknown), "{path}");
        let (to_known, to_unknown) = (site.mail("ada@example.org").await, site.mail("nobody@example.org").await);
        assert_eq!(to_known.subject, to_unknown.subject, "both get a mail");
    }
    assert_eq!(site.app.store.user_by_email("nobody@example.org").await.unwrap(), None, "and nothing is made");
}

#[tokio::test]
async fn no_header_and_no_recipient_is_added_to_a_mail() {
    let site = Signing::new().await;
    for email in [
        "ada@example.org\r\nBcc: eve@example.org",
        "ada@example.org\nSubject: hello",
        "ada@example.org, eve@example.org",
        "ada@example.org;eve@example.org",
        "<ada@example.org>",
        "Ada <ada@example.org>",
        "\"a\r\nb\"@example.org",
        "ada@example.org%0d%0aBcc:eve@example.org",
        "ada@[127.0.0.1]",
        "ada@example.org\u{0}",
        "ada@exаmple.org",
        "",
    ] {
        for path in ["/v1/auth/code", "/v1/auth/link"] {
            let answer = site.post(path, "", json!({ "email": email })).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["error"]["param"]), (400, &json!("email")), "{email:?}");
        }
    }
    assert!(site.post.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn two_browsers_that_sign_up_at_once_are_one_person() {
    let site = Signing::new().await;
    let mut bodies = Vec::new();
    for _ in 0..6 {
        let (challenge, code) = site.ask("ada@example.org").await;
        bodies.push(json!({"challenge": challenge, "code": code, "accept": accept()}));
    }
    let begun = futures_util::future::join_all(bodies.into_iter().map(|body| site.post("/v1/auth/session", "", body)));
    let begun: Vec<Value> = begun.await.iter().map(crate::app::Answer::json).collect();
    assert!(begun.iter().all(|begun| begun["user"]["id"] == begun["user"]["id"] && !begun["user"]["id"].is_null()));
    assert_eq!(begun.iter().filter(|begun| begun["is_new"] == true).count(), 1);
    assert_eq!(site.app.store.users(UserId::default(), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn promise_14_a_stolen_store_has_no_code_no_token_and_no_address_of_who_signs_in() {
    let site = Signing::new().await;
    let begun = site.enter("zoe@example.org").await;
    let id: UserId = begun["user"]["id"].as_str().unwrap().parse().unwrap();
    // The table of addresses is another concern.
    site.app.store.remove_email(id).await.unwrap();
    let (_, code) = site.ask("canary-address@example.org").await;
    site.post("/v1/auth/link", "", json!({"email": "canary-address@example.org"})).await;
    let link = site.mail("canary-address@example.org").await.text;
    let link = link.split_once("link#").unwrap().1.split_whitespace().next().unwrap().to_owned();
    let kept = site.app.place.everything(site.app.folder.path());
    let has = |text: &str| memchr::memmem::find(&kept, text.as_bytes()).is_some();
    let plain = code.replace(' ', "");
    for secret in ["canary-address", &super::token(&begun), &link, &link[link.len() - 40..]] {
        assert!(!has(secret), "{secret}");
    }
    assert!(!has(&code) && !has(&format!("\"{plain}\"")));
    assert!(has("code_challenges"), "the store was read");
}

#[tokio::test]
async fn no_state_changes_without_the_header_of_the_session() {
    let site = Signing::new().await;
    let token = site.token("ada@example.org").await;
    let routes = [
        (Method::DELETE, "/v1/auth/session"),
        (Method::DELETE, "/v1/account/sessions"),
        (Method::DELETE, "/v1/account/sessions/ses_00000000000000000000000000"),
        (Method::POST, "/v1/account/passkeys"),
        (Method::POST, "/v1/account/passkeys/options"),
        (Method::PATCH, "/v1/account/passkeys/psk_00000000000000000000000000"),
        (Method::DELETE, "/v1/account/passkeys/psk_00000000000000000000000000"),
        (Method::POST, "/v1/account/email"),
        (Method::PUT, "/v1/account/email"),
        (Method::POST, "/v1/keys"),
        (Method::PUT, "/v1/credits/top-up"),
    ];
    for (method, path) in routes {
        let mut request = crate::app::request(method.clone(), path, "", "{}".to_owned());
        // What a browser sends along by itself, on a form of another site.
        for (name, value) in [
            ("cookie", format!("opencredits.session={token}")),
            ("origin", "https://evil.example".to_owned()),
            ("content-type", "text/plain".to_owned()),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = site.app.send(request).await;
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text);
    }
    assert_eq!(site.standing(&token).await, 200);
}

#[tokio::test]
async fn a_session_that_somebody_else_chose_is_never_that_of_who_signs_in() {
    let site = Signing::new().await;
    let eve = site.enter("eve@example.org").await;
    let planted = super::token(&eve);
    let invented = opencredits_keys::SessionToken::generate([5; 32]).reveal().to_owned();
    for fixed in [&planted, &invented] {
        let (challenge, code) = site.ask("ada@example.org").await;
        let body = json!({ "challenge": challenge, "code": code, "accept": accept() });
        let begun = site.post("/v1/auth/session", fixed, body).await;
        assert_eq!(begun.status, 201, "{}", begun.text);
        let token = super::token(&begun.json());
        assert_ne!(&token, fixed, "a sign-in always makes a new one");
        let shown = site.send(Method::GET, "/v1/auth/session", fixed, &Value::Null).await;
        assert_eq!(shown.status, 401, "what was planted is nobody's: {}", shown.text);
        assert_eq!(site.standing(&token).await, 200);
    }
}
