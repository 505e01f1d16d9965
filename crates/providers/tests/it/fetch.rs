//! Fetching what a request names by address: public addresses alone, no redirect, no more than is wanted.

use async_trait::async_trait;
use opencredits_providers::http::{FetchLimits, Fetcher, Resolve};
use opencredits_providers::{Fetch, FetchError};
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const HERE: FetchLimits =
    FetchLimits { bytes_max: 10, total_ms: 1_000, is_allowed: |address| address.ip() == Ipv4Addr::LOCALHOST };

const PNG: &str = "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 1\r\n\r\nx";

/// The address of a server that answers one request with these bytes.
async fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    start(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4_096];
        let _read = stream.read(&mut head).await;
        let _written = stream.write_all(answer.as_bytes()).await;
        // It waits for the client to hang up.
        let _end = stream.read(&mut head).await;
    });
    format!("http://{address}/a.png")
}

#[expect(clippy::disallowed_methods, reason = "a test's server runs beside the test")]
fn start(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

async fn check(limits: FetchLimits, address: &str, expected: Result<(&str, &[u8]), FetchError>) {
    let fetched = Fetcher::new(limits).unwrap().fetch(address).await;
    let fetched = fetched.as_ref().map(|found| (found.mime.as_str(), &*found.bytes)).map_err(|error| *error);
    assert!(fetched == expected, "{address}: {:?}, expected {:?}", fetched.err(), expected.err());
}

#[tokio::test]
async fn a_picture_is_fetched_with_its_type() {
    let png = server("HTTP/1.1 200 OK\r\ncontent-type: Image/PNG; x=y\r\ncontent-length: 4\r\n\r\n\u{7f}PNG").await;
    check(HERE, &png, Ok(("image/png", b"\x7fPNG"))).await;
}

#[tokio::test]
async fn what_no_model_looks_at_is_refused() {
    let answers = [
        ("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi", FetchError::Type),
        ("HTTP/1.1 200 OK\r\ncontent-type: image/svg+xml\r\ncontent-length: 2\r\n\r\nhi", FetchError::Type),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", FetchError::Type),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", FetchError::Status { status: 404 }),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
            FetchError::Status { status: 302 },
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 11\r\n\r\n01234567890",
            FetchError::TooLarge { limit_bytes: 10 },
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
            FetchError::TooLarge { limit_bytes: 10 },
        ),
        ("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 9\r\n\r\nshort", FetchError::Unreachable),
    ];
    for (answer, expected) in answers {
        check(HERE, &server(answer).await, Err(expected)).await;
    }
}

#[tokio::test]
async fn nobody_is_visited_who_is_not_public() {
    let png = server(PNG).await;
    check(FetchLimits::default(), &png, Err(FetchError::NotPublic)).await;
    // On the port of public servers, so that it is the host that is refused.
    for host in
        ["127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[fd00:ec2::254]"]
    {
        for address in [format!("http://{host}/"), format!("https://{host}:80/"), format!("http://{host}:443/")] {
            check(FetchLimits::default(), &address, Err(FetchError::NotPublic)).await;
        }
    }
    // Whether these mean anything is up to the system.
    for host in ["localhost", "127.1", "2130706433", "0x7f.1"] {
        let fetched = Fetcher::new(FetchLimits::default()).unwrap().fetch(&format!("http://{host}/")).await;
        assert!(matches!(fetched.err(), Some(FetchError::NotPublic | FetchError::Unreachable)), "{host}");
    }
}

/// Gives one answer after the other, whatever it is asked for.
struct Changing(Mutex<VecDeque<Vec<SocketAddr>>>);

#[async_trait]
impl Resolve for Changing {
    async fn resolve(&self, _host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        self.0.lock().unwrap().pop_front().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn changing(answers: &[&[&str]]) -> Arc<Changing> {
    let answer = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
    Arc::new(Changing(Mutex::new(answers.iter().map(answer).collect())))
}

#[tokio::test]
async fn a_name_with_one_private_address_is_not_visited() {
    for answer in [["1.1.1.1:80", "10.0.0.1:80"], ["127.0.0.1:80", "1.1.1.1:80"], ["1.1.1.1:80", "[::1]:80"]] {
        let fetcher = Fetcher::resolving(FetchLimits::default(), changing(&[&answer])).unwrap();
        let error = fetcher.fetch("http://pictures.example/a.png").await.err();
        assert_eq!(error, Some(FetchError::NotPublic), "{answer:?}");
    }
}

#[tokio::test]
async fn the_address_that_was_looked_at_is_the_one_that_is_visited() {
    let (first, second) = (server(PNG).await, server("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await);
    let at = |url: &str| url.trim_start_matches("http://").trim_end_matches("/a.png").to_owned();
    let resolver = changing(&[&[&at(&first)], &[&at(&second)]]);
    let fetcher = Fetcher::resolving(HERE, resolver.clone()).unwrap();
    let fetched = fetcher.fetch("http://pictures.example/a.png").await;
    assert_eq!(fetched.map(|found| found.bytes.to_vec()).map_err(|error| error.to_string()), Ok(b"x".to_vec()));
    assert_eq!(resolver.0.lock().unwrap().len(), 1, "it was asked once");
}

#[tokio::test]
async fn only_plain_addresses_are_taken() {
    for address in ["file:///etc/passwd", "ftp://a.example/x", "//a.example", "a.png", "http://a@127.0.0.1/", "http://"]
    {
        check(HERE, address, Err(FetchError::Address)).await;
    }
}
