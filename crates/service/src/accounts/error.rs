//! Errors of the operator's use cases.

use opencredits_catalog::CatalogError;
use opencredits_ledger::LedgerError;
use opencredits_store::StoreError;
use opencredits_units::{KeyId, UserId};

/// An operator's command was refused or failed. The caller can mend all but the last three.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// No person has this id or label.
    #[error("no user {name}; list users with `opencredits-admin user list`")]
    NoUser {
        /// The id or label.
        name: String,
    },
    /// Another person has this label, or this id has another label.
    #[error("there is a user {label} already, {id}; choose another label")]
    UserExists {
        /// The label.
        label: String,
        /// The person with it.
        id: UserId,
    },
    /// No key has this id.
    #[error("no key {id}; list a user's keys with `opencredits-admin key list USER`")]
    NoKey {
        /// The id.
        id: KeyId,
    },
    /// A key with this id exists; its secret was shown when it was created.
    #[error("there is a key {id} already, and its secret is shown once only; add another key and revoke this one")]
    KeyExists {
        /// The key.
        id: KeyId,
    },
    /// No partner has this id or name.
    #[error("no partner {name}; list partners with `opencredits-admin partner list`")]
    NoPartner {
        /// The id or name.
        name: String,
    },
    /// Another partner has this name.
    #[error("there is a partner {name} already; choose another name")]
    PartnerExists {
        /// The name.
        name: String,
    },
    /// More is to be paid out than has matured.
    #[error("{matured} USD of the commission of {name} have matured and are not paid out; pay out no more than that")]
    NotMatured {
        /// The partner.
        name: String,
        /// What may be paid out.
        matured: opencredits_units::NanoUsd,
    },
    /// No model has this name.
    #[error(transparent)]
    NoModel(#[from] CatalogError),
    /// A value is out of bounds.
    #[error("{field} {problem}")]
    Invalid {
        /// The value.
        field: &'static str,
        /// The problem and its remedy.
        problem: &'static str,
    },
    /// The ledger refused or failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process is ending.
    #[error("the process is ending; ask again once it runs")]
    Closing,
}
