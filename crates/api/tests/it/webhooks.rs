//! Webhooks about mails that came back.

use crate::app::{Answer, TestApp};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac};
use http::{Method, Request};
use http_body_util::BodyExt;
use opencredits_api::Routes;
use opencredits_email::WebhookSecrets;
use opencredits_service::Clock;
use opencredits_service::mail::Bounces;
use sha2::Sha256;
use std::sync::Arc;
use tower_service::Service;

const PATH: &str = "/webhooks/resend";
const KEY: [u8; 24] = [7; 24];
const BODY: &str = r#"{"type":"email.bounced","data":{"to":["ada@example.org"],"bounce":{"type":"Permanent"}}}"#;

fn routes(app: &TestApp) -> Routes {
    let secrets = WebhookSecrets::new([STANDARD.encode(KEY).as_str()]).unwrap();
    let bounces = Bounces::new(secrets, app.store.clone(), app.fixed.clone());
    app.routes().with_bounces(Arc::new(bounces))
}

/// A webhook that is signed with this key over this body, and has another body where one is given.
fn signed(app: &TestApp, key: &[u8], sent: Option<String>) -> Request<Body> {
    let timestamp = app.fixed.now().as_secs().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("msg_1.{timestamp}.{BODY}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let request = Request::builder().method(Method::POST).uri(PATH).header("svix-id", "msg_1");
    let request = request.header("svix-timestamp", timestamp).header("svix-signature", signature);
    request.body(Body::from(sent.unwrap_or_else(|| BODY.to_owned()))).unwrap()
}

async fn send(routes: &Routes, request: Request<Body>) -> Answer {
    let (head, body) = routes.clone().call(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status, headers: head.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

#[tokio::test]
async fn a_signed_webhook_flags_the_person_and_no_other_does() {
    let app = TestApp::new().await;
    let routes = routes(&app);
    let (user, _) = app.person(1).await;
    app.accounts.set_email(user.id, "ada@example.org").await.unwrap();
    let bounced = async || app.accounts.email_of(user.id).await.unwrap().unwrap().bounced_at;
    let forged = [
        signed(&app, &[8; 24], None),
        signed(&app, &KEY, Some(BODY.replace("Permanent", "Transient"))),
        Request::post(PATH).body(Body::from(BODY)).unwrap(),
    ];
    for request in forged {
        let answer = send(&routes, request).await;
        assert_eq!(answer.status.as_u16(), 400, "{}", answer.text);
        assert!(!answer.text.contains("ada@"), "{}", answer.text);
    }
    assert_eq!(bounced().await, None);
    let answer = send(&routes, signed(&app, &KEY, None)).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert!(answer.headers.contains_key("x-request-id"));
    assert_eq!(bounced().await, Some(app.fixed.now()));
}

#[tokio::test]
async fn a_webhook_that_is_too_large_is_refused() {
    let app = TestApp::new().await;
    let answer = send(&routes(&app), signed(&app, &KEY, Some("x".repeat(70_000)))).await;
    assert_eq!(answer.status.as_u16(), 413, "{}", answer.text);
}

#[tokio::test]
async fn without_a_secret_there_is_no_route_and_with_one_the_others_are_as_they_were() {
    let app = TestApp::new().await;
    assert_eq!(send(&app.routes(), signed(&app, &KEY, None)).await.status.as_u16(), 404);
    let routes = routes(&app);
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    assert_eq!(send(&routes, get(PATH)).await.status.as_u16(), 405);
    assert_eq!(send(&routes, get("/healthz")).await.status.as_u16(), 200);
    assert_eq!(send(&routes, get("/webhooks/other")).await.status.as_u16(), 404);
    assert_eq!(send(&routes, get("/v1/messages")).await.status.as_u16(), 405);
}
