//! People manage the partners that they run, and nobody else's.

use super::{fragment, session, signing};
use crate::app::{Answer, TestApp, request};
use crate::docs::request_of;
use http::Method;
use opencredits_service::accounts::{Approval, Edit, PartnerEdit};
use opencredits_store::{Partner, Standing, User};
use opencredits_units::{EntryId, PartnerId};
use serde_json::{Value, json};

pub(super) async fn send(app: &TestApp, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    app.send(request(method, path, key, body)).await
}

/// A person with a session, who runs a partner.
pub(super) async fn owner(app: &TestApp, n: u8) -> (User, String, Partner) {
    let user = app.person(10).await.0;
    let token = session(app, &user, n).await;
    let partner = approved(app, &token, &format!("Editor {n}")).await;
    assert_eq!(partner.owner, Some(user.id));
    (user, token, partner)
}

pub(super) async fn applied(app: &TestApp, token: &str, name: &str) -> Value {
    let body = json!({"name": name, "url": "https://editor.example", "origins": ["https://editor.example"]});
    let answer = send(app, Method::POST, "/v1/partners/apply", token, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()
}

/// A partner that this person applied for.
pub(super) async fn approved(app: &TestApp, token: &str, name: &str) -> Partner {
    let id: PartnerId = applied(app, token, name).await["data"]["id"].as_str().unwrap().parse().unwrap();
    app.accounts.approve_application(id, Approval::default()).await.unwrap()
}

/// What the record of changes has of sessions: action and subject.
async fn recorded(app: &TestApp) -> Vec<String> {
    let all = app.accounts.changes(EntryId::default(), 1_000).await.unwrap();
    let by_session = all.into_iter().filter(|change| change.actor != "operator");
    by_session.map(|change| change.action).collect()
}

/// Every route of a partner: the method, what follows the partner's id, and a body that would be accepted.
fn routes(key: &str) -> Vec<(Method, String, Value)> {
    let (get, post) = (Method::GET, Method::POST);
    let name = json!({"name": "n"});
    vec![
        (get.clone(), String::new(), Value::Null),
        (get.clone(), "/usage".to_owned(), Value::Null),
        (get.clone(), "/referrals".to_owned(), Value::Null),
        (get.clone(), "/statements".to_owned(), Value::Null),
        (get.clone(), "/payouts".to_owned(), Value::Null),
        (get.clone(), "/keys".to_owned(), Value::Null),
        (post.clone(), "/keys".to_owned(), name.clone()),
        (post.clone(), format!("/keys/{key}/rotate"), Value::Null),
        (Method::DELETE, format!("/keys/{key}"), Value::Null),
        (get.clone(), "/publishable-keys".to_owned(), Value::Null),
        (post.clone(), "/publishable-keys".to_owned(), name.clone()),
        (Method::PATCH, format!("/publishable-keys/{key}"), name.clone()),
        (Method::DELETE, format!("/publishable-keys/{key}"), Value::Null),
        (get, "/test-keys".to_owned(), Value::Null),
        (post.clone(), "/test-keys".to_owned(), name),
        (post, format!("/test-keys/{key}/rotate"), Value::Null),
        (Method::DELETE, format!("/test-keys/{key}"), Value::Null),
        (Method::PUT, "/test-origins".to_owned(), json!({"origins": []})),
    ]
}

#[tokio::test]
async fn the_partner_of_another_is_as_one_that_does_not_exist_on_every_route() {
    let app = signing(TestApp::with_test_mode());
    let (_, own, partner) = owner(&app, 1).await;
    let (_, other, others) = owner(&app, 2).await;
    let key = send(&app, Method::POST, &format!("/v1/partners/{}/keys", partner.id), &own, &json!({"name": "k"})).await;
    let key = key.json()["data"]["id"].as_str().unwrap().to_owned();
    let before = recorded(&app).await.len();
    let missing = PartnerId::from_bits(77);
    for (method, rest, body) in routes(&key) {
        let path = |id: PartnerId| format!("/v1/partners/{id}{rest}");
        let theirs = send(&app, method.clone(), &path(partner.id), &other, &body).await;
        let none = send(&app, method.clone(), &path(missing), &other, &body).await;
        assert_eq!((theirs.status.as_u16(), none.status.as_u16()), (404, 404), "{method} {rest}: {}", theirs.text);
        assert_eq!(theirs.json()["error"]["message"], none.json()["error"]["message"], "{method} {rest}");
        let unknown = send(&app, method.clone(), &path(partner.id), "", &body).await;
        assert_eq!(unknown.status, 401, "{method} {rest}: {}", unknown.text);
        // The key of another's partner is none of one's own either.
        if rest.contains(&key) {
            let crossed = send(&app, method.clone(), &path(others.id), &other, &body).await;
            assert_eq!(crossed.status, 404, "{method} {rest}: {}", crossed.text);
        }
    }
    for page in ["", "/keys", "/statements", "/guide"] {
        let theirs = fragment(&app, &format!("/partner{page}?partner={}", partner.id), &other).await;
        assert_eq!(theirs.status, 404, "{page}: {}", theirs.text);
        assert!(!theirs.text.contains("Editor 1"), "{}", theirs.text);
        assert_eq!(fragment(&app, &format!("/partner{page}"), "").await.status, 401, "{page}");
    }
    assert_eq!(recorded(&app).await.len(), before, "nothing was changed");
    let listed = app.get("/v1/partners", &other).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(listed["data"][0]["name"], "Editor 2");
}

#[tokio::test]
async fn a_secret_key_is_shown_once_replaced_and_revoked_and_each_is_recorded() {
    let app = signing(TestApp::new().await);
    let (_, token, partner) = owner(&app, 1).await;
    let path = format!("/v1/partners/{}/keys", partner.id);
    let made = send(&app, Method::POST, &path, &token, &json!({"name": "billing"})).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"));
    let (first, id) = (made.json()["key"].as_str().unwrap().to_owned(), made.json()["data"]["id"].clone());
    assert!(first.starts_with("oc_rk_"), "{first}");
    assert_eq!(app.get("/v1/partner", &first).await.json()["name"], "Editor 1");
    let listed = app.get(&path, &token).await;
    assert!(listed.text.contains("billing") && !listed.text.contains(&first), "{}", listed.text);

    let rotated =
        send(&app, Method::POST, &format!("{path}/{}/rotate", id.as_str().unwrap()), &token, &Value::Null).await;
    let (second, id) = (rotated.json()["key"].as_str().unwrap().to_owned(), rotated.json()["data"]["id"].clone());
    assert_eq!(
        (app.get("/v1/partner", &first).await.status.as_u16(), rotated.json()["data"]["name"].as_str()),
        (401, Some("billing"))
    );
    assert_eq!(app.get("/v1/partner", &second).await.status, 200);
    let one = format!("{path}/{}", id.as_str().unwrap());
    for (status, time) in [(200, "first"), (404, "second")] {
        assert_eq!(send(&app, Method::DELETE, &one, &token, &Value::Null).await.status, status, "the {time} time");
    }
    assert_eq!(app.get("/v1/partner", &second).await.status, 401);
    let expected = ["partner.apply", "partner.key_add", "partner.key_add", "partner.key_revoke", "partner.key_revoke"];
    let mut found = recorded(&app).await;
    // Those of one moment are in no order.
    found.sort();
    assert_eq!(found, expected);
    for wrong in
        [json!({}), json!({"name": ""}), json!({"name": "n", "share_bps": 9}), json!({"name": "x".repeat(300)})]
    {
        assert_eq!(send(&app, Method::POST, &path, &token, &wrong).await.status, 400, "{wrong}");
    }
    for _ in 0..20 {
        assert_eq!(send(&app, Method::POST, &path, &token, &json!({"name": "n"})).await.status, 201);
    }
    let many = send(&app, Method::POST, &path, &token, &json!({"name": "n"})).await;
    assert!(many.status == 400 && many.text.contains("20 keys"), "{}", many.text);
}

#[tokio::test]
async fn origins_are_edited_and_what_is_wrong_with_one_is_named() {
    let app = signing(TestApp::new().await);
    let (_, token, partner) = owner(&app, 1).await;
    let path = format!("/v1/partners/{}/publishable-keys", partner.id);
    let embeds = async |key: &str, origin: &str| {
        app.get(&format!("/embed/config?publishable_key={key}&origin={origin}"), "").await.status.as_u16()
    };
    let first = app.get(&path, &token).await.json()["data"][0].clone();
    assert_eq!(first["origins"], json!(["https://editor.example"]));
    let one = format!("{path}/{}", first["id"].as_str().unwrap());
    for (field, value, names) in [
        ("origins", "https://a.example/path", ["“https://a.example/path”", "without a path"]),
        ("origins", "http://a.example", ["“http://a.example”", "not https"]),
        ("redirect_urls", "ftp://a.example", ["“ftp://a.example”", "neither https"]),
    ] {
        let refused = send(&app, Method::PATCH, &one, &token, &json!({ field: ["https://ok.example", value] })).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]["param"]),
            (400, &json!(field)),
            "{}",
            refused.text
        );
        assert!(names.iter().all(|name| refused.text.contains(name)), "{}", refused.text);
    }
    let key = first["key"].as_str().unwrap().to_owned();
    assert_eq!((embeds(&key, "https://editor.example").await, embeds(&key, "https://b.example").await), (200, 403));
    let body = json!({"origins": ["https://b.example"], "redirect_urls": ["com.example.app:/back"]});
    let edited = send(&app, Method::PATCH, &one, &token, &body).await.json();
    assert_eq!(edited["data"]["redirect_urls"], json!(["com.example.app:/back"]));
    assert_eq!((embeds(&key, "https://editor.example").await, embeds(&key, "https://b.example").await), (403, 200));
    let none = send(&app, Method::PATCH, &one, &token, &json!({"origins": []})).await.json();
    assert_eq!(
        (&none["data"]["origins"], &none["data"]["redirect_urls"]),
        (&json!([]), &json!(["com.example.app:/back"]))
    );
    // Our own pages may show it for the preview, whatever is listed.
    assert_eq!(embeds(&key, &app.app.pages.pages.site().url).await, 200);
    let second = send(&app, Method::POST, &path, &token, &json!({"name": "desktop"})).await;
    assert_eq!(second.status, 201, "{}", second.text);
    assert_eq!(send(&app, Method::DELETE, &one, &token, &Value::Null).await.status, 200);
    assert_eq!(embeds(&key, "https://b.example").await, 404);
    assert_eq!(app.get(&path, &token).await.json()["data"].as_array().unwrap().len(), 1);
    assert!(recorded(&app).await.contains(&"partner.publishable_edit".to_owned()));
}

#[tokio::test]
async fn an_applicant_has_test_keys_before_the_decision_and_loses_them_by_a_rejection() {
    let app = signing(TestApp::with_test_mode());
    let user = app.person(10).await.0;
    let token = session(&app, &user, 1).await;
    let application = applied(&app, &token, "Editor").await;
    let id = application["data"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/partners/{id}/test-keys");
    let hello =
        json!({"model": "openai/gpt-4o-mini", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]});
    let works = async |key: &str| app.post("/v1/chat/completions", key, &hello).await.status.as_u16();
    assert_eq!(app.get(&path, &token).await.json()["data"].as_array().unwrap().len(), 1, "the first one");
    let made = send(&app, Method::POST, &path, &token, &json!({"name": "laptop"})).await.json();
    let first = made["key"].as_str().unwrap().to_owned();
    assert!(first.starts_with("oc_sk_test_"), "{first}");
    let one = format!("{path}/{}", made["data"]["id"].as_str().unwrap());
    let rotated = send(&app, Method::POST, &format!("{one}/rotate"), &token, &Value::Null).await.json();
    let second = rotated["key"].as_str().unwrap().to_owned();
    assert_eq!((works(&first).await, works(&second).await), (401, 200));
    let origins = json!({"origins": ["https://staging.example"]});
    let edited = send(&app, Method::PUT, &format!("/v1/partners/{id}/test-origins"), &token, &origins).await;
    assert_eq!((edited.status.as_u16(), &edited.json()["data"]["origins"]), (200, &origins["origins"]));
    let test_key = application["test"]["publishable_key"].as_str().unwrap();
    for (origin, status) in [("https://staging.example", 200), ("https://other.example", 403)] {
        let config = app.get(&format!("/embed/config?publishable_key={test_key}&origin={origin}"), "").await;
        assert_eq!(config.status, status, "{origin}: {}", config.text);
    }
    // What is live needs the approval.
    let secret = send(&app, Method::POST, &format!("/v1/partners/{id}/keys"), &token, &json!({"name": "n"})).await;
    assert_eq!(secret.status, 404, "{}", secret.text);
    app.accounts.reject_application(id.parse().unwrap(), "no such page".to_owned()).await.unwrap();
    assert_eq!(works(&second).await, 403);
    assert_eq!(app.get(&path, &token).await.status, 404);
    let named = recorded(&app).await;
    for action in ["partner.test_key", "partner.test_key_revoke", "partner.test_origins"] {
        assert!(named.iter().any(|name| name == action), "{action}: {named:?}");
    }
}

#[tokio::test]
async fn a_suspended_partner_is_read_and_not_changed_and_an_owner_may_be_replaced() {
    let app = signing(TestApp::with_test_mode());
    let (_, token, partner) = owner(&app, 1).await;
    let heir = app.person(10).await.0;
    let of_heir = session(&app, &heir, 2).await;
    app.accounts.set_partner_standing(&partner.name, Standing::Suspended, String::new()).await.unwrap();
    for (method, rest, body) in routes("key_00000000000000000000000001") {
        let status = if method == Method::GET { 200 } else { 403 };
        let answer = send(&app, method.clone(), &format!("/v1/partners/{}{rest}", partner.id), &token, &body).await;
        assert_eq!(answer.status, status, "{method} {rest}: {}", answer.text);
    }
    assert_eq!(app.get(&format!("/v1/partners/{}", partner.id), &token).await.json()["data"]["state"], "suspended");
    let edit = PartnerEdit { owner: Edit::Set(heir.id), ..PartnerEdit::default() };
    app.accounts.edit_partner(&partner.name, edit).await.unwrap();
    let path = format!("/v1/partners/{}", partner.id);
    assert_eq!(
        (app.get(&path, &token).await.status, app.get(&path, &of_heir).await.status.as_u16()),
        (http::StatusCode::NOT_FOUND, 200)
    );
}

#[tokio::test]
async fn a_management_key_does_the_same_and_other_keys_do_not() {
    let app = signing(TestApp::new().await);
    let (user, token, partner) = owner(&app, 1).await;
    let manager = app.accounts.add_management_key(user.id, "console".to_owned()).await.unwrap().1.reveal().to_owned();
    let secret = app.accounts.add_partner_key(&partner.name, "reports".to_owned()).await.unwrap().1.reveal().to_owned();
    let spending = app.key(&user, None, None).await;
    let path = format!("/v1/partners/{}/statements", partner.id);
    let by_session = app.get(&path, &token).await;
    assert_eq!(by_session.text, app.get(&path, &manager).await.text);
    assert_eq!(by_session.json(), app.get("/v1/partner/statements", &secret).await.json(), "as with the secret key");
    for key in [&secret, &spending] {
        assert_eq!(app.get(&path, key).await.status, 403);
        let made =
            send(&app, Method::POST, &format!("/v1/partners/{}/keys", partner.id), key, &json!({"name": "n"})).await;
        assert_eq!(made.status, 403, "{}", made.text);
    }
}

/// The page about partners, whose commands people copy.
const DOCS: &str = include_str!("../../../../../docs/partners.md");

#[tokio::test]
async fn the_commands_of_the_documentation_do_what_it_says() {
    let app = signing(TestApp::with_test_mode());
    let (user, token, partner) = owner(&app, 1).await;
    let manager = app.accounts.add_management_key(user.id, "console".to_owned()).await.unwrap().1.reveal().to_owned();
    let keys = app.get(&format!("/v1/partners/{}/publishable-keys", partner.id), &token).await.json();
    let (id, key) = (partner.id.to_string(), keys["data"][0]["id"].as_str().unwrap());
    let known = [("$MANAGEMENT_KEY", manager.as_str()), ("$PARTNER", &id), ("$KEY", key)];
    let blocks = DOCS.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut answers = Vec::new();
    for command in blocks {
        let answer = app.send(request_of(command, &known)).await;
        assert!(answer.status.is_success(), "{command}: {}", answer.text);
        answers.push(answer.json());
    }
    assert_eq!(answers.len(), 2, "applying, and changing origins");
    assert_eq!(answers[0]["data"]["state"], "open");
    assert_eq!(answers[1]["data"]["origins"], json!(["https://editor.example", "https://beta.editor.example"]));
    for (method, rest, _) in routes("{key}") {
        let tail = rest.split('/').nth(1).unwrap_or_default();
        assert!(DOCS.contains(&format!("/{tail}")), "{method} {rest} is not in the documentation");
    }
}
