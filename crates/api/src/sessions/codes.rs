//! Codes and links by mail.

use super::{current, problem, sign_in};
use crate::answer::{Answer, with_status};
use crate::body::read_json;
use crate::errors::{ErrorType, Problem};
use crate::json;
use crate::openapi::shapes;
use crate::peer::Peer;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Extension, State};
use http::{HeaderMap, StatusCode};
use opencredits_service::sign_in::{Purpose, SentCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What a signed-in person asks a code for, and other names of it.
const PURPOSES: [(&str, Purpose); 9] = [
    ("export", Purpose::Export),
    ("correction", Purpose::Correction),
    ("deletion", Purpose::Deletion),
    ("deletion_cancel", Purpose::DeletionCancel),
    ("restriction", Purpose::Restriction),
    ("passkey_add", Purpose::PasskeyAdd),
    ("passkey_remove", Purpose::PasskeyRemove),
    ("add_passkey", Purpose::PasskeyAdd),
    ("remove_passkey", Purpose::PasskeyRemove),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskCode {
    email: Option<String>,
    purpose: Option<String>,
}

/// `POST /v1/auth/code`: mails a code, to an address to sign in, or to the own address of who is signed in.
#[utoipa::path(
    post,
    path = "/v1/auth/code",
    summary = "Mail a code",
    description = "To an address, to sign in; or, with a session, to the own address for a purpose.",
    security((), ("session" = [])),
    request_body = shapes::CodeToSend,
    responses((status = 202, description = "It was begun.", body = shapes::CodeSent)),
)]
pub(crate) async fn code(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let sign_in = sign_in(&app)?;
    let sent = match read_json(&app, &headers, body).await? {
        AskCode { email: Some(email), purpose: None } => sign_in.send_code(&email, peer.0).await,
        AskCode { email: None, purpose: Some(name) } => {
            let user = current(&app, &headers).await?.user;
            sign_in.send_code_to(user, purpose(&name)?).await
        }
        _ => {
            let message = "send email to sign in, or purpose where you are signed in; not both";
            return Err(Problem::new(ErrorType::InvalidRequest, message).with("param", "email"));
        }
    };
    let sent = sent.map_err(|fault| problem(&app, fault))?;
    Ok(with_status(StatusCode::ACCEPTED, json::ok(&shown(sent))))
}

fn purpose(name: &str) -> Result<Purpose, Problem> {
    PURPOSES.into_iter().find(|(known, _)| *known == name).map(|(_, purpose)| purpose).ok_or_else(|| {
        let names: Vec<&str> = PURPOSES.iter().map(|(name, _)| *name).collect();
        let message = format!("there is no code for that; purpose is one of {}", names.join(", "));
        Problem::new(ErrorType::InvalidRequest, message).with("param", "purpose")
    })
}

/// A code that was mailed, as an answer names it.
pub(super) fn shown(sent: SentCode) -> Value {
    json!({ "challenge": sent.challenge, "expires_in": seconds(sent.lifetime_ms) })
}

const fn seconds(ms: u64) -> u64 {
    ms.div_euclid(1_000)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskLink {
    email: String,
}

/// `POST /v1/auth/link`: mails a link to sign in.
#[utoipa::path(
    post,
    path = "/v1/auth/link",
    summary = "Mail a link",
    description = "The link signs in.",
    request_body = shapes::Address,
    responses((status = 202, description = "It was begun.", body = shapes::LinkSent)),
)]
pub(crate) async fn link(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let sign_in = sign_in(&app)?;
    let AskLink { email } = read_json(&app, &headers, body).await?;
    let lifetime_ms = sign_in.send_link(&email, peer.0).await.map_err(|fault| problem(&app, fault))?;
    let sent = json!({ "expires_in": seconds(lifetime_ms) });
    Ok(with_status(StatusCode::ACCEPTED, json::ok(&sent)))
}
