//! The pages of a signed-in person. Each is assembled of what the services know, with one request of the browser.

mod account;
mod activity;
mod apps;
mod bill;
mod figures;
mod keys;
mod links;
mod names;
mod overview;
mod partner;
mod person;
mod playground;
mod range;
mod requests;
mod rows;
mod sorting;
mod top_up;
mod transactions;

pub(super) use figures::priced;

use crate::errors::{ApiSurface, Problem};
use crate::pages::PageRequest;
use crate::state::App;
use axum::Router;
use axum::body::Body;
use axum::routing::{MethodRouter, get};
use http::{Response, StatusCode};
use opencredits_pages::views::Notice;
use opencredits_pages::{Area, View};
use std::sync::Arc;

/// The routes.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/dashboard", filled(Area::Account, overview::page))
        .route("/dashboard/activity", filled(Area::Account, activity::page))
        .route("/dashboard/requests", filled(Area::Account, requests::page))
        .route("/dashboard/requests/{id}", filled(Area::Account, bill::page))
        .route("/dashboard/keys", filled(Area::Account, keys::all))
        // `new` in place of an id is the form of a new one.
        .route("/dashboard/keys/{id}", filled(Area::Account, keys::one))
        .route("/dashboard/apps", filled(Area::Account, apps::page))
        .route("/dashboard/transactions", filled(Area::Account, transactions::page))
        .route("/dashboard/top-up", filled(Area::Account, top_up::page))
        .route("/dashboard/account", filled(Area::Account, account::page))
        .route("/playground", filled(Area::Account, playground::page))
        .merge(partner::routes())
}

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
        StatusCode::UNAUTHORIZED => problem.into_response(ApiSurface::OpenaiChat, &request.id.text()),
        StatusCode::NOT_FOUND => request.not_found(),
        status => request.notice(status, &Notice::failed(&request.path(), &request.id.text())),
    }
}
