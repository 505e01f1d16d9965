//! The refusals that an operation may give, from the table of errors.

use super::rooms::{PATH, is_inference};
use super::shapes::{Error, GeminiError, MessagesError, OauthFailure};
use crate::errors::{ApiSurface, ErrorType};
use crate::surface::surface_of_path;
use http::StatusCode;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{OneOfBuilder, Schema};
use utoipa::openapi::{Components, ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

/// The form of the refusals of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Messages,
    Gemini,
    Oauth,
    /// As the headers say which API the client speaks.
    Any,
}

impl Form {
    fn of(path: &str) -> Self {
        match surface_of_path(path) {
            _ if is_oauth(path) => Self::Oauth,
            _ if path.starts_with("/v1/models/") => Self::Any,
            ApiSurface::AnthropicMessages => Self::Messages,
            ApiSurface::GeminiGenerate => Self::Gemini,
            ApiSurface::OpenaiChat | ApiSurface::OpenaiResponses => Self::Plain,
        }
    }

    /// The name of the component that has its schema.
    const fn schema(self) -> &'static str {
        match self {
            Self::Plain => "Error",
            Self::Messages => "MessagesError",
            Self::Gemini => "GeminiError",
            Self::Oauth => "OauthError",
            Self::Any => "AnyError",
        }
    }
}

/// The endpoints that refuse by the rules of OAuth.
fn is_oauth(path: &str) -> bool {
    matches!(path, "/oauth/token" | "/oauth/revoke" | "/oauth/device_authorization" | "/api/v1/auth/keys")
}

/// The schemas of refusals.
pub(super) fn refusal_schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = Vec::new();
    Error::schemas(&mut schemas);
    MessagesError::schemas(&mut schemas);
    GeminiError::schemas(&mut schemas);
    schemas.push((Error::name().into(), Error::schema()));
    schemas.push((MessagesError::name().into(), MessagesError::schema()));
    schemas.push((GeminiError::name().into(), GeminiError::schema()));
    schemas.push((OauthFailure::name().into(), OauthFailure::schema()));
    let one_of = |names: &[&str], about: &str| {
        let items = names.iter().fold(OneOfBuilder::new(), |all, name| all.item(Ref::from_schema_name(*name)));
        RefOr::T(Schema::from(items.description(Some(about))))
    };
    let oauth = "An error by the rules of OAuth; or of ours, where the request was not read.";
    schemas.push(("OauthError".to_owned(), one_of(&["OauthFailure", "Error"], oauth)));
    let any = "An error in the form of the API that the client speaks.";
    schemas.push(("AnyError".to_owned(), one_of(&["Error", "MessagesError", "GeminiError"], any)));
    schemas
}

/// Adds the refusals of an operation that are not there yet.
pub(super) fn add_refusals(operation: &mut Operation, (path, method): (&str, &str), components: &mut Components) {
    let form = Form::of(path);
    for status in statuses(operation, (path, method)) {
        let name = format!("{}{}", form.schema(), status.as_str());
        components.responses.entry(name.clone()).or_insert_with(|| refusal(form, status));
        let refusal = RefOr::Ref(Ref::from_response_name(name));
        operation.responses.responses.entry(status.as_str().to_owned()).or_insert(refusal);
    }
}

/// The statuses with which an operation may refuse.
fn statuses(operation: &Operation, (path, method): (&str, &str)) -> Vec<StatusCode> {
    type S = StatusCode;
    let mut all = vec![S::BAD_REQUEST, S::REQUEST_HEADER_FIELDS_TOO_LARGE];
    if path.ends_with("z") || path == PATH {
        return all;
    }
    all.extend([S::NOT_FOUND, S::INTERNAL_SERVER_ERROR, S::SERVICE_UNAVAILABLE]);
    let is_secured = operation.security.as_ref().is_some_and(|ways| !ways.is_empty());
    if is_secured || method != "get" || ["/v1/credits/", "/embed/"].iter().any(|start| path.starts_with(start)) {
        all.extend([S::UNAUTHORIZED, S::FORBIDDEN, S::TOO_MANY_REQUESTS]);
    }
    if operation.request_body.is_some() {
        all.extend([S::REQUEST_TIMEOUT, S::PAYLOAD_TOO_LARGE, S::UNSUPPORTED_MEDIA_TYPE]);
    }
    if is_inference(path) {
        all.extend([S::PAYMENT_REQUIRED, S::CONFLICT, S::BAD_GATEWAY, S::GATEWAY_TIMEOUT]);
    }
    // An act that is not the one that was looked at.
    if path.starts_with("/v1/operator/") {
        all.push(S::CONFLICT);
    }
    // What asks the payment processor.
    let asks = ["/v1/credits/", "/v1/account/deletion"].iter().any(|start| path.starts_with(start));
    if asks && is_secured {
        all.extend([S::CONFLICT, S::BAD_GATEWAY]);
    }
    all
}

fn refusal(form: Form, status: StatusCode) -> RefOr<utoipa::openapi::Response> {
    let mut types: Vec<&str> = Vec::new();
    for row in ErrorType::ALL.into_iter().map(ErrorType::row).filter(|row| row.status == status) {
        if !types.contains(&row.error_type) {
            types.push(row.error_type);
        }
    }
    let reason = status.canonical_reason().unwrap_or_default();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(form.schema()))).build();
    let response = ResponseBuilder::new()
        .description(format!("{reason}: `{}`", types.join("`, `")))
        .content("application/json", content);
    let waits = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
    let headers: &[&str] = if waits { &["x-request-id", "retry-after"] } else { &["x-request-id", "x-should-retry"] };
    let mut response = response.build();
    for name in headers {
        let header = RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
        response.headers.insert((*name).to_owned(), header);
    }
    RefOr::T(response)
}
