//! A person changes their address.

use super::codes::shown;
use super::{problem, sign_in, signed_in};
use crate::answer::{Answer, private, with_status};
use crate::body::read_json;
use crate::json;
use crate::openapi::shapes;
use crate::peer::Peer;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Extension, State};
use http::{HeaderMap, StatusCode};
use opencredits_service::sign_in::AddressChange;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAddress {
    email: String,
}

/// `POST /v1/account/email`: mails a code to the old address and one to the new.
#[utoipa::path(
    post,
    path = "/v1/account/email",
    summary = "Begin to change the address",
    description = "Mails a code to the old address and one to the new.",
    security(("session" = [])),
    request_body = shapes::Address,
    responses((status = 202, description = "It was begun.", body = shapes::BothCodesSent)),
)]
pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let NewAddress { email } = read_json(&app, &headers, body).await?;
    let sent = sign_in(&app)?.begin_address_change(who.user, &email, peer.0).await;
    let sent = sent.map_err(|fault| problem(&app, fault))?;
    let (old, new) = (shown(sent.old), shown(sent.new));
    let answer = json!({
        "challenge_old": old["challenge"], "challenge_new": new["challenge"], "expires_in": new["expires_in"],
    });
    Ok(with_status(StatusCode::ACCEPTED, json::ok(&answer)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BothCodes {
    challenge_old: String,
    code_old: String,
    challenge_new: String,
    code_new: String,
}

/// `PUT /v1/account/email`: changes the address, where both codes are right.
#[utoipa::path(
    put,
    path = "/v1/account/email",
    summary = "Change the address",
    description = "Where both codes are right.",
    security(("session" = [])),
    request_body = shapes::BothCodesTyped,
    responses((status = 200, description = "What was asked for.", body = shapes::AddressChanged)),
)]
pub(crate) async fn change(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let BothCodes { challenge_old, code_old, challenge_new, code_new } = read_json(&app, &headers, body).await?;
    let change = AddressChange { old: (&challenge_old, &code_old), new: (&challenge_new, &code_new) };
    let email = sign_in(&app)?.change_address(who.user, &change).await.map_err(|fault| problem(&app, fault))?;
    Ok(private(json::ok(&json!({ "user": { "id": who.user, "email": email } }))))
}
