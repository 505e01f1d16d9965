//! Pages for everybody.

use super::{PageRequest, wants_html};
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use opencredits_pages::views::Notice;

/// What programs are told at `/`: some send HEAD here before anything else.
const ROOT: &str = "OpenCredits\n";

/// `GET /`: the landing page for people.
pub(crate) async fn landing(request: PageRequest) -> Response<Body> {
    if !wants_html(&request.headers) {
        return ROOT.into_response();
    }
    request.page(&Notice::not_found("/", ""))
}
