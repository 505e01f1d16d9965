//! Errors of connecting apps, as answers: ours for our own pages, OAuth's own for its endpoints.

use crate::answer::private;
use crate::errors::{ErrorType, Problem};
use crate::state::App;
use crate::{faults, json, keys};
use axum::body::Body;
use http::{Response, StatusCode};
use opencredits_identity::oauth::{OauthError, OauthRefusal};
use opencredits_service::Fault;
use opencredits_service::connections::ConnectionError;
use serde_json::json;

/// The error of a page of ours, or of `/v1/apps`.
pub(super) fn of(app: &App, error: ConnectionError) -> Problem {
    let message = error.to_string();
    match error {
        ConnectionError::Oauth(refusal) => {
            Problem::new(ErrorType::InvalidRequest, refusal.error_description).with("oauth_error", refusal.error.name())
        }
        ConnectionError::NoApp => Problem::new(ErrorType::InvalidRequest, message).with("param", "publishable_key"),
        ConnectionError::Unregistered => Problem::new(ErrorType::PermissionDenied, message),
        ConnectionError::Cap { .. } => Problem::new(ErrorType::InvalidRequest, message).with("param", "cap_usd"),
        ConnectionError::NotConnected => Problem::new(ErrorType::NotFound, message),
        ConnectionError::NoUserCode => Problem::new(ErrorType::NotFound, message).with("param", "user_code"),
        ConnectionError::Accounts(error) => keys::problem(app, error),
        ConnectionError::Fault(fault) => faults::problem(&fault, &app.settings),
        ConnectionError::Store(error) => faults::problem(&Fault::from(error), &app.settings),
        _ => Problem::new(ErrorType::InvalidRequest, message),
    }
}

/// The error of an endpoint of OAuth (RFC 6749, section 5.2).
pub(super) fn oauth(error: &ConnectionError) -> Response<Body> {
    match error {
        ConnectionError::Oauth(refusal) => refused(refusal),
        ConnectionError::NoApp => {
            refused(&OauthRefusal::new(OauthError::InvalidClient, "client_id is no publishable key in force"))
        }
        error => {
            tracing::error!(%error, part = "connections", "a request of an app failed on our side");
            refused(&OauthRefusal::new(OauthError::ServerError, "something went wrong on our side; try again"))
        }
    }
}

pub(super) fn refused(refusal: &OauthRefusal) -> Response<Body> {
    let OauthRefusal { error, error_description } = *refusal;
    let mut response = json::ok(&json!({ "error": error.name(), "error_description": error_description }));
    *response.status_mut() = match error {
        OauthError::InvalidClient => StatusCode::UNAUTHORIZED,
        OauthError::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        OauthError::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    private(response)
}
