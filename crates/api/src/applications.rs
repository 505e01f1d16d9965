//! How a person becomes a partner: they apply, and the operator decides.

use crate::answer::{Answer, created, list_of};
use crate::errors::{ErrorType, Problem};
use crate::faults::timestamp;
use crate::keys::changing;
use crate::openapi::shapes;
use crate::portal::{check_lists, problem};
use crate::state::App;
use crate::{auth, body};
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use opencredits_keys::Mode;
use opencredits_service::accounts::{Applied, NewApplication, NewTestKey};
use opencredits_store::{ApplicationState, PartnerApplication};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The largest body.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The body of an application.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Application {
    name: String,
    url: String,
    #[serde(default)]
    origins: Vec<String>,
    #[serde(default)]
    redirect_urls: Vec<String>,
}

/// `POST /v1/partners/apply`: the person of a management key wishes to run a partner.
#[utoipa::path(
    post,
    path = "/v1/partners/apply",
    summary = "Apply to run a partner",
    description = "The operator decides. A partner of test mode is there at once.",
    security(("management_key" = []), ("session" = [])),
    request_body = shapes::ApplicationToMake,
    responses((status = 201, description = "It was made.", body = shapes::ApplicationMade)),
)]
pub(crate) async fn apply(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let manager = changing(&app, &headers).await?;
    if app.gateway.mode() == Mode::Test {
        let message = "one applies with a live management key, oc_mk_…; test mode has partners of its own";
        return Err(Problem::new(ErrorType::InvalidRequest, message));
    }
    let body = body::read_small(&app, (&headers, body), BODY_BYTES_MAX).await?;
    let Application { name, url, origins, redirect_urls } = serde_json::from_slice(&body)
        .map_err(|error| Problem::new(ErrorType::InvalidRequest, format!("the body is no application: {error}")))?;
    check_lists(Some(&origins), Some(&redirect_urls))?;
    let new = NewApplication { applicant: manager.user, name, url, origins, redirect_urls };
    let applied = app.accounts.apply(new, manager.actor).await;
    let Applied { application, test } = applied.map_err(|error| problem(&app, error))?;
    Ok(created(&json!({ "data": shown(&application), "test": test.as_ref().map(test_access) })))
}

/// What developers begin with. The key is in this answer and nowhere else.
fn test_access(test: &NewTestKey) -> Value {
    json!({ "publishable_key": test.partner.publishable_key, "key": test.secret.reveal() })
}

/// `GET /v1/partners/applications`: the person's own, the latest first.
#[utoipa::path(
    get,
    path = "/v1/partners/applications",
    summary = "Own applications",
    description = "The latest first.",
    security(("management_key" = []), ("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::List<shapes::ApplicationRecord>)),
)]
pub(crate) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let manager = auth::manager(&app, &headers).await?;
    let found = app.accounts.applications_of(manager.user).await.map_err(|error| problem(&app, error))?;
    Ok(list_of(found.iter().map(shown)))
}

fn shown(application: &PartnerApplication) -> Value {
    json!({
        "id": application.id,
        "name": application.name,
        "url": application.url,
        "origins": application.origins,
        "redirect_urls": application.redirect_urls,
        "state": state(application.state),
        "reason": application.reason,
        "created_at": timestamp(application.created_at),
        "decided_at": application.decided_at.map(timestamp),
    })
}

/// The name of a state on the wire.
pub(crate) const fn state(state: ApplicationState) -> &'static str {
    match state {
        ApplicationState::Open => "open",
        ApplicationState::Approved => "approved",
        ApplicationState::Rejected => "rejected",
    }
}
