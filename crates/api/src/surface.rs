//! Which API surface a request belongs to.

use crate::errors::ApiSurface;
use opencredits_sanitizer::Api;

/// The surface of an API.
pub(crate) const fn surface_of_api(api: Api) -> ApiSurface {
    match api {
        Api::OpenaiChat | Api::OpenaiEmbeddings => ApiSurface::OpenaiChat,
        Api::AnthropicMessages => ApiSurface::AnthropicMessages,
        Api::OpenaiResponses => ApiSurface::OpenaiResponses,
        Api::GeminiGenerate => ApiSurface::GeminiGenerate,
    }
}

/// The surface of a path.
pub(crate) fn surface_of_path(path: &str) -> ApiSurface {
    match path {
        path if (path.starts_with("/v1/models/") || path.starts_with("/models/")) && is_custom_method(path) => {
            ApiSurface::GeminiGenerate
        }
        path if path.starts_with("/v1/messages") => ApiSurface::AnthropicMessages,
        path if path.starts_with("/v1/responses") => ApiSurface::OpenaiResponses,
        path if path.starts_with("/v1beta/") => ApiSurface::GeminiGenerate,
        _ => ApiSurface::OpenaiChat,
    }
}

/// Whether a path ends in a custom method, as in `gemini-generate`: `models/m:embedContent`.
pub(crate) fn is_custom_method(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|last| last.contains(':'))
}
