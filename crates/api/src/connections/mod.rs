//! People connect apps: by a page of ours, by OAuth 2.1 with its device flow, and by a redirect on their own machine.
//!
//! A page that asks for consent is made anew for each request, from what the store says of the app. Its script sends what the
//! person decided together with the query; the query is read again then, so that nothing that stands on the page is believed.

mod apps;
mod common;
mod consent;
mod devices;
mod fields;
mod metadata;
mod problem;
mod tokens;

use crate::state::App;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// The routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/apps", get(apps::list).post(apps::connect))
        .route("/v1/apps/{id}", get(apps::one).patch(apps::change).delete(apps::disconnect))
        .route("/oauth/authorize", get(consent::authorize).post(consent::decide_authorize))
        .route("/auth", get(consent::callback).post(consent::decide_callback))
        .route("/connect", get(consent::hand_over).post(consent::decide_hand_over))
        .route("/device", get(devices::page).post(devices::decide))
        .route("/oauth/token", post(tokens::token))
        .route("/oauth/revoke", post(tokens::revoke))
        .route("/oauth/device_authorization", post(tokens::device))
        .route("/api/v1/auth/keys", post(tokens::key))
        .route("/.well-known/oauth-authorization-server", get(metadata::server))
        .route("/.well-known/oauth-protected-resource", get(metadata::origin))
        .route("/.well-known/oauth-protected-resource/v1", get(metadata::api))
}
