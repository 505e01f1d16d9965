//! The deletion of an account.

use super::confirmed::{confirmed, privacy, problem, time};
use crate::answer::{Answer, done, private, with_status};
use crate::body::read_json;
use crate::json;
use crate::openapi::shapes;
use crate::sessions::signed_in;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use opencredits_service::privacy::Asker;
use opencredits_service::sign_in::Purpose;
use opencredits_units::NanoUsd;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/account/deletion`: what a deletion takes, before anybody confirms it.
#[utoipa::path(
    get,
    path = "/v1/account/deletion",
    summary = "What a deletion takes",
    description = "Before anybody confirms it.",
    security(("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::DeletionPreview)),
)]
pub(crate) async fn preview(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let found = privacy(&app)?.privacy.preview_deletion(who.user).await.map_err(|error| problem(&app, error))?;
    let (footprint, state) = (found.footprint, found.state);
    Ok(private(json::ok(&json!({
        "scheduled": state.deletion_due_at.is_some(),
        "due_at": time(Some(state.deletion_due_at.unwrap_or(found.due_at))),
        "balance_lost": credits(&app, found.balance),
        "balance_lost_usd": found.balance,
        "debt_usd": found.debt,
        "keys": footprint.keys,
        "management_keys": footprint.management_keys,
        "orders_kept": footprint.orders,
        "open_orders": footprint.open_orders,
        "partners_to_hand_over": footprint.partners,
    }))))
}

/// `POST /v1/account/deletion`: schedules it.
#[utoipa::path(
    post,
    path = "/v1/account/deletion",
    summary = "Schedule the deletion",
    description = "It can be called off until it is due.",
    security(("session" = [])),
    request_body = shapes::ConfirmedBy,
    responses((status = 202, description = "It was begun.", body = shapes::DeletionScheduled)),
)]
pub(crate) async fn schedule(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let who = confirmed(&app, Purpose::Deletion, &headers, body).await?;
    let leaving = privacy(&app)?.privacy.schedule_deletion(who.user, Asker::Person).await;
    let leaving = leaving.map_err(|error| problem(&app, error))?;
    let told = json!({
        "asked_at": time(Some(leaving.asked_at)),
        "due_at": time(Some(leaving.due_at)),
        "balance_lost": credits(&app, leaving.balance),
        "balance_lost_usd": leaving.balance,
    });
    Ok(with_status(StatusCode::ACCEPTED, json::ok(&told)))
}

/// `DELETE /v1/account/deletion`: calls it off.
#[utoipa::path(
    delete,
    path = "/v1/account/deletion",
    summary = "Call the deletion off",
    description = "The account stays as it is.",
    security(("session" = [])),
    responses((status = 204, description = "It is done.")),
)]
pub(crate) async fn cancel(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let cancelled = privacy(&app)?.privacy.cancel_deletion(who.user, Asker::Person).await;
    cancelled.map_err(|error| problem(&app, error))?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MailedLink {
    link: String,
}

/// `POST /v1/account/deletion/cancel`: calls it off by the link in the mail about it. Nobody needs to be signed in.
#[utoipa::path(
    post,
    path = "/v1/account/deletion/cancel",
    summary = "Call the deletion off by a link",
    description = "By the token in the mail about it. Nobody needs to be signed in.",
    request_body = shapes::MailedToken,
    responses((status = 204, description = "It is done.")),
)]
pub(crate) async fn cancel_by_link(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let MailedLink { link } = read_json(&app, &headers, body).await?;
    privacy(&app)?.privacy.cancel_by_link(&link).await.map_err(|error| problem(&app, error))?;
    Ok(done())
}

fn credits(app: &App, amount: NanoUsd) -> Value {
    json::number(app.settings.credit_price.show(amount))
}
