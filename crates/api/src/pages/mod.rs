//! The pages for people: their routes, and the headers that all of them have.
//!
//! A page for everybody is one document. A page for a signed-in person is a shell, because the session is in local storage:
//! its script asks for the same URL again, with the session and the header `opencredits-fragment: main`, and gets what
//! stands in `<main>`.

mod assets;
mod dashboard;
mod docs;
mod embed;
mod model;
mod models;
mod prices;
mod public;
mod request;

pub(crate) use request::PageRequest;

use crate::app::unknown_path;
use crate::state::App;
use axum::Router;
use axum::routing::get;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

/// What a page may do: its own scripts, styles and pictures, calls to its own host, and nothing else.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
/// What no page of ours needs. Passkeys are allowed to our own pages by default.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// The routes of pages.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(public::landing))
        // Programs with a wrong base URL send other methods here, and are told where there is something.
        .route("/models", get(models::list).fallback(unknown_path))
        .route("/models/{*id}", get(model::one).fallback(unknown_path))
        .route("/docs", get(docs::index))
        .route("/docs/{page}", get(docs::one))
        .route("/llms.txt", get(docs::llms))
        .route("/terms", get(public::terms))
        .route("/privacy", get(public::privacy))
        .route("/sign-in", get(public::sign_in))
        .route("/sign-in/link", get(public::sign_in_link))
        .route("/assets/{name}", get(assets::one))
        .route("/favicon.ico", get(assets::icon))
        .merge(dashboard::routes())
        .merge(embed::routes())
}

/// Gives an answer the headers of a page, with a policy for its content.
pub(crate) fn secure(headers: &mut HeaderMap, policy: &'static str) {
    let rows = [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (OPENER_POLICY, "same-origin"),
        (PERMISSIONS_POLICY, PERMISSIONS),
    ];
    for (name, value) in rows {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Whether the client asks for a page, as browsers do, and not for JSON.
pub(crate) fn wants_html(headers: &HeaderMap) -> bool {
    headers.get_all(http::header::ACCEPT).iter().any(|accept| {
        let accept = accept.to_str().unwrap_or_default();
        accept.split(',').any(|range| range.split(';').next().is_some_and(|kind| kind.trim() == "text/html"))
    })
}

/// Whether a path is one of programs, whose errors are JSON whatever they accept.
pub(crate) fn is_of_programs(path: &str) -> bool {
    ["/v1/", "/v1beta/", "/api/", "/webhooks/"].iter().any(|beginning| path.starts_with(beginning))
}
