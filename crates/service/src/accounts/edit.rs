//! Changes of a key.

use super::keys::NewLimit;
use super::limits::told;
use super::people::check_name;
use super::{Accounts, AccountsError, Actor};
use opencredits_store::{Key, LimitReset, Rates, SpendingLimit};
use opencredits_units::{KeyId, NanoUsd, UnixMs, UserId};
use std::num::NonZeroU32;

/// What becomes of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// It stays.
    #[default]
    Keep,
    /// It becomes this.
    Set(T),
    /// There is none any more.
    Clear,
}

impl<T> Edit<T> {
    pub(super) fn of(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Set(value) => Some(value),
            Self::Clear => None,
        }
    }
}

/// A change of a key. What is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyEdit {
    /// The name.
    pub name: Option<String>,
    /// Whether it is switched off.
    pub disabled: Option<bool>,
    /// The amount of its limit. Its reset stays where that is not named.
    pub limit: Edit<NanoUsd>,
    /// When its limit begins anew.
    pub limit_reset: Edit<LimitReset>,
    /// Its expiry.
    pub expires_at: Edit<UnixMs>,
    /// The models that it may use.
    pub allowed_models: Edit<Vec<String>>,
    /// Requests in a minute.
    pub requests_per_minute: Edit<NonZeroU32>,
    /// Tokens in a minute.
    pub tokens_per_minute: Edit<NonZeroU32>,
    /// Requests at once.
    pub parallel_max: Edit<NonZeroU32>,
}

impl KeyEdit {
    /// The limit that comes of it; an error where a reset is asked of no limit.
    fn limit_of(&self, before: Option<SpendingLimit>) -> Result<Option<NewLimit>, AccountsError> {
        let reset = self.limit_reset.of(before.and_then(|limit| limit.reset));
        match self.limit.of(before.map(|limit| limit.amount)) {
            Some(amount) => Ok(Some(NewLimit { amount, reset })),
            None if matches!(self.limit_reset, Edit::Set(_)) => {
                let problem = "needs a limit; set one too";
                Err(AccountsError::Invalid { field: "limit_reset", problem })
            }
            None => Ok(None),
        }
    }

    fn rates_of(&self, before: Rates) -> Rates {
        Rates {
            requests_per_minute: self.requests_per_minute.of(before.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.of(before.tokens_per_minute),
            parallel_max: self.parallel_max.of(before.parallel_max),
        }
    }
}

impl Accounts {
    /// Changes a key; of `owner`, where one is named.
    ///
    /// # Errors
    /// When the key is unknown, revoked or another person's, a value is out of bounds, or ledger or store fail.
    pub async fn edit_key(
        &self,
        (id, owner): (KeyId, Option<UserId>),
        edit: KeyEdit,
        actor: Actor,
    ) -> Result<Key, AccountsError> {
        let _one = self.editing.lock().await;
        let before = self.key_in_force(id, owner).await?;
        let limit = edit.limit_of(before.limit)?;
        let rates = edit.rates_of(before.rates);
        let expires_at = edit.expires_at.of(before.expires_at);
        if expires_at != before.expires_at {
            self.check_expiry(expires_at)?;
        }
        let allowed_models = edit.allowed_models.of(before.allowed_models.clone());
        if allowed_models != before.allowed_models {
            self.check_models(allowed_models.as_deref())?;
        }
        let name = edit.name.unwrap_or_else(|| before.name.clone());
        check_name("the key's name", &name)?;
        let is_same = limit == before.limit.map(|limit| NewLimit { amount: limit.amount, reset: limit.reset });
        let limit = if is_same { before.limit } else { self.changed_limit(before.limit, limit).await? };
        let disabled = edit.disabled.unwrap_or(before.disabled);
        let key = Key { name, expires_at, limit, allowed_models, rates, disabled, ..before };
        if !self.tables.keys.update_key(&key).await? {
            return Err(AccountsError::NoKey { id });
        }
        (self.changed)();
        self.record((actor, "key.edit"), &id.to_string(), format!("limit {}", told(limit))).await?;
        Ok(key)
    }

    /// A key that is not revoked; of `owner`, where one is named. Another person's is told as if there were none.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn key_in_force(&self, id: KeyId, owner: Option<UserId>) -> Result<Key, AccountsError> {
        let found = self.tables.keys.key(id).await?.filter(|key| key.revoked_at.is_none());
        let own = found.filter(|key| owner.is_none_or(|owner| key.user == owner));
        own.ok_or(AccountsError::NoKey { id })
    }
}
