//! The routes of signing in.

use super::{addresses, codes, list, passkeys, session};
use crate::state::App;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(codes::code))
        .routes(routes!(codes::link))
        .routes(routes!(passkeys::ask))
        .routes(routes!(session::show, session::begin, session::end))
        .routes(routes!(list::list, list::end_others))
        .routes(routes!(list::end))
        .routes(routes!(passkeys::list, passkeys::register))
        .routes(routes!(passkeys::options))
        .routes(routes!(passkeys::rename, passkeys::remove))
        .routes(routes!(addresses::begin, addresses::change))
}
