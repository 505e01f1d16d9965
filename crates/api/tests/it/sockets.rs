//! Connections: slow and greedy clients are bounded, good ones kept, and an end is orderly.

use crate::app::TestApp;
use opencredits_api::{Ended, Limits, WorkerThreads, serve};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const LIMITS: Limits = Limits {
    connections_max: 12,
    connections_of_address_max: 100,
    trusted_proxies: Vec::new(),
    proxy_protocol_from: Vec::new(),
    header_bytes_max: 8_192,
    header_read: Duration::from_millis(150),
    write: Duration::from_millis(200),
    shutdown: Duration::from_secs(5),
};

pub(crate) struct Server {
    pub(crate) app: TestApp,
    pub(crate) key: String,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Ended>,
}

#[expect(clippy::disallowed_methods, reason = "the accept loop needs a task of its own, as in the binary")]
pub(crate) async fn server(limits: Limits) -> Server {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let routes = app.routes();
    let ended = tokio::spawn(serve(listener.into(), routes, limits, WorkerThreads::new(vec![]), async move {
        let _told_or_dropped = stopped.await;
    }));
    Server { app, key, address, stop, ended }
}

/// Sends these bytes and reads until the server closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server may refuse, and close, before it has read all.
    let _refused_early = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn chat(key: &str, text: &str) -> String {
    let body = format!(
        r#"{{"model":"sandbox/gpt","max_tokens":20,"stream":true,"messages":[{{"role":"user","content":"{text}"}}]}}"#
    );
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn one_connection_serves_request_after_request() {
    let server = server(LIMITS).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut heard = String::new();
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut part = [0; 512];
        let read = stream.read(&mut part).await.unwrap();
        heard.push_str(std::str::from_utf8(&part[..read]).unwrap());
    }
    assert_eq!(heard.matches("HTTP/1.1 200 OK").count(), 3, "{heard}");
}

#[tokio::test]
async fn a_head_that_never_ends_and_one_that_is_too_large_end_their_connection() {
    let server = server(LIMITS).await;
    let slow = exchange(server.address, b"GET /healthz HTTP/1.1\r\nhost: a\r\nx-slow: ");
    let slow = tokio::time::timeout(Duration::from_secs(3), slow).await.expect("a slow head is not waited for");
    assert_eq!(slow, "", "what has asked for nothing yet gets no answer");
    let large = format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx-large: {}\r\n\r\n", "a".repeat(20_000));
    let refused = exchange(server.address, large.as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 431") && refused.contains("x-request-id"), "{refused}");
    assert!(refused.contains("\r\naccess-control-allow-origin: *\r\n"), "a page of any origin may read it: {refused}");
    let many: String = (0..200).map(|n| format!("x-{n}: a\r\n")).collect();
    let refused = exchange(server.address, format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{many}\r\n").as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
}

#[tokio::test]
async fn what_has_no_place_waits_until_there_is_one() {
    let server = server(LIMITS).await;
    let mut holders = Vec::new();
    for _ in 0..LIMITS.connections_max {
        holders.push(TcpStream::connect(server.address).await.unwrap());
    }
    // Their heads time out, and the fourth gets its turn.
    let healthy = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = exchange(server.address, healthy).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_end_lets_a_stream_finish_and_takes_no_new_connection() {
    let server = server(LIMITS).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(chat(&server.key, "sandbox:slow 20").as_bytes()).await.unwrap();
    let mut first = [0; 64];
    stream.read_exact(&mut first).await.unwrap();
    server.stop.send(()).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.contains("data: [DONE]"), "{rest}");
    assert_eq!(server.ended.await.unwrap(), Ended::Drained);
    assert!(TcpStream::connect(server.address).await.is_err());
    server.app.settled();
}

#[tokio::test]
async fn who_does_not_read_is_taken_as_gone_and_pays() {
    let server = server(LIMITS).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(chat(&server.key, "sandbox:tokens 100000").replace(":20,", ":131072,").as_bytes()).await.unwrap();
    let mut first = [0; 64];
    stream.read_exact(&mut first).await.unwrap();
    for _ in 0..1_000 {
        if server.app.ledger.holds().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.app.settled();
    let mut rest = Vec::new();
    let _reset = stream.read_to_end(&mut rest).await;
    assert!(!String::from_utf8_lossy(&rest).contains("[DONE]"), "the connection is closed before the end");
}

#[tokio::test]
async fn an_end_is_not_put_off_beyond_its_bound() {
    let server = server(Limits { shutdown: Duration::from_millis(50), ..LIMITS }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(chat(&server.key, "sandbox:slow 2000").as_bytes()).await.unwrap();
    let mut first = [0; 64];
    stream.read_exact(&mut first).await.unwrap();
    server.stop.send(()).unwrap();
    assert_eq!(server.ended.await.unwrap(), Ended::Abandoned);
}

#[tokio::test]
async fn what_is_no_http_gets_an_error_in_our_form_and_so_does_an_unclear_host() {
    let server = server(LIMITS).await;
    let check = async |text: &str, status: u16, says: &str| {
        let answer = exchange(server.address, text.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}: {answer}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{text}: {answer}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert!(body["error"]["message"].as_str().unwrap().contains(says), "{text}: {answer}");
        let id = body["request_id"].as_str().unwrap();
        assert!(head.contains(&format!("x-request-id: {id}")), "{text}: {answer}");
    };
    check("nonsense\r\n\r\n", 400, "no HTTP/1.1 request").await;
    check("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "no HTTP/1.1 request").await;
    check("POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n", 400, "no HTTP/1.1 request").await;
    check("GET /x HTTP/1.1\r\nconnection: close\r\n\r\n", 400, "one Host").await;
    check("GET /x HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n", 400, "one Host").await;
    let key = "oc_sk_0123456789012345678901234567890123456789";
    for path in [format!("/{key}"), format!("/v1/models/{key}"), format!("/x?api_key={key}"), format!("/x?a={key}")] {
        let asked = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = exchange(server.address, asked.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 40") && !answer.contains("oc_sk_"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_ends_its_sending_side_gets_its_answer() {
    let server = server(LIMITS).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(chat(&server.key, "sandbox:slow 20").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("data: [DONE]"), "{answer}");
    server.app.settled();
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_unread_and_so_is_one_of_somebody_without_credit() {
    let server = server(LIMITS).await;
    let (_, poor) = server.app.person(0).await;
    for (key, length, status) in [(&server.key, 2 << 20, "413"), (&poor, 1 << 10, "402")] {
        let head =
            format!("POST /v1/messages HTTP/1.1\r\nhost: a\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n\r\n");
        let answer = tokio::time::timeout(Duration::from_secs(2), exchange(server.address, head.as_bytes())).await;
        let answer = answer.expect("it is not waited for");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}

#[tokio::test]
async fn connections_without_a_key_keep_nobody_with_one_out() {
    let server = server(Limits { header_read: Duration::from_secs(60), ..LIMITS }).await;
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(TcpStream::connect(server.address).await.unwrap());
    }
    let asked = chat(&server.key, "Hello").replace("host: a", "host: a\r\nconnection: close");
    let answer = tokio::time::timeout(Duration::from_secs(5), exchange(server.address, asked.as_bytes())).await;
    assert!(answer.expect("it is served").starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let server = server(Limits { connections_of_address_max: 2, ..LIMITS }).await;
    let _kept = [TcpStream::connect(server.address).await.unwrap(), TcpStream::connect(server.address).await.unwrap()];
    let healthy = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(server.address, healthy).await, "");
}
