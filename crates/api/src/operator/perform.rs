//! Does what was previewed.

use super::act::Act;
use super::guard::Operator;
use super::problem::problem;
use super::state::OperatorApp;
use crate::admin::{AdminReply, Refusal, RefusalCode};
use crate::lookups::{Answer, finish};
use crate::pages::unknown_path;
use crate::sessions::{private, read};
use crate::state::RequestId;
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::routing::post;
use http::{HeaderMap, Response, Uri};
use opencredits_service::accounts::on_behalf_of;
use opencredits_units::EntryId;
use serde::Deserialize;

/// The routes for programs.
pub(crate) fn routes() -> Router<OperatorApp> {
    // That a route takes another method is told to nobody either.
    Router::new().route("/v1/operator/actions", post(perform).fallback(unknown_path))
}

/// An act, and what shows that somebody saw what it does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmed {
    act: Act,
    id: EntryId,
    confirm: String,
}

/// `POST /v1/operator/actions`: does what was previewed.
async fn perform(
    State(state): State<OperatorApp>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    finish(performed(&state, &uri, &headers, body).await, id)
}

async fn performed(state: &OperatorApp, uri: &Uri, headers: &HeaderMap, body: Body) -> Answer {
    let who = Operator::of(state, uri, headers).await?;
    let Confirmed { act, id, confirm } = read(&state.app, headers, body).await?;
    act.check().map_err(problem)?;
    if !who.has_confirmed((&act, id), &confirm) {
        let refused =
            "look at what this will do first, at POST /operator/preview; what was looked at more than ten minutes \
                       ago, or is something else, is not done"
                .to_owned();
        return Err(problem(Refusal { code: RefusalCode::Conflict, refused }));
    }
    let done = on_behalf_of(who.user.id, state.admin.answer(act.into_request(id))).await.map_err(problem)?;
    Ok(private(shown(&done)))
}

/// A reply as the admin tool prints it.
fn shown(reply: &AdminReply) -> Response<Body> {
    let value = serde_json::to_value(reply).unwrap_or_default();
    crate::json::ok(&value)
}
