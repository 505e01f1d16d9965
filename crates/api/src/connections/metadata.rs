//! What clients find out about us (RFC 8414, RFC 9728).

use super::common::connections;
use crate::answer::Answer;
use crate::json;
use crate::openapi::shapes;
use crate::state::App;
use axum::extract::State;
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
pub(crate) async fn server(State(app): State<Arc<App>>) -> Answer {
    document(&app, Connections::server_metadata)
}

/// `GET /.well-known/oauth-protected-resource`.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-protected-resource",
    summary = "Metadata of the service as a resource",
    description = "RFC 9728.",
    responses((status = 200, description = "What was asked for.", body = shapes::AnyObject)),
)]
pub(crate) async fn origin(State(app): State<Arc<App>>) -> Answer {
    document(&app, |connections| connections.resource_metadata(""))
}

/// `GET /.well-known/oauth-protected-resource/v1`.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-protected-resource/v1",
    summary = "Metadata of the API as a resource",
    description = "RFC 9728.",
    responses((status = 200, description = "What was asked for.", body = shapes::AnyObject)),
)]
pub(crate) async fn api(State(app): State<Arc<App>>) -> Answer {
    document(&app, |connections| connections.resource_metadata("/v1"))
}

fn document<T: Serialize>(app: &App, make: impl FnOnce(&Connections) -> T) -> Answer {
    let document = make(connections(app)?);
    Ok(json::ok(&serde_json::to_value(document).unwrap_or_default()))
}
