//! The real transport: a pooled HTTP client on hyper.
//!
//! HTTP/1.1 and HTTP/2, plain and TLS, with four time-outs. The client requests no compression, follows no redirects
//! and uses no proxy.
//!
//! # Example
//! ```
//! use opencredits_providers::http::{Client, Settings};
//!
//! let client = Client::new(Settings::default())?;
//! # let _unused = client;
//! # Ok::<(), opencredits_providers::TransportError>(())
//! ```

mod body;
mod connect;
mod fetch;
mod plain;
mod resolve;

pub use fetch::{FetchLimits, Fetcher, Resolve, is_public};

use crate::transport::{Get, Transport, TransportError, UpstreamBody, UpstreamRequest, UpstreamResponse};
use async_trait::async_trait;
use body::{Alarm, Bounds, Held, Running, TimedBody};
use bytes::Bytes;
use connect::{Connector, HttpVersions};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client as Pool, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use plain::{Lease, PlainPool};
use rustls::ClientConfig;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Poll;
use std::time::Duration;
use thread_local::ThreadLocal;
use tokio::time::Instant;

/// How long an idle connection is kept: below the minute after which many servers close.
const POOL_IDLE: Duration = Duration::from_secs(50);
/// The interval of pings on a busy HTTP/2 connection.
const PING_EVERY: Duration = Duration::from_secs(20);
/// The time limit for the answer to a ping.
const PING_ANSWER: Duration = Duration::from_secs(10);

/// Requests that share HTTP/2 connections; servers allow a hundred streams on one, or more.
const SHARED_STREAMS_MAX: usize = 100;
/// The upper limit of every time-out: a day.
const WAIT_MS_MAX: u64 = 86_400_000;

/// The time-outs, in milliseconds. More than a day counts as a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Making a connection: name resolution, TCP and TLS. Default 5 s.
    pub connect_ms: u64,
    /// From sending the request to the head of the response, a connection included. Default 5 minutes.
    pub first_byte_ms: u64,
    /// Silence in a body. Default 2 minutes.
    pub idle_ms: u64,
    /// The whole exchange. Default 20 minutes.
    pub total_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_ms: 5_000, first_byte_ms: 300_000, idle_ms: 120_000, total_ms: 1_200_000 }
    }
}

/// The limits of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The time-outs.
    pub timeouts: Timeouts,
    /// Idle connections kept for each host. Default 512.
    pub idle_connections_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { timeouts: Timeouts::default(), idle_connections_max: 512 }
    }
}

/// A pooled HTTP client. Cloning it shares the pools.
/// Each thread has its own pool, because a connection is driven by the runtime that it was made on. Where every thread
/// has its own runtime, a request never waits for another thread to be woken.
#[derive(Clone)]
pub struct Client {
    pools: Arc<ThreadLocal<Pools>>,
    settings: Settings,
    tls: ClientConfig,
    bounds: Bounds,
}

/// A response whose body is still to come, and its connection where we pool that ourselves.
type Answer = (http::Response<Incoming>, Option<Lease>);

/// The pools of a thread.
struct Pools {
    shared: Pool<Connector, Full<Bytes>>,
    overflow: Pool<Connector, Full<Bytes>>,
    plain: PlainPool,
    running: Arc<AtomicUsize>,
}

impl Pools {
    fn new(settings: Settings, tls: &ClientConfig) -> Self {
        let connector = |versions| Connector::new(within(settings.timeouts.connect_ms), tls.clone(), versions);
        let pool = |versions| {
            Pool::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(POOL_IDLE)
                .pool_max_idle_per_host(settings.idle_connections_max)
                .http2_adaptive_window(true)
                .http2_keep_alive_interval(PING_EVERY)
                .http2_keep_alive_timeout(PING_ANSWER)
                .build(connector(versions))
        };
        Self {
            shared: pool(HttpVersions::Http1And2),
            overflow: pool(HttpVersions::Http1),
            plain: PlainPool::new(connector(HttpVersions::Http1), settings.idle_connections_max, POOL_IDLE),
            running: Arc::default(),
        }
    }

    /// Sends over TLS. The general pool shares one HTTP/2 connection for a host, and requests beyond the streams that a
    /// server allows would wait inside. Those requests use connections of their own.
    fn secured(&self, request: http::Request<Full<Bytes>>, running: usize) -> ResponseFuture {
        let pool = if running > SHARED_STREAMS_MAX { &self.overflow } else { &self.shared };
        pool.request(request)
    }
}

fn within(ms: u64) -> Duration {
    Duration::from_millis(ms.min(WAIT_MS_MAX))
}

impl Client {
    /// A client with its own pools, which trusts the root certificates of browsers.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, TransportError> {
        Self::with_roots(settings, &[])
    }

    /// A client that trusts further roots, given as DER: for hosts with their own certificate authority.
    ///
    /// # Errors
    /// When TLS cannot be set up, or a root is invalid.
    pub fn with_roots(settings: Settings, roots: &[&[u8]]) -> Result<Self, TransportError> {
        let timeouts = settings.timeouts;
        Ok(Self {
            pools: Arc::default(),
            settings,
            tls: connect::tls(roots)?,
            bounds: Bounds {
                first_byte: within(timeouts.first_byte_ms),
                idle: within(timeouts.idle_ms),
                total: within(timeouts.total_ms),
            },
        })
    }

    /// Sends a GET request.
    ///
    /// # Errors
    /// When no response head comes.
    pub async fn get(&self, url: http::Uri, headers: http::HeaderMap) -> Result<UpstreamResponse, TransportError> {
        let request = UpstreamRequest { url, headers, body: Bytes::new() };
        self.exchange(http::Method::GET, request).await
    }

    async fn exchange(
        &self,
        method: http::Method,
        request: UpstreamRequest,
    ) -> Result<UpstreamResponse, TransportError> {
        if request.url.authority().is_none() {
            return Err(TransportError::InvalidRequest);
        }
        let pools = self.pools.get_or(|| Pools::new(self.settings, &self.tls));
        let running = Running::start(&pools.running);
        let mut outgoing = http::Request::new(Full::new(request.body));
        *outgoing.method_mut() = method;
        *outgoing.uri_mut() = request.url;
        *outgoing.headers_mut() = request.headers;
        let mut alarm = Alarm::new(Instant::now());
        let (response, lease) = if outgoing.uri().scheme() == Some(&http::uri::Scheme::HTTP) {
            let answer = pin!(pools.plain.clone().send(outgoing));
            self.head(answer, &mut alarm).await?
        } else {
            let response = pools.secured(outgoing, running.before + 1);
            let answer =
                pin!(async { response.await.map(|response| (response, None)).map_err(|error| connect::why(&error)) });
            self.head(answer, &mut alarm).await?
        };
        let (head, body) = response.into_parts();
        let body = TimedBody::new(body, alarm, Held { _running: running, lease }, self.bounds);
        Ok(UpstreamResponse { status: head.status, headers: head.headers, body: UpstreamBody::new(body) })
    }

    /// Waits for the response head, within the time limit. The response stays where it is pinned: moved in here, it would be
    /// copied, and have its room twice.
    async fn head(
        &self,
        mut response: Pin<&mut impl Future<Output = Result<Answer, TransportError>>>,
        alarm: &mut Alarm,
    ) -> Result<Answer, TransportError> {
        let Bounds { first_byte, total, .. } = self.bounds;
        let by = alarm.started() + first_byte.min(total);
        poll_fn(|context| match response.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => alarm.poll(by, context).map(|()| {
                Err(if total < first_byte { TransportError::TotalTimeout } else { TransportError::FirstByteTimeout })
            }),
        })
        .await
    }
}

#[async_trait]
impl Get for Client {
    async fn get(&self, url: http::Uri, headers: http::HeaderMap) -> Result<UpstreamResponse, TransportError> {
        Self::get(self, url, headers).await
    }
}

#[async_trait]
impl Transport for Client {
    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamResponse, TransportError> {
        self.exchange(http::Method::POST, request).await
    }
}
