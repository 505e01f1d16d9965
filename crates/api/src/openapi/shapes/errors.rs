//! Errors, in the form of each API.

use super::common::open;
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// An error of `openai-chat`, `openai-responses`, and of every path of our own.
#[derive(ToSchema)]
pub(crate) struct Error {
    error: ErrorBody,
    /// For support, as in the header `x-request-id`.
    request_id: String,
}

/// What went wrong.
#[derive(ToSchema)]
pub(crate) struct ErrorBody {
    /// The HTTP status.
    code: u16,
    /// For people: what happened and what to do.
    message: String,
    /// The type of the error, the same in every API.
    r#type: String,
    /// The field or parameter that is wrong, where it is known.
    param: Option<String>,
    metadata: ErrorMetadata,
}

/// What programs may need of an error.
pub(crate) struct ErrorMetadata;

impl PartialSchema for ErrorMetadata {
    fn schema() -> RefOr<Schema> {
        const TEXT: &[Type] = &[Type::String];
        let members = [
            ("error_type", TEXT, "The type of the error, the same in every API."),
            ("retryable", &[Type::Boolean], "Whether the same request may succeed later."),
            ("retry_after", &[Type::Integer, Type::Null], "After how many seconds, where that is known."),
            ("provider_code", &[Type::String, Type::Integer, Type::Null], "The provider's own code."),
            ("previous_errors", &[Type::Array], "The failures of other routes before."),
        ];
        open(&members, &[]).into()
    }
}

impl ToSchema for ErrorMetadata {
    fn name() -> Cow<'static, str> {
        "ErrorMetadata".into()
    }
}

/// An error of `anthropic-messages`.
#[derive(ToSchema)]
pub(crate) struct MessagesError {
    r#type: MessagesErrorObject,
    error: MessagesErrorBody,
    /// For support, as in the header `x-request-id`.
    request_id: String,
}

/// What the object is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum MessagesErrorObject {
    Error,
}

/// What went wrong.
#[derive(ToSchema)]
pub(crate) struct MessagesErrorBody {
    /// The type in the vocabulary of that API, such as `invalid_request_error`.
    r#type: String,
    /// For people: what happened and what to do.
    message: String,
    /// The type of the error, the same in every API.
    error_type: String,
    metadata: ErrorMetadata,
}

/// An error of `gemini-generate`.
#[derive(ToSchema)]
pub(crate) struct GeminiError {
    error: GeminiErrorBody,
}

/// What went wrong.
#[derive(ToSchema)]
pub(crate) struct GeminiErrorBody {
    /// The HTTP status.
    code: u16,
    /// For people: what happened and what to do.
    message: String,
    /// The status in the vocabulary of that API, such as `INVALID_ARGUMENT`.
    status: String,
    details: Vec<GeminiErrorDetail>,
}

/// What programs may need of an error.
#[derive(ToSchema)]
pub(crate) struct GeminiErrorDetail {
    /// The type of the error, the same in every API.
    error_type: String,
    metadata: ErrorMetadata,
    /// For support, as in the header `x-request-id`.
    request_id: String,
}

/// An error of an endpoint of OAuth (RFC 6749, section 5.2).
#[derive(ToSchema)]
pub(crate) struct OauthFailure {
    /// A code of OAuth, such as `invalid_grant`.
    error: String,
    /// For people: what happened and what to do.
    error_description: String,
}
