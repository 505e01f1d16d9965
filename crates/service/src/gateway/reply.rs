//! The reply to a request, before the API gives it a form.

use super::booking::Receipt;
use super::stream::ChargedStream;
use crate::memory::Reservation;
use bytes::Bytes;
use http::HeaderMap;

/// An answer.
pub enum Reply {
    /// A whole answer, already charged.
    Whole(Box<WholeAnswer>),
    /// A streamed answer, charged before its last bytes.
    Stream {
        /// The provider's headers that the client may see.
        headers: HeaderMap,
        /// Request fields that were not sent to the provider that answered.
        dropped: Vec<String>,
        /// The stream.
        stream: ChargedStream,
    },
}

/// An answer that is not streamed. It holds content, so it cannot be printed.
pub struct WholeAnswer {
    /// The provider's headers that the client may see.
    pub headers: HeaderMap,
    /// Request fields that were not sent to the provider that answered.
    pub dropped: Vec<String>,
    /// The body, as the provider sent it.
    pub body: Bytes,
    /// What was charged.
    pub receipt: Receipt,
    /// The memory that it takes.
    pub memory: Reservation,
}
