//! What a person asks of their data: to see it, to restrict its use, to leave. Each is confirmed by a code first.

mod deletion;
mod export;
mod flags;

use crate::errors::{ErrorType, Problem};
use crate::faults;
use crate::identity_app::PrivacyApp;
use crate::payments;
use crate::sessions::{SignedIn, problem as sign_in_problem, read, sign_in, signed_in};
use crate::state::App;
use axum::Router;
use axum::body::Body;
use axum::routing::{get, post, put};
use http::HeaderMap;
use opencredits_service::Fault;
use opencredits_service::privacy::PrivacyError;
use opencredits_service::sign_in::Purpose;
use opencredits_units::UnixMs;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// The routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/account/privacy", get(flags::show))
        .route("/v1/account/restriction", put(flags::restrict))
        .route("/v1/account/objection", put(flags::object))
        .route("/v1/account/export", get(export::download).post(export::confirm))
        .route("/v1/account/deletion", get(deletion::preview).post(deletion::schedule).delete(deletion::cancel))
        .route("/v1/account/deletion/cancel", post(deletion::cancel_by_link))
}

/// A code that confirms a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    challenge: String,
    code: String,
}

/// The use cases.
fn privacy(app: &App) -> Result<&PrivacyApp, Problem> {
    sign_in(app)?;
    let found = app.identity.as_ref().and_then(|identity| identity.privacy.as_ref());
    found.ok_or_else(|| Problem::new(ErrorType::NotFound, "this is not set up here; ask the operator"))
}

/// Who is signed in, once the body's code confirms the request.
async fn confirmed(app: &App, purpose: Purpose, headers: &HeaderMap, body: Body) -> Result<SignedIn, Problem> {
    let who = signed_in(app, headers).await?;
    let confirmation: Confirmation = read(app, headers, body).await?;
    confirm(app, (who, purpose), &confirmation).await?;
    Ok(who)
}

async fn confirm(app: &App, (who, purpose): (SignedIn, Purpose), code: &Confirmation) -> Result<(), Problem> {
    let confirmed = sign_in(app)?.confirm(who.user, purpose, &code.challenge, &code.code).await;
    confirmed.map_err(|fault| sign_in_problem(app, fault))
}

fn time(at: Option<UnixMs>) -> Value {
    at.map_or(Value::Null, |at| Value::from(faults::timestamp(at)))
}

/// The error of a refusal.
fn problem(app: &App, error: PrivacyError) -> Problem {
    let message = error.to_string();
    match error {
        PrivacyError::NoUser { .. } | PrivacyError::NotLeaving => Problem::new(ErrorType::NotFound, message),
        PrivacyError::Erased => Problem::new(ErrorType::Authentication, message),
        PrivacyError::RunsPartners { .. } => Problem::new(ErrorType::PermissionDenied, message),
        PrivacyError::Link => Problem::new(ErrorType::InvalidRequest, message).with("param", "link"),
        PrivacyError::Purchase(error) => payments::problem_of(app, error),
        PrivacyError::Ledger(error) => faults::problem(&error.into(), &app.settings),
        PrivacyError::Store(error) => faults::problem(&error.into(), &app.settings),
        PrivacyError::Usage(fault) => faults::problem(&fault, &app.settings),
        PrivacyError::Mail(_) => faults::problem(&Fault::Closing, &app.settings),
        _ => Problem::new(ErrorType::InvalidRequest, message),
    }
}
