//! Connections without TLS, over HTTP/1.1: each serves one request at a time, and is pooled.
//!
//! The general pool starts a task for every request, only to take its connection back. Here the response body returns
//! the connection once it is read, which saves a twentieth of a request's time. Dropping an unread body closes its
//! connection, which stops the provider.

use super::connect::{self, Connector};
use crate::transport::TransportError;
use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::Executor;
use hyper_util::rt::TokioExecutor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tower_service::Service;

type Sender = SendRequest<Full<Bytes>>;

/// Idle connections by host. Cloning it shares them.
#[derive(Clone)]
pub(super) struct PlainPool(Arc<Shared>);

struct Shared {
    connector: Connector,
    hosts: Mutex<Vec<Host>>,
    idle_max: usize,
    idle_for: Duration,
}

struct Host {
    authority: Authority,
    idle: Vec<(Sender, Instant)>,
}

/// A connection that is in use. Dropping it closes the connection.
pub(super) struct Lease {
    pool: PlainPool,
    authority: Authority,
    sender: Sender,
}

impl PlainPool {
    pub(super) fn new(connector: Connector, idle_max: usize, idle_for: Duration) -> Self {
        Self(Arc::new(Shared { connector, hosts: Mutex::default(), idle_max, idle_for }))
    }

    /// Sends a request over an idle or a new connection, and waits for the response head.
    pub(super) async fn send(
        self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Option<Lease>), TransportError> {
        let url = std::mem::take(request.uri_mut());
        let authority = url.authority().cloned().ok_or(TransportError::InvalidRequest)?;
        address(&mut request, (&url, &authority))?;
        loop {
            let kept = self.take(&authority);
            let is_kept = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                // In a box, since every request would otherwise have room for it.
                None => Box::pin(connect(&self.0.connector, &url)).await?,
            };
            // The server may have closed a pooled connection meanwhile: then another one is tried.
            if sender.ready().await.is_err() {
                if is_kept {
                    continue;
                }
                return Err(TransportError::Broken);
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, Some(Lease { pool: self, authority, sender }))),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if is_kept => request = unsent,
                    None if is_kept && error.error().is_incomplete_message() => {
                        // The others are as old: what is sent next goes over a new one.
                        self.forget(&authority);
                        return Err(TransportError::Closed);
                    }
                    _ => return Err(TransportError::Broken),
                },
            }
        }
    }

    /// The most recently used connection, so that surplus ones grow old together.
    fn take(&self, authority: &Authority) -> Option<Sender> {
        let mut hosts = self.lock();
        let host = hosts.iter_mut().find(|host| host.authority == *authority)?;
        while let Some((sender, since)) = host.idle.pop() {
            if since.elapsed() > self.0.idle_for {
                // All connections below it have been idle longer.
                host.idle.clear();
                return None;
            }
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    fn forget(&self, authority: &Authority) {
        if let Some(host) = self.lock().iter_mut().find(|host| host.authority == *authority) {
            host.idle.clear();
        }
    }

    fn put(&self, authority: Authority, sender: Sender) {
        let mut hosts = self.lock();
        let at = hosts.iter().position(|host| host.authority == authority);
        let at = at.unwrap_or_else(|| {
            hosts.push(Host { authority, idle: Vec::new() });
            hosts.len() - 1
        });
        if let Some(host) = hosts.get_mut(at).filter(|host| host.idle.len() < self.0.idle_max) {
            host.idle.push((sender, Instant::now()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Host>> {
        // No holder of the lock can panic.
        self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// The response has been read: the connection can take the next request.
    pub(super) fn give_back(self) {
        if !self.sender.is_closed() {
            self.pool.put(self.authority, self.sender);
        }
    }
}

/// The request in the form of HTTP/1.1: a path, and the host in a header.
fn address(request: &mut Request<Full<Bytes>>, (url, authority): (&Uri, &Authority)) -> Result<(), TransportError> {
    let path = url.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    if !request.headers().contains_key(HOST) {
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let host = HeaderValue::from_str(host).map_err(|_| TransportError::InvalidRequest)?;
        request.headers_mut().insert(HOST, host);
    }
    Ok(())
}

async fn connect(connector: &Connector, url: &Uri) -> Result<Sender, TransportError> {
    let stream = connector.clone().call(url.clone()).await.map_err(|error| connect::unconnected(&*error))?;
    let (sender, connection) = handshake(stream).await.map_err(|_| TransportError::Connect)?;
    TokioExecutor::new().execute(async move {
        // The request that waits for a response gets the connection's error.
        let _ended = connection.await;
    });
    Ok(sender)
}
