//! What handlers answer.

use crate::errors::Problem;
use crate::json;
use axum::body::Body;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use opencredits_keys::Mode;
use serde::Serialize;
use serde_json::{Value, json};

/// Tells the mode of an answer, where it is not live.
const MODE_HEADER: HeaderName = HeaderName::from_static("opencredits-mode");

/// What a handler of the router answers. A problem gets its form where the routes are, since they know the request.
pub(crate) type Answer = Result<Response<Body>, Problem>;

/// Tells that an answer is one of test mode.
pub(crate) fn mode_header(mode: Mode, headers: &mut HeaderMap) {
    if mode == Mode::Test {
        headers.insert(MODE_HEADER, HeaderValue::from_static(mode.name()));
    }
}

/// An answer that is kept nowhere.
pub(crate) fn private(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer with another status, which is kept nowhere.
pub(crate) fn with_status(status: StatusCode, mut response: Response<Body>) -> Response<Body> {
    *response.status_mut() = status;
    private(response)
}

/// An answer without a body.
pub(crate) fn done() -> Response<Body> {
    with_status(StatusCode::NO_CONTENT, Response::new(Body::empty()))
}

/// What was made.
pub(crate) fn created(value: &Value) -> Response<Body> {
    with_status(StatusCode::CREATED, json::ok(value))
}

/// All rows of something.
pub(crate) fn list_of(rows: impl Iterator<Item = Value>) -> Response<Body> {
    json::ok(&json!({ "object": "list", "data": rows.collect::<Vec<_>>() }))
}

/// What was removed.
pub(crate) fn deleted(id: impl Serialize) -> Response<Body> {
    json::ok(&json!({ "data": { "id": id, "deleted": true } }))
}
