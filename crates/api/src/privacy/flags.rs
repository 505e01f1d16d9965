//! Restriction and objection.

use super::confirmed::{confirm, privacy, problem, time};
use crate::answer::{Answer, private};
use crate::body::read_json;
use crate::json;
use crate::openapi::shapes;
use crate::sessions::{Confirmation, signed_in};
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, Response};
use opencredits_service::privacy::Asker;
use opencredits_service::sign_in::Purpose;
use opencredits_store::PrivacyState;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// `GET /v1/account/privacy`: what the person has asked for.
#[utoipa::path(
    get,
    path = "/v1/account/privacy",
    summary = "What was asked about data",
    description = "Restriction, objection and deletion.",
    security(("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::PrivacyStanding)),
)]
pub(crate) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let state = privacy(&app)?.privacy.state(who.user).await.map_err(|error| problem(&app, error))?;
    Ok(private(shown(&state)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restriction {
    challenge: String,
    code: String,
    restricted: bool,
}

/// `PUT /v1/account/restriction`: nothing is done with the person's data but to store it, or again what was before.
#[utoipa::path(
    put,
    path = "/v1/account/restriction",
    summary = "Restrict processing",
    description = "Nothing is done with the data of the person but to store it; or again what was before.",
    security(("session" = [])),
    request_body = shapes::RestrictionToSet,
    responses((status = 200, description = "What was asked for.", body = shapes::PrivacyStanding)),
)]
pub(crate) async fn restrict(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let Restriction { challenge, code, restricted } = read_json(&app, &headers, body).await?;
    confirm(&app, (who, Purpose::Restriction), &Confirmation { challenge, code }).await?;
    let state = privacy(&app)?.privacy.restrict(who.user, restricted, Asker::Person).await;
    told(&app, state)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Objection {
    challenge: String,
    code: String,
    objected: bool,
}

/// `PUT /v1/account/objection`: no notices come but required ones, or they come again.
#[utoipa::path(
    put,
    path = "/v1/account/objection",
    summary = "Object",
    description = "No notices come but required ones; or they come again.",
    security(("session" = [])),
    request_body = shapes::ObjectionToSet,
    responses((status = 200, description = "What was asked for.", body = shapes::PrivacyStanding)),
)]
pub(crate) async fn object(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let Objection { challenge, code, objected } = read_json(&app, &headers, body).await?;
    confirm(&app, (who, Purpose::Restriction), &Confirmation { challenge, code }).await?;
    let state = privacy(&app)?.privacy.object(who.user, objected, Asker::Person).await;
    told(&app, state)
}

fn told(app: &App, state: Result<PrivacyState, opencredits_service::privacy::PrivacyError>) -> Answer {
    Ok(private(shown(&state.map_err(|error| problem(app, error))?)))
}

fn shown(state: &PrivacyState) -> Response<Body> {
    let deletion = state
        .deletion_due_at
        .map(|due| json!({ "asked_at": time(state.deletion_asked_at), "due_at": time(Some(due)) }));
    json::ok(&json!({
        "restricted_since": time(state.restricted_at),
        "objected_since": time(state.objected_at),
        "deletion": deletion,
        "paused": state.is_paused(),
    }))
}
