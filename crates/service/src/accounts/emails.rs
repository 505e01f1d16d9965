//! People's addresses, as the operator sets them.

use super::{Accounts, AccountsError};
use crate::actor::Actor;
use opencredits_email::{Address, MailError};
use opencredits_store::{StoreError, UserEmail};
use opencredits_units::UserId;

impl Accounts {
    /// Sets a person's address. Mails that came back before are forgotten: it counts as one that takes mail.
    ///
    /// # Errors
    /// When the address is invalid or another person's, the person does not exist, or the store fails.
    pub async fn set_email(&self, user: UserId, address: &str) -> Result<(), AccountsError> {
        let address = check_address(address)?;
        self.check_free(&address, Some(user)).await?;
        match self.tables.emails.set_email(user, address.as_str()).await {
            Err(StoreError::Orphan) => return Err(AccountsError::NoUser { name: user.to_string() }),
            set => set?,
        }
        self.record((Actor::Operator, "user.email"), &user.to_string(), "set".to_owned()).await
    }

    /// Refuses an address that another person signs in with.
    ///
    /// # Errors
    /// When it is another person's, or the store fails.
    pub async fn check_free(&self, address: &Address, user: Option<UserId>) -> Result<(), AccountsError> {
        match self.tables.emails.user_by_email(address.as_str()).await? {
            Some(other) if Some(other) != user => {
                let problem = "is another person's, who signs in with it; choose another, or remove it there first";
                Err(AccountsError::Invalid { field: "the address", problem })
            }
            _ => Ok(()),
        }
    }

    /// Removes a person's address; no mail is sent to them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_email(&self, user: UserId) -> Result<(), AccountsError> {
        self.tables.emails.remove_email(user).await?;
        self.record((Actor::Operator, "user.email"), &user.to_string(), "removed".to_owned()).await
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
