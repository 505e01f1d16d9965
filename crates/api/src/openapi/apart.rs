//! Operations whose routes the router does not have, or has with a wildcard: inference bypasses it, a path with a wildcard is
//! none in a document, and the routes of operators have a state of their own.

#![expect(dead_code, reason = "they carry the attributes; other functions serve the operations")]

use super::shapes;
use utoipa::OpenApi;

/// The operations.
#[derive(OpenApi)]
#[openapi(paths(
    chat,
    messages,
    count,
    responses,
    embeddings,
    generate,
    stream,
    count_content,
    models,
    model,
    endpoints,
    gemini_models,
    gemini_model,
    act,
    export_of_person,
    document,
))]
pub(super) struct Apart;

#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    summary = "Chat completions",
    description = "API `openai-chat`. With `stream` the answer comes as server-sent events; the last chunk has the charge.",
    security(("user_key" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "A second request with the same key is refused with 409."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether a field that would be dropped is refused."),
        ("x-opencredits-lower-cap" = Option<bool>, Header, description = "`false` refuses an output cap that the balance does not cover, instead of lowering it."),
    ),
    request_body = shapes::ChatRequest,
    responses((status = 200, description = "The answer of the provider, with the charge.", content((shapes::ChatAnswer = "application/json"), (shapes::ServerSentEvent = "text/event-stream")))),
)]
fn chat() {}

#[utoipa::path(
    post,
    path = "/v1/messages",
    summary = "Messages",
    description = "API `anthropic-messages`. With `stream` the answer comes as server-sent events; `message_delta` has the charge.",
    security(("user_key" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "A second request with the same key is refused with 409."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether a field that would be dropped is refused."),
        ("x-opencredits-lower-cap" = Option<bool>, Header, description = "`false` refuses an output cap that the balance does not cover, instead of lowering it."),
    ),
    request_body = shapes::MessagesRequest,
    responses((status = 200, description = "The answer of the provider, with the charge.", content((shapes::MessagesAnswer = "application/json"), (shapes::ServerSentEvent = "text/event-stream")))),
)]
fn messages() {}

#[utoipa::path(
    post,
    path = "/v1/messages/count_tokens",
    summary = "Count the tokens of messages",
    description = "Free. An estimate where the vendor has no counter.",
    security(("user_key" = [])),
    request_body = shapes::CountRequest,
    responses((status = 200, description = "What was asked for.", body = shapes::CountAnswer)),
)]
fn count() {}

#[utoipa::path(
    post,
    path = "/v1/responses",
    summary = "Responses",
    description = "API `openai-responses`, without state.",
    security(("user_key" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "A second request with the same key is refused with 409."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether a field that would be dropped is refused."),
        ("x-opencredits-lower-cap" = Option<bool>, Header, description = "`false` refuses an output cap that the balance does not cover, instead of lowering it."),
    ),
    request_body = shapes::ResponsesRequest,
    responses((status = 200, description = "The answer of the provider, with the charge.", content((shapes::ResponsesAnswer = "application/json"), (shapes::ServerSentEvent = "text/event-stream")))),
)]
fn responses() {}

#[utoipa::path(
    post,
    path = "/v1/embeddings",
    summary = "Embeddings",
    description = "API `openai-embeddings`.",
    security(("user_key" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "A second request with the same key is refused with 409."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether a field that would be dropped is refused."),
        ("x-opencredits-lower-cap" = Option<bool>, Header, description = "`false` refuses an output cap that the balance does not cover, instead of lowering it."),
    ),
    request_body = shapes::EmbeddingsRequest,
    responses((status = 200, description = "What was asked for.", body = shapes::EmbeddingsAnswer)),
)]
fn embeddings() {}

#[utoipa::path(
    post,
    path = "/v1beta/models/{model}:generateContent",
    summary = "Generate content",
    description = "API `gemini-generate`; the same under `/v1`.",
    security(("user_key" = [])),
    params(
        ("model" = String, Path, description = "The id of a model, with its slash encoded."),
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "A second request with the same key is refused with 409."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether a field that would be dropped is refused."),
        ("x-opencredits-lower-cap" = Option<bool>, Header, description = "`false` refuses an output cap that the balance does not cover, instead of lowering it."),
    ),
    request_body = shapes::GenerateRequest,
    responses((status = 200, description = "What was asked for.", body = shapes::GenerateAnswer)),
)]
fn generate() {}

#[utoipa::path(
    post,
    path = "/v1beta/models/{model}:streamGenerateContent",
    summary = "Generate content as a stream",
    description = "API `gemini-generate`; the same under `/v1`. As one array, or with `alt=sse` as server-sent events.",
    security(("user_key" = [])),
    params(
        ("alt" = Option<String>, Query, pattern = "^sse$", description = "`sse` for server-sent events."),
        ("model" = String, Path, description = "The id of a model, with its slash encoded."),
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "A second request with the same key is refused with 409."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether a field that would be dropped is refused."),
        ("x-opencredits-lower-cap" = Option<bool>, Header, description = "`false` refuses an output cap that the balance does not cover, instead of lowering it."),
    ),
    request_body = shapes::GenerateRequest,
    responses((status = 200, description = "The answer of the provider, with the charge.", content((Vec<shapes::GenerateAnswer> = "application/json"), (shapes::ServerSentEvent = "text/event-stream")))),
)]
fn stream() {}

#[utoipa::path(
    post,
    path = "/v1beta/models/{model}:countTokens",
    summary = "Count the tokens of content",
    description = "Free. An estimate where the vendor has no counter.",
    security(("user_key" = [])),
    params(("model" = String, Path, description = "The id of a model, with its slash encoded.")),
    request_body = shapes::GenerateRequest,
    responses((status = 200, description = "What was asked for.", body = shapes::GeminiCountAnswer)),
)]
fn count_content() {}

#[utoipa::path(
    get,
    path = "/v1/models",
    summary = "Models",
    description = "Every model on sale, on one page.",
    responses((status = 200, description = "What was asked for.", body = shapes::AnyModelList)),
)]
fn models() {}

#[utoipa::path(
    get,
    path = "/v1/models/{model}",
    summary = "A model",
    description = "By any of its names, in upper or lower case.",
    params(("model" = String, Path, description = "The id of a model, with its slash encoded.")),
    responses((status = 200, description = "What was asked for.", body = shapes::AnyModel)),
)]
fn model() {}

#[utoipa::path(
    get,
    path = "/v1/models/{model}/endpoints",
    summary = "The routes of a model",
    description = "With their prices and their health.",
    params(("model" = String, Path, description = "The id of a model, with its slash encoded.")),
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::ModelEndpoints>)),
)]
fn endpoints() {}

#[utoipa::path(
    get,
    path = "/v1beta/models",
    summary = "Models for `gemini-generate`",
    description = "Every chat model on sale.",
    responses((status = 200, description = "What was asked for.", body = shapes::GeminiModelList)),
)]
fn gemini_models() {}

#[utoipa::path(
    get,
    path = "/v1beta/models/{model}",
    summary = "A model for `gemini-generate`",
    description = "By any of its names.",
    params(("model" = String, Path, description = "The id of a model, with its slash encoded.")),
    responses((status = 200, description = "What was asked for.", body = shapes::GeminiModel)),
)]
fn gemini_model() {}

#[utoipa::path(
    post,
    path = "/v1/operator/actions",
    summary = "Do what was previewed",
    description = "For a session whose person has the operator's role; for all others there is nothing here. The page of an operator shows first what an act does, and gets its id and its confirmation, which hold for ten minutes.",
    security(("session" = [])),
    request_body = shapes::ActionToDo,
    responses((status = 200, description = "It was done.", body = shapes::ActionDone)),
)]
fn act() {}

#[utoipa::path(
    get,
    path = "/v1/operator/people/{id}/export",
    summary = "Everything about a person",
    description = "For a session whose person has the operator's role; for all others there is nothing here. The export is recorded.",
    security(("session" = [])),
    params(("id" = String, Path, description = "The person, by id.")),
    responses((status = 200, description = "The archive.", body = shapes::Archive, content_type = "application/zip")),
)]
fn export_of_person() {}

#[utoipa::path(
    get,
    path = "/openapi.json",
    summary = "This document",
    description = "OpenAPI 3.1. It changes with a new version of the service only.",
    responses((status = 200, description = "The document.", body = shapes::AnyObject), (status = 304, description = "It is the one that `If-None-Match` names.")),
)]
fn document() {}
