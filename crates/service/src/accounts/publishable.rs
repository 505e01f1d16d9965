//! Keys that name partners in browsers.

use super::people::check_name;
use super::{Accounts, AccountsError, Actor};
use crate::partners::{allows_origin, origin_problem, redirect_problem};
use crate::ports::fresh_id;
use opencredits_keys::PublishableKey;
use opencredits_store::PublishableKeyRecord;
use opencredits_units::{KeyId, PartnerId};

/// The most keys of a partner that are not revoked.
const KEYS_MAX: usize = 100;
/// The most origins or URLs of a key.
const LISTED_MAX: usize = 50;

/// A change of a publishable key. What is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishableKeyEdit {
    /// The name.
    pub name: Option<String>,
    /// The origins whose pages may use it; all where none is listed.
    pub origins: Option<Vec<String>>,
    /// Where people may be sent back to.
    pub redirect_urls: Option<Vec<String>>,
}

impl Accounts {
    /// Makes a further key that names a partner in a browser.
    ///
    /// # Errors
    /// When the partner is unknown or has too many, a name, an origin or a URL is out of bounds, or the store fails.
    pub async fn add_publishable_key(
        &self,
        partner: &str,
        edit: PublishableKeyEdit,
    ) -> Result<PublishableKeyRecord, AccountsError> {
        let partner = self.find_partner(partner).await?;
        self.make_publishable_key(partner.id, edit, Actor::Operator).await
    }

    pub(super) async fn make_publishable_key(
        &self,
        partner: PartnerId,
        edit: PublishableKeyEdit,
        actor: Actor,
    ) -> Result<PublishableKeyRecord, AccountsError> {
        let _one = self.editing.lock().await;
        let there = self.tables.publishable.publishable_keys_of(partner).await?;
        if there.iter().filter(|key| key.revoked_at.is_none()).count() >= KEYS_MAX {
            let problem = "has 100 publishable keys already; revoke one first";
            return Err(AccountsError::Invalid { field: "the partner", problem });
        }
        let now = self.now();
        let fresh = PublishableKeyRecord {
            id: fresh_id(now, &*self.entropy),
            partner,
            key: PublishableKey::generate(self.mode, self.random()).as_str().to_owned(),
            name: "key".to_owned(),
            origins: Vec::new(),
            redirect_urls: Vec::new(),
            created_at: now,
            revoked_at: None,
        };
        let key = edited(fresh, edit)?;
        self.tables.publishable.add_publishable_key(&key).await?;
        self.record((actor, "partner.publishable_add"), &key.id.to_string(), partner.to_string()).await?;
        Ok(key)
    }

    /// A partner's publishable keys, including revoked ones, in the order of their creation.
    ///
    /// # Errors
    /// When the partner is unknown, or the store fails.
    pub async fn publishable_keys(&self, partner: &str) -> Result<Vec<PublishableKeyRecord>, AccountsError> {
        let partner = self.find_partner(partner).await?;
        Ok(self.tables.publishable.publishable_keys_of(partner.id).await?)
    }

    /// Changes a publishable key that is not revoked.
    ///
    /// # Errors
    /// When there is none, a name, an origin or a URL is out of bounds, or the store fails.
    pub async fn edit_publishable_key(
        &self,
        id: KeyId,
        edit: PublishableKeyEdit,
    ) -> Result<PublishableKeyRecord, AccountsError> {
        self.change_publishable_key((id, None), edit, Actor::Operator).await
    }

    /// The same; of this partner alone, where there is one.
    pub(super) async fn change_publishable_key(
        &self,
        (id, of): (KeyId, Option<PartnerId>),
        edit: PublishableKeyEdit,
        actor: Actor,
    ) -> Result<PublishableKeyRecord, AccountsError> {
        let _one = self.editing.lock().await;
        let before = self.publishable_key_of((id, of)).await?;
        if before.revoked_at.is_some() {
            return Err(AccountsError::NoKey { id });
        }
        let key = edited(before, edit)?;
        self.tables.publishable.update_publishable_key(&key).await?;
        let detail = format!("origins {}, redirects {}", key.origins.join(" "), key.redirect_urls.join(" "));
        self.record((actor, "partner.publishable_edit"), &id.to_string(), detail).await?;
        Ok(key)
    }

    /// Revokes a publishable key. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the key does not exist, or the store fails.
    pub async fn revoke_publishable_key(&self, id: KeyId) -> Result<PublishableKeyRecord, AccountsError> {
        self.end_publishable_key((id, None), Actor::Operator).await
    }

    pub(super) async fn end_publishable_key(
        &self,
        (id, of): (KeyId, Option<PartnerId>),
        actor: Actor,
    ) -> Result<PublishableKeyRecord, AccountsError> {
        let _one = self.editing.lock().await;
        let mut key = self.publishable_key_of((id, of)).await?;
        if key.revoked_at.is_none() {
            key.revoked_at = Some(self.now());
            self.tables.publishable.update_publishable_key(&key).await?;
            self.record((actor, "partner.publishable_revoke"), &id.to_string(), String::new()).await?;
        }
        Ok(key)
    }

    async fn publishable_key_of(
        &self,
        (id, of): (KeyId, Option<PartnerId>),
    ) -> Result<PublishableKeyRecord, AccountsError> {
        let found = self.tables.publishable.publishable_key_by_id(id).await?;
        found.filter(|key| of.is_none_or(|of| key.partner == of)).ok_or(AccountsError::NoKey { id })
    }

    /// Whether the pages of an origin may use a publishable key. An unknown key may be used by none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_usable_at(&self, key: &str, origin: Option<&str>) -> Result<bool, AccountsError> {
        let found = self.tables.publishable.publishable_key(key).await?;
        Ok(found.is_some_and(|key| key.revoked_at.is_none() && allows_origin(&key, origin)))
    }
}

fn edited(before: PublishableKeyRecord, edit: PublishableKeyEdit) -> Result<PublishableKeyRecord, AccountsError> {
    let name = edit.name.unwrap_or(before.name);
    check_name("the key's name", &name)?;
    let origins = listed("an origin", edit.origins, origin_problem)?.unwrap_or(before.origins);
    let redirect_urls = listed("a redirect URL", edit.redirect_urls, redirect_problem)?.unwrap_or(before.redirect_urls);
    Ok(PublishableKeyRecord { name, origins, redirect_urls, ..before })
}

pub(super) fn listed(
    field: &'static str,
    list: Option<Vec<String>>,
    problem: impl Fn(&str) -> Option<&'static str>,
) -> Result<Option<Vec<String>>, AccountsError> {
    let Some(list) = list else { return Ok(None) };
    if list.len() > LISTED_MAX {
        return Err(AccountsError::Invalid { field, problem: "is one of more than 50; list fewer" });
    }
    match list.iter().find_map(|one| problem(one)) {
        Some(problem) => Err(AccountsError::Invalid { field, problem }),
        None => Ok(Some(list)),
    }
}
