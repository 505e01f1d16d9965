//! Whose checkout a page may show in a frame: asked by the frame when it begins, and again where a passkey signs in within it.

use crate::errors::{ErrorType, Problem};
use crate::faults;
use crate::keys;
use crate::state::App;
use opencredits_keys::Mode;
use opencredits_service::Fault;
use opencredits_service::accounts::{AccountsError, Embedding};
use opencredits_store::Partner;

/// A checkout that a page may show.
pub(crate) struct Shown<'a> {
    /// What serves its key.
    pub(crate) side: &'a App,
    /// The app.
    pub(crate) partner: Partner,
}

/// The checkout of a publishable key, where pages of this origin may show it. Our own pages may always.
pub(crate) async fn shown<'a>(app: &'a App, key: &str, origin: &str) -> Result<Shown<'a>, Problem> {
    let side = side(app, key);
    match side.accounts.embedding(key, origin).await.map_err(|error| failed(app, error))? {
        Embedding::Allowed(partner) => Ok(Shown { side, partner }),
        Embedding::OtherPage(partner) if origin == own_origin(app) => Ok(Shown { side, partner }),
        Embedding::OtherPage(_) => {
            let message = "pages of this origin may not show the checkout of this publishable key; \
                 register the origin with the key";
            Err(Problem::new(ErrorType::PermissionDenied, message).with("param", "origin"))
        }
        Embedding::UnknownKey => {
            let message = "there is no partner with this publishable_key; copy it again from the partner portal";
            Err(Problem::new(ErrorType::NotFound, message).with("param", "publishable_key"))
        }
    }
}

/// What serves a publishable key.
pub(crate) fn side<'a>(app: &'a App, key: &str) -> &'a App {
    match &app.test {
        Some(test) if Mode::of_key(key) == Mode::Test => test.app(),
        _ => app,
    }
}

/// The origin of our own pages, which the partner portal's preview has.
fn own_origin(app: &App) -> &str {
    let url = app.pages.pages.site().url.as_str();
    let host = url.find("://").map_or(0, |at| at.saturating_add(3));
    let end = url.get(host..).and_then(|rest| rest.find('/')).and_then(|at| host.checked_add(at));
    end.and_then(|end| url.get(..end)).unwrap_or(url)
}

pub(crate) fn failed(app: &App, error: AccountsError) -> Problem {
    match error {
        AccountsError::Store(error) => faults::problem(&Fault::Store(error), &app.settings),
        error => keys::problem(app, error),
    }
}
