//! The dialects that can be translated.

use opencredits_dialects::Dialect;

/// A dialect of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConversationDialect {
    /// `openai-chat`.
    Chat,
    /// `anthropic-messages`.
    Messages,
    /// `openai-responses`.
    Responses,
    /// `gemini-generate`.
    Gemini,
}

impl ConversationDialect {
    /// The conversation dialect of a dialect; `None` where it has no conversations.
    #[must_use]
    pub(crate) const fn of(dialect: Dialect) -> Option<Self> {
        match dialect {
            Dialect::OpenaiChat => Some(Self::Chat),
            Dialect::AnthropicMessages => Some(Self::Messages),
            Dialect::OpenaiResponses => Some(Self::Responses),
            Dialect::GeminiGenerate => Some(Self::Gemini),
            Dialect::OpenaiEmbeddings | Dialect::CohereChat => None,
        }
    }

    /// The client's name for a dropped field. Internally, fields have their names in `openai-chat`.
    pub(crate) fn name_of(self, field: &str) -> &str {
        match (self, field) {
            (Self::Chat, "effort") => "reasoning_effort",
            (Self::Messages, "effort") => "output_config.effort",
            (Self::Responses, "effort") => "reasoning.effort",
            (Self::Gemini, "effort") => "generationConfig.thinkingConfig.thinkingLevel",
            (Self::Messages, "stop") => "stop_sequences",
            (Self::Messages, "reasoning_effort") => "thinking",
            (Self::Messages, "response_format") => "output_config.format",
            (Self::Messages, "response_format.schema") => "output_config.format.schema",
            (Self::Messages, "parallel_tool_calls") => "tool_choice.disable_parallel_tool_use",
            (Self::Responses, "reasoning_effort") => "reasoning.effort",
            (Self::Responses, "response_format") => "text.format",
            (Self::Responses, "response_format.schema") => "text.format.schema",
            (Self::Gemini, "temperature") => "generationConfig.temperature",
            (Self::Gemini, "top_p") => "generationConfig.topP",
            (Self::Gemini, "top_k") => "generationConfig.topK",
            (Self::Gemini, "seed") => "generationConfig.seed",
            (Self::Gemini, "frequency_penalty") => "generationConfig.frequencyPenalty",
            (Self::Gemini, "presence_penalty") => "generationConfig.presencePenalty",
            (Self::Gemini, "stop") => "generationConfig.stopSequences",
            (Self::Gemini, "reasoning_effort") => "generationConfig.thinkingConfig",
            (Self::Gemini, "response_format") => "generationConfig.responseMimeType",
            (Self::Gemini, "response_format.schema") => "generationConfig.responseSchema",
            (Self::Gemini, "tool_choice") => "toolConfig",
            (_, field) => field,
        }
    }

    /// The field that holds the turns.
    pub(crate) const fn turns_field(self) -> &'static str {
        match self {
            Self::Chat | Self::Messages => "messages",
            Self::Responses => "input",
            Self::Gemini => "contents",
        }
    }
}
