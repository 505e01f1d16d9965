//! The name of the authorization server.

use super::redirect::origin_problem;
use crate::error::IdentityError;

/// The authorization server's own name: an origin (RFC 8414, section 2). Clients compare it to the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

impl Issuer {
    /// The issuer at a base URL, whose last slash does not count. A path is not permitted: the well-known documents of an
    /// issuer with a path stand elsewhere (RFC 8414, section 3.1).
    ///
    /// # Errors
    /// [`IdentityError::Malformed`] for what is no https origin, nor one of the machine itself.
    pub fn from_base_url(url: &str) -> Result<Self, IdentityError> {
        let origin = url.strip_suffix('/').unwrap_or(url);
        match origin_problem(origin) {
            None => Ok(Self(origin.to_owned())),
            Some(_) => Err(IdentityError::Malformed {
                field: "base url",
                rule: "be an origin in lower case, such as https://credits.example; http is for the machine itself only",
            }),
        }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A URL of ours.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}
