//! The real transport: a pooled HTTP client on hyper.
//!
//! HTTP/1.1 and HTTP/2, plain and TLS, with four bounds on time. It asks for no compression and follows no redirect.

mod body;

use crate::transport::{
    Transport, TransportError, UpstreamBody, UpstreamRequest, UpstreamResponse,
};
use async_trait::async_trait;
use body::TimedBody;
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;
use tokio::time::Instant;

/// How long an idle connection is kept: below the minute after which many servers close.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// Bounds of the client.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long connecting may take.
    pub connect: Duration,
    /// How long the head of an answer may take.
    pub first_byte: Duration,
    /// How long a body may be silent.
    pub idle: Duration,
    /// How long an exchange may take in all.
    pub total: Duration,
    /// Idle connections kept for each host.
    pub idle_connections_max: usize,
}

/// A pooled HTTP client. Cloning it shares the pool.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    settings: Settings,
}

impl Client {
    /// A client with its own pool.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut tcp = HttpConnector::new();
        // Without it, Nagle's algorithm and delayed acknowledgements stall a request by some 40 ms.
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.connect));
        tcp.enforce_http(false);
        let tls = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(tcp);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(settings.idle_connections_max)
            .build(tls);
        Self { pool, settings }
    }
}

#[async_trait]
impl Transport for Client {
    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamResponse, TransportError> {
        let started = Instant::now();
        let mut outgoing = http::Request::new(Full::new(request.body));
        *outgoing.method_mut() = http::Method::POST;
        *outgoing.uri_mut() = request.url;
        *outgoing.headers_mut() = request.headers;
        let sent =
            tokio::time::timeout(self.settings.first_byte, self.pool.request(outgoing)).await;
        let response = match sent {
            Err(_) => return Err(TransportError::FirstByteTimeout),
            Ok(Err(error)) if error.is_connect() => return Err(TransportError::Connect),
            Ok(Err(_)) => return Err(TransportError::Broken),
            Ok(Ok(response)) => response,
        };
        let (head, body) = response.into_parts();
        let body = TimedBody::new(body, self.settings.idle, started + self.settings.total);
        Ok(UpstreamResponse {
            status: head.status,
            headers: head.headers,
            body: UpstreamBody::new(body),
        })
    }
}
