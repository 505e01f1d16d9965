//! Passkeys: registered by who is signed in, and a way to sign in.

use super::{Confirmation, current, problem, sign_in, signed_in};
use crate::address::Path;
use crate::answer::{Answer, created, done, private};
use crate::body::read_json;
use crate::errors::{ErrorType, Problem};
use crate::faults::timestamp;
use crate::json;
use crate::openapi::shapes;
use crate::peer::Peer;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Extension, State};
use http::HeaderMap;
use opencredits_service::sign_in::{Fresh, RegistrationAnswer};
use opencredits_store::{PasskeyId, PasskeyRecord};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /v1/auth/passkey/options`: for `navigator.credentials.get`.
#[utoipa::path(
    post,
    path = "/v1/auth/passkey/options",
    summary = "Options to sign in with a passkey",
    description = "For `navigator.credentials.get`.",
    responses((status = 200, description = "What was asked for.", body = shapes::AnyObject)),
)]
pub(crate) async fn ask(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>) -> Answer {
    let options = sign_in(&app)?.passkey_request(peer.0).await.map_err(|fault| problem(&app, fault))?;
    Ok(private(json::ok(&json!(options))))
}

/// `POST /v1/account/passkeys/options`: for `navigator.credentials.create`.
#[utoipa::path(
    post,
    path = "/v1/account/passkeys/options",
    summary = "Options to register a passkey",
    description = "For `navigator.credentials.create`.",
    security(("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::AnyObject)),
)]
pub(crate) async fn options(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let options = sign_in(&app)?.passkey_creation(who.user).await.map_err(|fault| problem(&app, fault))?;
    Ok(private(json::ok(&json!(options))))
}

/// `GET /v1/account/passkeys`: by their registration.
#[utoipa::path(
    get,
    path = "/v1/account/passkeys",
    summary = "Passkeys",
    description = "By their registration.",
    security(("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::All<shapes::PasskeyRow>)),
)]
pub(crate) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let all = sign_in(&app)?.passkeys_of(who.user).await.map_err(|fault| problem(&app, fault))?;
    Ok(private(json::ok(&json!({ "data": all.iter().map(shown).collect::<Vec<_>>() }))))
}

fn shown(passkey: &PasskeyRecord) -> Value {
    json!({
        "id": passkey.id,
        "name": passkey.name,
        "is_synced": passkey.is_backed_up,
        "created_at": timestamp(passkey.created_at),
        "last_used_at": passkey.used_at.map(timestamp),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    /// That of the options.
    challenge: String,
    credential: RegistrationAnswer,
    name: String,
    /// Where the sign-in was long ago.
    confirmation: Option<Confirmation>,
}

/// `POST /v1/account/passkeys`: registers one.
#[utoipa::path(
    post,
    path = "/v1/account/passkeys",
    summary = "Register a passkey",
    description = "With a code where the sign-in was long ago.",
    security(("session" = [])),
    request_body = shapes::PasskeyToRegister,
    responses((status = 201, description = "It was made.", body = shapes::Data<shapes::PasskeyRow>)),
)]
pub(crate) async fn register(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let session = current(&app, &headers).await?;
    let Registration { challenge, credential, name, confirmation } = read_json(&app, &headers, body).await?;
    let fresh = match &confirmation {
        Some(code) => Fresh::Code(&code.challenge, &code.code),
        None => Fresh::Session(&session),
    };
    let made = sign_in(&app)?.register_passkey(session.user, (&challenge, &credential), (&name, fresh)).await;
    let made = made.map_err(|fault| problem(&app, fault))?;
    Ok(created(&json!({ "data": shown(&made) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    name: String,
}

/// `PATCH /v1/account/passkeys/{id}`: gives it another name.
#[utoipa::path(
    patch,
    path = "/v1/account/passkeys/{id}",
    summary = "Rename a passkey",
    description = "Gives it another name.",
    security(("session" = [])),
    params(("id" = String, Path, description = "The id of a passkey.")),
    request_body = shapes::Name,
    responses((status = 204, description = "It is done.")),
)]
pub(crate) async fn rename(
    State(app): State<Arc<App>>,
    Path(passkey): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let Rename { name } = read_json(&app, &headers, body).await?;
    let renamed = sign_in(&app)?.rename_passkey(who.user, passkey_id(&passkey)?, &name).await;
    renamed.map_err(|fault| problem(&app, fault))?;
    Ok(done())
}

/// `DELETE /v1/account/passkeys/{id}`: removes it, with a code for `passkey_remove`.
#[utoipa::path(
    delete,
    path = "/v1/account/passkeys/{id}",
    summary = "Remove a passkey",
    description = "With a code for `passkey_remove`.",
    security(("session" = [])),
    params(("id" = String, Path, description = "The id of a passkey.")),
    request_body = shapes::ConfirmedBy,
    responses((status = 204, description = "It is done.")),
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Path(passkey): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let Confirmation { challenge, code } = read_json(&app, &headers, body).await?;
    let removed = sign_in(&app)?.remove_passkey(who.user, passkey_id(&passkey)?, (&challenge, &code)).await;
    removed.map_err(|fault| problem(&app, fault))?;
    Ok(done())
}

fn passkey_id(text: &str) -> Result<PasskeyId, Problem> {
    text.parse().map_err(|_| Problem::new(ErrorType::NotFound, "you have no such passkey; list those that you have"))
}
