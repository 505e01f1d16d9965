//! The routes of signing in.

use super::{addresses, codes, list, passkeys, session};
use crate::state::App;
use axum::Router;
use axum::routing::{delete, get, patch, post};
use std::sync::Arc;

/// The routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/auth/code", post(codes::code))
        .route("/v1/auth/link", post(codes::link))
        .route("/v1/auth/passkey/options", post(passkeys::ask))
        .route("/v1/auth/session", get(session::show).post(session::begin).delete(session::end))
        .route("/v1/account/sessions", get(list::list).delete(list::end_others))
        .route("/v1/account/sessions/{id}", delete(list::end))
        .route("/v1/account/passkeys", get(passkeys::list).post(passkeys::register))
        .route("/v1/account/passkeys/options", post(passkeys::options))
        .route("/v1/account/passkeys/{id}", patch(passkeys::rename).delete(passkeys::remove))
        .route("/v1/account/email", post(addresses::begin).put(addresses::change))
}
