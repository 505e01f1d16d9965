//! People connect apps: by a page of ours, by OAuth 2.1 with its device flow, and by a redirect on their own machine.
//!
//! A page that asks for consent is made anew for each request, from what the store says of the app. Its script sends what the
//! person decided together with the query; the query is read again then, so that nothing that stands on the page is believed.

mod apps;
mod consent;
mod devices;
mod fields;
mod metadata;
mod problem;
mod tokens;

use crate::errors::{ErrorType, Problem};
use crate::faults;
use crate::sessions::{self, SignedIn};
use crate::state::App;
use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, Response};
use opencredits_service::Fault;
use opencredits_service::accounts::Actor;
use opencredits_service::connections::{Connections, Person, Way};
use std::sync::Arc;

/// The largest body.
const BODY_BYTES_MAX: usize = 16 << 10;

/// The routes.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/apps", get(apps::list).post(apps::connect))
        .route("/v1/apps/{id}", get(apps::one).patch(apps::change).delete(apps::disconnect))
        .route("/oauth/authorize", get(consent::authorize).post(consent::decide_authorize))
        .route("/auth", get(consent::callback).post(consent::decide_callback))
        .route("/connect", get(consent::hand_over).post(consent::decide_hand_over))
        .route("/device", get(devices::page).post(devices::decide))
        .route("/oauth/token", post(tokens::token))
        .route("/oauth/revoke", post(tokens::revoke))
        .route("/oauth/device_authorization", post(tokens::device))
        .route("/api/v1/auth/keys", post(tokens::key))
        .route("/.well-known/oauth-authorization-server", get(metadata::server))
        .route("/.well-known/oauth-protected-resource", get(metadata::origin))
        .route("/.well-known/oauth-protected-resource/v1", get(metadata::api))
}

/// The page of a way.
const fn path_of(way: Way) -> &'static str {
    match way {
        Way::Authorize => "/oauth/authorize",
        Way::Callback => "/auth",
        Way::HandOver => "/connect",
    }
}

/// The use cases.
///
/// # Errors
/// Where no apps can be connected.
fn connections(app: &App) -> Result<&Arc<Connections>, Problem> {
    app.connections.as_ref().ok_or_else(|| {
        Problem::new(
            ErrorType::NotFound,
            "apps cannot be connected here: the service's public URL is no https origin, or this is test mode",
        )
    })
}

/// Who decides: a signed-in person in good standing.
async fn person(app: &App, headers: &HeaderMap) -> Result<Person, Problem> {
    let SignedIn { user, session } = sessions::signed_in(app, headers).await?;
    let acting = app.gateway.keyring().acting(user, Actor::Session(session)).await;
    acting.map_err(|fault| faults::problem(&fault, &app.settings))?;
    Ok(Person { user, session })
}

/// The same for a change, unless they make too many.
async fn changing(app: &App, headers: &HeaderMap) -> Result<Person, Problem> {
    let SignedIn { user, session } = sessions::signed_in(app, headers).await?;
    let fault = |fault: Fault| faults::problem(&fault, &app.settings);
    let manager = app.gateway.keyring().acting(user, Actor::Session(session)).await.map_err(fault)?;
    app.gateway.keyring().admit_change(manager).map_err(|limited| fault(limited.into()))?;
    Ok(Person { user, session })
}

/// An answer that is kept nowhere: it has a secret, or is one person's.
fn private(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
