//! The routes of who runs partners.

use super::{keys, publishable, reads, test_keys};
use crate::state::App;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(reads::list))
        .routes(routes!(reads::one))
        .routes(routes!(reads::usage))
        .routes(routes!(reads::referrals))
        .routes(routes!(reads::statements))
        .routes(routes!(reads::payouts))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(keys::revoke))
        .routes(routes!(keys::rotate))
        .routes(routes!(publishable::list, publishable::add))
        .routes(routes!(publishable::edit, publishable::revoke))
        .routes(routes!(test_keys::list, test_keys::add))
        .routes(routes!(test_keys::revoke))
        .routes(routes!(test_keys::rotate))
        .routes(routes!(test_keys::set_origins))
}
