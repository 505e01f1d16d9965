//! Does what was previewed.

use super::act::Act;
use super::guard::Operator;
use super::problem::problem;
use super::state::OperatorApp;
use crate::admin::{Refusal, RefusalCode};
use crate::answer::{Answer, private};
use crate::body::read_json;
use crate::json;
use crate::pages::unknown_path;
use crate::privacy::by_operator;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{get, post};
use http::{HeaderMap, Uri};
use opencredits_service::accounts::on_behalf_of;
use opencredits_units::EntryId;
use serde::Deserialize;

/// The routes for programs.
pub(crate) fn routes() -> Router<OperatorApp> {
    // That a route takes another method is told to nobody either.
    Router::new()
        .route("/v1/operator/actions", post(perform).fallback(unknown_path))
        .route("/v1/operator/people/{id}/export", get(by_operator).fallback(unknown_path))
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
async fn perform(State(state): State<OperatorApp>, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    let who = Operator::of(&state, &uri, &headers).await?;
    let Confirmed { act, id, confirm } = read_json(&state.app, &headers, body).await?;
    act.check().map_err(problem)?;
    if !who.has_confirmed((&act, id), &confirm) {
        let refused =
            "look at what this will do first, at POST /operator/preview; what was looked at more than ten minutes \
                       ago, or is something else, is not done"
                .to_owned();
        return Err(problem(Refusal { code: RefusalCode::Conflict, refused }));
    }
    let done = on_behalf_of(who.user.id, state.admin.answer(act.into_request(id))).await.map_err(problem)?;
    // As the admin tool prints it.
    Ok(private(json::ok(&serde_json::to_value(done).unwrap_or_default())))
}
