//! What the routes share: the code that confirms a request, and the errors.

use crate::body::read_json;
use crate::errors::{ErrorType, Problem};
use crate::faults;
use crate::identity_app::PrivacyApp;
use crate::payments;
use crate::sessions::{Confirmation, SignedIn, problem as sign_in_problem, sign_in, signed_in};
use crate::state::App;
use axum::body::Body;
use http::HeaderMap;
use opencredits_service::Fault;
use opencredits_service::privacy::PrivacyError;
use opencredits_service::sign_in::Purpose;
use opencredits_units::UnixMs;
use serde_json::Value;

/// The use cases.
pub(super) fn privacy(app: &App) -> Result<&PrivacyApp, Problem> {
    sign_in(app)?;
    let found = app.identity.as_ref().and_then(|identity| identity.privacy.as_ref());
    found.ok_or_else(|| Problem::new(ErrorType::NotFound, "this is not set up here; ask the operator"))
}

/// Who is signed in, once the body's code confirms the request.
pub(super) async fn confirmed(
    app: &App,
    purpose: Purpose,
    headers: &HeaderMap,
    body: Body,
) -> Result<SignedIn, Problem> {
    let who = signed_in(app, headers).await?;
    let confirmation: Confirmation = read_json(app, headers, body).await?;
    confirm(app, (who, purpose), &confirmation).await?;
    Ok(who)
}

pub(super) async fn confirm(
    app: &App,
    (who, purpose): (SignedIn, Purpose),
    code: &Confirmation,
) -> Result<(), Problem> {
    let confirmed = sign_in(app)?.confirm(who.user, purpose, &code.challenge, &code.code).await;
    confirmed.map_err(|fault| sign_in_problem(app, fault))
}

pub(super) fn time(at: Option<UnixMs>) -> Value {
    at.map_or(Value::Null, |at| Value::from(faults::timestamp(at)))
}

/// The error of a refusal.
pub(crate) fn problem(app: &App, error: PrivacyError) -> Problem {
    let message = error.to_string();
    match error {
        PrivacyError::NoUser { .. } | PrivacyError::NotLeaving => Problem::new(ErrorType::NotFound, message),
        PrivacyError::Erased => Problem::new(ErrorType::Authentication, message),
        PrivacyError::RunsPartners { .. } => Problem::new(ErrorType::PermissionDenied, message),
        PrivacyError::Link => Problem::new(ErrorType::InvalidRequest, message).with("param", "link"),
        PrivacyError::Purchase(error) => payments::problem_of(app, error),
        PrivacyError::Fault(fault) => faults::problem(&fault, &app.settings),
        PrivacyError::Mail(_) => faults::problem(&Fault::Closing, &app.settings),
        _ => Problem::new(ErrorType::InvalidRequest, message),
    }
}
