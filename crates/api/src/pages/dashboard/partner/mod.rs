//! The pages of the partner portal: of the partners that a person runs, and of nobody else's.

mod guide;
mod keys;
mod overview;
mod portal;
mod statements;

use super::finish::filled;
use crate::state::App;
use axum::Router;
use opencredits_pages::Area;
use std::sync::Arc;

/// The routes.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/partner", filled(Area::Partner, overview::page))
        .route("/partner/keys", filled(Area::Partner, keys::page))
        .route("/partner/statements", filled(Area::Partner, statements::page))
        .route("/partner/guide", filled(Area::Partner, guide::page))
}
