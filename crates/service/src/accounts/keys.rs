//! User keys and their limits.

use super::people::check_name;
use super::{Accounts, AccountsError, Actor};
use crate::limits::LimitBalance;
use crate::ports::fresh_id;
use opencredits_keys::{IssuedKey, Spends};
use opencredits_store::{Key, LimitReset, Rates, SpendingLimit, StoreError};
use opencredits_units::{KeyId, NanoUsd, PartnerId, UnixMs, UserId};

/// The largest number of models on a key's list.
const MODELS_MAX: usize = 256;

/// A key to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The owner.
    pub user: UserId,
    /// The partner that issues it, which earns a share of its spending.
    pub partner: Option<PartnerId>,
    /// The owner's name for it.
    pub name: String,
    /// The limit of its spending, besides the wallet's balance.
    pub limit: Option<NewLimit>,
    /// The expiry.
    pub expires_at: Option<UnixMs>,
    /// Models that it may use; all when `None`.
    pub allowed_models: Option<Vec<String>>,
    /// How fast it may send.
    pub rates: Rates,
}

/// A limit to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewLimit {
    /// The amount.
    pub amount: NanoUsd,
    /// When it begins anew; never where `None`.
    pub reset: Option<LimitReset>,
}

impl Accounts {
    /// Makes a key. Its secret is in the reply only; the store keeps a digest.
    ///
    /// # Errors
    /// When person, partner or a model is unknown, a value is out of bounds, or ledger or store fail.
    pub async fn add_key(&self, new: NewKey) -> Result<(Key, IssuedKey), AccountsError> {
        self.check_new_key(&new).await?;
        let now = self.now();
        let secret = self.mode.generate::<Spends>(self.random());
        let limit = match new.limit {
            Some(limit) => Some(self.open_limit(limit).await?.0),
            None => None,
        };
        let key = Key {
            id: fresh_id(now, &*self.entropy),
            user: new.user,
            partner: new.partner,
            digest: secret.digest(),
            hint: secret.hint().to_owned(),
            name: new.name,
            created_at: now,
            revoked_at: None,
            expires_at: new.expires_at,
            limit,
            allowed_models: new.allowed_models,
            rates: new.rates,
            disabled: false,
        };
        match self.tables.keys.add_key(&key).await {
            Ok(()) => {}
            Err(StoreError::Exists) => return Err(AccountsError::KeyExists { id: key.id }),
            Err(error) => return Err(error.into()),
        }
        (self.changed)();
        Ok((key, secret))
    }

    async fn check_new_key(&self, new: &NewKey) -> Result<(), AccountsError> {
        check_name("the key's name", &new.name)?;
        if let Some(limit) = new.limit {
            check_limit(limit)?;
        }
        self.check_expiry(new.expires_at)?;
        self.check_models(new.allowed_models.as_deref())?;
        self.find_user(&new.user.to_string()).await?;
        if let Some(partner) = new.partner {
            self.find_partner(&partner.to_string()).await?;
        }
        Ok(())
    }

    pub(super) fn check_expiry(&self, expires_at: Option<UnixMs>) -> Result<(), AccountsError> {
        if expires_at.is_some_and(|end| end <= self.now()) {
            return Err(AccountsError::Invalid { field: "the key's end", problem: "has passed; choose a later one" });
        }
        Ok(())
    }

    pub(super) fn check_models(&self, models: Option<&[String]>) -> Result<(), AccountsError> {
        if models.is_some_and(|models| models.is_empty() || models.len() > MODELS_MAX) {
            let problem = "names none or more than 256";
            return Err(AccountsError::Invalid { field: "the list of models", problem });
        }
        for model in models.into_iter().flatten() {
            check_name("a model's name", model)?;
            if let Some(known) = &*self.models.load() {
                known.resolve(model)?;
            }
        }
        Ok(())
    }

    /// A person's keys, including revoked ones, in the order of their creation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_keys(&self, user: UserId) -> Result<Vec<Key>, AccountsError> {
        Ok(self.tables.keys.keys_of(user).await?)
    }

    /// What is left of a limit; `None` where there is none.
    ///
    /// # Errors
    /// When the ledger fails or does not know the limit's account.
    pub async fn left_of(&self, limit: Option<SpendingLimit>) -> Result<Option<LimitBalance>, AccountsError> {
        let Some(limit) = limit else {
            return Ok(None);
        };
        self.renewals.renew(&self.ledger, &limit, self.now()).await?;
        Ok(Some(LimitBalance::of(&self.ledger, limit, self.now()).await?))
    }

    /// Revokes a key. Repeating it changes nothing: the time of the first revocation stays.
    ///
    /// # Errors
    /// When the key does not exist, or the store fails.
    pub async fn revoke_key(&self, id: KeyId) -> Result<Key, AccountsError> {
        let _one = self.editing.lock().await;
        self.tables.keys.revoke_key(id, self.now()).await?;
        (self.changed)();
        let found = self.tables.keys.key(id).await?.ok_or(AccountsError::NoKey { id })?;
        self.record((Actor::Operator, "key.revoke"), &id.to_string(), String::new()).await?;
        Ok(found)
    }
}

pub(super) fn check_limit(limit: NewLimit) -> Result<(), AccountsError> {
    if limit.amount <= NanoUsd::ZERO {
        let problem = "is not above zero; a key that may spend nothing is no key";
        return Err(AccountsError::Invalid { field: "the limit", problem });
    }
    Ok(())
}
