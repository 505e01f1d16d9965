//! `/v1/apps`: what a signed-in person does with apps.

use super::common::{changing, connections, person};
use super::fields::Fields;
use super::problem;
use crate::address::Path;
use crate::answer::{Answer, created, list_of, private};
use crate::errors::{ErrorType, Problem};
use crate::faults::timestamp;
use crate::json;
use crate::openapi::shapes;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use opencredits_service::connections::{AppId, ConnectedApp};
use opencredits_store::LimitReset;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/apps`: the apps that the person has connected, in the order in which they were.
#[utoipa::path(
    get,
    path = "/v1/apps",
    summary = "Connected apps",
    description = "In the order in which they were connected.",
    security(("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::List<shapes::AppRecord>)),
)]
pub(crate) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let connections = connections(&app)?;
    let person = person(&app, &headers).await?;
    let apps = connections.apps_of(person.user).await.map_err(|error| problem::of(&app, error))?;
    Ok(private(list_of(apps.iter().map(shown))))
}

/// `GET /v1/apps/{id}`.
#[utoipa::path(
    get,
    path = "/v1/apps/{id}",
    summary = "A connected app",
    description = "An app with its cap and what it spent.",
    security(("session" = [])),
    params(("id" = String, Path, description = "The id of an app.")),
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::AppRecord>)),
)]
pub(crate) async fn one(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let connections = connections(&app)?;
    let person = person(&app, &headers).await?;
    let found = connections.app_of(person.user, app_id(&name)?).await;
    Ok(private(json::ok(&json!({ "data": shown(&found.map_err(|error| problem::of(&app, error))?) }))))
}

/// `POST /v1/apps`: makes a key for the app of a publishable key. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/v1/apps",
    summary = "Connect an app",
    description = "Makes a key for the app of a publishable key, in place of the one that the same session got before.",
    security(("session" = [])),
    request_body = shapes::AppToConnect,
    responses((status = 201, description = "It was made.", body = shapes::AppConnected)),
)]
pub(crate) async fn connect(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let connections = connections(&app)?;
    let person = changing(&app, &headers).await?;
    let fields = Fields::read(&app, &headers, body).await?;
    let ours = |error| problem::of(&app, error);
    let client = connections.app(fields.text("publishable_key")?).await.map_err(ours)?;
    let (_, secret) = connections.connect(person, &client, fields.cap()?).await.map_err(ours)?;
    let shown = shown(&connections.app_of(person.user, AppId::Partner(client.partner.id)).await.map_err(ours)?);
    Ok(created(&json!({ "user_key": secret.reveal(), "app": shown })))
}

/// `PATCH /v1/apps/{id}`: changes the cap.
#[utoipa::path(
    patch,
    path = "/v1/apps/{id}",
    summary = "Change the cap of an app",
    description = "What is absent stays.",
    security(("session" = [])),
    params(("id" = String, Path, description = "The id of an app.")),
    request_body = shapes::CapChange,
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::AppRecord>)),
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let connections = connections(&app)?;
    let person = changing(&app, &headers).await?;
    let fields = Fields::read(&app, &headers, body).await?;
    let changed = connections.change_cap(person, app_id(&name)?, fields.cap()?).await;
    Ok(private(json::ok(&json!({ "data": shown(&changed.map_err(|error| problem::of(&app, error))?) }))))
}

/// `DELETE /v1/apps/{id}`: takes everything back that the app got of the person, at once.
#[utoipa::path(
    delete,
    path = "/v1/apps/{id}",
    summary = "Disconnect an app",
    description = "Takes everything back that the app got of the person, at once.",
    security(("session" = [])),
    params(("id" = String, Path, description = "The id of an app.")),
    responses((status = 200, description = "What was asked for.", body = shapes::Deleted)),
)]
pub(crate) async fn disconnect(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let connections = connections(&app)?;
    let person = changing(&app, &headers).await?;
    let app_id = app_id(&name)?;
    connections.disconnect(person, app_id).await.map_err(|error| problem::of(&app, error))?;
    let told = json!({ "data": { "id": app_id.to_string(), "deleted": true }, "deleted": true });
    Ok(private(json::ok(&told)))
}

fn app_id(text: &str) -> Result<AppId, Problem> {
    let missing = "you have connected no such app; GET /v1/apps lists those that you have";
    AppId::parse(text).ok_or_else(|| Problem::new(ErrorType::NotFound, missing))
}

fn shown(app: &ConnectedApp) -> Value {
    let cap = app.cap.as_ref();
    json!({
        "id": app.id.to_string(),
        "name": app.name,
        "registered": matches!(app.id, AppId::Partner(_)),
        "cap_usd": cap.map(|cap| cap.limit.amount),
        "cap_reset": cap.and_then(|cap| cap.limit.reset).map(LimitReset::name),
        "cap_resets_at": cap.and_then(|cap| cap.resets_at).map(timestamp),
        "spent_usd": app.spent,
        "last_used_at": app.last_used_at.map(timestamp),
        "connected_at": timestamp(app.connected_at),
        "keys": app.keys,
    })
}
