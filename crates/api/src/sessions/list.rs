//! A person's sessions.

use super::{problem, sign_in, signed_in};
use crate::address::Path;
use crate::answer::{Answer, done, private};
use crate::errors::{ErrorType, Problem};
use crate::faults::timestamp;
use crate::json;
use crate::openapi::shapes;
use crate::state::App;
use axum::extract::State;
use http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/account/sessions`: the most recently used first.
#[utoipa::path(
    get,
    path = "/v1/account/sessions",
    summary = "Sessions",
    description = "The most recently used first.",
    security(("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::All<shapes::SessionRow>)),
)]
pub(crate) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let all = sign_in(&app)?.sessions_of(who.user).await.map_err(|fault| problem(&app, fault))?;
    let shown = all.iter().map(|session| {
        json!({
            "id": session.id,
            "browser": session.browser,
            "created_at": timestamp(session.created_at),
            "last_used_at": timestamp(session.used_at),
            "current": session.id == who.session,
        })
    });
    Ok(private(json::ok(&json!({ "data": shown.collect::<Vec<Value>>() }))))
}

/// `DELETE /v1/account/sessions`: ends all but this one.
#[utoipa::path(
    delete,
    path = "/v1/account/sessions",
    summary = "End all other sessions",
    description = "All but the one that asks.",
    security(("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::Ended)),
)]
pub(crate) async fn end_others(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let ended = sign_in(&app)?.end_other_sessions(who.user, Some(who.session)).await;
    let ended = ended.map_err(|fault| problem(&app, fault))?;
    Ok(private(json::ok(&json!({ "ended": ended }))))
}

/// `DELETE /v1/account/sessions/{id}`: ends one, perhaps this one.
#[utoipa::path(
    delete,
    path = "/v1/account/sessions/{id}",
    summary = "End a session",
    description = "Perhaps the one that asks.",
    security(("session" = [])),
    params(("id" = String, Path, description = "The id of a session.")),
    responses((status = 204, description = "It is done.")),
)]
pub(crate) async fn end(State(app): State<Arc<App>>, Path(session): Path<String>, headers: HeaderMap) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let unknown = || Problem::new(ErrorType::NotFound, "you have no such session; list those that you have");
    let session = session.parse().map_err(|_| unknown())?;
    sign_in(&app)?.end_session(who.user, session).await.map_err(|fault| problem(&app, fault))?;
    Ok(done())
}
