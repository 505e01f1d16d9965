//! The routes of who runs partners.

use super::{keys, publishable, reads, test_keys};
use crate::state::App;
use axum::Router;
use axum::routing::{delete, get, patch, post, put};
use std::sync::Arc;

/// The routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/partners", get(reads::list))
        .route("/v1/partners/{id}", get(reads::one))
        .route("/v1/partners/{id}/usage", get(reads::usage))
        .route("/v1/partners/{id}/referrals", get(reads::referrals))
        .route("/v1/partners/{id}/statements", get(reads::statements))
        .route("/v1/partners/{id}/payouts", get(reads::payouts))
        .route("/v1/partners/{id}/keys", get(keys::list).post(keys::add))
        .route("/v1/partners/{id}/keys/{key}", delete(keys::revoke))
        .route("/v1/partners/{id}/keys/{key}/rotate", post(keys::rotate))
        .route("/v1/partners/{id}/publishable-keys", get(publishable::list).post(publishable::add))
        .route("/v1/partners/{id}/publishable-keys/{key}", patch(publishable::edit).delete(publishable::revoke))
        .route("/v1/partners/{id}/test-keys", get(test_keys::list).post(test_keys::add))
        .route("/v1/partners/{id}/test-keys/{key}", delete(test_keys::revoke))
        .route("/v1/partners/{id}/test-keys/{key}/rotate", post(test_keys::rotate))
        .route("/v1/partners/{id}/test-origins", put(test_keys::set_origins))
}
