//! The pages of a signed-in person. Each is assembled of what the services know, with one request of the browser.

mod account;
mod activity;
mod apps;
mod bill;
mod figures;
mod finish;
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
mod top_up;
mod transactions;

use crate::pages::PageRequest;
use crate::state::App;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use finish::finished;
use http::Response;
use opencredits_pages::Area;
use std::sync::Arc;

/// The routes.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/dashboard", get(overview))
        .route("/dashboard/activity", get(activity))
        .route("/dashboard/requests", get(requests))
        .route("/dashboard/requests/{id}", get(request_bill))
        .route("/dashboard/keys", get(all_keys))
        .route("/dashboard/keys/{id}", get(one_key))
        .route("/dashboard/apps", get(all_apps))
        .route("/dashboard/transactions", get(all_transactions))
        .route("/dashboard/top-up", get(buy))
        .route("/dashboard/account", get(own_account))
        .route("/playground", get(try_out))
        .merge(partner::routes())
}

/// `GET /dashboard`.
async fn overview(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, overview::page(&request).await),
        false => request.shell(Area::Account),
    }
}

/// `GET /playground`.
async fn try_out(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, playground::page(&request).await),
        false => request.shell(Area::Account),
    }
}

/// `GET /dashboard/activity`.
async fn activity(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, activity::page(&request).await),
        false => request.shell(Area::Account),
    }
}

/// `GET /dashboard/requests`.
async fn requests(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, requests::page(&request).await),
        false => request.shell(Area::Account),
    }
}

/// `GET /dashboard/requests/{id}`.
async fn request_bill(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, bill::page(&request).await),
        false => request.shell(Area::Account),
    }
}

/// `GET /dashboard/keys`.
async fn all_keys(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, keys::all(&request).await),
        false => request.shell(Area::Account),
    }
}

/// `GET /dashboard/keys/{id}`, and `new` for a new one.
async fn one_key(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, keys::one(&request).await),
        false => request.shell(Area::Account),
    }
}

/// `GET /dashboard/apps`.
async fn all_apps(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, apps::page(&request).await),
        false => request.shell(Area::Account),
    }
}

/// `GET /dashboard/transactions`.
async fn all_transactions(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, transactions::page(&request).await),
        false => request.shell(Area::Account),
    }
}

/// `GET /dashboard/top-up`.
async fn buy(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, top_up::page(&request).await),
        false => request.shell(Area::Account),
    }
}

/// `GET /dashboard/account`.
async fn own_account(request: PageRequest) -> Response<Body> {
    match request.wants_fragment() {
        true => finished(&request, account::page(&request).await),
        false => request.shell(Area::Account),
    }
}
