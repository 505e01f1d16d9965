//! What clients find out about us (RFC 8414, RFC 9728).

use super::common::connections;
use crate::json;
use crate::lookups::finish;
use crate::openapi::shapes;
use crate::state::{App, RequestId};
use axum::body::Body;
use axum::extract::{Extension, State};
use http::Response;
use opencredits_service::connections::Connections;
use serde::Serialize;
use std::sync::Arc;

/// `GET /.well-known/oauth-authorization-server`.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    summary = "Metadata of the authorization server",
    description = "RFC 8414.",
    responses((status = 200, description = "What was asked for.", body = shapes::AnyObject)),
)]
pub(crate) async fn server(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>) -> Response<Body> {
    document(&app, id, Connections::server_metadata)
}

/// `GET /.well-known/oauth-protected-resource`.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-protected-resource",
    summary = "Metadata of the service as a resource",
    description = "RFC 9728.",
    responses((status = 200, description = "What was asked for.", body = shapes::AnyObject)),
)]
pub(crate) async fn origin(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>) -> Response<Body> {
    document(&app, id, |connections| connections.resource_metadata(""))
}

/// `GET /.well-known/oauth-protected-resource/v1`.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-protected-resource/v1",
    summary = "Metadata of the API as a resource",
    description = "RFC 9728.",
    responses((status = 200, description = "What was asked for.", body = shapes::AnyObject)),
)]
pub(crate) async fn api(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>) -> Response<Body> {
    document(&app, id, |connections| connections.resource_metadata("/v1"))
}

fn document<T: Serialize>(app: &App, id: RequestId, make: impl FnOnce(&Connections) -> T) -> Response<Body> {
    let made = connections(app).map(|connections| serde_json::to_value(make(connections)).unwrap_or_default());
    finish(made.map(|document| json::ok(&document)), id)
}
