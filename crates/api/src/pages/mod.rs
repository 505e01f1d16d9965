//! The pages for people: their routes, and the headers that all of them have.
//!
//! A page for everybody is one document. A page for a signed-in person is a shell, because the session is in local storage:
//! its script asks for the same URL again, with the session and the header `opencredits-fragment: main`, and gets what
//! stands in `<main>`.

mod assets;
mod dashboard;
mod docs;
mod domain;
mod embed;
mod headers;
mod lists;
mod missing;
mod model;
mod models;
pub(crate) mod operator;
mod prices;
mod public;
mod request;
mod unsubscribe;

pub(crate) use embed::of_programs;
pub(crate) use headers::{POLICY, secure, wants_html};
pub(crate) use lists::Lists;
pub(crate) use missing::{method_problem, unknown_path, wrong_method};
pub(crate) use request::{PageRequest, packed_response};

use crate::state::App;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;

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
        .route("/account/deletion", get(public::keep_account))
        .route("/mails/unsubscribe", get(unsubscribe::ask).post(unsubscribe::done))
        .route("/assets/{name}", get(assets::one))
        .route("/favicon.ico", get(assets::icon))
        .merge(dashboard::routes())
        .merge(embed::routes())
}
