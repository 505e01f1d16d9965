//! Who may use the routes of operators.

use super::problem::problem;
use super::state::OperatorApp;
use crate::errors::{ErrorType, Problem};
use crate::sessions::{SignedIn, signed_in};
use crate::{paths, redact};
use http::{HeaderMap, Uri};
use opencredits_store::{Role, SessionId, Standing, User};

/// A signed-in person with the role.
pub(crate) struct Operator<'a> {
    pub(crate) state: &'a OperatorApp,
    pub(crate) user: User,
    pub(super) session: SessionId,
}

impl<'a> Operator<'a> {
    /// Who asks. The role is read at each request, so that it ends at once.
    ///
    /// # Errors
    /// Where nobody is signed in, as on every page; where somebody is who has not the role or is suspended, the error of a
    /// path at which there is nothing.
    pub(crate) async fn of(state: &'a OperatorApp, uri: &Uri, headers: &HeaderMap) -> Result<Self, Problem> {
        let SignedIn { user, session } = signed_in(&state.app, headers).await?;
        let found = state.admin.accounts.role_of(&user.to_string()).await;
        match found {
            Ok((user, Role::Operator)) if user.standing == Standing::Good => Ok(Self { state, user, session }),
            Ok(_) => Err(nothing_here(uri)),
            Err(error) => Err(problem(error.into())),
        }
    }
}

/// The error of a path at which there is nothing.
fn nothing_here(uri: &Uri) -> Problem {
    let message = format!("there is nothing at {}; {}", redact::path(uri.path()), paths::ALL);
    Problem::new(ErrorType::NotFound, message)
}
