//! Fetching what a request names by address: public addresses alone, no redirect, no more than is wanted.

use opencredits_providers::http::{FetchLimits, Fetcher};
use opencredits_providers::{Fetch, FetchError};
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const HERE: FetchLimits =
    FetchLimits { bytes_max: 10, total_ms: 1_000, is_allowed: |address| address.ip() == Ipv4Addr::LOCALHOST };

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
    let png = server("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 1\r\n\r\nx").await;
    let port = png.rsplit(':').next().unwrap().to_owned();
    check(FetchLimits::default(), &png, Err(FetchError::NotPublic)).await;
    for host in ["localhost", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "169.254.169.254"] {
        let fetched = Fetcher::new(FetchLimits::default()).unwrap().fetch(&format!("http://{host}:{port}")).await;
        assert!(matches!(fetched.err(), Some(FetchError::NotPublic | FetchError::Unreachable)), "{host}");
    }
}

#[tokio::test]
async fn only_plain_addresses_are_taken() {
    for address in ["file:///etc/passwd", "ftp://a.example/x", "//a.example", "a.png", "http://a@127.0.0.1/", "http://"]
    {
        check(HERE, address, Err(FetchError::Address)).await;
    }
}
