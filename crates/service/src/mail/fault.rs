//! Errors of mails.

use opencredits_email::MailError;
use opencredits_ledger::LedgerError;
use opencredits_store::StoreError;

/// A mail cannot be put into the outbox, or the outbox cannot be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailFault {
    /// The cause is empty or too long: the caller's fault.
    #[error("the cause of a mail is empty or longer than 200 bytes; use the id of what it is about")]
    Cause,
    /// The figures cannot be written as JSON.
    #[error("cannot write the figures of a mail: {0}")]
    Parameters(#[from] serde_json::Error),
    /// A mail is invalid.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
