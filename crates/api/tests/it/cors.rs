//! Browsers: who may call from another origin, and what its page may read.

use crate::app::{Answer, TestApp, request};
use http::{HeaderValue, Method};
use opencredits_api::CorsOrigins;
use serde_json::json;

const PAGE: &str = "https://app.example";

async fn ask(app: &TestApp, method: Method, path: &str, key: &str, origin: &'static str) -> Answer {
    let body = json!({"model": "sandbox/gpt", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    let body = if method == Method::POST { body.to_string() } else { String::new() };
    let mut asked = request(method, path, key, body);
    asked.headers_mut().insert("origin", HeaderValue::from_static(origin));
    app.send(asked).await
}

/// What a page reads of an answer: who may, and with which headers.
fn told(answer: &Answer) -> [Option<&str>; 2] {
    let header = |name| answer.headers.get(name).map(|value| value.to_str().unwrap());
    [header("access-control-allow-origin"), header("vary")]
}

#[tokio::test]
async fn answers_and_errors_may_be_read_by_every_page_and_show_our_headers() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let chat = "/v1/chat/completions";
    for (method, path, key, status) in [
        (Method::POST, chat, key.as_str(), 200),
        (Method::POST, chat, "", 401),
        (Method::GET, chat, "", 405),
        (Method::GET, "/v1/nothing", "", 404),
        (Method::GET, "/v1/models", &key, 200),
        (Method::POST, "/v1beta/models/sandbox/gpt:generateContent", "", 401),
    ] {
        let answer = ask(&app, method, path, key, PAGE).await;
        assert_eq!((answer.status.as_u16(), told(&answer)), (status, [Some("*"), None]), "{path}");
        let exposed = answer.header("access-control-expose-headers");
        for name in answer.headers.keys().filter(|name| name.as_str().starts_with("x-") && *name != "x-accel-buffering")
        {
            assert!(exposed.contains(name.as_str()), "{name}");
        }
    }
    let outside = ask(&app, Method::GET, "/healthz", "", PAGE).await;
    assert_eq!(told(&outside), [None, None]);
    let elsewhere = app.get("/v1/models", &key).await;
    assert_eq!(told(&elsewhere), [None, None]);
}

#[tokio::test]
async fn only_listed_origins_may_read_where_there_is_a_list() {
    let listed = CorsOrigins::new(&[PAGE.to_owned()]);
    let app = TestApp::new().await.with_front(|settings| settings.cors_origins = listed);
    let (_, key) = app.person(10).await;
    let good = ask(&app, Method::GET, "/v1/models", &key, PAGE).await;
    assert_eq!(told(&good), [Some(PAGE), Some("Origin")]);
    let other = ask(&app, Method::GET, "/v1/models", &key, "https://other.example").await;
    assert_eq!((other.status.as_u16(), told(&other)), (200, [None, Some("Origin")]));
    let mut preflight = request(Method::OPTIONS, "/v1/messages", "", String::new());
    preflight.headers_mut().insert("origin", HeaderValue::from_static("https://other.example"));
    preflight.headers_mut().insert("access-control-request-method", HeaderValue::from_static("POST"));
    let refused = app.send(preflight).await;
    assert_eq!((refused.status.as_u16(), told(&refused)), (204, [None, Some("Origin")]));
    assert!(!refused.headers.contains_key("access-control-allow-methods"));
}
