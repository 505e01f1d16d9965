//! Pictures by address, for a provider that takes bytes only.

use crate::app::TestApp;
use http::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) const VENDORS: &str = r#"
    [[vendor]]
    id = "v"
    dialect = "gemini-generate"
    base_url = "http://upstream.example/v1beta"
    auth = "x-goog-api-key"
"#;
pub(crate) const MODELS: &str = r#"
    [[model]]
    id = "a/model"
    vendor = "v"
    upstream_model = "model-1"
    context_window = 100000
    max_output_tokens = 10000
    prices = { input = "1", output = "10" }
"#;
pub(crate) const GENERATED: &str = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],
"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":7}}"#;

/// The address of a server that answers everything with one small picture, or says that there is none.
pub(crate) async fn server(status: &'static str) -> String {
    server_of(status, "image/png", 4).await
}

/// The same, which answers with so many bytes of this type.
pub(crate) async fn server_of(status: &'static str, kind: &'static str, length: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    start(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4_096];
            let _read = stream.read(&mut head).await;
            let body = format!("\u{7f}PNG{}", "x".repeat(length.saturating_sub(4)));
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}");
            let _written = stream.write_all(head.as_bytes()).await;
            let _end = stream.read(&mut [0; 64]).await;
        }
    });
    format!("http://{address}/a.png")
}

#[expect(clippy::disallowed_methods, reason = "a test's server runs beside the test")]
fn start(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Each API's path, and a request of it that names a picture by address.
pub(crate) fn asks(address: &str) -> Vec<(&'static str, serde_json::Value)> {
    let chat = json!([{"type": "image_url", "image_url": {"url": address}}]);
    let messages = json!([{"type": "image", "source": {"type": "url", "url": address}}]);
    let responses = json!([{"role": "user", "content": [{"type": "input_image", "image_url": address}]}]);
    let of = |content| json!([{"role": "user", "content": content}]);
    vec![
        ("/v1/chat/completions", json!({"model": "a/model", "messages": of(chat)})),
        ("/v1/messages", json!({"model": "a/model", "max_tokens": 100, "messages": of(messages)})),
        ("/v1/responses", json!({"model": "a/model", "input": responses})),
    ]
}

#[tokio::test]
async fn a_picture_by_address_goes_as_bytes_where_the_provider_takes_no_address() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", GENERATED);
    let (_, key) = app.person(10).await;
    for (path, body) in asks(&server("200 OK").await) {
        let answer = app.post(path, &key, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        let (_, sent) = app.last_sent();
        let expected = json!([{"inlineData": {"mimeType": "image/png", "data": "f1BORw=="}}]);
        assert_eq!(sent["contents"][0]["parts"], expected, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_fetched_is_refused_before_anything_is_held() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", GENERATED);
    let (_, key) = app.person(10).await;
    let gone = server("404 Not Found").await;
    for (address, says) in [(gone.as_str(), "status 404"), ("http://10.1.2.3/a.png", "not public")] {
        for (path, body) in asks(address) {
            let answer = app.post(path, &key, &body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.text);
            assert!(answer.text.contains(says), "{path}: {}", answer.text);
            assert!(!answer.text.contains("a.png"), "an address is content: {}", answer.text);
        }
    }
    let many: Vec<_> =
        (0..9).map(|n| json!({"type": "image_url", "image_url": {"url": format!("{gone}{n}")}})).collect();
    let body = json!({"model": "a/model", "messages": [{"role": "user", "content": many}]});
    let answer = app.post("/v1/chat/completions", &key, &body).await;
    assert!(answer.text.contains("more than 8"), "{}", answer.text);
    assert!(app.asked().is_empty());
}

#[tokio::test]
async fn nobody_is_sent_anywhere_by_somebody_who_cannot_pay() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", GENERATED);
    let (_, key) = app.person(0).await;
    let (path, body) = asks("http://10.1.2.3/a.png").remove(0);
    let answer = app.post(path, &key, &body).await;
    assert_eq!(answer.status, 402, "{}", answer.text);
}
