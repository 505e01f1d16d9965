//! Load balancers that tell whose connections they pass on.

use crate::fixture::{Fixture, Gateway, eventually};
use crate::tls_client::{Client, Pair, config, request, rest, socket};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

/// Two connections from one address; the test's own address is a load balancer's and no proxy's.
const SETTINGS: &str =
    "proxy_protocol_from = [\"127.0.0.0/8\"]\ntrusted_proxies = []\nconnections_per_address_max = 2\n";

/// A request after which the connection stays open.
const KEPT: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";

fn version_1(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 192.0.2.1 56324 443\r\n").into_bytes()
}

/// A header of version 2 with this command: 1 for a client's connection, 0 for the load balancer's own.
fn version_2(command: u8, client: &str) -> Vec<u8> {
    let client: Ipv4Addr = client.parse().unwrap();
    let fixed = [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[0x20 | command, 0x11, 0, 12]].concat();
    [fixed, client.octets().to_vec(), vec![192, 0, 2, 1, 0xdc, 4, 1, 0xbb]].concat()
}

/// A stream of either kind.
trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

/// How connections to a gateway begin.
struct Target {
    gateway: Gateway,
    tls: Option<Pair>,
}

impl Target {
    fn new(fixture: &Fixture, tls: Option<Pair>) -> Self {
        let text = match &tls {
            Some(pair) => {
                pair.write(fixture);
                config(fixture, SETTINGS)
            }
            None => format!("[server]\n{SETTINGS}"),
        };
        let path = fixture.file("config.toml", &text);
        Self { gateway: fixture.start(&["--config", &path], &[]), tls }
    }

    /// Sends a header, and then speaks as the gateway does; `None` where it closes.
    fn after(&self, header: &[u8]) -> Option<Box<dyn Both>> {
        let mut stream = socket(&self.gateway);
        stream.write_all(header).unwrap();
        match &self.tls {
            Some(pair) => Client::default().over(stream, pair).ok().map(|stream| Box::new(stream) as _),
            None => Some(Box::new(stream)),
        }
    }

    /// A connection that is served and stays open; `None` where it is closed.
    fn kept(&self, header: &[u8]) -> Option<Box<dyn Both>> {
        let mut stream = self.after(header)?;
        stream.write_all(KEPT).ok()?;
        let mut first = [0; 15];
        stream.read_exact(&mut first).ok()?;
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        Some(stream)
    }
}

fn check(tls: Option<Pair>) {
    let fixture = Fixture::new();
    let target = Target::new(&fixture, tls);
    let first = target.kept(&version_1("203.0.113.7"));
    let second = target.kept(&version_2(1, "203.0.113.7"));
    assert!(first.is_some() && second.is_some());
    assert!(target.kept(&version_1("203.0.113.7")).is_none(), "the client's address has all it may have");
    assert!(target.kept(&version_1("203.0.113.8")).is_some(), "another client has its own");
    drop(first);
    eventually("the place of a closed connection is free", || target.kept(&version_2(1, "203.0.113.7")).is_some());
    // The load balancer's own connections count at its address.
    let own: Vec<_> =
        [version_2(0, "203.0.113.7"), b"PROXY UNKNOWN\r\n".to_vec()].iter().map(|of| target.kept(of)).collect();
    assert!(own.iter().all(Option::is_some));
    assert!(target.kept(b"PROXY UNKNOWN\r\n").is_none());
    drop(own);
    let path = fixture.data().with_file_name("config.toml");
    let listens = [("OPENCREDITS_SERVER_LISTEN", &*target.gateway.address)];
    let arguments = ["--config", path.to_str().unwrap(), "--health"];
    eventually("the gateway is healthy", || fixture.run(&arguments, &listens).status.success());
}

#[test]
fn the_address_in_the_header_is_the_one_that_limits_see() {
    check(None);
}

#[test]
fn the_header_comes_before_tls() {
    check(Some(Pair::new(1)));
}

#[test]
fn a_header_may_arrive_in_pieces_or_together_with_the_request() {
    let (fixture, get) = (Fixture::new(), request("GET", "/readyz", ("", "")));
    let target = Target::new(&fixture, None);
    for header in [version_1("203.0.113.7"), version_2(1, "203.0.113.7")] {
        let together = [&header, get.as_bytes()].concat();
        assert!(answer(&target.gateway, &together).ends_with("ready\n"));
        let mut stream = socket(&target.gateway);
        together.chunks(3).for_each(|piece| stream.write_all(piece).unwrap());
        assert!(rest(stream).ends_with("ready\n"));
    }
}

/// What a connection gets that sends these bytes.
fn answer(gateway: &Gateway, bytes: &[u8]) -> String {
    let mut stream: TcpStream = socket(gateway);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // One that is closed with bytes unread is reset.
    let _closed_or_reset = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_listed_peer_without_a_header_is_closed_and_told() {
    let fixture = Fixture::new();
    let target = Target::new(&fixture, None);
    let told = || target.gateway.log().contains("server.proxy_protocol_from");
    // A check of the port alone is nothing to tell.
    drop(socket(&target.gateway));
    assert!(target.kept(&version_1("203.0.113.7")).is_some() && !told());
    for bytes in [KEPT, b"PROXY TCP4 here there 1 2\r\n", b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c"] {
        assert_eq!(answer(&target.gateway, bytes), "", "{}", bytes.escape_ascii());
    }
    eventually("it is told", told);
    assert!(!target.gateway.log().contains("203.0.113.7"), "no address is logged");
}

#[test]
fn a_header_of_anybody_else_is_a_bad_request() {
    let fixture = Fixture::new();
    let listed = "[server]\nproxy_protocol_from = [\"192.0.2.0/24\", \"10.0.0.7\"]\n";
    let path = fixture.file("config.toml", listed);
    let gateway = fixture.start(&["--config", &path], &[]);
    for header in [version_1("203.0.113.7"), version_2(1, "203.0.113.7")] {
        let refused = answer(&gateway, &[&header, KEPT].concat());
        assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    }
    assert!(answer(&gateway, request("GET", "/readyz", ("", "")).as_bytes()).ends_with("ready\n"));
}
