//! The port that fetches attachments by URL.

use async_trait::async_trait;
use opencredits_translation::Attachment;

/// Fetches attachments by URL.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Fetches the attachment at a URL.
    ///
    /// # Errors
    /// When the URL may not be visited, or there is no attachment of a supported type.
    async fn fetch(&self, address: &str) -> Result<Attachment, FetchError>;
}

/// An attachment could not be fetched. The error never names the URL, which is content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL is invalid.
    #[error("is no http or https address; send one without user name, or send base64")]
    Address,
    /// The URL leads to an address that requests must not reach.
    #[error("leads to an address or port that is not public; send base64")]
    NotPublic,
    /// There is no answer, or not in time.
    #[error("cannot be reached in time; send base64")]
    Unreachable,
    /// The response has another status than 200; redirects are not followed.
    #[error("answers with status {status}, and must with 200; give the last address of a redirect, or send base64")]
    Status {
        /// The status.
        status: u16,
    },
    /// The media type is not supported.
    #[error("is no PNG, JPEG, GIF, WebP, HEIC or PDF by its content-type; send base64 with the right type")]
    Type,
    /// It is too large.
    #[error("is larger than {limit_bytes} bytes; send a smaller one")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The request names too many URLs.
    #[error("is one of more than {max} addresses; send base64")]
    TooMany {
        /// How many may be fetched for one request.
        max: usize,
    },
}
