//! The port that sends requests to a vendor, and the body of an answer.

use crate::coding::{Coding, SourceError};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The memory that is taken for an announced body before it has come, at most.
const AHEAD_BYTES_MAX: usize = 1 << 20;

/// Sends a request to a vendor.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends the request and returns once the head of the answer has come.
    ///
    /// # Errors
    /// When no head comes.
    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamResponse, TransportError>;
}

/// Reads from a vendor's administrative interface.
#[async_trait]
pub trait Get: Send + Sync {
    /// Sends a GET request and returns once the head of the answer has come.
    ///
    /// # Errors
    /// When no head comes.
    async fn get(&self, url: http::Uri, headers: http::HeaderMap) -> Result<UpstreamResponse, TransportError>;
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

impl UpstreamResponse {
    /// The same, decoded where its headers name a content coding.
    ///
    /// # Errors
    /// [`TransportError::Undecodable`] when the coding is unknown.
    pub fn decoded(self) -> Result<Self, TransportError> {
        let Ok(coding) = Coding::of(&self.headers) else { return Err(TransportError::Undecodable) };
        let Some(coding) = coding else { return Ok(self) };
        let body = coding.decoded(self.body).map_err(|error| {
            let cause = SourceError::in_error(&error).and_then(|source| source.0.downcast_ref()).copied();
            cause.unwrap_or(TransportError::Undecodable)
        });
        Ok(Self { body: UpstreamBody::new(body), ..self })
    }
}

/// A request or body did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection could be made, or not in time.
    #[error("cannot connect to the provider")]
    Connect,
    /// The name of the host has no address, or the resolver of names did not answer in time.
    #[error("the provider's host name cannot be resolved")]
    Unresolved,
    /// TLS failed.
    #[error("cannot agree on a safe connection with the provider")]
    Tls,
    /// The request cannot be sent as it is.
    #[error("the request to the provider has no usable address")]
    InvalidRequest,
    /// The provider refused the request's stream, or closed the connection, before it read the request (HTTP/2
    /// `REFUSED_STREAM`, RFC 9113 section 8.7).
    #[error("the provider refused the connection's stream")]
    Refused,
    /// A pooled connection closed under the request, before a byte of a response.
    #[error("the provider closed a kept connection under the request")]
    Closed,
    /// The connection broke.
    #[error("the connection to the provider broke")]
    Broken,
    /// No head came in time.
    #[error("the provider did not answer in time")]
    FirstByteTimeout,
    /// The body was silent for too long.
    #[error("the provider fell silent")]
    IdleTimeout,
    /// The whole exchange took too long.
    #[error("the provider took too long")]
    TotalTimeout,
    /// The body is too large.
    #[error("the provider's answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The body is not what its `Content-Encoding` says.
    #[error("the provider's answer cannot be decoded as its content-encoding says")]
    Undecodable,
    /// The caller has no memory for the body.
    #[error("there is no memory for the provider's answer")]
    NoMemory,
}

impl TransportError {
    /// Whether it happened before the request was sent: its provider cannot have got it.
    #[must_use]
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Connect | Self::Unresolved | Self::Tls | Self::InvalidRequest | Self::Refused)
    }

    /// Whether it is a time-out.
    #[must_use]
    pub const fn is_timeout(self) -> bool {
        matches!(self, Self::FirstByteTimeout | Self::IdleTimeout | Self::TotalTimeout)
    }
}

/// The body of a vendor's answer.
pub struct UpstreamBody {
    body: Pin<Box<dyn Body<Data = Bytes, Error = TransportError> + Send>>,
    /// Bytes that were read ahead, and come first.
    front: Option<Bytes>,
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        self.poll_chunk(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

impl UpstreamBody {
    /// Wraps a body.
    pub fn new(body: impl Body<Data = Bytes, Error = TransportError> + Send + 'static) -> Self {
        Self { body: Box::pin(body), front: None }
    }

    /// A body in memory.
    #[must_use]
    pub fn full(bytes: Bytes) -> Self {
        Self::new(http_body_util::Full::new(bytes).map_err(|never| match never {}))
    }

    /// A body of these chunks; nothing is read after an error.
    #[must_use]
    pub fn from_chunks(chunks: Vec<Result<Bytes, TransportError>>) -> Self {
        Self::new(Chunks(chunks.into_iter()))
    }

    /// The next chunk; `None` at the end.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, TransportError>>> {
        if let Some(front) = self.front.take() {
            return Poll::Ready(Some(Ok(front)));
        }
        loop {
            match std::task::ready!(self.body.as_mut().poll_frame(context)) {
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

    /// Waits for the next chunk; `None` at the end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the body breaks off or takes too long.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, TransportError>> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    /// The same body, with a chunk put back in front.
    #[must_use]
    pub fn after(self, front: Bytes) -> Self {
        Self { front: Some(front), ..self }
    }

    /// The whole body, of at most `limit_bytes`.
    ///
    /// # Errors
    /// When it is larger, or breaks off.
    pub async fn read_all(self, limit_bytes: usize) -> Result<Bytes, TransportError> {
        self.read_all_while(limit_bytes, |_| true).await
    }

    /// The same, as long as `has_room` allows the number of bytes that it is given.
    ///
    /// # Errors
    /// When the body is larger, is not allowed, or breaks off.
    pub async fn read_all_while(
        mut self,
        limit_bytes: usize,
        mut has_room: impl FnMut(usize) -> bool,
    ) -> Result<Bytes, TransportError> {
        let too_large = TransportError::TooLarge { limit_bytes };
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit_bytes {
            return Err(too_large);
        }
        let Some(first) = self.chunk().await.transpose()? else {
            return Ok(Bytes::new());
        };
        if first.len() > limit_bytes {
            return Err(too_large);
        }
        if !has_room(first.len()) {
            return Err(TransportError::NoMemory);
        }
        // An answer in one chunk, the usual case, is not copied.
        let Some(second) = self.chunk().await.transpose()? else {
            return Ok(first);
        };
        let mut all = BytesMut::with_capacity(
            announced.clamp(first.len() + second.len(), AHEAD_BYTES_MAX.max(first.len() + second.len())),
        );
        all.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            if all.len() + chunk.len() > limit_bytes {
                return Err(too_large);
            }
            if !has_room(all.len() + chunk.len()) {
                return Err(TransportError::NoMemory);
            }
            all.extend_from_slice(&chunk);
            next = self.chunk().await.transpose()?;
        }
        Ok(all.freeze())
    }
}

/// A body whose chunks are in memory.
struct Chunks(std::vec::IntoIter<Result<Bytes, TransportError>>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        Poll::Ready(self.0.next().map(|chunk| chunk.map(Frame::data)))
    }
}
