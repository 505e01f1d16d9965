//! Which notices a person gets.

use super::confirmed::{privacy, problem};
use crate::answer::{Answer, private};
use crate::body::read_json;
use crate::json;
use crate::openapi::shapes;
use crate::sessions::signed_in;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use opencredits_service::privacy::NoticeChoice;
use opencredits_store::NoticeKind;
use opencredits_units::UserId;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// The mails that nobody can switch off: the law wants them, or they protect money or the account.
const ALWAYS: [&str; 7] =
    ["receipt", "refund", "top_up_failed", "deletion_scheduled", "policy_changed", "sign_in", "security"];

/// `GET /v1/account/notifications`: which notices come.
#[utoipa::path(
    get,
    path = "/v1/account/notifications",
    summary = "Notices",
    description = "Which notices come, and which mails always come.",
    security(("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::Notices)),
)]
pub(crate) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let who = signed_in(&app, &headers).await?;
    shown(&app, who.user).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choices {
    low_balance: Option<bool>,
    limit_80: Option<bool>,
    limit_100: Option<bool>,
}

/// `PATCH /v1/account/notifications`: switches some of them on or off.
#[utoipa::path(
    patch,
    path = "/v1/account/notifications",
    summary = "Choose notices",
    description = "Switches some of them on or off. What is absent stays.",
    security(("session" = [])),
    request_body = shapes::NoticesToChoose,
    responses((status = 200, description = "What was asked for.", body = shapes::Notices)),
)]
pub(crate) async fn choose(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let who = signed_in(&app, &headers).await?;
    let Choices { low_balance, limit_80, limit_100 } = read_json(&app, &headers, body).await?;
    let given =
        [(NoticeKind::LowBalance, low_balance), (NoticeKind::LimitMost, limit_80), (NoticeKind::LimitAll, limit_100)];
    let choice = |is_on| if is_on { NoticeChoice::On } else { NoticeChoice::Off };
    let choices: Vec<(NoticeKind, NoticeChoice)> =
        given.into_iter().filter_map(|(kind, is_on)| Some((kind, choice(is_on?)))).collect();
    let chosen = privacy(&app)?.privacy.choose_notices(who.user, &choices).await;
    chosen.map_err(|error| problem(&app, error))?;
    shown(&app, who.user).await
}

async fn shown(app: &App, user: UserId) -> Answer {
    let privacy = &privacy(app)?.privacy;
    let muted = privacy.muted(user).await.map_err(|error| problem(app, error))?;
    let state = privacy.state(user).await.map_err(|error| problem(app, error))?;
    let is_on = |kind| !muted.contains(&kind);
    Ok(private(json::ok(&json!({
        "low_balance": is_on(NoticeKind::LowBalance),
        "limit_80": is_on(NoticeKind::LimitMost),
        "limit_100": is_on(NoticeKind::LimitAll),
        "objected": state.objected_at.is_some(),
        "always": ALWAYS,
    }))))
}
