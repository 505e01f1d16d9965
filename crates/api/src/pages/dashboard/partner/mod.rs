//! The pages of the partner portal: of the partners that a person runs, and of nobody else's.

mod guide;
mod keys;
mod overview;
mod portal;
mod statements;

use super::finish::finished;
use crate::pages::PageRequest;
use crate::state::App;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Response;
use opencredits_pages::Area;
use std::sync::Arc;

/// The routes.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/partner", get(overview))
        .route("/partner/keys", get(all_keys))
        .route("/partner/statements", get(all_statements))
        .route("/partner/guide", get(integration))
}

/// `GET /partner`.
async fn overview(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, overview::page(&request).await),
        false => request.shell(Area::Partner),
    }
}

/// `GET /partner/keys`.
async fn all_keys(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, keys::page(&request).await),
        false => request.shell(Area::Partner),
    }
}

/// `GET /partner/statements`.
async fn all_statements(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, statements::page(&request).await),
        false => request.shell(Area::Partner),
    }
}

/// `GET /partner/guide`.
async fn integration(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, guide::page(&request).await),
        false => request.shell(Area::Partner),
    }
}
