//! What the routes of connected apps share.

use crate::errors::{ErrorType, Problem};
use crate::faults;
use crate::sessions::{self, SignedIn};
use crate::state::App;
use http::HeaderMap;
use opencredits_service::Fault;
use opencredits_service::accounts::Actor;
use opencredits_service::connections::{Connections, Person, Way};
use std::sync::Arc;

/// The largest body.
pub(super) const BODY_BYTES_MAX: usize = 16 << 10;

/// The page of a way.
pub(super) const fn path_of(way: Way) -> &'static str {
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
pub(super) fn connections(app: &App) -> Result<&Arc<Connections>, Problem> {
    app.connections.as_ref().ok_or_else(|| {
        Problem::new(
            ErrorType::NotFound,
            "apps cannot be connected here: the service's public URL is no https origin, or this is test mode",
        )
    })
}

/// Who decides: a signed-in person in good standing.
pub(super) async fn person(app: &App, headers: &HeaderMap) -> Result<Person, Problem> {
    let SignedIn { user, session } = sessions::signed_in(app, headers).await?;
    let acting = app.gateway.keyring().acting(user, Actor::Session(session)).await;
    acting.map_err(|fault| faults::problem(&fault, &app.settings))?;
    Ok(Person { user, session })
}

/// The same for a change, unless they make too many.
pub(super) async fn changing(app: &App, headers: &HeaderMap) -> Result<Person, Problem> {
    let SignedIn { user, session } = sessions::signed_in(app, headers).await?;
    let fault = |fault: Fault| faults::problem(&fault, &app.settings);
    let manager = app.gateway.keyring().acting(user, Actor::Session(session)).await.map_err(fault)?;
    app.gateway.keyring().admit_change(manager).await.map_err(fault)?;
    Ok(Person { user, session })
}
