//! A partner's secret keys, which read its figures.

use super::{KeyPath, PartnerPath, changing, key_id, owned, problem};
use crate::address::Path;
use crate::answer::{Answer, created, deleted, list_of, private};
use crate::body::read_json;
use crate::faults::timestamp;
use crate::json;
use crate::openapi::shapes;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use opencredits_keys::IssuedKey;
use opencredits_store::PartnerKeyRecord;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The body of a new key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewName {
    pub(super) name: String,
}

/// `GET /v1/partners/{id}/keys`: those in force.
#[utoipa::path(
    get,
    path = "/v1/partners/{id}/keys",
    summary = "Secret keys of a partner",
    description = "Those in force, without their secrets.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    responses((status = 200, description = "What was asked for.", body = shapes::List<shapes::PartnerKeyRow>)),
)]
pub(super) async fn list(State(app): State<Arc<App>>, Path(path): PartnerPath, headers: HeaderMap) -> Answer {
    let partner = owned(&app, &headers, &path).await?;
    let keys = app.accounts.partner_keys(&partner.id.to_string()).await.map_err(|error| problem(&app, error))?;
    Ok(list_of(keys.iter().filter(|key| key.revoked_at.is_none()).map(shown)))
}

/// `POST /v1/partners/{id}/keys`: makes a key. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/v1/partners/{id}/keys",
    summary = "Make a secret key of a partner",
    description = "It reads the partner's figures. The key itself is in this answer and nowhere else.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    request_body = shapes::Name,
    responses((status = 201, description = "It was made.", body = shapes::NewPartnerKey)),
)]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Path(path): PartnerPath,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let change = changing(&app, &headers, &path).await?;
    let NewName { name } = read_json(&app, &headers, body).await?;
    let (key, secret) = app.accounts.add_owned_key(change, name).await.map_err(|error| problem(&app, error))?;
    Ok(created(&made(&key, &secret)))
}

/// `POST /v1/partners/{id}/keys/{key}/rotate`: a new key of the same name in its place.
#[utoipa::path(
    post,
    path = "/v1/partners/{id}/keys/{key}/rotate",
    summary = "Replace a secret key of a partner",
    description = "A new key of the same name in its place; the one before is refused at once.",
    security(("management_key" = []), ("session" = [])),
    params(
        ("id" = String, Path, description = "The id of a partner."),
        ("key" = String, Path, description = "The id of a key of the partner."),
    ),
    responses((status = 200, description = "It was replaced.", body = shapes::NewPartnerKey)),
)]
pub(super) async fn rotate(State(app): State<Arc<App>>, Path((path, key)): KeyPath, headers: HeaderMap) -> Answer {
    let change = changing(&app, &headers, &path).await?;
    let replaced = app.accounts.replace_owned_key(change, key_id(&key)?).await;
    let (key, secret) = replaced.map_err(|error| problem(&app, error))?;
    Ok(private(json::ok(&made(&key, &secret))))
}

/// `DELETE /v1/partners/{id}/keys/{key}`.
#[utoipa::path(
    delete,
    path = "/v1/partners/{id}/keys/{key}",
    summary = "Revoke a secret key of a partner",
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
    let revoked = app.accounts.revoke_owned_key(change, key_id(&key)?).await;
    let revoked = revoked.map_err(|error| problem(&app, error))?;
    Ok(deleted(revoked.id))
}

fn made(key: &PartnerKeyRecord, secret: &IssuedKey) -> Value {
    json!({ "data": shown(key), "key": secret.reveal() })
}

fn shown(key: &PartnerKeyRecord) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "label": format!("oc_rk_…{}", key.hint),
        "created_at": timestamp(key.created_at),
    })
}
