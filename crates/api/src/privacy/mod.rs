//! What a person asks of their data: to see it, to restrict its use, to leave. Each is confirmed by a code first.

mod confirmed;
mod deletion;
mod export;
mod flags;
mod notifications;

pub(crate) use confirmed::problem;
pub(crate) use export::by_operator;

use crate::state::App;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(flags::show))
        .routes(routes!(flags::restrict))
        .routes(routes!(flags::object))
        .routes(routes!(notifications::show, notifications::choose))
        .routes(routes!(export::download, export::confirm))
        .routes(routes!(deletion::preview, deletion::schedule, deletion::cancel))
        .routes(routes!(deletion::cancel_by_link))
}
