//! An error response, in the form of any API surface.

use super::table::{ErrorType, Retryable};
use crate::redact::without_keys;
use axum::body::Body;
use axum::response::IntoResponse;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response};
use opencredits_providers::Overflow;
use opencredits_sanitizer::Api;
use opencredits_service::Gateway;
use serde_json::{Map, Value, json};

/// The OpenAI and Anthropic SDKs obey this header; without it they retry a 409.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// How the messages API tells an overflow: of the prompt, and of the prompt with its output cap.
const OVERFLOW_WORDS: [&str; 2] = ["prompt is too long", "input length and `max_tokens` exceed context limit"];

/// The form of an API's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiSurface {
    /// `openai-chat`, and every path of our own.
    OpenaiChat,
    /// `anthropic-messages`.
    AnthropicMessages,
    /// `openai-responses`: as `openai-chat`, but in a stream.
    OpenaiResponses,
    /// `gemini-generate`.
    GeminiGenerate,
}

/// An error: its type, its message, and further data for programs.
#[derive(Clone)]
pub struct Problem {
    kind: ErrorType,
    message: String,
    metadata: Map<String, Value>,
    retry_after_ms: Option<u64>,
    challenge: Option<HeaderValue>,
}

impl Problem {
    /// A problem of this type; the message is for people and names the remedy.
    #[must_use]
    pub fn new(kind: ErrorType, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), metadata: Map::new(), retry_after_ms: None, challenge: None }
    }

    /// The same with a further member in its metadata.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.to_owned(), value.into());
        self
    }

    /// The same with the time after which a retry makes sense.
    #[must_use]
    pub fn retry_after_ms(mut self, wait: Option<u64>) -> Self {
        self.retry_after_ms = wait;
        self
    }

    /// The same with what `WWW-Authenticate` says.
    #[must_use]
    pub(crate) fn challenge(mut self, challenge: &Option<HeaderValue>) -> Self {
        self.challenge.clone_from(challenge);
        self
    }

    /// The type.
    #[must_use]
    pub const fn kind(&self) -> ErrorType {
        self.kind
    }

    /// Counts it as the error of a request for inference: its type and its HTTP status.
    pub(crate) fn count(&self, gateway: &Gateway, api: Api) {
        let row = self.kind.row();
        gateway.count_error(api, (row.error_type, row.status.as_str()));
    }

    /// The whole response.
    #[must_use]
    pub fn response(self, surface: ApiSurface, request_id: &str) -> Response<Body> {
        let status = self.kind.row().status;
        let is_final = self.kind.row().retryable == Retryable::No;
        let retry_after = self.retry_after_ms.map(|wait| HeaderValue::from(wait.div_ceil(1_000)));
        let challenge = self.challenge.clone();
        let mut response = Response::new(Body::from(self.into_json(surface, request_id)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if is_final {
            response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if let Some(value) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        if let Some(value) = challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        response
    }

    /// The body of the response.
    pub(crate) fn into_json(self, surface: ApiSurface, request_id: &str) -> String {
        without_keys(self.body(surface, request_id).to_string())
    }

    /// The last event of a stream that fails after its first byte.
    #[must_use]
    pub fn into_event(self, surface: ApiSurface, request_id: &str) -> Vec<u8> {
        let event = match surface {
            ApiSurface::OpenaiChat => {
                let mut chunk = self.body(surface, request_id);
                if let Some(members) = chunk.as_object_mut() {
                    let choice = json!({"index": 0, "delta": {}, "finish_reason": "error"});
                    members.insert("object".to_owned(), "chat.completion.chunk".into());
                    members.insert("choices".to_owned(), json!([choice]));
                }
                format!("data: {chunk}\n\ndata: [DONE]\n\n")
            }
            ApiSurface::AnthropicMessages => {
                format!("event: error\ndata: {}\n\n", self.body(surface, request_id))
            }
            ApiSurface::OpenaiResponses => {
                let row = self.kind.row();
                let error = json!({
                    "code": self.kind.response_code(), "message": self.message,
                    "metadata": self.metadata_of(row.error_type, row.retryable),
                });
                // What the request said has passed without being kept; its SDKs' types demand these members all the same.
                let response = json!({
                    "id": format!("resp_{request_id}"), "object": "response", "status": "failed", "error": error,
                    "created_at": 0, "model": "", "output": [], "parallel_tool_calls": true, "tool_choice": "auto",
                    "tools": [], "request_id": request_id,
                });
                // The sequence number is unknown here: the provider's numbered events have passed without being parsed.
                let event = json!({"type": "response.failed", "sequence_number": 0, "response": response});
                format!("event: response.failed\ndata: {event}\n\n")
            }
            ApiSurface::GeminiGenerate => format!("data: {}\n\n", self.body(surface, request_id)),
        };
        without_keys(event).into_bytes()
    }

    fn body(self, surface: ApiSurface, request_id: &str) -> Value {
        let row = self.kind.row();
        let metadata = self.metadata_of(row.error_type, row.retryable);
        match surface {
            ApiSurface::GeminiGenerate => json!({
                "error": {
                    "code": row.status.as_u16(),
                    "message": self.message,
                    "status": row.rpc_status,
                    "details": [{"error_type": row.error_type, "metadata": metadata, "request_id": request_id}],
                },
            }),
            ApiSurface::OpenaiChat | ApiSurface::OpenaiResponses => json!({
                "error": {
                    "code": row.status.as_u16(),
                    "message": self.message,
                    "type": row.error_type,
                    "param": self.metadata.get("param").cloned().unwrap_or(Value::Null),
                    "metadata": metadata,
                },
                "request_id": request_id,
            }),
            ApiSurface::AnthropicMessages => json!({
                "type": "error",
                "error": {
                    "type": row.messages_type,
                    "message": self.messages_words(),
                    "error_type": row.error_type,
                    "metadata": metadata,
                },
                "request_id": request_id,
            }),
        }
    }

    /// The message in the words of the messages API. Its clients recognise an overflow of the window by how the message
    /// begins, and shorten their conversation.
    fn messages_words(&self) -> String {
        let said = &self.message;
        let is_theirs = OVERFLOW_WORDS.iter().any(|words| said.starts_with(words));
        if self.kind != ErrorType::ContextLengthExceeded || is_theirs {
            return said.clone();
        }
        let [words, _] = OVERFLOW_WORDS;
        match Overflow::read(said) {
            Some(Overflow { tokens, limit }) => format!("{words}: {tokens} tokens > {limit} maximum ({said})"),
            None => format!("{words}: {said}"),
        }
    }

    fn metadata_of(&self, error_type: &str, retryable: Retryable) -> Value {
        let mut metadata = self.metadata.clone();
        metadata.insert("error_type".to_owned(), error_type.into());
        metadata.insert("retryable".to_owned(), (retryable == Retryable::Yes).into());
        metadata.insert("retry_after".to_owned(), self.retry_after_ms.map(|wait| wait.div_ceil(1_000)).into());
        metadata.entry("provider_code").or_insert(Value::Null);
        metadata.entry("previous_errors").or_insert_with(|| json!([]));
        Value::Object(metadata)
    }
}

/// What a handler of the router answers. The routes give it its form, since they know the request's id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.kind.row().status;
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes that the SDK of `openai-responses` lists, and the one that its clients know besides.
    const CODES: [&str; 7] = [
        "context_length_exceeded",
        "failed_to_download_image",
        "image_too_large",
        "invalid_prompt",
        "rate_limit_exceeded",
        "server_error",
        "unsupported_image_media_type",
    ];

    #[test]
    fn a_response_that_fails_in_mid_stream_has_what_its_type_demands() {
        for kind in ErrorType::ALL {
            let event = Problem::new(kind, "why").into_event(ApiSurface::OpenaiResponses, "req_1");
            let event = String::from_utf8(event).unwrap();
            let data = event.split_once("data: ").unwrap().1;
            let response = serde_json::from_str::<Value>(data).unwrap()["response"].take();
            for member in ["created_at", "model", "output", "parallel_tool_calls", "tool_choice", "tools"] {
                assert!(!response[member].is_null(), "{member}: {response}");
            }
            let error = &response["error"];
            assert!(CODES.contains(&error["code"].as_str().unwrap()), "{error}");
            assert_eq!(error["metadata"]["error_type"], kind.row().error_type);
        }
    }
}
