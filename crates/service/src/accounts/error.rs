//! Why a use case of the operator was refused or failed.

use opencredits_catalog::CatalogError;
use opencredits_ledger::LedgerError;
use opencredits_store::StoreError;
use opencredits_units::{KeyId, UserId};

/// Why a use case of the operator was refused or failed. All but the last three are the caller's to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// Nobody has this id or label.
    #[error("no user {name}; list users with `opencredits-admin user list`")]
    NoUser {
        /// What was looked for.
        name: String,
    },
    /// Somebody has this label, or this id with another label.
    #[error("there is a user {label} already, {id}; choose another label")]
    UserExists {
        /// The label.
        label: String,
        /// Who has it.
        id: UserId,
    },
    /// No key has this id.
    #[error("no key {id}; list a user's keys with `opencredits-admin key list USER`")]
    NoKey {
        /// What was looked for.
        id: KeyId,
    },
    /// There is a key with this id, whose secret was shown when it was made.
    #[error("there is a key {id} already, and its secret is shown once only; add another key and revoke this one")]
    KeyExists {
        /// The key.
        id: KeyId,
    },
    /// No partner has this id or name.
    #[error("no partner {name}; list partners with `opencredits-admin partner list`")]
    NoPartner {
        /// What was looked for.
        name: String,
    },
    /// A partner has this name.
    #[error("there is a partner {name} already; choose another name")]
    PartnerExists {
        /// The name.
        name: String,
    },
    /// No model has this name.
    #[error(transparent)]
    NoModel(#[from] CatalogError),
    /// A value is outside of its bounds.
    #[error("{field} {problem}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What is wrong and what to do.
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
