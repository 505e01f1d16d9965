//! What a person asks of their data: to see it, to restrict its use, to leave. Each is confirmed by a code first.

mod confirmed;
mod deletion;
mod export;
mod flags;
mod notifications;

pub(crate) use confirmed::problem;

use crate::state::App;
use axum::Router;
use axum::routing::{get, post, put};
use std::sync::Arc;

/// The routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/account/privacy", get(flags::show))
        .route("/v1/account/restriction", put(flags::restrict))
        .route("/v1/account/objection", put(flags::object))
        .route("/v1/account/notifications", get(notifications::show).patch(notifications::choose))
        .route("/v1/account/export", get(export::download).post(export::confirm))
        .route("/v1/account/deletion", get(deletion::preview).post(deletion::schedule).delete(deletion::cancel))
        .route("/v1/account/deletion/cancel", post(deletion::cancel_by_link))
}
