//! The endpoints that apps call themselves. They take no session, and a page of any origin may call them.

use super::common::{BODY_BYTES_MAX, connections};
use super::problem;
use crate::answer::private;
use crate::errors::Problem;
use crate::openapi::shapes;
use crate::state::App;
use crate::{body, json};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse;
use http::Response;
use http::header::CONTENT_TYPE;
use opencredits_identity::oauth::{CodeVerifier, OauthError, OauthRefusal};
use opencredits_service::connections::{ConnectionError, Connections};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

const FORM: &str = "application/x-www-form-urlencoded";

/// `POST /oauth/token` (RFC 6749, section 3.2).
#[utoipa::path(
    post,
    path = "/oauth/token",
    summary = "Tokens",
    description = "RFC 6749, section 3.2.",
    request_body(content = shapes::TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "What was asked for.", body = shapes::Tokens)),
)]
pub(crate) async fn token(Form(Sent { connections, text }): Form) -> Response<Body> {
    told(connections.tokens(&text).await)
}

/// `POST /oauth/device_authorization` (RFC 8628, section 3.1).
#[utoipa::path(
    post,
    path = "/oauth/device_authorization",
    summary = "Begin at a terminal",
    description = "RFC 8628, section 3.1.",
    request_body(content = shapes::DeviceForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "What was asked for.", body = shapes::DeviceCodes)),
)]
pub(crate) async fn device(Form(Sent { connections, text }): Form) -> Response<Body> {
    told(connections.begin_device(&text).await)
}

/// `POST /oauth/revoke` (RFC 7009).
#[utoipa::path(
    post,
    path = "/oauth/revoke",
    summary = "Revoke a token",
    description = "RFC 7009.",
    request_body(content = shapes::RevocationForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token does not work, whatever it was.")),
)]
pub(crate) async fn revoke(Form(Sent { connections, text }): Form) -> Response<Body> {
    match connections.revoke(&text).await {
        Ok(()) => private(Response::new(Body::empty())),
        Err(error) => problem::oauth(&error),
    }
}

/// `POST /api/v1/auth/keys`: a code of a callback for a key that lasts.
#[utoipa::path(
    post,
    path = "/api/v1/auth/keys",
    summary = "Exchange a code for a key",
    description = "The code of a callback, for a key that lasts.",
    request_body = shapes::KeyExchange,
    responses((status = 200, description = "What was asked for.", body = shapes::ExchangedKey)),
)]
pub(crate) async fn key(Sent { connections, text }: Sent) -> Response<Body> {
    told(exchanged(&connections, &text).await)
}

async fn exchanged(connections: &Connections, body: &str) -> Result<Value, ConnectionError> {
    let invalid = |what| OauthRefusal::new(OauthError::InvalidRequest, what);
    let read: Result<Value, _> = serde_json::from_str(body);
    let body = read.map_err(|_| invalid("the body is no JSON"))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if text("code_challenge_method").is_some_and(|method| method != "S256") {
        return Err(invalid("the only code_challenge_method is S256").into());
    }
    let code = text("code").ok_or(invalid("code is missing"))?;
    let verifier = text("code_verifier").ok_or(invalid("code_verifier is missing; PKCE is required"))?;
    let verifier = CodeVerifier::parse(verifier);
    let verifier = verifier.ok_or(invalid("code_verifier is not 43 to 128 characters of the unreserved ones"))?;
    let (key, secret) = connections.exchange_for_key(code, &verifier).await?;
    Ok(json!({ "key": secret.reveal(), "user_id": key.user }))
}

/// Why a request was not read.
pub(crate) enum Unread {
    /// For its client.
    Refused(OauthRefusal),
    /// Not by OAuth's rules: the body is too large or too slow, or there is no OAuth here.
    Problem(Box<Problem>),
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response<Body> {
        match self {
            Self::Refused(refusal) => problem::refused(&refusal),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

/// What an app sent, as text.
pub(crate) struct Sent {
    connections: Arc<Connections>,
    text: String,
}

impl FromRequest<Arc<App>> for Sent {
    type Rejection = Unread;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Unread> {
        let problem = |problem| Unread::Problem(Box::new(problem));
        let connections = Arc::clone(connections(app).map_err(problem)?);
        let (parts, body) = request.into_parts();
        let body = body::read_small(app, (&parts.headers, body), BODY_BYTES_MAX).await.map_err(problem)?;
        let refusal = OauthRefusal::new(OauthError::InvalidRequest, "the body is no UTF-8");
        let text = String::from_utf8(body.to_vec()).map_err(|_| Unread::Refused(refusal))?;
        Ok(Self { connections, text })
    }
}

/// The same of a form.
pub(crate) struct Form(Sent);

impl FromRequest<Arc<App>> for Form {
    type Rejection = Unread;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Unread> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(FORM) {
            let what = "the body is application/x-www-form-urlencoded";
            return Err(Unread::Refused(OauthRefusal::new(OauthError::InvalidRequest, what)));
        }
        Sent::from_request(request, app).await.map(Self)
    }
}

fn told<T: Serialize>(answer: Result<T, ConnectionError>) -> Response<Body> {
    match answer {
        Ok(answer) => private(json::ok(&serde_json::to_value(answer).unwrap_or_default())),
        Err(error) => problem::oauth(&error),
    }
}
