//! Changes of a person's address: the old one consents, and the new one is proven.

use super::codes::{RightCode, SentCode, TypedCode, read_address};
use super::limits::Action;
use super::{SignIn, SignInFault};
use opencredits_identity::Purpose;
use opencredits_units::UserId;
use std::net::IpAddr;

/// The codes that were mailed for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressCodes {
    /// To the address that the person has.
    pub old: SentCode,
    /// To the one that they want.
    pub new: SentCode,
}

/// The answers to both.
#[derive(Clone, Copy)]
pub struct AddressChange<'a> {
    /// The challenge and the code from the old address.
    pub old: (&'a str, &'a str),
    /// The challenge and the code from the new one.
    pub new: (&'a str, &'a str),
}

impl SignIn {
    /// Mails a code to the address that a person has, and one to the address that they want.
    ///
    /// # Errors
    /// When an address is missing or invalid, when there were too many attempts, or no mail can be sent.
    pub async fn begin_address_change(
        &self,
        user: UserId,
        address: &str,
        from: Option<IpAddr>,
    ) -> Result<AddressCodes, SignInFault> {
        let address = read_address(address)?;
        self.admit(Action::SendCode, Some(address.as_str()), from).await?;
        let old = self.send_code_to(user, Purpose::AddressOld).await?;
        let new = self.mail_code(address, (Purpose::AddressNew, Some(user))).await?;
        Ok(AddressCodes { old, new })
    }

    /// Changes a person's address, where both codes are right; returns the new one.
    ///
    /// # Errors
    /// When a code is not right, when another person has the address, or there were too many attempts. Where one code is
    /// right it can be used again.
    pub async fn change_address(&self, user: UserId, change: &AddressChange<'_>) -> Result<String, SignInFault> {
        let code = |(challenge, typed), purpose| TypedCode { challenge, typed, user: Some(user), purpose, from: None };
        let old = self.examine_code(&code(change.old, Purpose::AddressOld)).await?;
        let new = match self.examine_code(&code(change.new, Purpose::AddressNew)).await {
            Ok(new) => new,
            Err(fault) => {
                self.return_code(&old).await?;
                return Err(fault);
            }
        };
        self.exchange(user, &old, &new).await
    }

    async fn exchange(&self, user: UserId, old: &RightCode, new: &RightCode) -> Result<String, SignInFault> {
        let _one = self.addressing.lock().await;
        // The address may have changed since the codes were mailed: then the old one is nobody's consent.
        let now = self.tables.emails.email_of(user).await?.map(|email| read_address(&email.address)).transpose()?;
        self.spend_code(old).await?;
        self.spend_code(new).await?;
        if now.as_ref() != Some(&old.address) {
            return Err(SignInFault::Refused { what: "code" });
        }
        let address = new.address.as_str();
        if self.tables.emails.user_by_email(address).await?.is_some_and(|other| other != user) {
            return Err(SignInFault::AddressTaken);
        }
        self.tables.emails.set_email(user, address).await?;
        tracing::info!(%user, "an address was changed");
        Ok(address.to_owned())
    }
}
