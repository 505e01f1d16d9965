//! The wire formats.

use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Chat completions.
    OpenaiChat,
    /// Messages.
    AnthropicMessages,
    /// Responses, used without state.
    OpenaiResponses,
    /// `generateContent` and `streamGenerateContent`.
    GeminiGenerate,
    /// Embeddings, which are not streamed.
    OpenaiEmbeddings,
    /// Chat with billed units.
    CohereChat,
}

impl Dialect {
    /// All dialects.
    pub const ALL: [Self; 6] = [
        Self::OpenaiChat,
        Self::AnthropicMessages,
        Self::OpenaiResponses,
        Self::GeminiGenerate,
        Self::OpenaiEmbeddings,
        Self::CohereChat,
    ];

    /// The name in data files and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::AnthropicMessages => "anthropic-messages",
            Self::OpenaiResponses => "openai-responses",
            Self::GeminiGenerate => "gemini-generate",
            Self::OpenaiEmbeddings => "openai-embeddings",
            Self::CohereChat => "cohere-chat",
        }
    }

    /// The path of an endpoint for `model`, below a vendor's base URL.
    #[must_use]
    pub fn path(self, model: &str, stream: bool) -> String {
        match (self, stream) {
            (Self::OpenaiChat, _) => "/chat/completions".to_owned(),
            (Self::AnthropicMessages, _) => "/messages".to_owned(),
            (Self::OpenaiResponses, _) => "/responses".to_owned(),
            (Self::OpenaiEmbeddings, _) => "/embeddings".to_owned(),
            (Self::CohereChat, _) => "/chat".to_owned(),
            (Self::GeminiGenerate, false) => format!("/models/{model}:generateContent"),
            (Self::GeminiGenerate, true) => format!("/models/{model}:streamGenerateContent?alt=sse"),
        }
    }

    /// The smallest output cap that its servers accept, in tokens:
    /// <https://platform.openai.com/docs/api-reference/responses/create#responses-create-max_output_tokens>.
    /// <https://platform.openai.com/docs/api-reference/responses/create#responses-create-max_output_tokens>.
    #[must_use]
    pub const fn output_cap_min(self) -> u64 {
        match self {
            Self::OpenaiResponses => 16,
            _ => 1,
        }
    }

    /// Whether [`Dialect::path`] names the model.
    #[must_use]
    pub const fn names_model_in_path(self) -> bool {
        matches!(self, Self::GeminiGenerate)
    }
}

/// No dialect has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no dialect of this name; known are openai-chat, anthropic-messages, openai-responses, gemini-generate, \
     openai-embeddings and cohere-chat"
)]
pub struct UnknownDialect;

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name).ok_or(UnknownDialect)
    }
}
