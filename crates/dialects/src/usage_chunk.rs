//! The usage chunk of `openai-chat` streams.

/// Whether the client requested a usage chunk (`openai-chat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageChunk {
    /// The client gets a chunk with empty `choices`.
    Requested,
    /// The usage is added to the chunk with the finish reason.
    NotRequested,
}
