//! The pooled client against servers that are slow, break off, or are well.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opencredits_providers::http::{Client, Settings, Timeouts};
use opencredits_providers::{Transport, TransportError, UpstreamRequest, UpstreamResponse};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const BODY_BYTES_MAX: usize = 64 << 20;

/// Short enough for a test, and far apart, so that it is plain which one has struck.
const TIMEOUTS: Timeouts = Timeouts { connect_ms: 5_000, first_byte_ms: 5_000, idle_ms: 5_000, total_ms: 5_000 };

fn client(timeouts: Timeouts) -> Client {
    Client::new(Settings { timeouts, idle_connections_max: 4 }).unwrap()
}

async fn post(client: &Client, url: &str, body: &'static [u8]) -> Result<UpstreamResponse, TransportError> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    let request = UpstreamRequest { url: url.parse().unwrap(), headers, body: Bytes::from_static(body) };
    client.send(request).await
}

async fn read(response: UpstreamResponse) -> Result<Bytes, TransportError> {
    response.body.read_all(BODY_BYTES_MAX).await
}

/// Binds a port and gives each connection to the function.
async fn serve<F, Fut>(each: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    let accept = async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tasks.spawn(each(stream));
        }
    };
    start(accept);
    address
}

#[expect(clippy::disallowed_methods, reason = "a test's server runs beside the test")]
fn start(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// A server that reads the head and body of a small request, and then writes these pieces, each after a wait.
async fn scripted(script: &'static [(u64, &'static str)]) -> String {
    let address = serve(move |mut stream| async move {
        let mut request = [0; 4_096];
        let _read = stream.read(&mut request).await;
        for (wait_ms, piece) in script {
            tokio::time::sleep(Duration::from_millis(*wait_ms)).await;
            if stream.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await;
    format!("http://{address}/v1/messages")
}

/// What a whole exchange with a scripted server comes to: the error of the head, or that of the body, or the body.
async fn check(timeouts: Timeouts, script: &'static [(u64, &'static str)], expected: Result<&str, TransportError>) {
    let url = scripted(script).await;
    let got = match post(&client(timeouts), &url, b"{}").await {
        Ok(response) => read(response).await,
        Err(error) => Err(error),
    };
    assert_eq!(got, expected.map(|text| Bytes::copy_from_slice(text.as_bytes())));
}

type Reply = http_body_util::combinators::BoxBody<Bytes, io::Error>;

/// Answers over HTTP/1.1 or HTTP/2, as the client likes.
async fn answer<S>(stream: S, reply: fn(&Request<Incoming>) -> Reply)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| async move {
        let version = format!("{:?}", request.version());
        let body = reply(&request);
        let _whole = request.into_body().collect().await;
        let response = Response::builder().header("x-version", version).body(body).unwrap();
        Ok::<_, Infallible>(response)
    });
    let _ended = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

fn hello(_: &Request<Incoming>) -> Reply {
    Full::new(Bytes::from_static(b"hello")).map_err(|never| match never {}).boxed()
}

/// 16 MiB in pieces of 64 KiB.
fn big(_: &Request<Incoming>) -> Reply {
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    let pieces = vec![piece; 256].into_iter();
    BodyExt::boxed(StreamBody::new(Pieces(pieces)))
}

struct Pieces(std::vec::IntoIter<Bytes>);

impl futures_core::Stream for Pieces {
    type Item = Result<Frame<Bytes>, io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next().map(|piece| Ok(Frame::data(piece))))
    }
}

/// A TLS server with these protocols, and its certificate.
async fn tls_server(alpn: &[&[u8]], reply: fn(&Request<Incoming>) -> Reply) -> (SocketAddr, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().to_vec();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream, reply).await;
            }
        }
    })
    .await;
    (address, certificate)
}

/// Waits for the others before it answers.
fn late(_: &Request<Incoming>) -> Reply {
    BodyExt::boxed(Late(Box::pin(tokio::time::sleep(Duration::from_millis(300)))))
}

struct Late(std::pin::Pin<Box<tokio::time::Sleep>>);

impl hyper::body::Body for Late {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.as_mut().poll(context).map(|()| None)
    }
}

#[tokio::test]
async fn more_requests_than_a_connection_carries_do_not_wait_for_each_other() {
    let (address, certificate) = tls_server(&[b"h2", b"http/1.1"], late).await;
    let client = Client::with_roots(Settings::default(), &[&certificate]).unwrap();
    let url = format!("https://localhost:{}/", address.port());
    // All begin before any ends: the bodies are kept.
    let mut open = Vec::new();
    let mut by_version = [0, 0];
    for _ in 0..110 {
        let response = post(&client, &url, b"{}").await.unwrap();
        by_version[usize::from(response.headers["x-version"] == "HTTP/2.0")] += 1;
        open.push(response);
    }
    assert_eq!(by_version, [10, 100]);
    open.clear();
    let response = post(&client, &url, b"{}").await.unwrap();
    assert_eq!(response.headers["x-version"], "HTTP/2.0");
}

async fn check_version(alpn: &[&[u8]], expected: Version) {
    let (address, certificate) = tls_server(alpn, hello).await;
    let client = Client::with_roots(Settings::default(), &[&certificate]).unwrap();
    let url = format!("https://localhost:{}/v1/messages", address.port());
    let response = post(&client, &url, b"{}").await.unwrap();
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.headers.get("x-version").unwrap(), format!("{expected:?}").as_str());
    assert_eq!(read(response).await.unwrap(), "hello");
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_offers_it() {
    check_version(&[b"h2", b"http/1.1"], Version::HTTP_2).await;
    check_version(&[b"http/1.1"], Version::HTTP_11).await;
    check_version(&[], Version::HTTP_11).await;
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_refused() {
    let (address, _) = tls_server(&[b"h2"], hello).await;
    let url = format!("https://localhost:{}/", address.port());
    let got = post(&client(TIMEOUTS), &url, b"{}").await;
    assert_eq!(got.err(), Some(TransportError::Tls));
}

#[tokio::test]
async fn a_closed_port_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let got = post(&client(TIMEOUTS), &url, b"{}").await;
    assert_eq!(got.err(), Some(TransportError::Connect));
}

#[tokio::test]
async fn a_name_without_an_address_is_told_from_a_server_that_is_away() {
    // Names below `.invalid` have no address (RFC 6761, section 6.4).
    for scheme in ["http", "https"] {
        let got = post(&client(TIMEOUTS), &format!("{scheme}://vendor.invalid/v1"), b"{}").await;
        assert_eq!(got.err(), Some(TransportError::Unresolved), "{scheme}");
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_no_connection() {
    let address = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let timeouts = Timeouts { connect_ms: 50, ..TIMEOUTS };
    let url = format!("https://localhost:{}/", address.port());
    let got = post(&client(timeouts), &url, b"{}").await;
    assert_eq!(got.err(), Some(TransportError::Connect));
}

#[tokio::test]
async fn an_address_without_a_host_is_refused() {
    let got = post(&client(TIMEOUTS), "/v1/messages", b"{}").await;
    assert_eq!(got.err(), Some(TransportError::InvalidRequest));
}

#[tokio::test]
async fn a_head_that_does_not_come_is_a_first_byte_timeout() {
    let timeouts = Timeouts { first_byte_ms: 50, ..TIMEOUTS };
    check(timeouts, &[(2_000, "")], Err(TransportError::FirstByteTimeout)).await;
}

#[tokio::test]
async fn a_total_that_is_shorter_than_the_wait_for_the_head_ends_it() {
    let timeouts = Timeouts { total_ms: 50, ..TIMEOUTS };
    check(timeouts, &[(2_000, "")], Err(TransportError::TotalTimeout)).await;
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_body_that_falls_silent_is_an_idle_timeout() {
    let timeouts = Timeouts { idle_ms: 60, ..TIMEOUTS };
    let script = &[(0, HEAD), (0, "2\r\nab\r\n"), (2_000, "0\r\n\r\n")];
    check(timeouts, script, Err(TransportError::IdleTimeout)).await;
}

#[tokio::test]
async fn a_slow_body_that_is_never_silent_for_long_arrives() {
    let timeouts = Timeouts { idle_ms: 300, ..TIMEOUTS };
    let script = &[(0, HEAD), (100, "2\r\nab\r\n"), (100, "2\r\ncd\r\n"), (100, "2\r\nef\r\n"), (100, "0\r\n\r\n")];
    check(timeouts, script, Ok("abcdef")).await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_a_total_timeout() {
    let timeouts = Timeouts { total_ms: 100, ..TIMEOUTS };
    let script = &[(0, HEAD), (40, "1\r\na\r\n"), (40, "1\r\nb\r\n"), (40, "1\r\nc\r\n"), (40, "0\r\n\r\n")];
    check(timeouts, script, Err(TransportError::TotalTimeout)).await;
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_from_an_end() {
    let broken = Err(TransportError::Broken);
    check(TIMEOUTS, &[], broken).await;
    check(TIMEOUTS, &[(0, "HTTP/1.1 200 O")], broken).await;
    check(TIMEOUTS, &[(0, HEAD), (0, "5\r\nab")], broken).await;
    check(TIMEOUTS, &[(0, HEAD), (0, "2\r\nab\r\n")], broken).await;
    check(TIMEOUTS, &[(0, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")], broken).await;
}

#[tokio::test]
async fn a_redirect_is_given_back_as_it_is() {
    let script = &[(0, "HTTP/1.1 307 Elsewhere\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n")];
    let url = scripted(script).await;
    let response = post(&client(TIMEOUTS), &url, b"{}").await.unwrap();
    assert_eq!(response.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(response.headers.get("location").unwrap(), "/b");
}

#[tokio::test]
async fn a_body_is_read_to_its_limit_and_not_beyond() {
    let script = &[(0, HEAD), (0, "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")];
    let of_limit = async |limit_bytes| {
        let url = scripted(script).await;
        let response = post(&client(TIMEOUTS), &url, b"{}").await.unwrap();
        response.body.read_all(limit_bytes).await
    };
    assert_eq!(of_limit(4).await.unwrap(), "abcd");
    for limit_bytes in [0, 1, 3] {
        let too_large = TransportError::TooLarge { limit_bytes };
        assert_eq!(of_limit(limit_bytes).await, Err(too_large));
    }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
    let address = serve(|stream| {
        CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        answer(stream, hello)
    })
    .await;
    let client = client(TIMEOUTS);
    for _ in 0..20 {
        let response = post(&client, &format!("http://{address}/"), b"{}").await;
        assert_eq!(read(response.unwrap()).await.unwrap(), "hello");
    }
    assert_eq!(CONNECTIONS.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_not_used_again() {
    let script = &[(0, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab")];
    let url = scripted(script).await;
    let client = client(TIMEOUTS);
    for _ in 0..5 {
        let response = post(&client, &url, b"{}").await.unwrap();
        assert_eq!(read(response).await.unwrap(), "ab");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_kept_connection_that_closes_under_a_request_is_told_and_the_next_one_is_new() {
    let address = serve(|mut stream| async move {
        let mut request = [0; 4_096];
        let _read = stream.read(&mut request).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab").await.unwrap();
        // The second request is read whole, and never answered.
        let _read = stream.read(&mut request).await;
    })
    .await;
    let client = client(TIMEOUTS);
    let url = format!("http://{address}/v1/messages");
    for _ in 0..3 {
        assert_eq!(read(post(&client, &url, b"{}").await.unwrap()).await.unwrap(), "ab");
        assert_eq!(post(&client, &url, b"{}").await.err(), Some(TransportError::Closed));
    }
}

#[tokio::test]
async fn a_new_connection_that_closes_under_a_request_is_broken() {
    let address = serve(|mut stream| async move {
        let _read = stream.read(&mut [0; 4_096]).await;
    })
    .await;
    let error = post(&client(TIMEOUTS), &format!("http://{address}/v1/messages"), b"{}").await.err();
    assert_eq!(error, Some(TransportError::Broken));
}

#[tokio::test]
async fn an_answer_that_is_dropped_unread_closes_its_connection() {
    let (closed, told) = tokio::sync::oneshot::channel();
    let closed = std::sync::Mutex::new(Some(closed));
    let closed = Arc::new(closed);
    let address = serve(move |mut stream| {
        let closed = Arc::clone(&closed);
        async move {
            let mut request = [0; 4_096];
            let _read = stream.read(&mut request).await;
            let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nbegun";
            stream.write_all(begun).await.unwrap();
            while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
            if let Some(closed) = closed.lock().unwrap().take() {
                let _gone = closed.send(());
            }
        }
    })
    .await;
    let client = client(Timeouts::default());
    let response = post(&client, &format!("http://{address}/v1/messages"), b"{}").await.unwrap();
    drop(response);
    tokio::time::timeout(Duration::from_secs(5), told).await.expect("the provider is told at once").unwrap();
}

#[tokio::test]
async fn a_big_body_arrives_whole() {
    let address = serve(|stream| answer(stream, big)).await;
    let response = post(&client(TIMEOUTS), &format!("http://{address}/"), b"{}").await;
    let body = read(response.unwrap()).await.unwrap();
    assert_eq!(body.len(), 16 << 20);
}

#[tokio::test]
async fn nothing_is_asked_for_that_the_caller_did_not_ask_for() {
    let address = serve(|mut stream| async move {
        let mut request = vec![0; 4_096];
        let read = stream.read(&mut request).await.unwrap();
        request.truncate(read);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", request.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&request).await.unwrap();
    })
    .await;
    let url = format!("http://{address}/v1/messages?beta=true");
    let response = post(&client(TIMEOUTS), &url, b"{}").await.unwrap();
    let sent = String::from_utf8(read(response).await.unwrap().to_vec()).unwrap();
    let expected = format!(
        "POST /v1/messages?beta=true HTTP/1.1\r\ncontent-type: application/json\r\nhost: {address}\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn what_is_asked_for_is_got_and_not_posted() {
    let address = serve(|mut stream| async move {
        let mut request = [0; 4_096];
        let read = stream.read(&mut request).await.unwrap();
        let line = String::from_utf8_lossy(&request[..read]).lines().next().unwrap().to_owned();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{line}", line.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let url = format!("http://{address}/v1/models").parse().unwrap();
    let response = client(TIMEOUTS).get(url, HeaderMap::new()).await.unwrap();
    assert_eq!(read(response).await.unwrap(), "GET /v1/models HTTP/1.1");
}
