//! User keys and their limits.

use super::people::check_name;
use super::{Accounts, AccountsError, durable};
use crate::books;
use crate::ports::fresh_id;
use opencredits_keys::UserKey;
use opencredits_ledger::{Floor, Transfer};
use opencredits_store::{Key, Rates, SpendingLimit, StoreError};
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
}

/// A limit to set on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewLimit {
    /// The amount.
    pub amount: NanoUsd,
}

/// A key's limit and its rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitBalance {
    /// The amount of the limit.
    pub amount: NanoUsd,
    /// The amount left.
    pub available: NanoUsd,
}

impl Accounts {
    /// Makes a key. Its secret is in the reply only; the store keeps a digest.
    ///
    /// # Errors
    /// When person, partner or a model is unknown, a value is out of bounds, or ledger or store fail.
    pub async fn add_key(&self, new: NewKey) -> Result<(Key, UserKey), AccountsError> {
        self.check_new_key(&new).await?;
        let now = self.now();
        let secret = UserKey::generate(self.random());
        let limit = match new.limit {
            Some(limit) => Some(self.open_limit(limit).await?),
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
            rates: Rates::default(),
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
        let models = new.allowed_models.as_deref();
        let invalid = |field, problem| Err(AccountsError::Invalid { field, problem });
        if new.limit.is_some_and(|limit| limit.amount <= NanoUsd::ZERO) {
            return invalid("the limit", "is not above zero; a key that may spend nothing is no key");
        }
        if new.expires_at.is_some_and(|end| end <= self.now()) {
            return invalid("the key's end", "has passed; choose a later one");
        }
        if models.is_some_and(|models| models.is_empty() || models.len() > MODELS_MAX) {
            return invalid("the list of models", "names none or more than 256");
        }
        for model in models.into_iter().flatten() {
            check_name("a model's name", model)?;
            if let Some(known) = &self.models {
                known.resolve(model)?;
            }
        }
        self.find_user(&new.user.to_string()).await?;
        if let Some(partner) = new.partner {
            self.find_partner(&partner.to_string()).await?;
        }
        Ok(())
    }

    /// Opens and fills the account of a limit. If the key is not made afterwards, the account stays unused.
    async fn open_limit(&self, limit: NewLimit) -> Result<SpendingLimit, AccountsError> {
        let account = self.fresh_account();
        self.open(books::LIMITS, Floor::None, None).await?;
        self.open(account, Floor::Zero, Some(books::LIMITS)).await?;
        let transfer = Transfer {
            id: fresh_id(self.now(), &*self.entropy),
            from: books::LIMITS,
            to: account,
            amount: limit.amount,
            memo: b"key limit",
        };
        durable(self.ledger.transfer(transfer, self.now())?).await?;
        Ok(SpendingLimit { account, amount: limit.amount, reset: None, since: UnixMs::default() })
    }

    /// A person's keys, including revoked ones, in the order of their creation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_keys(&self, user: UserId) -> Result<Vec<Key>, AccountsError> {
        Ok(self.tables.keys.keys_of(user).await?)
    }

    /// The amount left of a key's limit; `None` where it has none.
    ///
    /// # Errors
    /// When the ledger does not know the limit's account.
    pub fn limit_of(&self, key: &Key) -> Result<Option<LimitBalance>, AccountsError> {
        let Some(limit) = key.limit else {
            return Ok(None);
        };
        Ok(Some(LimitBalance { amount: limit.amount, available: self.ledger.balance(limit.account)?.available }))
    }

    /// Revokes a key. Repeating it changes nothing: the time of the first revocation stays.
    ///
    /// # Errors
    /// When the key does not exist, or the store fails.
    pub async fn revoke_key(&self, id: KeyId) -> Result<Key, AccountsError> {
        self.tables.keys.revoke_key(id, self.now()).await?;
        (self.changed)();
        let found = self.tables.keys.key(id).await?;
        found.ok_or(AccountsError::NoKey { id })
    }
}
