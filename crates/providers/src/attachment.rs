//! The port that fetches what a request names by address.

use async_trait::async_trait;
use opencredits_translation::Attachment;

/// Fetches what a request names by address.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Fetches what is at an address.
    ///
    /// # Errors
    /// When the address may not be visited, or there is nothing there that a model looks at.
    async fn fetch(&self, address: &str) -> Result<Attachment, FetchError>;
}

/// Why nothing was fetched. It never says from where: an address is content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The address is no plain one.
    #[error("is no http or https address; send one without user name, or send base64")]
    Address,
    /// The address leads where strangers may not send us.
    #[error("leads to an address or port that is not public; send base64")]
    NotPublic,
    /// Nobody answers there, or not in time.
    #[error("cannot be reached in time; send base64")]
    Unreachable,
    /// What is there has another status than 200; redirects are not followed.
    #[error("answers with status {status}, and must with 200; give the last address of a redirect, or send base64")]
    Status {
        /// The status.
        status: u16,
    },
    /// It is no picture that models look at.
    #[error("is no PNG, JPEG, GIF, WebP, HEIC or PDF by its content-type; send base64 with the right type")]
    Type,
    /// It is too large.
    #[error("is larger than {limit_bytes} bytes; send a smaller one")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The request names too many.
    #[error("is one of more than {max} addresses; send base64")]
    TooMany {
        /// How many may be fetched for one request.
        max: usize,
    },
}
