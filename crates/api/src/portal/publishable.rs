//! The keys that name a partner in browsers, with the pages that may use them.

use super::{KeyPath, PartnerPath, changing, check_lists, key_id, owned, problem};
use crate::address::Path;
use crate::answer::{Answer, created, deleted, list_of};
use crate::body::read_json;
use crate::faults::timestamp;
use crate::json;
use crate::openapi::shapes;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use opencredits_service::accounts::PublishableKeyEdit;
use opencredits_store::PublishableKeyRecord;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The body of a new key, and of a change. What is absent stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    name: Option<String>,
    origins: Option<Vec<String>>,
    redirect_urls: Option<Vec<String>>,
}

impl From<Fields> for PublishableKeyEdit {
    fn from(fields: Fields) -> Self {
        let Fields { name, origins, redirect_urls } = fields;
        Self { name, origins, redirect_urls }
    }
}

/// `GET /v1/partners/{id}/publishable-keys`: those in force.
#[utoipa::path(
    get,
    path = "/v1/partners/{id}/publishable-keys",
    summary = "Publishable keys of a partner",
    description = "Those in force, with the pages that may use them.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    responses((status = 200, description = "What was asked for.", body = shapes::List<shapes::PublishableKeyRow>)),
)]
pub(super) async fn list(State(app): State<Arc<App>>, Path(path): PartnerPath, headers: HeaderMap) -> Answer {
    let partner = owned(&app, &headers, &path).await?;
    let keys = app.accounts.publishable_keys(&partner.id.to_string()).await.map_err(|error| problem(&app, error))?;
    Ok(list_of(keys.iter().filter(|key| key.revoked_at.is_none()).map(shown)))
}

/// `POST /v1/partners/{id}/publishable-keys`.
#[utoipa::path(
    post,
    path = "/v1/partners/{id}/publishable-keys",
    summary = "Make a publishable key of a partner",
    description = "It names the partner in browsers, and is no secret.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    request_body = shapes::PublishableKeyToMake,
    responses((status = 201, description = "It was made.", body = shapes::Data<shapes::PublishableKeyRow>)),
)]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Path(path): PartnerPath,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let change = changing(&app, &headers, &path).await?;
    let fields: Fields = read_json(&app, &headers, body).await?;
    check_lists(fields.origins.as_deref(), fields.redirect_urls.as_deref())?;
    let added = app.accounts.add_owned_publishable_key(change, fields.into()).await;
    let added = added.map_err(|error| problem(&app, error))?;
    Ok(created(&json!({ "data": shown(&added) })))
}

/// `PATCH /v1/partners/{id}/publishable-keys/{key}`: changes what is named.
#[utoipa::path(
    patch,
    path = "/v1/partners/{id}/publishable-keys/{key}",
    summary = "Change a publishable key of a partner",
    description = "What is absent stays.",
    security(("management_key" = []), ("session" = [])),
    params(
        ("id" = String, Path, description = "The id of a partner."),
        ("key" = String, Path, description = "The id of a key of the partner."),
    ),
    request_body = shapes::PublishableKeyChange,
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::PublishableKeyRow>)),
)]
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    Path((path, key)): KeyPath,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let change = changing(&app, &headers, &path).await?;
    let fields: Fields = read_json(&app, &headers, body).await?;
    check_lists(fields.origins.as_deref(), fields.redirect_urls.as_deref())?;
    let edited = app.accounts.edit_owned_publishable_key(change, key_id(&key)?, fields.into()).await;
    let edited = edited.map_err(|error| problem(&app, error))?;
    Ok(json::ok(&json!({ "data": shown(&edited) })))
}

/// `DELETE /v1/partners/{id}/publishable-keys/{key}`.
#[utoipa::path(
    delete,
    path = "/v1/partners/{id}/publishable-keys/{key}",
    summary = "Revoke a publishable key of a partner",
    description = "For ever and at once.",
    security(("management_key" = []), ("session" = [])),
    params(
        ("id" = String, Path, description = "The id of a partner."),
        ("key" = String, Path, description = "The id of a key of the partner."),
    ),
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::DeletedId>)),
)]
pub(super) async fn revoke(State(app): State<Arc<App>>, Path((path, key)): KeyPath, headers: HeaderMap) -> Answer {
    let change = changing(&app, &headers, &path).await?;
    let revoked = app.accounts.revoke_owned_publishable_key(change, key_id(&key)?).await;
    let revoked = revoked.map_err(|error| problem(&app, error))?;
    Ok(deleted(revoked.id))
}

pub(super) fn shown(key: &PublishableKeyRecord) -> Value {
    json!({
        "id": key.id,
        "key": key.key,
        "name": key.name,
        "origins": key.origins,
        "redirect_urls": key.redirect_urls,
        "created_at": timestamp(key.created_at),
    })
}
