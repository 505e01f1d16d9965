//! What a request ends in, before the HTTP settings dresses it.

use super::settle::Receipt;
use super::stream::ChargedStream;
use bytes::Bytes;
use http::HeaderMap;

/// An answer.
pub enum Reply {
    /// All of it at once, already charged.
    Whole(Box<Whole>),
    /// As it comes; charged before its last bytes.
    Stream {
        /// The provider's headers that may pass.
        headers: HeaderMap,
        /// Fields that did not go to the provider that answered.
        dropped: Vec<String>,
        /// The answer.
        stream: ChargedStream,
    },
}

/// A whole answer. It holds content, so it cannot be printed.
pub struct Whole {
    /// The provider's headers that may pass.
    pub headers: HeaderMap,
    /// Fields that did not go to the provider that answered.
    pub dropped: Vec<String>,
    /// The body, as the provider sent it.
    pub body: Bytes,
    /// What was charged.
    pub receipt: Receipt,
}
