//! Makes connections within a time limit, and classifies failures.

use super::resolve::{TimedResolver, Unresolved};
use crate::transport::TransportError;
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::Error as PoolError;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

type BoxError = Box<dyn StdError + Send + Sync>;

/// The protocols to offer to a server.
#[derive(Clone, Copy)]
pub(super) enum HttpVersions {
    Http1,
    Http1And2,
}

/// Makes plain and TLS connections. The time limit covers name resolution, TCP and TLS together.
#[derive(Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector<TimedResolver>>,
    within: Duration,
}

impl Connector {
    pub(super) fn new(within: Duration, tls: ClientConfig, versions: HttpVersions) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(TimedResolver::new(within));
        // Without it, Nagle's algorithm and delayed acknowledgements stall a request by some 40 ms.
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(within));
        tcp.enforce_http(false);
        let secured = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let inner = match versions {
            HttpVersions::Http1 => secured.wrap_connector(tcp),
            HttpVersions::Http1And2 => secured.enable_http2().wrap_connector(tcp),
        };
        Self { inner, within }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.within, self.inner.call(uri));
        Box::pin(
            async move { connecting.await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) },
        )
    }
}

/// Trusts the root certificates of browsers, and these.
pub(super) fn tls(roots: &[&[u8]]) -> Result<ClientConfig, TransportError> {
    let mut store = RootCertStore::empty();
    store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    for root in roots {
        store.add(CertificateDer::from(root.to_vec())).map_err(|_| TransportError::Tls)?;
    }
    // The provider is named here, because a choice by build features would panic where two are compiled in.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| TransportError::Tls)?;
    Ok(versions.with_root_certificates(store).with_no_client_auth())
}

/// Classifies the failure of a request without a response head.
pub(super) fn why(error: &PoolError) -> TransportError {
    match (error.is_connect(), is_tls(error)) {
        (true, true) => TransportError::Tls,
        (true, false) => unconnected(error),
        (false, _) if is_refused(error) => TransportError::Refused,
        (false, _) => TransportError::Broken,
    }
}

/// Classifies the failure of a connection without TLS.
pub(super) fn unconnected(error: &(dyn StdError + 'static)) -> TransportError {
    if Unresolved::caused(error) { TransportError::Unresolved } else { TransportError::Connect }
}

fn is_refused(error: &PoolError) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if error.downcast_ref::<h2::Error>().and_then(h2::Error::reason) == Some(h2::Reason::REFUSED_STREAM) {
            return true;
        }
        next = error.source();
    }
    false
}

fn is_tls(error: &PoolError) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        // The source of an I/O error is the source of the error that it wraps, so the wrapped error comes first.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if error.is::<rustls::Error>() || wrapped.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
