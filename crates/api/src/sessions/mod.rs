//! People sign in, and see and end their sessions.
//!
//! A session's token is sent in the header `Authorization` and nowhere else: there are no cookies, so that another site can
//! send no request with it.

mod addresses;
mod codes;
mod list;
mod passkeys;
mod problem;
mod routes;
mod session;

pub(crate) use problem::problem;
pub(crate) use routes::routes;

use crate::errors::{ErrorType, Problem};
use crate::state::App;
use crate::{body, carried, faults};
use axum::body::Body;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use opencredits_service::sign_in::{SignIn, SignInFault};
use opencredits_store::{SessionId, SessionRecord};
use opencredits_units::UserId;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The largest body: an answer of an authenticator is the longest.
const BODY_BYTES_MAX: usize = 64 << 10;

/// Who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignedIn {
    /// The person.
    pub(crate) user: UserId,
    /// Their session.
    pub(crate) session: SessionId,
}

/// Who is signed in with the token that the headers carry.
///
/// # Errors
/// When there is no token, when it is unknown, or its session is over.
pub(crate) async fn signed_in(app: &App, headers: &HeaderMap) -> Result<SignedIn, Problem> {
    let SessionRecord { user, id, .. } = current(app, headers).await?;
    Ok(SignedIn { user, session: id })
}

/// The session of the token that the headers carry.
async fn current(app: &App, headers: &HeaderMap) -> Result<SessionRecord, Problem> {
    let sign_in = sign_in(app)?;
    let digest = match carried::session_digest(headers) {
        Ok(digest) => digest,
        Err(fault) if carried::carries_nothing(headers) => return Err(faults::problem(&fault.into(), &app.settings)),
        Err(_) => return Err(problem(app, SignInFault::NoSession)),
    };
    sign_in.session(&digest).await.map_err(|fault| problem(app, fault))
}

/// The use cases.
///
/// # Errors
/// Where nobody can sign in.
pub(crate) fn sign_in(app: &App) -> Result<&Arc<SignIn>, Problem> {
    let identity = app.identity.as_ref().ok_or_else(|| {
        Problem::new(
            ErrorType::NotFound,
            "nobody can sign in here; use a key, or ask the operator to set up [identity]",
        )
    })?;
    Ok(&identity.sign_in)
}

/// The body, as JSON of this form.
pub(crate) async fn read<T: DeserializeOwned>(app: &App, headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    // It is too small to count.
    let mut memory = Arc::clone(app.gateway.memory()).reservation([None; 2]);
    let body = body::read(app, (headers, body), BODY_BYTES_MAX, &mut memory).await?;
    serde_json::from_slice(&body).map_err(|error| {
        // The error's own text would repeat values.
        let (line, column) = (error.line(), error.column());
        let message = format!("the body is not the JSON that belongs here (line {line}, column {column})");
        Problem::new(ErrorType::InvalidRequest, message)
    })
}

/// An answer that is kept nowhere.
pub(crate) fn private(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer with another status.
pub(crate) fn with_status(status: StatusCode, mut response: Response<Body>) -> Response<Body> {
    *response.status_mut() = status;
    private(response)
}

/// An answer without a body.
pub(crate) fn done() -> Response<Body> {
    with_status(StatusCode::NO_CONTENT, Response::new(Body::empty()))
}
