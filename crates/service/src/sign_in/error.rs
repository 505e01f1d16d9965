//! Errors of signing in.

use crate::accounts::AccountsError;
use opencredits_identity::{IdentityError, Wait};
use opencredits_store::StoreError;

/// Signing in was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInFault {
    /// A code, a link or a passkey does not hold. Nobody is told why.
    #[error("the {what} does not hold: it is wrong, too old or used; ask for a new one")]
    Refused {
        /// What was sent.
        what: &'static str,
    },
    /// The person has not accepted these terms.
    #[error("accept the terms of version {version} and say that you are at least 16 years old to go on")]
    TermsRequired {
        /// The version.
        version: String,
    },
    /// There were too many attempts.
    #[error(transparent)]
    Wait(#[from] Wait),
    /// There is no account, and people do not make one themselves.
    #[error("there is no account for this address, and accounts are made by the operator here; ask them")]
    SignUpClosed,
    /// There is no such session, or it is over.
    #[error("this session is over; sign in again")]
    NoSession,
    /// The person has no address, and so gets no code.
    #[error("this account has no address that a code can be mailed to; ask the operator to set it")]
    NoAddress,
    /// Another person has the address.
    #[error("another account has this address; sign in to that one, or use another address")]
    AddressTaken,
    /// There is no such thing of this person.
    #[error("you have no such {what}; list those that you have")]
    NoSuch {
        /// What it would be.
        what: &'static str,
    },
    /// A value breaks a rule, or passkeys cannot be used here.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Too many mails wait for the mail server, or mails are switched off.
    #[error("no mail can be sent now; try again in a minute")]
    NoMail,
    /// A person could not be made, or a value is out of bounds.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
