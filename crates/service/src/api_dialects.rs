//! The dialects of the APIs.

use opencredits_providers::Dialect;
use opencredits_sanitizer::Api;

/// The dialect of an API.
pub(crate) const fn dialect_of(api: Api) -> Dialect {
    match api {
        Api::OpenaiChat => Dialect::OpenaiChat,
        Api::AnthropicMessages => Dialect::AnthropicMessages,
        Api::OpenaiResponses => Dialect::OpenaiResponses,
        Api::OpenaiEmbeddings => Dialect::OpenaiEmbeddings,
        Api::GeminiGenerate => Dialect::GeminiGenerate,
    }
}
