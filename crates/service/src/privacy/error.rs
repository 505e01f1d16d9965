//! Errors of what people ask of their data.

use crate::fault::Fault;
use crate::mail::MailFault;
use crate::purchases::PurchaseError;
use opencredits_ledger::LedgerError;
use opencredits_store::StoreError;

/// What was asked was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivacyError {
    /// No person has this id or label.
    #[error("no user {name}; list users with `opencredits-admin user list`")]
    NoUser {
        /// The id or label.
        name: String,
    },
    /// The person runs partners.
    #[error(
        "the person runs {partners} partners; give them another owner, or have them closed, before the account is deleted"
    )]
    RunsPartners {
        /// How many.
        partners: u64,
    },
    /// No deletion is under way.
    #[error("this account is not going to be deleted")]
    NotLeaving,
    /// A link does not hold. Nobody is told why.
    #[error("the link does not hold: it is wrong, too old or used; sign in and use the page of your account")]
    Link,
    /// The account was deleted.
    #[error("this account was deleted")]
    Erased,
    /// A value is out of bounds.
    #[error("{field} {problem}")]
    Invalid {
        /// The value.
        field: &'static str,
        /// The problem and its remedy.
        problem: &'static str,
    },
    /// A version of the policy was published under this name.
    #[error("version {version} of the policy is published already; give the new one another name")]
    PolicyExists {
        /// The version.
        version: String,
    },
    /// The payment processor knows the person, and cannot be reached from here.
    #[error("the payment processor knows this person; delete the account while a gateway runs that sells credits")]
    Processor,
    /// Whoever takes the archive went away, or it cannot be written.
    #[error("the archive cannot be written: {0}")]
    Archive(String),
    /// The payment processor failed.
    #[error(transparent)]
    Purchase(#[from] PurchaseError),
    /// The outbox failed.
    #[error(transparent)]
    Mail(#[from] MailFault),
    /// The ledger, the store or the read model of usage failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<LedgerError> for PrivacyError {
    fn from(error: LedgerError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<StoreError> for PrivacyError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}
