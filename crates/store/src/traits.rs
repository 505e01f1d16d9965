//! The ports: one trait a concern.

use crate::records::{Key, Partner, UsageDay, User};
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{GenerationId, KeyId, PartnerId, UnixMs, UserId};

/// Why the store did not do as told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Something of this id or name is there already.
    #[error("there is such a record already")]
    Exists,
    /// The record names another that is not there: a key its person, say.
    #[error("what this record belongs to is not there; add that first")]
    Orphan,
    /// The database refused.
    #[cfg(feature = "sqlite")]
    #[error("cannot use the store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The tables could not be brought up to date.
    #[cfg(feature = "sqlite")]
    #[error("cannot bring the store's tables up to date: {0}")]
    Migration(#[from] refinery::Error),
    /// The file system refused.
    #[error("cannot use the store's file: {0}")]
    Io(#[from] std::io::Error),
    /// A row cannot be read.
    #[error("a row of {table} is damaged; restore a backup")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// The process is ending.
    #[error("the store is closing")]
    Closing,
}

/// People.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a person; no other has their id or label.
    async fn add_user(&self, user: &User) -> Result<(), StoreError>;
    /// A person.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// The person with this label.
    async fn user_by_label(&self, label: &str) -> Result<Option<User>, StoreError>;
    /// At most `max` people, by id, those above `after`.
    async fn users(&self, after: UserId, max: u32) -> Result<Vec<User>, StoreError>;
}

/// Partners.
#[async_trait]
pub trait Partners: Send + Sync {
    /// Adds a partner; no other has its id, name or publishable key.
    async fn add_partner(&self, partner: &Partner) -> Result<(), StoreError>;
    /// A partner.
    async fn partner(&self, id: PartnerId) -> Result<Option<Partner>, StoreError>;
    /// The partner of this name.
    async fn partner_by_name(&self, name: &str) -> Result<Option<Partner>, StoreError>;
    /// The partner with this publishable key.
    async fn partner_by_key(&self, publishable_key: &str) -> Result<Option<Partner>, StoreError>;
    /// At most `max` partners, by id, those above `after`.
    async fn partners(&self, after: PartnerId, max: u32) -> Result<Vec<Partner>, StoreError>;
}

/// User keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Adds a key; no other has its id or digest, and its person and partner are there.
    async fn add_key(&self, key: &Key) -> Result<(), StoreError>;
    /// A key.
    async fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError>;
    /// The key with this digest, revoked or not.
    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<Key>, StoreError>;
    /// A person's keys, revoked ones too, by id.
    async fn keys_of(&self, user: UserId) -> Result<Vec<Key>, StoreError>;
    /// Revokes a key, once: says whether it was in force.
    async fn revoke_key(&self, id: KeyId, now: UnixMs) -> Result<bool, StoreError>;
}

/// What keys used, by day: read for people, never for decisions.
#[async_trait]
pub trait UsageDays: Send + Sync {
    /// Adds to what is counted.
    async fn add_usage(&self, days: &[UsageDay]) -> Result<(), StoreError>;
    /// A key's days.
    async fn usage_of(&self, key: KeyId) -> Result<Vec<UsageDay>, StoreError>;
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is ours now.
    New,
    /// It was made before, for this generation.
    Before(GenerationId),
}

/// Idempotency keys of clients: who came first.
#[async_trait]
pub trait Claims: Send + Sync {
    /// Claims a key's digest for a generation, unless it is claimed.
    async fn claim(&self, digest: &[u8; 32], generation: GenerationId, now: UnixMs) -> Result<Claim, StoreError>;
    /// Hands a claim from a generation that came to nothing to the next, as if made now; says whether it was still that
    /// one's.
    async fn take_over(
        &self,
        digest: &[u8; 32],
        from: GenerationId,
        to: GenerationId,
        now: UnixMs,
    ) -> Result<bool, StoreError>;
    /// Forgets claims made before `before`.
    async fn forget_claims(&self, before: UnixMs) -> Result<(), StoreError>;
}

/// Values of the installation itself.
#[async_trait]
pub trait Settings: Send + Sync {
    /// The value of this name; `fallback`, stored, where there was none.
    async fn setting(&self, name: &str, fallback: &[u8]) -> Result<Vec<u8>, StoreError>;
}
