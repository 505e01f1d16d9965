//! Requests and answers of inference. They are the providers', so they may have every member of their API; named here is
//! what the gateway reads and adds.

use super::common::{Member, open};
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Schema, Type};
use utoipa::{PartialSchema, ToSchema};

const MODEL: Member = ("model", &[Type::String], "The id of a model, as `GET /v1/models` lists it.");
const STREAM: Member = ("stream", &[Type::Boolean], "Whether the answer comes as server-sent events.");
const USAGE: Member = (
    "usage",
    &[Type::Object],
    "The provider's counts, and the charge: `cost` in dollars, `credits`, `commission`, `generation_id`, `cost_details`.",
);
const ID: Member = ("id", &[Type::String], "The provider's id of the answer.");
const ANSWER_MODEL: Member = ("model", &[Type::String], "The provider's name of the model.");

/// A request of `openai-chat`.
pub(crate) struct ChatRequest;

impl PartialSchema for ChatRequest {
    fn schema() -> RefOr<Schema> {
        open(
            &[MODEL, ("messages", &[Type::Array], "The conversation.")],
            &[STREAM, ("max_completion_tokens", &[Type::Integer], "The most tokens of the answer.")],
        )
        .into()
    }
}

impl ToSchema for ChatRequest {
    fn name() -> Cow<'static, str> {
        "ChatRequest".into()
    }
}

/// An answer of `openai-chat`.
pub(crate) struct ChatAnswer;

impl PartialSchema for ChatAnswer {
    fn schema() -> RefOr<Schema> {
        open(&[ID, ANSWER_MODEL, ("choices", &[Type::Array], "The answers."), USAGE], &[]).into()
    }
}

impl ToSchema for ChatAnswer {
    fn name() -> Cow<'static, str> {
        "ChatAnswer".into()
    }
}

/// A request of `anthropic-messages`.
pub(crate) struct MessagesRequest;

impl PartialSchema for MessagesRequest {
    fn schema() -> RefOr<Schema> {
        open(
            &[
                MODEL,
                ("messages", &[Type::Array], "The conversation."),
                ("max_tokens", &[Type::Integer], "The most tokens of the answer."),
            ],
            &[STREAM],
        )
        .into()
    }
}

impl ToSchema for MessagesRequest {
    fn name() -> Cow<'static, str> {
        "MessagesRequest".into()
    }
}

/// An answer of `anthropic-messages`.
pub(crate) struct MessagesAnswer;

impl PartialSchema for MessagesAnswer {
    fn schema() -> RefOr<Schema> {
        open(&[ID, ANSWER_MODEL, ("content", &[Type::Array], "The answer."), USAGE], &[]).into()
    }
}

impl ToSchema for MessagesAnswer {
    fn name() -> Cow<'static, str> {
        "MessagesAnswer".into()
    }
}

/// A conversation whose tokens are counted.
pub(crate) struct CountRequest;

impl PartialSchema for CountRequest {
    fn schema() -> RefOr<Schema> {
        open(&[MODEL, ("messages", &[Type::Array], "The conversation.")], &[]).into()
    }
}

impl ToSchema for CountRequest {
    fn name() -> Cow<'static, str> {
        "CountRequest".into()
    }
}

/// The input tokens of a request.
pub(crate) struct CountAnswer;

impl PartialSchema for CountAnswer {
    fn schema() -> RefOr<Schema> {
        open(
            &[("input_tokens", &[Type::Integer], "Tokens.")],
            &[("estimated", &[Type::Boolean], "Whether the count is an estimate.")],
        )
        .into()
    }
}

impl ToSchema for CountAnswer {
    fn name() -> Cow<'static, str> {
        "CountAnswer".into()
    }
}

/// A request of `openai-responses`, without state.
pub(crate) struct ResponsesRequest;

impl PartialSchema for ResponsesRequest {
    fn schema() -> RefOr<Schema> {
        open(
            &[MODEL, ("input", &[Type::Array, Type::String], "A text, or the conversation as items.")],
            &[STREAM, ("max_output_tokens", &[Type::Integer], "The most tokens of the answer.")],
        )
        .into()
    }
}

impl ToSchema for ResponsesRequest {
    fn name() -> Cow<'static, str> {
        "ResponsesRequest".into()
    }
}

/// An answer of `openai-responses`.
pub(crate) struct ResponsesAnswer;

impl PartialSchema for ResponsesAnswer {
    fn schema() -> RefOr<Schema> {
        open(&[ID, ANSWER_MODEL, ("output", &[Type::Array], "The answer, as items."), USAGE], &[]).into()
    }
}

impl ToSchema for ResponsesAnswer {
    fn name() -> Cow<'static, str> {
        "ResponsesAnswer".into()
    }
}

/// A request of `openai-embeddings`.
pub(crate) struct EmbeddingsRequest;

impl PartialSchema for EmbeddingsRequest {
    fn schema() -> RefOr<Schema> {
        open(&[MODEL, ("input", &[Type::String, Type::Array], "A text, or a list of texts or of tokens.")], &[]).into()
    }
}

impl ToSchema for EmbeddingsRequest {
    fn name() -> Cow<'static, str> {
        "EmbeddingsRequest".into()
    }
}

/// An answer of `openai-embeddings`.
pub(crate) struct EmbeddingsAnswer;

impl PartialSchema for EmbeddingsAnswer {
    fn schema() -> RefOr<Schema> {
        open(&[("data", &[Type::Array], "The vectors."), ANSWER_MODEL, USAGE], &[]).into()
    }
}

impl ToSchema for EmbeddingsAnswer {
    fn name() -> Cow<'static, str> {
        "EmbeddingsAnswer".into()
    }
}

/// A request of `gemini-generate`.
pub(crate) struct GenerateRequest;

impl PartialSchema for GenerateRequest {
    fn schema() -> RefOr<Schema> {
        open(
            &[("contents", &[Type::Array], "The conversation.")],
            &[("generationConfig", &[Type::Object], "Settings, such as `maxOutputTokens`.")],
        )
        .into()
    }
}

impl ToSchema for GenerateRequest {
    fn name() -> Cow<'static, str> {
        "GenerateRequest".into()
    }
}

/// An answer of `gemini-generate`.
pub(crate) struct GenerateAnswer;

impl PartialSchema for GenerateAnswer {
    fn schema() -> RefOr<Schema> {
        open(
            &[],
            &[
                ("candidates", &[Type::Array], "The answers."),
                ("modelVersion", &[Type::String], "The provider's name of the model."),
                (
                    "usageMetadata",
                    &[Type::Object],
                    "The provider's counts, and the charge: `cost` in dollars, `credits`, `commission`, `generation_id`. In a stream the last part has it.",
                ),
            ],
        )
        .into()
    }
}

impl ToSchema for GenerateAnswer {
    fn name() -> Cow<'static, str> {
        "GenerateAnswer".into()
    }
}

/// The input tokens of a request.
pub(crate) struct GeminiCountAnswer;

impl PartialSchema for GeminiCountAnswer {
    fn schema() -> RefOr<Schema> {
        open(
            &[("totalTokens", &[Type::Integer], "Tokens.")],
            &[("estimated", &[Type::Boolean], "Whether the count is an estimate.")],
        )
        .into()
    }
}

impl ToSchema for GeminiCountAnswer {
    fn name() -> Cow<'static, str> {
        "GeminiCountAnswer".into()
    }
}

/// A server-sent event of a stream. Its data is an event of the API; the last of some APIs is `[DONE]`.
pub(crate) struct ServerSentEvent;

impl PartialSchema for ServerSentEvent {
    fn schema() -> RefOr<Schema> {
        let data = ("data", &[Type::String][..], "An event of the API, as JSON.");
        open(&[data], &[("event", &[Type::String], "The name of the event.")]).into()
    }
}

impl ToSchema for ServerSentEvent {
    fn name() -> Cow<'static, str> {
        "ServerSentEvent".into()
    }
}
