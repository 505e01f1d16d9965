//! The routes of payments.

use super::{checkout, sandbox, top_up, webhook};
use crate::state::App;
use axum::routing::get;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes. The pages of the sandbox stand in for those of a payment processor.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(checkout::offer))
        .routes(routes!(checkout::begin))
        .routes(routes!(checkout::orders))
        .routes(routes!(checkout::one))
        .routes(routes!(top_up::rule, top_up::set_rule, top_up::remove_rule))
        .routes(routes!(top_up::portal))
        .routes(routes!(webhook::hear))
        .route("/sandbox/checkout.css", get(sandbox::style))
        .route("/sandbox/checkout/{session}", get(sandbox::page).post(sandbox::choose))
        .route("/test/checkout/{session}", get(sandbox::page).post(sandbox::choose))
}
