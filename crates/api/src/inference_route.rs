//! The paths of inference.

use crate::framing::Framing;
use http::{Method, Uri};
use opencredits_sanitizer::Api;
use opencredits_service::PathParameters;

/// What stands before the name of a model in a path.
const MODELS: [&str; 3] = ["/v1beta/models/", "/v1/models/", "/models/"];

/// A path of inference, read.
pub(crate) struct InferenceRoute {
    /// The API of the path.
    pub(crate) api: Api,
    /// The parameters in the path, in APIs that have them there.
    pub(crate) path: Option<PathParameters>,
    /// Whether the request counts tokens, without an answer.
    pub(crate) counts: bool,
    /// The framing of a stream's events.
    pub(crate) framing: Framing,
    /// The path without what a client writes into it.
    pub(crate) template: &'static str,
}

impl InferenceRoute {
    /// Reads a request line; `None` where it is no inference.
    pub(crate) fn of(method: &Method, uri: &Uri) -> Option<Self> {
        let (mut parameters, mut counts) = (None, false);
        let (api, template) = match (method, uri.path()) {
            (&Method::POST, "/v1/messages/count_tokens") => {
                counts = true;
                (Api::AnthropicMessages, "/v1/messages/count_tokens")
            }
            (&Method::POST, "/v1/chat/completions") => (Api::OpenaiChat, "/v1/chat/completions"),
            (&Method::POST, "/v1/messages") => (Api::AnthropicMessages, "/v1/messages"),
            (&Method::POST, "/v1/responses") => (Api::OpenaiResponses, "/v1/responses"),
            (&Method::POST, "/v1/embeddings") => (Api::OpenaiEmbeddings, "/v1/embeddings"),
            (&Method::POST, path) => {
                // SDKs send either version of the same API, others none.
                let rest = MODELS.iter().find_map(|models| path.strip_prefix(models));
                let (found, method) = path_parameters(rest?)?;
                counts = method == "countTokens";
                parameters = Some(found);
                (Api::GeminiGenerate, template_of(method))
            }
            _ => return None,
        };
        let mut pairs = uri.query().unwrap_or_default().split('&');
        let streams = parameters.as_ref().is_some_and(|path| path.stream == "true");
        let framing = if streams && !pairs.any(|pair| pair == "alt=sse") { Framing::Array } else { Framing::Events };
        Some(Self { api, path: parameters, counts, framing, template })
    }
}

/// The template of a custom method of a model.
fn template_of(method: &str) -> &'static str {
    match method {
        "countTokens" => "/v1beta/models/{model}:countTokens",
        "streamGenerateContent" => "/v1beta/models/{model}:streamGenerateContent",
        _ => "/v1beta/models/{model}:generateContent",
    }
}

/// `author/model:generateContent`, and the same with `streamGenerateContent`; the slash may be encoded.
fn path_parameters(rest: &str) -> Option<(PathParameters, &str)> {
    let (model, method) = rest.rsplit_once(':')?;
    let stream = match method {
        "generateContent" | "countTokens" => "false",
        "streamGenerateContent" => "true",
        _ => return None,
    };
    // No model name needs another escape.
    let model = model.replace("%2F", "/").replace("%2f", "/");
    Some((PathParameters { model: serde_json::Value::from(model).to_string(), stream }, method))
}
