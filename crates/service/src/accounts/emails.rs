//! People's addresses, as the operator sets them.

use super::{Accounts, AccountsError};
use opencredits_email::{Address, MailError};
use opencredits_store::{StoreError, UserEmail};
use opencredits_units::UserId;

impl Accounts {
    /// Sets a person's address. Mails that came back before are forgotten: it counts as one that takes mail.
    ///
    /// # Errors
    /// When the address is invalid, the person does not exist, or the store fails.
    pub async fn set_email(&self, user: UserId, address: &str) -> Result<(), AccountsError> {
        let address = check_address(address)?;
        match self.tables.emails.set_email(user, address.as_str()).await {
            Err(StoreError::Orphan) => Err(AccountsError::NoUser { name: user.to_string() }),
            set => Ok(set?),
        }
    }

    /// Removes a person's address; no mail is sent to them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_email(&self, user: UserId) -> Result<(), AccountsError> {
        Ok(self.tables.emails.remove_email(user).await?)
    }

    /// A person's address.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn email_of(&self, user: UserId) -> Result<Option<UserEmail>, AccountsError> {
        Ok(self.tables.emails.email_of(user).await?)
    }
}

/// Reads an address.
///
/// # Errors
/// When no mail server takes it.
pub fn check_address(address: &str) -> Result<Address, AccountsError> {
    address.trim().parse().map_err(|error| match error {
        MailError::Invalid { field, problem } => AccountsError::Invalid { field, problem },
        _ => AccountsError::Invalid { field: "the address", problem: "is invalid; write it as name@example.org" },
    })
}
