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
use axum::routing::get;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(apps::list, apps::connect))
        .routes(routes!(apps::one, apps::change, apps::disconnect))
        .route("/oauth/authorize", get(consent::authorize))
        .routes(routes!(consent::decide_authorize))
        .route("/auth", get(consent::callback))
        .routes(routes!(consent::decide_callback))
        .route("/connect", get(consent::hand_over))
        .routes(routes!(consent::decide_hand_over))
        .route("/device", get(devices::page))
        .routes(routes!(devices::decide))
        .routes(routes!(tokens::token))
        .routes(routes!(tokens::revoke))
        .routes(routes!(tokens::device))
        .routes(routes!(tokens::key))
        .routes(routes!(metadata::server))
        .routes(routes!(metadata::origin))
        .routes(routes!(metadata::api))
}
