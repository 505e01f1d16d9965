//! The dialects that the hub reads and writes.

use crate::dialect::Dialect;

/// A dialect in which conversations are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// `openai-chat`.
    Chat,
    /// `anthropic-messages`.
    Messages,
    /// `openai-responses`.
    Responses,
    /// `gemini-generate`.
    Gemini,
}

impl Tongue {
    /// The dialect as the hub speaks it; `None` where it does not.
    #[must_use]
    pub const fn of(dialect: Dialect) -> Option<Self> {
        match dialect {
            Dialect::OpenaiChat => Some(Self::Chat),
            Dialect::AnthropicMessages => Some(Self::Messages),
            Dialect::OpenaiResponses => Some(Self::Responses),
            Dialect::GeminiGenerate => Some(Self::Gemini),
            Dialect::OpenaiEmbeddings | Dialect::CohereChat => None,
        }
    }

    /// The field in which the turns stand.
    pub(crate) const fn turns_field(self) -> &'static str {
        match self {
            Self::Chat | Self::Messages => "messages",
            Self::Responses => "input",
            Self::Gemini => "contents",
        }
    }
}
