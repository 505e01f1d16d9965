//! The answer of a page of a signed-in person.

use crate::errors::Problem;
use crate::pages::PageRequest;
use crate::state::App;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use http::{Response, StatusCode};
use opencredits_pages::views::Notice;
use opencredits_pages::{Area, View};
use std::sync::Arc;

/// The route of a page for signed-in people: a shell, and for the shell's script the page.
pub(super) fn filled<V, P, F>(area: Area, page: P) -> MethodRouter<Arc<App>>
where
    V: View + Send + 'static,
    P: Fn(PageRequest) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<V, Problem>> + Send + 'static,
{
    get(move |request: PageRequest| async move {
        match request.wants_fragment() {
            true => finished(&request, page(request.clone()).await),
            false => request.shell(area),
        }
    })
}

/// The page, or what people are told in its place. A session that is over is told as JSON, as everywhere.
fn finished<V: View>(request: &PageRequest, page: Result<V, Problem>) -> Response<Body> {
    let problem = match page {
        Ok(view) => return request.fragment(&view),
        Err(problem) => problem,
    };
    match problem.kind().row().status {
        StatusCode::UNAUTHORIZED => problem.into_response(),
        StatusCode::NOT_FOUND => request.not_found(),
        StatusCode::CONFLICT => {
            request.notice(StatusCode::NOT_FOUND, &Notice::running(&request.path(), &request.id.text()))
        }
        status => request.notice(status, &Notice::failed(&request.path(), &request.id.text())),
    }
}
