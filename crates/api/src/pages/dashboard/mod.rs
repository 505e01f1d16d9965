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
mod sorting;
mod top_up;
mod transactions;

pub(super) use figures::priced;

use crate::state::App;
use axum::Router;
use finish::filled;
use opencredits_pages::Area;
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
