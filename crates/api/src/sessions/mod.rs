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
use crate::{carried, faults};
use http::HeaderMap;
use opencredits_service::sign_in::{SignIn, SignInFault};
use opencredits_store::{SessionId, SessionRecord};
use opencredits_units::UserId;
use serde::Deserialize;
use std::sync::Arc;

/// Who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignedIn {
    /// The person.
    pub(crate) user: UserId,
    /// Their session.
    pub(crate) session: SessionId,
}

/// A code that confirms a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    pub(crate) challenge: String,
    pub(crate) code: String,
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
