//! The sandbox's errors, in the form of either dialect.

use super::dialect::SandboxDialect;
use super::seed::Seed;
use http::StatusCode;
use serde_json::{Value, json};

/// An error.
#[derive(Clone)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    message: String,
    cause: Cause,
}

/// What an error is about, where its status does not tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    OfStatus,
    /// Our account at the vendor is out of quota.
    Quota,
    /// The request exceeds the context window.
    Overflow,
}

impl Problem {
    pub(super) fn invalid(message: String) -> Self {
        Self::of(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn no_such_path(path: &str) -> Self {
        Self::of(StatusCode::NOT_FOUND, format!("the sandbox does not serve {path}"))
    }

    /// The error that `sandbox:error` commands: a status from 400 on, `quota` or `overflow`.
    pub(super) fn ordered(what: &str) -> Self {
        let because = |cause, status, message: &str| Self { cause, ..Self::of(status, message.to_owned()) };
        match what {
            "quota" => {
                let message = "you exceeded your current quota, as the request ordered";
                return because(Cause::Quota, StatusCode::TOO_MANY_REQUESTS, message);
            }
            "overflow" => {
                let message = "prompt is too long: 200001 tokens > 200000 maximum, as the request ordered";
                return because(Cause::Overflow, StatusCode::BAD_REQUEST, message);
            }
            _ => {}
        }
        let status = what.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok());
        let status = status.filter(|status| (400..600).contains(&status.as_u16()));
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = format!("the request ordered an error {}", status.as_u16());
        Self::of(status, message)
    }

    /// The error that `sandbox:fail` commands.
    pub(super) fn in_mid_stream() -> Self {
        Self::of(
            StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            "the request ordered an error in mid-stream".to_owned(),
        )
    }

    const fn of(status: StatusCode, message: String) -> Self {
        Self { status, message, cause: Cause::OfStatus }
    }

    pub(super) fn wants_a_retry(&self) -> bool {
        self.cause != Cause::Quota && matches!(self.status.as_u16(), 429 | 503 | 529)
    }

    pub(super) fn body(&self, dialect: SandboxDialect, seed: Seed) -> Value {
        match dialect {
            SandboxDialect::Chat => {
                let (kind, code) = self.chat_words();
                json!({"error": {"message": self.message, "type": kind, "param": null, "code": code}})
            }
            SandboxDialect::Messages => json!({
                "type": "error",
                "error": {"type": self.messages_word(), "message": self.message},
                "request_id": seed.id("req_"),
            }),
        }
    }

    fn chat_words(&self) -> (&'static str, Option<&'static str>) {
        match self.cause {
            Cause::Quota => return ("insufficient_quota", Some("insufficient_quota")),
            Cause::Overflow => return ("invalid_request_error", Some("context_length_exceeded")),
            Cause::OfStatus => {}
        }
        match self.status.as_u16() {
            401 => ("invalid_request_error", Some("invalid_api_key")),
            402 => ("insufficient_quota", Some("insufficient_quota")),
            404 => ("invalid_request_error", Some("model_not_found")),
            429 => ("requests", Some("rate_limit_exceeded")),
            400..500 => ("invalid_request_error", None),
            _ => ("server_error", None),
        }
    }

    fn messages_word(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            400..500 => "invalid_request_error",
            504 => "timeout_error",
            503 | 529 => "overloaded_error",
            _ => "api_error",
        }
    }
}
