//! The page on which a person types the code of a terminal.

use super::common::{changing, connections};
use super::consent::{app_of, refused, shown};
use super::fields::Fields;
use super::problem;
use crate::answer::{Answer, private};
use crate::json;
use crate::openapi::shapes;
use crate::pages::PageRequest;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, Response, StatusCode};
use opencredits_pages::views::Consent;
use opencredits_service::connections::{ConnectionError, Decision, DeviceAsk};
use serde_json::json;
use std::sync::Arc;

/// The longest code that a page repeats, in characters.
const CODE_CHARS_MAX: usize = 32;

/// `GET /device`: a field for the code. Its script asks for the fragment, with the session: what the terminal with this code
/// wants is told to signed-in people alone, and as often as they may make changes, so that codes are not guessed.
pub(crate) async fn page(request: PageRequest) -> Response<Body> {
    let Ok(connections) = connections(&request.app) else { return request.not_found() };
    let query = request.uri.query().unwrap_or_default();
    let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "user_code");
    let code: String = code.map(|(_, code)| code.chars().take(CODE_CHARS_MAX).collect()).unwrap_or_default();
    if !request.wants_fragment() {
        return shown(&request, (StatusCode::OK, &Consent::device_enter(&code)));
    }
    if let Err(problem) = changing(&request.app, &request.headers).await {
        return problem.into_response();
    }
    match connections.ask_of_device(&code).await {
        Ok(DeviceAsk { ask, user_code }) => {
            let view = Consent::device_confirm(&user_code, app_of(&request.app, ask));
            shown(&request, (StatusCode::OK, &view))
        }
        Err(ConnectionError::NoUserCode | ConnectionError::NoApp) => {
            shown(&request, (StatusCode::NOT_FOUND, &Consent::device_unknown(&code)))
        }
        Err(error) => refused(&request, &error),
    }
}

/// `POST /device`: what the person decided about a terminal.
#[utoipa::path(
    post,
    path = "/device",
    summary = "Decide about a terminal",
    description = "What the person decided on the page at the same path.",
    security(("session" = [])),
    request_body = shapes::DeviceDecision,
    responses((status = 200, description = "What was asked for.", body = shapes::DeviceDecided)),
)]
pub(crate) async fn decide(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let connections = connections(&app)?;
    let person = changing(&app, &headers).await?;
    let fields = Fields::read(&app, &headers, body).await?;
    let (code, decision) = (fields.text("user_code")?, fields.decision()?);
    let name = connections.decide_device(code, person, decision).await;
    let name = name.map_err(|error| problem::of(&app, error))?;
    let decision = match decision {
        Decision::Allow(_) => "allow",
        Decision::Deny => "deny",
    };
    Ok(private(json::ok(&json!({ "app": name, "decision": decision }))))
}
