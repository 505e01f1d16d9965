//! Bodies that are too large, broken or of another kind, sent to every operation of the document.

use crate::app::{Answer, TestApp};
use crate::connections::house;
use crate::dashboard::session;
use crate::engine::OnlyOnFiles;
use crate::operator::admin;
use crate::payments::sandbox_payments;
use crate::sign_in;
use axum::body::{Body, Bytes};
use http::{Method, Request};
use http_body::Frame;
use http_body_util::StreamBody;
use opencredits_billing::WebhookSecret;
use opencredits_service::accounts::{Edit, PartnerEdit};
use opencredits_service::jobs::StopSwitch;
use opencredits_store::Role;
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// More than any route takes.
const LARGE: usize = 2 << 20;
/// Deeper than a parser that calls itself may go, and shorter than any limit of bodies.
const DEEP: usize = 5_000;
/// What OAuth has a form of errors of its own for.
const OAUTH: [&str; 4] = ["/oauth/token", "/oauth/device_authorization", "/oauth/revoke", "/api/v1/auth/keys"];

/// An application with every route, and what opens them.
struct Everything {
    app: TestApp,
    key: String,
    management_key: String,
    partner_key: String,
    session: String,
    partner: String,
    key_id: String,
    _jobs: StopSwitch,
}

impl Everything {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let (identity, connections) = (sign_in::identity_of(&app), house::connected(&app, Default::default()));
        let mut payments = sandbox_payments(&app);
        payments.webhook_secrets = vec![WebhookSecret::new("whsec_of_these_tests").unwrap()];
        let app = app.with_identity(identity).with_connections(connections).with_payments(payments);
        let (admin, jobs) = admin(&app, None);
        let app = app.with_operator(admin);
        let (user, key) = app.person(10).await;
        app.store.set_role(user.id, Role::Operator).await.unwrap();
        let session = session(&app, &user, 1).await;
        let management_key = app.accounts.add_management_key(user.id, "console".to_owned()).await.unwrap().1;
        let partner = app.partner().await;
        let owned = PartnerEdit { owner: Edit::Set(user.id), ..PartnerEdit::default() };
        app.accounts.edit_partner(&partner.name, owned).await.unwrap();
        let partner_key = app.accounts.add_partner_key(&partner.name, "reports".to_owned()).await.unwrap().1;
        let key_id = app.accounts.list_keys(user.id).await.unwrap()[0].id.to_string();
        Self {
            key,
            management_key: management_key.reveal().to_owned(),
            partner_key: partner_key.reveal().to_owned(),
            session,
            partner: partner.id.to_string(),
            key_id,
            app,
            _jobs: jobs,
        }
    }

    /// What an operation takes.
    fn credential(&self, operation: &Value) -> &str {
        let ways: Vec<&String> = operation["security"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|way| way.as_object()?.keys().next())
            .collect();
        match ways.first().map(|way| way.as_str()) {
            Some("user_key") => &self.key,
            Some("management_key") => &self.management_key,
            Some("partner_key") => &self.partner_key,
            Some("session") => &self.session,
            _ => "",
        }
    }

    fn address(&self, path: &str) -> String {
        let id = if path.contains("/keys/{id}") { &self.key_id } else { &self.partner };
        path.replace("{id}", id).replace("{key}", &self.key_id).replace("{model}", "sandbox%2Fgpt")
    }

    /// A request of an operation, which anybody may send once more.
    async fn send(&self, (method, path): (&Method, &str), credential: &str, kind: &str, body: Body) -> Answer {
        // Nobody may make more changes in a minute than a person does.
        self.app.pass(Duration::from_secs(60));
        let mut request = Request::builder().method(method).uri(self.address(path)).header("content-type", kind);
        if !credential.is_empty() {
            request = request.header("authorization", format!("Bearer {credential}"));
        }
        self.app.send(request.body(body).unwrap()).await
    }
}

/// The operations of the document, each with its method and path.
async fn operations(app: &TestApp) -> Vec<(Method, String, Value)> {
    let document = app.get("/openapi.json", "").await.json();
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        let of_path = item.as_object().unwrap().iter();
        of_path
            .map(move |(method, operation)| (method.to_uppercase().parse().unwrap(), path.clone(), operation.clone()))
    });
    all.collect()
}

/// A body in pieces, whose length no header tells.
fn in_pieces(length: usize) -> Body {
    let piece = Bytes::from(vec![b' '; 64 << 10]);
    let count = length.div_ceil(piece.len());
    let pieces = (0..count).map(move |_| Ok::<_, Infallible>(Frame::data(piece.clone())));
    Body::new(StreamBody::new(futures_util::stream::iter(pieces)))
}

/// An error in the form of the API that the path belongs to, with the request's id.
fn check_refused(answer: &Answer, path: &str, what: &str) {
    let at = format!("{what} at {path}: {} {}", answer.status, answer.text);
    assert!(answer.status.is_client_error(), "{at}");
    assert_eq!(answer.header("content-type"), JSON, "{at}");
    let id = answer.header("x-request-id");
    assert!(id.starts_with("req_"), "{at}");
    let told = answer.json();
    if OAUTH.contains(&path) && told["error"].is_string() {
        assert!(told["error_description"].as_str().is_some_and(|words| !words.is_empty()), "{at}");
        return;
    }
    let (told_id, kind) = match path {
        path if path.starts_with("/v1/messages") => (&told["request_id"], &told["error"]["error_type"]),
        path if path.starts_with("/v1beta/") => {
            (&told["error"]["details"][0]["request_id"], &told["error"]["details"][0]["error_type"])
        }
        _ => (&told["request_id"], &told["error"]["type"]),
    };
    assert_eq!(told_id, id, "{at}");
    assert!(kind.as_str().is_some_and(|kind| !kind.is_empty()), "{at}");
    assert!(told["error"]["message"].as_str().is_some_and(|words| !words.is_empty()), "{at}");
}

#[tokio::test]
async fn every_operation_refuses_every_malformed_body_in_the_form_of_its_api() {
    if OnlyOnFiles::Minutes.leaves_out() {
        return;
    }
    let all = Everything::new().await;
    let mut tried = 0;
    for (method, path, operation) in operations(&all.app).await {
        let Some(content) = operation["requestBody"]["content"].as_object() else { continue };
        let (own, other) = if content.contains_key(FORM) { (FORM, JSON) } else { (JSON, FORM) };
        let credential = all.credential(&operation);
        let malformed: [(&str, &str, Vec<u8>); 7] = [
            ("a text of another kind", other, if other == FORM { b"a=1&b=2".to_vec() } else { b"{}".to_vec() }),
            ("broken JSON", own, b"{\"name\": ".to_vec()),
            ("nothing", own, Vec::new()),
            ("invalid UTF-8", own, b"{\"\xff\xfe\": 1}".to_vec()),
            ("deep lists", own, [vec![b'['; DEEP], vec![b']'; DEEP]].concat()),
            (
                "deep objects in lists",
                own,
                [b"[{\"a\":".repeat(DEEP / 5), b"1".to_vec(), b"}]".repeat(DEEP / 5)].concat(),
            ),
            ("a number", own, b"1e999999".to_vec()),
        ];
        for (what, kind, body) in malformed {
            let answer = all.send((&method, &path), credential, kind, Body::from(body)).await;
            check_refused(&answer, &path, what);
            assert!(![401, 404, 413, 429].contains(&answer.status.as_u16()), "{what} at {path}: {}", answer.text);
        }
        for (what, body) in [("too much", Body::from(vec![b' '; LARGE])), ("too many pieces", in_pieces(LARGE))] {
            let answer = all.send((&method, &path), credential, own, body).await;
            check_refused(&answer, &path, what);
            assert_eq!(answer.status, 413, "{what} at {path}: {}", answer.text);
        }
        tried += 1;
    }
    assert!(tried > 35, "{tried} operations have a body");
    all.app.drained().await;
    all.app.settled();
}

#[tokio::test]
async fn no_operation_that_takes_no_body_fails_for_one() {
    let all = Everything::new().await;
    let mut tried = 0;
    for (method, path, operation) in operations(&all.app).await {
        if operation["requestBody"].is_object() {
            continue;
        }
        for body in [Body::from(b"{\"a\": \xff".to_vec()), Body::from(vec![b'['; LARGE]), in_pieces(LARGE)] {
            let answer = all.send((&method, &path), "", FORM, body).await;
            assert!(!answer.status.is_server_error(), "{method} {path}: {} {}", answer.status, answer.text);
            assert!(answer.header("x-request-id").starts_with("req_"), "{method} {path}");
            if !operation["security"].is_null() && !operation["security"].as_array().unwrap().is_empty() {
                check_refused(&answer, &path, "a body without a key");
            }
        }
        tried += 1;
    }
    assert!(tried > 40, "{tried} operations have none");
}

#[tokio::test]
async fn content_of_any_depth_harms_no_api() {
    let all = Everything::new().await;
    let apis = ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"];
    let gemini = "/v1beta/models/{model}:generateContent";
    for path in apis.into_iter().chain([gemini]) {
        for member in ["messages", "input", "contents", "tools", "system", "metadata"] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let deep = format!("{}1{}", open.repeat(DEEP), close.repeat(DEEP));
                let body = format!("{{\"model\": \"sandbox/gpt\", \"max_tokens\": 5, \"{member}\": {deep}}}");
                let answer = all.send((&Method::POST, path), &all.key, JSON, Body::from(body)).await;
                assert!(!answer.status.is_server_error(), "{member} at {path}: {} {}", answer.status, answer.text);
                assert!(answer.header("x-request-id").starts_with("req_"), "{member} at {path}");
            }
        }
    }
    all.app.drained().await;
    all.app.settled();
}
