//! Which notices a person gets.

use super::error::PrivacyError;
use super::state::{Asker, Privacy};
use crate::fault::Fault;
use opencredits_store::{MutedNotice, NoticeKind, StoreError};
use opencredits_units::UserId;

/// Whether a person gets notices of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeChoice {
    /// They are sent.
    On,
    /// They are not.
    Off,
}

impl Privacy {
    /// The kinds of notices that a person has switched off.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn muted(&self, user: UserId) -> Result<Vec<NoticeKind>, PrivacyError> {
        Ok(self.tables.choices.muted_of(user).await?.into_iter().map(|muted| muted.kind).collect())
    }

    /// Switches kinds of notices on or off for a person. Receipts, failures of top-ups and what concerns the security of the
    /// account have no kind here: they are always sent.
    ///
    /// # Errors
    /// When the account was deleted, or the store fails.
    pub async fn choose_notices(
        &self,
        user: UserId,
        choices: &[(NoticeKind, NoticeChoice)],
    ) -> Result<(), PrivacyError> {
        self.changeable(user).await?;
        let (mut is_changed, since) = (false, self.now());
        for (kind, choice) in choices.iter().copied() {
            is_changed |= match choice {
                NoticeChoice::On => self.tables.choices.unmute(user, kind).await?,
                NoticeChoice::Off => self.tables.choices.mute(user, MutedNotice { kind, since }).await?,
            };
        }
        if is_changed {
            self.record(user, (Asker::Person, "user.notices")).await?;
        }
        Ok(())
    }

    /// The kind of notices that a link in a mail ends.
    ///
    /// # Errors
    /// When the link does not hold.
    pub fn unsubscribed_kind(&self, token: &str) -> Result<NoticeKind, PrivacyError> {
        self.unsubscribing(token).map(|(_, kind)| kind)
    }

    /// Ends notices of a kind by the link in one of them; returns the kind. Doing so again changes nothing.
    ///
    /// # Errors
    /// When the link does not hold, the account was deleted, or the store fails.
    pub async fn unsubscribe(&self, token: &str) -> Result<NoticeKind, PrivacyError> {
        let (user, kind) = self.unsubscribing(token)?;
        match self.choose_notices(user, &[(kind, NoticeChoice::Off)]).await {
            // The account is gone.
            Err(PrivacyError::Fault(Fault::Store(StoreError::Orphan))) => Err(PrivacyError::Link),
            done => done.map(|()| kind),
        }
    }

    fn unsubscribing(&self, token: &str) -> Result<(UserId, NoticeKind), PrivacyError> {
        let links = self.account_links.as_ref().ok_or(PrivacyError::Link)?;
        links.read_unsubscribe(token, self.now()).ok_or(PrivacyError::Link)
    }
}
