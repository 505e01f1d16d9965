//! The deletion of an account: asked for, called off, done.

use super::error::PrivacyError;
use super::state::{Asker, Privacy};
use crate::purchases::debt_of;
use opencredits_email::DeletionScheduled;
use opencredits_ledger::LedgerError;
use opencredits_store::{Footprint, PrivacyState, User};
use opencredits_units::{NanoUsd, UnixMs, UserId};

/// Deletions of one run of the job.
const DUE_MAX: u32 = 100;

/// What a deletion takes from a person, before they confirm it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionPreview {
    /// What is held.
    pub footprint: Footprint,
    /// The balance, which nobody can spend afterwards.
    pub balance: NanoUsd,
    /// What the person owes; it stays in the books.
    pub debt: NanoUsd,
    /// When the account would be deleted.
    pub due_at: UnixMs,
    /// What was asked for before.
    pub state: PrivacyState,
}

/// A deletion that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// When it was asked for.
    pub asked_at: UnixMs,
    /// When the account is deleted.
    pub due_at: UnixMs,
    /// The balance, which nobody can spend afterwards.
    pub balance: NanoUsd,
}

impl Privacy {
    /// What a deletion takes from a person.
    ///
    /// # Errors
    /// When the person is unknown, or ledger or store fail.
    pub async fn preview_deletion(&self, user: UserId) -> Result<DeletionPreview, PrivacyError> {
        let found = self.person(user).await?;
        Ok(DeletionPreview {
            footprint: self.tables.states.footprint(user).await?,
            balance: self.posted(&found).await?,
            debt: self.owed(user).await?,
            due_at: self.now().saturating_add_ms(self.grace_ms),
            state: self.state(user).await?,
        })
    }

    /// Schedules the deletion of an account. Its keys rest at once and nothing can be bought; the person is told by mail.
    /// Asking again changes nothing.
    ///
    /// # Errors
    /// When the person runs partners, the account was deleted, or ledger, outbox or store fail.
    pub async fn schedule_deletion(&self, user: UserId, asker: Asker) -> Result<Leaving, PrivacyError> {
        let found = self.person(user).await?;
        let mut state = self.changeable(user).await?;
        self.refuse_owners(user).await?;
        let balance = self.posted(&found).await?;
        let now = self.now();
        let asked_at = state.deletion_asked_at.filter(|_| state.deletion_due_at.is_some()).unwrap_or(now);
        let due_at = state.deletion_due_at.unwrap_or_else(|| now.saturating_add_ms(self.grace_ms));
        if state.deletion_due_at.is_none() {
            state.deletion_asked_at = Some(asked_at);
            state.deletion_due_at = Some(due_at);
            self.store(user, state, (asker, "user.deletion_ask")).await?;
        }
        // After a crash in between, asking again puts it in.
        let letter = DeletionScheduled { due_at, balance };
        self.ports.queue.deletion_scheduled(user, &format!("{user}-{}", asked_at.get()), letter).await?;
        Ok(Leaving { asked_at, due_at, balance })
    }

    /// Calls a deletion off, within its time.
    ///
    /// # Errors
    /// When none is under way, or the store fails.
    pub async fn cancel_deletion(&self, user: UserId, asker: Asker) -> Result<(), PrivacyError> {
        let state = self.changeable(user).await?;
        if state.deletion_due_at.is_none() {
            return Err(PrivacyError::NotLeaving);
        }
        let kept = PrivacyState { deletion_asked_at: None, deletion_due_at: None, ..state };
        self.store(user, kept, (asker, "user.deletion_cancel")).await?;
        Ok(())
    }

    /// Calls a deletion off by the link in the mail about it, which holds once; returns whose it was.
    ///
    /// # Errors
    /// When the link does not hold, when no deletion is under way, or the store fails.
    pub async fn cancel_by_link(&self, token: &str) -> Result<UserId, PrivacyError> {
        let links = self.account_links.as_ref().ok_or(PrivacyError::Link)?;
        let (user, nonce, expires_at) = links.read_cancel(token, self.now()).ok_or(PrivacyError::Link)?;
        if self.state(user).await?.deletion_due_at.is_none() {
            return Err(PrivacyError::NotLeaving);
        }
        if !self.tables.links.spend_link(&nonce, expires_at).await? {
            return Err(PrivacyError::Link);
        }
        self.cancel_deletion(user, Asker::Person).await?;
        Ok(user)
    }

    /// Deletes an account now: first at the payment processor, then everything in the store that tells who the person is. The
    /// books stay under the opaque id; the balance stays there, and nobody can spend it. Asking again changes nothing.
    ///
    /// # Errors
    /// When the person runs partners, or processor or store fail; then it is asked for again.
    pub async fn erase(&self, user: UserId, asker: Asker) -> Result<(), PrivacyError> {
        self.person(user).await?;
        if self.state(user).await?.erased_at.is_some() {
            return Ok(());
        }
        self.refuse_owners(user).await?;
        match &self.ports.purchases {
            Some(purchases) => purchases.forget_person(user).await?,
            None if self.tables.payers.payer(user).await?.is_some_and(|payer| payer.customer.is_some()) => {
                return Err(PrivacyError::Processor);
            }
            None => {}
        }
        self.tables.states.erase(user, self.now()).await?;
        (self.ports.changed)();
        self.record(user, (asker, "user.erase")).await?;
        tracing::info!(%user, "an account was deleted");
        Ok(())
    }

    /// Deletes the accounts whose time has come; returns how many, and how many failed.
    ///
    /// # Errors
    /// When the store fails. A failure with one account does not keep others waiting.
    pub async fn erase_due(&self) -> Result<(u64, u64), PrivacyError> {
        let (mut erased, mut failed) = (0_u64, 0_u64);
        for user in self.tables.states.due_deletions(self.now(), DUE_MAX).await? {
            match self.erase(user, Asker::Time).await {
                Ok(()) => erased = erased.saturating_add(1),
                Err(error) => {
                    failed = failed.saturating_add(1);
                    tracing::error!(%user, %error, "cannot delete an account whose time has come; trying again");
                }
            }
        }
        Ok((erased, failed))
    }

    async fn person(&self, user: UserId) -> Result<User, PrivacyError> {
        self.tables.users.user(user).await?.ok_or_else(|| PrivacyError::NoUser { name: user.to_string() })
    }

    async fn refuse_owners(&self, user: UserId) -> Result<(), PrivacyError> {
        match self.tables.states.footprint(user).await?.partners {
            0 => Ok(()),
            partners => Err(PrivacyError::RunsPartners { partners }),
        }
    }

    async fn posted(&self, user: &User) -> Result<NanoUsd, PrivacyError> {
        match self.ports.ledger.balance(user.wallet).await {
            Ok(balance) => Ok(balance.posted),
            Err(LedgerError::UnknownAccount { .. }) => Ok(NanoUsd::ZERO),
            Err(error) => Err(error.into()),
        }
    }

    async fn owed(&self, user: UserId) -> Result<NanoUsd, PrivacyError> {
        match self.ports.ledger.balance(debt_of(user)).await {
            Ok(balance) => Ok(balance.posted.checked_neg().unwrap_or_default().max(NanoUsd::ZERO)),
            Err(LedgerError::UnknownAccount { .. }) => Ok(NanoUsd::ZERO),
            Err(error) => Err(error.into()),
        }
    }
}
