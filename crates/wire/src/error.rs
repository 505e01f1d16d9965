//! The error of the framers.

/// An event of a stream exceeds the size limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than {limit_bytes} bytes")]
pub struct EventTooLarge {
    /// The limit, in bytes.
    pub limit_bytes: usize,
}
