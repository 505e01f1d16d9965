//! How bytes reach a vendor and come back: the port, and the body that it gives.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http_body::Body;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Sends a request to a vendor.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends it and returns once the answer's head is there.
    ///
    /// # Errors
    /// When no head comes.
    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamResponse, TransportError>;
}

/// A request to a vendor. It holds content and our key, so it cannot be printed.
pub struct UpstreamRequest {
    /// The address.
    pub url: http::Uri,
    /// Its headers.
    pub headers: http::HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// A vendor's answer, its body still to come.
pub struct UpstreamResponse {
    /// The status.
    pub status: http::StatusCode,
    /// Its headers.
    pub headers: http::HeaderMap,
    /// Its body.
    pub body: UpstreamBody,
}

/// Why bytes did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection could be made.
    #[error("cannot connect to the provider")]
    Connect,
    /// The connection broke.
    #[error("the connection to the provider broke")]
    Broken,
    /// No head came in time.
    #[error("the provider did not answer in time")]
    FirstByteTimeout,
    /// The body was silent for too long.
    #[error("the provider fell silent")]
    IdleTimeout,
    /// The whole took too long.
    #[error("the provider took too long")]
    TotalTimeout,
    /// The body is too large.
    #[error("the provider's answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
}

impl TransportError {
    /// Whether time ran out.
    #[must_use]
    pub const fn is_timeout(self) -> bool {
        matches!(
            self,
            Self::FirstByteTimeout | Self::IdleTimeout | Self::TotalTimeout
        )
    }
}

/// The body of a vendor's answer.
pub struct UpstreamBody(Pin<Box<dyn Body<Data = Bytes, Error = TransportError> + Send>>);

impl UpstreamBody {
    /// Wraps a body.
    pub fn new(body: impl Body<Data = Bytes, Error = TransportError> + Send + 'static) -> Self {
        Self(Box::pin(body))
    }

    /// A body that is there already.
    #[must_use]
    pub fn full(bytes: Bytes) -> Self {
        use http_body_util::BodyExt;
        Self::new(http_body_util::Full::new(bytes).map_err(|never| match never {}))
    }

    /// The next chunk; `None` at the end.
    pub fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, TransportError>>> {
        loop {
            match std::task::ready!(self.0.as_mut().poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
            }
        }
    }

    /// The whole body, where it has at most `limit_bytes`.
    ///
    /// # Errors
    /// When it is larger, or breaks off.
    pub async fn read_all(mut self, limit_bytes: usize) -> Result<Bytes, TransportError> {
        let mut first: Option<Bytes> = None;
        let mut rest = BytesMut::new();
        while let Some(chunk) = poll_fn(|context| self.poll_chunk(context)).await {
            let chunk = chunk?;
            let so_far = first
                .as_ref()
                .map_or(0, Bytes::len)
                .saturating_add(rest.len());
            if so_far.saturating_add(chunk.len()) > limit_bytes {
                return Err(TransportError::TooLarge { limit_bytes });
            }
            match &first {
                None => first = Some(chunk),
                Some(_) => rest.extend_from_slice(&chunk),
            }
        }
        let first = first.unwrap_or_default();
        if rest.is_empty() {
            Ok(first)
        } else {
            Ok([&first[..], &rest[..]].concat().into())
        }
    }
}
