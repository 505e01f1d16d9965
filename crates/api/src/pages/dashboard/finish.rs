//! The answer of a page of a signed-in person.

use crate::errors::{ApiSurface, Problem};
use crate::pages::PageRequest;
use axum::body::Body;
use http::{Response, StatusCode};
use opencredits_pages::View;
use opencredits_pages::views::Notice;

/// The page, or what people are told in its place. A session that is over is told as JSON, as everywhere.
pub(super) fn finished<V: View>(request: &PageRequest, page: Result<V, Problem>) -> Response<Body> {
    let problem = match page {
        Ok(view) => return request.fragment(&view),
        Err(problem) => problem,
    };
    match problem.kind().row().status {
        StatusCode::UNAUTHORIZED => problem.into_response(ApiSurface::OpenaiChat, &request.id.text()),
        StatusCode::NOT_FOUND => request.not_found(),
        status => request.notice(status, &Notice::failed(&request.path(), &request.id.text())),
    }
}
