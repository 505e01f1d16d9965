//! Whose key this is: a cache in front of the store.

use crate::fault::{Fault, KeyFault};
use crate::ports::Clock;
use moka::sync::Cache;
use opencredits_keys::KeyDigest;
use opencredits_store::{Key, Keys, Partners, Standing, Users};
use opencredits_units::{AccountId, BasisPoints, KeyId, NanoUsd, UnixMs, UserId};
use std::sync::Arc;
use std::time::Duration;

/// Keys that are remembered.
const KEYS_MAX: u64 = 100_000;
/// How long a key is remembered: the longest that another process's change goes unseen. Our own changes clear it.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Who earns a share of what a key spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earner {
    /// The partner's earnings account.
    pub account: AccountId,
    /// Its share of the markup.
    pub share: BasisPoints,
}

/// Everything a request needs to know of the key that pays for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spender {
    /// The key.
    pub key: KeyId,
    /// What its owner calls the key.
    pub label: String,
    /// How much the key may spend in all.
    pub limit: Option<NanoUsd>,
    /// The person.
    pub user: UserId,
    /// The person's wallet.
    pub wallet: AccountId,
    /// Limits that are held along with the wallet.
    pub limits: Vec<AccountId>,
    /// Who earns a share; the attribution is bound to the key, never to a header.
    pub earner: Option<Earner>,
    /// Models that the key may use; all when `None`.
    pub allowed_models: Option<Vec<String>>,
    /// When the key ends.
    pub expires_at: Option<UnixMs>,
    /// Whether the person may spend.
    pub standing: Standing,
}

/// Looks keys up by their digest.
pub struct KeyRing {
    keys: Arc<dyn Keys>,
    users: Arc<dyn Users>,
    partners: Arc<dyn Partners>,
    clock: Arc<dyn Clock>,
    default_share: BasisPoints,
    cache: Cache<KeyDigest, Option<Arc<Spender>>>,
}

/// The tables that a [`KeyRing`] reads.
pub struct KeyTables {
    /// Keys.
    pub keys: Arc<dyn Keys>,
    /// People.
    pub users: Arc<dyn Users>,
    /// Partners.
    pub partners: Arc<dyn Partners>,
}

impl KeyRing {
    /// A ring over these tables; `default_share` is that of a partner whose record names none.
    #[must_use]
    pub fn new(tables: KeyTables, clock: Arc<dyn Clock>, default_share: BasisPoints) -> Self {
        let cache = Cache::builder().max_capacity(KEYS_MAX).time_to_live(REMEMBERED).build();
        Self { keys: tables.keys, users: tables.users, partners: tables.partners, clock, default_share, cache }
    }

    /// The spender of the key with this digest.
    ///
    /// # Errors
    /// When there is no such key, or it is revoked or over, or its person is suspended, or the store fails.
    pub async fn spender(&self, digest: &KeyDigest) -> Result<Arc<Spender>, Fault> {
        let found = match self.cache.get(digest) {
            Some(found) => found,
            None => {
                let found = self.look_up(digest).await?.map(Arc::new);
                self.cache.insert(*digest, found.clone());
                found
            }
        };
        let spender = found.ok_or(KeyFault::Unknown)?;
        if spender.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(KeyFault::Expired.into());
        }
        match spender.standing {
            Standing::Good => Ok(spender),
            Standing::Suspended => Err(KeyFault::Suspended.into()),
        }
    }

    async fn look_up(&self, digest: &KeyDigest) -> Result<Option<Spender>, Fault> {
        let Some(key) = self.keys.key_by_digest(digest).await?.filter(|key| key.revoked_at.is_none()) else {
            return Ok(None);
        };
        let Some(user) = self.users.user(key.user).await? else {
            return Ok(None);
        };
        let earner = self.earner(&key).await?;
        Ok(Some(Spender {
            key: key.id,
            limit: key.limit.map(|limit| limit.amount),
            label: key.name,
            user: user.id,
            wallet: user.wallet,
            limits: key.limit.iter().map(|limit| limit.account).collect(),
            earner,
            allowed_models: key.allowed_models,
            expires_at: key.expires_at,
            standing: user.standing,
        }))
    }

    async fn earner(&self, key: &Key) -> Result<Option<Earner>, Fault> {
        let Some(id) = key.partner else {
            return Ok(None);
        };
        let partner = self.partners.partner(id).await?;
        Ok(partner
            .map(|partner| Earner { account: partner.earnings, share: partner.share.unwrap_or(self.default_share) }))
    }

    /// Forgets every key: some key, person or partner has changed.
    pub fn forget_all(&self) {
        self.cache.invalidate_all();
    }
}
