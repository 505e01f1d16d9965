//! What people do with the partners that they run.
//!
//! A person runs the partners of which they are the owner, and the applications that they made, until these are decided.
//! For anybody else there is no such partner: what does not exist and what belongs to another cannot be told apart.

use super::{Accounts, AccountsError, Actor, NewTestKey, PublishableKeyEdit, TestDesk};
use crate::keyring::Manager;
use opencredits_keys::IssuedKey;
use opencredits_store::{ApplicationState, Key, Partner, PartnerApplication, PartnerKeyRecord, PublishableKeyRecord};
use opencredits_units::{KeyId, PartnerId, UserId};

/// The most partners of a person that are listed.
const PARTNERS_MAX: u32 = 100;
/// The most secret keys, and the most test keys, of a partner that its owner may have in force.
const KEYS_MAX: usize = 20;

/// A partner, or what is to become one, as the person sees it who runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Managed {
    /// A partner.
    Partner(Partner),
    /// An application that is not decided: a partner in test mode only.
    Applied(PartnerApplication),
}

impl Managed {
    /// The id, which the approved partner keeps.
    #[must_use]
    pub const fn id(&self) -> PartnerId {
        match self {
            Self::Partner(partner) => partner.id,
            Self::Applied(application) => application.id,
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Partner(partner) => &partner.name,
            Self::Applied(application) => &application.name,
        }
    }

    /// The partner; `None` for an application.
    #[must_use]
    pub const fn partner(&self) -> Option<&Partner> {
        match self {
            Self::Partner(partner) => Some(partner),
            Self::Applied(_) => None,
        }
    }
}

/// Who changes which partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartnerChange {
    /// The partner.
    pub partner: PartnerId,
    /// The person, and what they sent.
    pub manager: Manager,
}

impl Accounts {
    /// The partners that a person runs, and their applications that are not decided, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn managed_by(&self, user: UserId) -> Result<Vec<Managed>, AccountsError> {
        let owned = self.tables.partners.partners_owned_by(user, PARTNERS_MAX).await?;
        let open = self.applications_of(user).await?.into_iter().filter(|one| one.state == ApplicationState::Open);
        let mut all: Vec<Managed> = owned.into_iter().map(Managed::Partner).collect();
        // A crash may have left an approved partner whose application is open still.
        let fresh: Vec<_> = open.filter(|one| all.iter().all(|there| there.id() != one.id)).collect();
        all.extend(fresh.into_iter().map(Managed::Applied));
        all.sort_by_key(|one| std::cmp::Reverse(one.id()));
        Ok(all)
    }

    /// One of these.
    ///
    /// # Errors
    /// When this person runs no such partner and has no such application, or the store fails.
    pub async fn managed(&self, user: UserId, id: PartnerId) -> Result<Managed, AccountsError> {
        if let Some(partner) = self.tables.partners.partner(id).await?.filter(|partner| partner.owner == Some(user)) {
            return Ok(Managed::Partner(partner));
        }
        let found = self.tables.applications.application(id).await?;
        let open = found.filter(|one| one.applicant == user && one.state == ApplicationState::Open);
        open.map(Managed::Applied).ok_or_else(|| unknown(id))
    }

    /// A partner that a person owns.
    ///
    /// # Errors
    /// When this person owns no such partner, or the store fails.
    pub async fn owned_partner(&self, user: UserId, id: PartnerId) -> Result<Partner, AccountsError> {
        match self.managed(user, id).await? {
            Managed::Partner(partner) => Ok(partner),
            Managed::Applied(_) => Err(unknown(id)),
        }
    }

    /// Makes a secret key. Its secret is in the reply only; the store keeps a digest.
    ///
    /// # Errors
    /// When this person owns no such partner, it has 20 keys in force, the name is out of bounds, or the store fails.
    pub async fn add_owned_key(
        &self,
        change: PartnerChange,
        name: String,
    ) -> Result<(PartnerKeyRecord, IssuedKey), AccountsError> {
        let partner = self.owned_partner(change.manager.user, change.partner).await?;
        let there = self.tables.partner_keys.partner_keys_of(partner.id).await?;
        bounded(there.iter().filter(|key| key.revoked_at.is_none()).count())?;
        self.make_partner_key(partner.id, name, change.manager.actor).await
    }

    /// Revokes a secret key.
    ///
    /// # Errors
    /// When this person owns no such partner, it has no such key in force, or the store fails.
    pub async fn revoke_owned_key(&self, change: PartnerChange, id: KeyId) -> Result<PartnerKeyRecord, AccountsError> {
        self.secret_key_of(change, id).await?;
        self.end_partner_key(id, change.manager.actor).await
    }

    /// Makes a secret key of the same name in place of this one, which is revoked.
    ///
    /// # Errors
    /// When this person owns no such partner, it has no such key in force, or the store fails.
    pub async fn replace_owned_key(
        &self,
        change: PartnerChange,
        id: KeyId,
    ) -> Result<(PartnerKeyRecord, IssuedKey), AccountsError> {
        let before = self.secret_key_of(change, id).await?;
        let fresh = self.make_partner_key(before.owner, before.name, change.manager.actor).await?;
        self.end_partner_key(id, change.manager.actor).await?;
        Ok(fresh)
    }

    async fn secret_key_of(&self, change: PartnerChange, id: KeyId) -> Result<PartnerKeyRecord, AccountsError> {
        let partner = self.owned_partner(change.manager.user, change.partner).await?;
        let keys = self.tables.partner_keys.partner_keys_of(partner.id).await?;
        let found = keys.into_iter().find(|key| key.id == id && key.revoked_at.is_none());
        found.ok_or(AccountsError::NoKey { id })
    }

    /// Makes a further publishable key.
    ///
    /// # Errors
    /// When this person owns no such partner, it has too many, a value is out of bounds, or the store fails.
    pub async fn add_owned_publishable_key(
        &self,
        change: PartnerChange,
        edit: PublishableKeyEdit,
    ) -> Result<PublishableKeyRecord, AccountsError> {
        let partner = self.owned_partner(change.manager.user, change.partner).await?;
        self.make_publishable_key(partner.id, edit, change.manager.actor).await
    }

    /// Changes a publishable key.
    ///
    /// # Errors
    /// When this person owns no such partner, it has no such key in force, a value is out of bounds, or the store fails.
    pub async fn edit_owned_publishable_key(
        &self,
        change: PartnerChange,
        id: KeyId,
        edit: PublishableKeyEdit,
    ) -> Result<PublishableKeyRecord, AccountsError> {
        let partner = self.owned_partner(change.manager.user, change.partner).await?;
        self.change_publishable_key((id, Some(partner.id)), edit, change.manager.actor).await
    }

    /// Revokes a publishable key.
    ///
    /// # Errors
    /// When this person owns no such partner, it has no such key, or the store fails.
    pub async fn revoke_owned_publishable_key(
        &self,
        change: PartnerChange,
        id: KeyId,
    ) -> Result<PublishableKeyRecord, AccountsError> {
        let partner = self.owned_partner(change.manager.user, change.partner).await?;
        self.end_publishable_key((id, Some(partner.id)), change.manager.actor).await
    }

    /// Makes a test key, for a partner or for an application that is not decided.
    ///
    /// # Errors
    /// When this person runs neither, test mode is off, there are 20 test keys, the name is out of bounds, or ledger or
    /// store fail.
    pub async fn add_managed_test_key(&self, change: PartnerChange, name: String) -> Result<NewTestKey, AccountsError> {
        let (managed, desk) = self.in_test_mode(change).await?;
        bounded(desk.keys(managed.id()).await?.len())?;
        self.issue_test_key((&managed, desk), name, change.manager.actor).await
    }

    async fn issue_test_key(
        &self,
        (managed, desk): (&Managed, &TestDesk),
        name: String,
        actor: Actor,
    ) -> Result<NewTestKey, AccountsError> {
        let issued = desk.issue(managed.id(), managed.name(), name).await?;
        let (key, partner) = (issued.key.id.to_string(), managed.id().to_string());
        self.record((actor, "partner.test_key"), &key, partner).await?;
        Ok(issued)
    }

    /// Revokes a test key.
    ///
    /// # Errors
    /// When this person runs no such partner, test mode is off, there is no such key, or the store fails.
    pub async fn revoke_managed_test_key(&self, change: PartnerChange, id: KeyId) -> Result<Key, AccountsError> {
        let (managed, desk) = self.in_test_mode(change).await?;
        let revoked = desk.revoke(managed.id(), id).await?;
        let partner = managed.id().to_string();
        self.record((change.manager.actor, "partner.test_key_revoke"), &id.to_string(), partner).await?;
        Ok(revoked)
    }

    /// Makes a test key of the same name in place of this one, which is revoked.
    ///
    /// # Errors
    /// When this person runs no such partner, test mode is off, there is no such key, or ledger or store fail.
    pub async fn replace_managed_test_key(
        &self,
        change: PartnerChange,
        id: KeyId,
    ) -> Result<NewTestKey, AccountsError> {
        let (managed, desk) = self.in_test_mode(change).await?;
        let keys = desk.keys(managed.id()).await?;
        let before = keys.into_iter().find(|key| key.id == id).ok_or(AccountsError::NoKey { id })?;
        let fresh = self.issue_test_key((&managed, desk), before.name, change.manager.actor).await?;
        self.revoke_managed_test_key(change, id).await?;
        Ok(fresh)
    }

    /// Changes the pages that may use the publishable key of test mode.
    ///
    /// # Errors
    /// When this person runs no such partner, test mode is off, a value is out of bounds, or ledger or store fail.
    pub async fn edit_managed_test_origins(
        &self,
        change: PartnerChange,
        origins: Vec<String>,
    ) -> Result<PublishableKeyRecord, AccountsError> {
        let (managed, desk) = self.in_test_mode(change).await?;
        let edit = PublishableKeyEdit { origins: Some(origins), ..PublishableKeyEdit::default() };
        let key = desk.edit_publishable_key((managed.id(), managed.name()), edit).await?;
        let detail = format!("origins {}", key.origins.join(" "));
        self.record((change.manager.actor, "partner.test_origins"), &managed.id().to_string(), detail).await?;
        Ok(key)
    }

    async fn in_test_mode(&self, change: PartnerChange) -> Result<(Managed, &TestDesk), AccountsError> {
        let managed = self.managed(change.manager.user, change.partner).await?;
        let problem = "is switched off; ask whoever runs the service";
        let desk = self.test_desk().ok_or(AccountsError::Invalid { field: "test mode", problem })?;
        Ok((managed, desk))
    }
}

fn unknown(id: PartnerId) -> AccountsError {
    AccountsError::NoPartner { name: id.to_string() }
}

fn bounded(keys: usize) -> Result<(), AccountsError> {
    if keys >= KEYS_MAX {
        return Err(AccountsError::Invalid {
            field: "the partner",
            problem: "has 20 keys of this kind; revoke one first",
        });
    }
    Ok(())
}
