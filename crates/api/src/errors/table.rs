//! The table of errors: the name of each type in each surface, and its status.

use http::StatusCode;

/// A type of error, with the same meaning in every surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// No key, an invalid key, or keys that differ.
    Authentication,
    /// The balance does not cover the worst case.
    PaymentRequired,
    /// A limit of the key or of the app does not cover the worst case.
    LimitReached,
    /// The person is suspended.
    PermissionDenied,
    /// The person has not accepted the terms in force.
    TermsRequired,
    /// The key may not use the model.
    ModelNotAllowed,
    /// The model, route or record does not exist.
    NotFound,
    /// The method does not fit the path.
    MethodNotAllowed,
    /// The client timed out.
    ClientTimeout,
    /// The idempotency key was used before.
    DuplicateRequest,
    /// The body is too large.
    PayloadTooLarge,
    /// The body has a content coding that cannot be decoded.
    UnsupportedMediaType,
    /// The head is too large.
    HeadTooLarge,
    /// The request is invalid.
    InvalidRequest,
    /// A field that is not passed on.
    UnsupportedParameter,
    /// The input exceeds the model's context window.
    ContextLengthExceeded,
    /// The provider's filter refused the input.
    ContentPolicyViolation,
    /// An attachment cannot be fetched.
    ImageDownloadFailed,
    /// An attachment is too large.
    ImageTooLarge,
    /// An attachment has an unsupported media type.
    UnsupportedImageFormat,
    /// Too many requests, ours or the provider's limit.
    RateLimitExceeded,
    /// Our failure.
    Server,
    /// We cannot take the request now: the disk is full, or memory or connections are used up.
    Unavailable,
    /// The provider failed, or refuses our account.
    ProviderUnavailable,
    /// The provider is overloaded.
    ProviderOverloaded,
    /// The provider timed out.
    ProviderTimeout,
}

/// One row: the status, the names in the surfaces, and whether a retry makes sense.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// HTTP status.
    pub status: StatusCode,
    /// `error_type`, the same in every surface.
    pub error_type: &'static str,
    /// The name in the `anthropic-messages` surface.
    pub messages_type: &'static str,
    /// The name in the `gemini-generate` surface: the RPC status that goes with the HTTP status (google.rpc.Code).
    pub rpc_status: &'static str,
    /// Whether a retry makes sense.
    pub retryable: Retryable,
}

/// Whether a retry makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retryable {
    /// The same request will be refused again.
    No,
    /// The same request may succeed later.
    Yes,
}

/// A row; `names` are those of all surfaces, of `anthropic-messages` and of `gemini-generate`.
const fn row(status: StatusCode, names: [&'static str; 3], retryable: Retryable) -> Row {
    let [error_type, messages_type, rpc_status] = names;
    Row { status, error_type, messages_type, rpc_status, retryable }
}

impl ErrorType {
    /// Every type, in the order of its status.
    pub const ALL: [Self; 26] = [
        Self::InvalidRequest,
        Self::UnsupportedParameter,
        Self::ContextLengthExceeded,
        Self::ContentPolicyViolation,
        Self::ImageDownloadFailed,
        Self::ImageTooLarge,
        Self::UnsupportedImageFormat,
        Self::Authentication,
        Self::PaymentRequired,
        Self::LimitReached,
        Self::PermissionDenied,
        Self::TermsRequired,
        Self::ModelNotAllowed,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::ClientTimeout,
        Self::DuplicateRequest,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimitExceeded,
        Self::HeadTooLarge,
        Self::Server,
        Self::ProviderUnavailable,
        Self::ProviderOverloaded,
        Self::Unavailable,
        Self::ProviderTimeout,
    ];

    /// The type's row.
    #[must_use]
    pub const fn row(self) -> Row {
        use Retryable::{No, Yes};
        type S = StatusCode;
        const INVALID: &str = "invalid_request_error";
        const ARGUMENT: &str = "INVALID_ARGUMENT";
        match self {
            Self::InvalidRequest => row(S::BAD_REQUEST, ["invalid_request", INVALID, ARGUMENT], No),
            Self::UnsupportedParameter => row(S::BAD_REQUEST, ["unsupported_parameter", INVALID, ARGUMENT], No),
            Self::ContextLengthExceeded => row(S::BAD_REQUEST, ["context_length_exceeded", INVALID, ARGUMENT], No),
            Self::ContentPolicyViolation => row(S::BAD_REQUEST, ["content_policy_violation", INVALID, ARGUMENT], No),
            Self::ImageDownloadFailed => row(S::BAD_REQUEST, ["image_download_failed", INVALID, ARGUMENT], No),
            Self::ImageTooLarge => row(S::BAD_REQUEST, ["image_too_large", INVALID, ARGUMENT], No),
            Self::UnsupportedImageFormat => row(S::BAD_REQUEST, ["unsupported_image_format", INVALID, ARGUMENT], No),
            Self::Authentication => {
                row(S::UNAUTHORIZED, ["authentication", "authentication_error", "UNAUTHENTICATED"], No)
            }
            Self::PaymentRequired => {
                row(S::PAYMENT_REQUIRED, ["payment_required", "billing_error", "PERMISSION_DENIED"], No)
            }
            Self::LimitReached => row(S::PAYMENT_REQUIRED, ["limit_reached", "billing_error", "PERMISSION_DENIED"], No),
            Self::PermissionDenied => {
                row(S::FORBIDDEN, ["permission_denied", "permission_error", "PERMISSION_DENIED"], No)
            }
            Self::TermsRequired => row(S::FORBIDDEN, ["terms_required", "permission_error", "PERMISSION_DENIED"], No),
            Self::ModelNotAllowed => {
                row(S::FORBIDDEN, ["model_not_allowed", "permission_error", "PERMISSION_DENIED"], No)
            }
            Self::NotFound => row(S::NOT_FOUND, ["not_found", "not_found_error", "NOT_FOUND"], No),
            Self::MethodNotAllowed => row(S::METHOD_NOT_ALLOWED, ["invalid_request", INVALID, ARGUMENT], No),
            Self::ClientTimeout => row(S::REQUEST_TIMEOUT, ["timeout", "timeout_error", "DEADLINE_EXCEEDED"], Yes),
            Self::DuplicateRequest => row(S::CONFLICT, ["duplicate_request", INVALID, "ALREADY_EXISTS"], No),
            Self::PayloadTooLarge => {
                row(S::PAYLOAD_TOO_LARGE, ["payload_too_large", "request_too_large", ARGUMENT], No)
            }
            Self::UnsupportedMediaType => row(S::UNSUPPORTED_MEDIA_TYPE, ["invalid_request", INVALID, ARGUMENT], No),
            Self::RateLimitExceeded => {
                row(S::TOO_MANY_REQUESTS, ["rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"], Yes)
            }
            Self::HeadTooLarge => row(S::REQUEST_HEADER_FIELDS_TOO_LARGE, ["invalid_request", INVALID, ARGUMENT], No),
            Self::Unavailable => row(S::SERVICE_UNAVAILABLE, ["server", "overloaded_error", "UNAVAILABLE"], Yes),
            Self::Server => row(S::INTERNAL_SERVER_ERROR, ["server", "api_error", "INTERNAL"], Yes),
            Self::ProviderUnavailable => row(S::BAD_GATEWAY, ["provider_unavailable", "api_error", "UNAVAILABLE"], Yes),
            Self::ProviderOverloaded => {
                row(S::SERVICE_UNAVAILABLE, ["provider_overloaded", "overloaded_error", "UNAVAILABLE"], Yes)
            }
            Self::ProviderTimeout => row(S::GATEWAY_TIMEOUT, ["timeout", "timeout_error", "DEADLINE_EXCEEDED"], Yes),
        }
    }

    /// The code of an `openai-responses` answer that failed: one of that API's own, which are few.
    #[must_use]
    pub const fn response_code(self) -> &'static str {
        match self {
            // Not among those that its SDKs list, but the word by which clients shorten a conversation.
            Self::ContextLengthExceeded => "context_length_exceeded",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::ContentPolicyViolation | Self::InvalidRequest | Self::UnsupportedParameter => "invalid_prompt",
            Self::ImageDownloadFailed => "failed_to_download_image",
            Self::ImageTooLarge => "image_too_large",
            Self::UnsupportedImageFormat => "unsupported_image_media_type",
            _ => "server_error",
        }
    }
}
