//! What a partner has of test mode: keys with play credits, and the pages that may use its publishable key.

use super::keys::NewName;
use super::{KeyPath, PartnerPath, changing, check_lists, key_id, managed, problem, publishable};
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
use opencredits_service::accounts::NewTestKey;
use opencredits_store::Key;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The body of a change of the pages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Origins {
    origins: Vec<String>,
}

/// `GET /v1/partners/{id}/test-keys`: those in force; none where test mode is off.
#[utoipa::path(
    get,
    path = "/v1/partners/{id}/test-keys",
    summary = "Test keys of a partner",
    description = "Those in force; none where test mode is off.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    responses((status = 200, description = "What was asked for.", body = shapes::List<shapes::PartnerKeyRow>)),
)]
pub(super) async fn list(State(app): State<Arc<App>>, Path(path): PartnerPath, headers: HeaderMap) -> Answer {
    let managed = managed(&app, &headers, &path).await?;
    let keys = match app.accounts.test_desk() {
        Some(desk) => desk.keys(managed.id()).await.map_err(|error| problem(&app, error))?,
        None => Vec::new(),
    };
    Ok(list_of(keys.iter().map(shown)))
}

/// `POST /v1/partners/{id}/test-keys`: makes a key. It is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/v1/partners/{id}/test-keys",
    summary = "Make a test key of a partner",
    description = "It spends play credits. The key itself is in this answer and nowhere else.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    request_body = shapes::Name,
    responses((status = 201, description = "It was made.", body = shapes::NewPartnerTestKey)),
)]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Path(path): PartnerPath,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let change = changing(&app, &headers, &path).await?;
    let NewName { name } = read_json(&app, &headers, body).await?;
    let added = app.accounts.add_managed_test_key(change, name).await.map_err(|error| problem(&app, error))?;
    Ok(created(&made(&added)))
}

/// `POST /v1/partners/{id}/test-keys/{key}/rotate`: a new key of the same name in its place.
#[utoipa::path(
    post,
    path = "/v1/partners/{id}/test-keys/{key}/rotate",
    summary = "Replace a test key of a partner",
    description = "A new key of the same name in its place; the one before is refused at once.",
    security(("management_key" = []), ("session" = [])),
    params(
        ("id" = String, Path, description = "The id of a partner."),
        ("key" = String, Path, description = "The id of a key of the partner."),
    ),
    responses((status = 200, description = "It was replaced.", body = shapes::NewPartnerTestKey)),
)]
pub(super) async fn rotate(State(app): State<Arc<App>>, Path((path, key)): KeyPath, headers: HeaderMap) -> Answer {
    let change = changing(&app, &headers, &path).await?;
    let replaced = app.accounts.replace_managed_test_key(change, key_id(&key)?).await;
    Ok(private(json::ok(&made(&replaced.map_err(|error| problem(&app, error))?))))
}

/// `DELETE /v1/partners/{id}/test-keys/{key}`.
#[utoipa::path(
    delete,
    path = "/v1/partners/{id}/test-keys/{key}",
    summary = "Revoke a test key of a partner",
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
    let revoked = app.accounts.revoke_managed_test_key(change, key_id(&key)?).await;
    let revoked = revoked.map_err(|error| problem(&app, error))?;
    Ok(deleted(revoked.id))
}

/// `PUT /v1/partners/{id}/test-origins`: the pages that may use the publishable key of test mode.
#[utoipa::path(
    put,
    path = "/v1/partners/{id}/test-origins",
    summary = "Set the test origins of a partner",
    description = "The pages that may use its publishable key of test mode.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    request_body = shapes::TestOrigins,
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::PublishableKeyRow>)),
)]
pub(super) async fn set_origins(
    State(app): State<Arc<App>>,
    Path(path): PartnerPath,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let change = changing(&app, &headers, &path).await?;
    let Origins { origins } = read_json(&app, &headers, body).await?;
    check_lists(Some(&origins), None)?;
    let edited = app.accounts.edit_managed_test_origins(change, origins).await;
    let edited = edited.map_err(|error| problem(&app, error))?;
    Ok(json::ok(&json!({ "data": publishable::shown(&edited) })))
}

fn made(new: &NewTestKey) -> Value {
    let NewTestKey { key, secret, partner, .. } = new;
    json!({ "data": shown(key), "key": secret.reveal(), "publishable_key": partner.publishable_key })
}

fn shown(key: &Key) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "label": format!("oc_sk_test_…{}", key.hint),
        "created_at": timestamp(key.created_at),
    })
}
