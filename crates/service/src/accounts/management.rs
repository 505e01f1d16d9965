//! Management keys, and what their owners do with their own keys.

use super::people::check_name;
use super::{Accounts, AccountsError, Actor};
use crate::keyring::Manager;
use opencredits_keys::{IssuedKey, Manages};
use opencredits_store::{Key, ManagementKeyRecord};
use opencredits_units::{KeyId, UserId};

/// The largest number of keys on a page.
const PAGE_MAX: u32 = 100;

impl Accounts {
    /// Makes a management key for a person. Its secret is in the reply only; the store keeps a digest.
    ///
    /// # Errors
    /// When the person is unknown, the name out of bounds, or the store fails.
    pub async fn add_management_key(
        &self,
        user: UserId,
        name: String,
    ) -> Result<(ManagementKeyRecord, IssuedKey), AccountsError> {
        check_name("the key's name", &name)?;
        self.find_user(&user.to_string()).await?;
        let (key, secret) = self.issue::<Manages, _>(user, name);
        self.tables.management.add_management_key(&key).await?;
        self.record((Actor::Operator, "key.add_management"), &key.id.to_string(), user.to_string()).await?;
        Ok((key, secret))
    }

    /// A person's management keys, including revoked ones, in the order of their creation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn management_keys(&self, user: UserId) -> Result<Vec<ManagementKeyRecord>, AccountsError> {
        Ok(self.tables.management.management_keys_of(user).await?)
    }

    /// Revokes a management key. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the key does not exist, or the store fails.
    pub async fn revoke_management_key(&self, id: KeyId) -> Result<ManagementKeyRecord, AccountsError> {
        let revoked = self.tables.management.revoke_management_key(id, self.now()).await?;
        let revoked = revoked.ok_or(AccountsError::NoKey { id })?;
        self.record((Actor::Operator, "key.revoke_management"), &id.to_string(), String::new()).await?;
        Ok(revoked)
    }

    /// At most `max` keys of a person that are not revoked, by their creation, those after `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keys_page(&self, user: UserId, after: KeyId, max: u32) -> Result<Vec<Key>, AccountsError> {
        Ok(self.tables.keys.keys_in_force(user, after, max.clamp(1, PAGE_MAX)).await?)
    }

    /// Revokes a key of the manager's own.
    ///
    /// # Errors
    /// When there is no such key in force of this person, or the store fails.
    pub async fn revoke_own_key(&self, manager: Manager, id: KeyId) -> Result<(), AccountsError> {
        let _one = self.editing.lock().await;
        self.key_in_force(id, Some(manager.user)).await?;
        self.tables.keys.revoke_key(id, self.now()).await?;
        (self.changed)();
        self.record((manager.actor, "key.revoke"), &id.to_string(), String::new()).await
    }

    /// Records that a manager has made a key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_new_key(&self, manager: Manager, id: KeyId) -> Result<(), AccountsError> {
        self.record((manager.actor, "key.add"), &id.to_string(), String::new()).await
    }
}
