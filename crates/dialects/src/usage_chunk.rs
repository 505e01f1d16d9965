//! The usage chunk of `openai-chat` streams.

/// Whether the client asked for a chunk with the usage (`openai-chat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageChunk {
    /// It gets one, with empty `choices`.
    Requested,
    /// Its usage rides on the chunk that names the reason for stopping.
    NotRequested,
}
