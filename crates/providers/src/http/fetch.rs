//! Fetches attachments by URL, for providers that take bytes only.
//!
//! The URL comes from a stranger. The name is resolved once, every address of it must be public, the connection goes to
//! these addresses only, and redirects are not followed: the meaning of a name cannot change between the check and the
//! connection (OWASP, Server-Side Request Forgery Prevention).

use super::connect;
use crate::attachment::{Fetch, FetchError};
use crate::transport::TransportError;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use opencredits_translation::Attachment;
use rustls::ClientConfig;
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// Media types that models accept.
const TYPES: [&str; 7] =
    ["image/png", "image/jpeg", "image/gif", "image/webp", "image/heic", "image/heif", "application/pdf"];
/// Ports of public servers.
const PORTS: [u16; 2] = [80, 443];

/// Bounds of a fetch.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// The largest attachment, in bytes. Default 10 MiB.
    pub bytes_max: usize,
    /// The time limit for name resolution, connection and body together, in ms. Default 10 s.
    pub total_ms: u64,
    /// The addresses that may be visited. Default [`is_public`].
    pub is_allowed: fn(SocketAddr) -> bool,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { bytes_max: 10 << 20, total_ms: 10_000, is_allowed: is_public }
    }
}

/// Resolves host names.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses of a host name or literal address, with this port.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The resolver of the operating system.
struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// Fetches over HTTP and HTTPS. Each fetch has a connection of its own.
pub struct Fetcher {
    limits: FetchLimits,
    tls: ClientConfig,
    resolver: Arc<dyn Resolve>,
}

impl Fetcher {
    /// A fetcher that trusts the root certificates of browsers.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(limits: FetchLimits) -> Result<Self, TransportError> {
        Self::resolving(limits, Arc::new(SystemResolver))
    }

    /// The same with another resolver. Each fetch calls it once.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn resolving(limits: FetchLimits, resolver: Arc<dyn Resolve>) -> Result<Self, TransportError> {
        Ok(Self { limits, tls: connect::tls(&[])?, resolver })
    }

    async fn visit(&self, uri: Uri) -> Result<Attachment, FetchError> {
        let host = uri.host().ok_or(FetchError::Address)?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let pinned = self.resolver.resolve(&host, port).await.map_err(|_| FetchError::Unreachable)?;
        if !pinned.iter().all(|address| (self.limits.is_allowed)(*address)) {
            return Err(FetchError::NotPublic);
        }
        let mut tcp = HttpConnector::new_with_resolver(Pinned(pinned));
        tcp.enforce_http(false);
        let secured = HttpsConnectorBuilder::new().with_tls_config(self.tls.clone()).https_or_http().enable_http1();
        let pool: Pool<_, Empty<Bytes>> =
            Pool::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(secured.wrap_connector(tcp));
        let mut request = http::Request::new(Empty::new());
        *request.uri_mut() = uri;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("opencredits"));
        let response = pool.request(request).await.map_err(|_| FetchError::Unreachable)?;
        // A redirect would lead to an unchecked address.
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status { status: response.status().as_u16() });
        }
        let mime = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !TYPES.contains(&mime.as_str()) {
            return Err(FetchError::Type);
        }
        let limit_bytes = self.limits.bytes_max;
        let body = Limited::new(response.into_body(), limit_bytes).collect().await;
        let bytes = body.map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
            Some(_) => FetchError::TooLarge { limit_bytes },
            None => FetchError::Unreachable,
        })?;
        Ok(Attachment { mime, bytes: bytes.to_bytes() })
    }
}

#[async_trait]
impl Fetch for Fetcher {
    async fn fetch(&self, address: &str) -> Result<Attachment, FetchError> {
        let uri: Uri = address.parse().map_err(|_| FetchError::Address)?;
        let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !plain || !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(FetchError::Address);
        }
        let within = Duration::from_millis(self.limits.total_ms);
        tokio::time::timeout(within, self.visit(uri)).await.unwrap_or(Err(FetchError::Unreachable))
    }
}

/// Whether an address is public, on a port of public servers: it is in none of IANA's special-purpose registries (RFC
/// 6890).
#[must_use]
pub fn is_public(address: SocketAddr) -> bool {
    let is_public = match address.ip().to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    };
    is_public && PORTS.contains(&address.port())
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match (a, b, c) {
        // This network, loopback, private, multicast and reserved.
        (0 | 10 | 127 | 224.., ..) => true,
        // Shared, link-local (where clouds serve their credentials), private.
        (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Protocols, documentation, old relays, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // Global unicast only, except protocol assignments and tunnels, which may lead to any IPv4 address, and
    // documentation.
    let special = matches!((a, b), (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff));
    a & 0xe000 == 0x2000 && !special
}

/// Resolves every name to addresses that were checked.
#[derive(Clone)]
struct Pinned(Vec<SocketAddr>);

impl Service<Name> for Pinned {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Response, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(self.0.clone().into_iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: bool) {
        assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
    }

    #[test]
    fn only_public_addresses_and_ports_may_be_visited() {
        for public in ["1.1.1.1:443", "93.184.216.34:80", "[2606:4700::1111]:443", "172.32.0.1:80", "100.128.0.1:443"] {
            check(public, true);
        }
        let special = [
            "127.0.0.1:80",
            "10.1.2.3:80",
            "169.254.169.254:80",
            "172.16.0.1:80",
            "172.31.255.255:443",
            "192.168.1.1:80",
            "100.64.0.1:80",
            "0.0.0.0:80",
            "0.1.2.3:80",
            "192.88.99.1:80",
            "224.0.0.1:80",
            "255.255.255.255:80",
            "198.18.0.1:80",
            "192.0.2.1:80",
            "[::1]:80",
            "[::]:80",
            "[::ffff:127.0.0.1]:80",
            "[::ffff:10.0.0.1]:443",
            "[fe80::1]:80",
            "[fc00::1]:80",
            "[fd00:ec2::254]:80",
            "[64:ff9b::7f00:1]:80",
            "[2002:7f00:1::]:80",
            "[2001::1]:80",
            "[2001:20::1]:80",
            "[64:ff9b:1::1]:80",
            "[::127.0.0.1]:80",
            "[ff02::1]:80",
            "[2001:db8::1]:80",
            "1.1.1.1:22",
            "1.1.1.1:6379",
        ];
        for special in special {
            check(special, false);
        }
    }
}
