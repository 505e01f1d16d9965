//! Errors of connecting apps.

use crate::accounts::AccountsError;
use crate::fault::Fault;
use opencredits_identity::oauth::{OauthError, OauthRefusal};
use opencredits_store::StoreError;
use opencredits_units::NanoUsd;

/// An app could not be connected, or not as asked. The last three are ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The client's: what it asks for does not hold.
    #[error(transparent)]
    Oauth(#[from] OauthRefusal),
    /// The client's, and it is told at its redirect, which is registered.
    #[error("the request does not hold; the app is told")]
    Redirected {
        /// Where to send the person.
        location: String,
    },
    /// Nobody is registered under this publishable key, or not any more.
    #[error("there is no app with this publishable key; copy it again from the partner portal")]
    NoApp,
    /// Apps that are not registered get no keys here.
    #[error("this app is not registered here, and the operator lets no such app ask for keys")]
    Unregistered,
    /// The person's: the cap is out of bounds.
    #[error("the cap is above 0 and at most {max} USD; choose another")]
    Cap {
        /// The highest one.
        max: NanoUsd,
    },
    /// The person has connected no such app.
    #[error("you have connected no such app; GET /v1/apps lists those that you have")]
    NotConnected,
    /// No terminal waits for this code.
    #[error("no terminal waits for this code; look at it again, or have the app show a new one")]
    NoUserCode,
    /// People, keys or limits.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The read model.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a code or a token that does not hold is refused with, whatever is wrong with it.
pub(super) const INVALID_GRANT: OauthRefusal =
    OauthRefusal::new(OauthError::InvalidGrant, "it is not known, or not any more; ask the person again");
/// What an unknown client is refused with.
pub(super) const INVALID_CLIENT: OauthRefusal =
    OauthRefusal::new(OauthError::InvalidClient, "client_id is no publishable key in force");
/// What an app is told where a person refused.
pub(super) const DENIED: OauthRefusal = OauthRefusal::new(OauthError::AccessDenied, "the person refused");
