//! The ports: one trait a concern.

use crate::records::{
    AuditRecord, Key, LimitOwner, ManagementKeyRecord, OwnedLimit, Partner, SpendingLimit, Standing, User,
};
use async_trait::async_trait;
use opencredits_keys::{KeyDigest, Mode};
use opencredits_units::{AccountId, EntryId, GenerationId, KeyId, PartnerId, UnixMs, UserId};
use std::path::PathBuf;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A record with this id or name exists already.
    #[error("there is such a record already")]
    Exists,
    /// The record refers to one that does not exist: a key to its person, say.
    #[error("what this record belongs to is not there; add that first")]
    Orphan,
    /// The database refused, or its tables could not be migrated.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The file system refused.
    #[error("cannot use the store's file: {0}")]
    Io(#[from] std::io::Error),
    /// A row cannot be decoded.
    #[error("a row of {table} is damaged; restore a backup")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// The tables were written by a newer program.
    #[error("it has version {found} and this program knows {known}; use the program that wrote it, or a newer one")]
    Newer {
        /// The version that was found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The file cannot be opened.
    #[error("{}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<Self>,
    },
    /// The file belongs to the other mode.
    #[error("it holds data of {} mode, not of {} mode: {}", found.name(), expected.name(), other_mode(*found))]
    OtherMode {
        /// The mode that its data is of.
        found: Mode,
        /// The mode that it was to be used in.
        expected: Mode,
    },
    /// There is no key for addresses.
    #[error(
        "no key for addresses is set; write one into a file with `opencredits-admin key-file new PATH`, and name it in privacy.address_keys_file"
    )]
    NoAddressKey,
    /// An address cannot be decrypted.
    #[error("an address cannot be read: {0}; privacy.address_keys_file needs every key that encrypted one")]
    Sealed(#[from] opencredits_keys::OpenError),
    /// A table is not the same on both engines.
    #[error(
        "the table {table} is not the same in the file and in the database; use one version of the programs for both"
    )]
    Unlike {
        /// The table.
        table: String,
    },
    /// The process is ending.
    #[error("the store is closing")]
    Closing,
}

/// What a database says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// SQLite refused.
    #[cfg(feature = "sqlite")]
    #[error("cannot use the store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The tables of a file could not be migrated.
    #[cfg(feature = "sqlite")]
    #[error("cannot bring the store's tables up to date: {0}")]
    Migration(#[from] refinery::Error),
    /// PostgreSQL refused, or cannot be reached.
    #[cfg(feature = "postgres")]
    #[error("cannot use the store: {0}")]
    Postgres(#[from] opencredits_postgres::PostgresError),
}

impl StoreError {
    /// Whether a database on another machine refused or cannot be reached, which often is over soon.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        #[cfg(feature = "postgres")]
        if matches!(self, Self::Engine(EngineError::Postgres(_))) {
            return true;
        }
        false
    }
}

#[cfg(feature = "sqlite")]
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.into())
    }
}

#[cfg(feature = "sqlite")]
impl From<refinery::Error> for StoreError {
    fn from(error: refinery::Error) -> Self {
        Self::Engine(error.into())
    }
}

const fn other_mode(found: Mode) -> &'static str {
    match found {
        Mode::Test => "nobody paid for its credits; use it with `--test`, or choose another backup or folder",
        Mode::Live => "its credits are real; use it without `--test`, or choose another backup or folder",
    }
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
    /// Sets whether a person may spend; returns whether that person exists.
    async fn set_standing(&self, id: UserId, standing: Standing) -> Result<bool, StoreError>;
    /// Gives a person another label, which no other has; returns whether that person exists.
    async fn rename_user(&self, id: UserId, label: &str) -> Result<bool, StoreError>;
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
    /// Writes what may change of a partner: name, share, owner, standing, markup. Returns whether the partner is there; no other
    /// has its name, and its owner exists.
    async fn update_partner(&self, partner: &Partner) -> Result<bool, StoreError>;
    /// At most `max` partners, by id, those above `after`.
    async fn partners(&self, after: PartnerId, max: u32) -> Result<Vec<Partner>, StoreError>;
    /// The partners that a person owns, by id, at most `max`.
    async fn partners_owned_by(&self, owner: UserId, max: u32) -> Result<Vec<Partner>, StoreError>;
}

/// User keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Adds a key; no other has its id or digest, and its person and partner exist.
    async fn add_key(&self, key: &Key) -> Result<(), StoreError>;
    /// A key.
    async fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError>;
    /// The key with this digest, revoked or not.
    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<Key>, StoreError>;
    /// A person's keys, revoked ones too, by id.
    async fn keys_of(&self, user: UserId) -> Result<Vec<Key>, StoreError>;
    /// Revokes a key, once; returns whether it was valid before.
    async fn revoke_key(&self, id: KeyId, now: UnixMs) -> Result<bool, StoreError>;
    /// Writes what may change of a key: name, expiry, limit, models, rates, and whether it is switched off. Returns
    /// whether the key is there and not revoked.
    async fn update_key(&self, key: &Key) -> Result<bool, StoreError>;
    /// At most `max` keys of a person that are not revoked, by id, those above `after`.
    async fn keys_in_force(&self, user: UserId, after: KeyId, max: u32) -> Result<Vec<Key>, StoreError>;
}

/// The limits of people and of apps at people.
#[async_trait]
pub trait SpendingLimits: Send + Sync {
    /// The limit of this owner.
    async fn spending_limit(&self, owner: LimitOwner) -> Result<Option<SpendingLimit>, StoreError>;
    /// Sets or removes the limit of this owner, who exists.
    async fn set_spending_limit(&self, owner: LimitOwner, limit: Option<SpendingLimit>) -> Result<(), StoreError>;
    /// The limits of people between two ids, both included, and of apps at them, in the order of people.
    async fn limits_of_people(&self, first: UserId, last: UserId) -> Result<Vec<OwnedLimit>, StoreError>;
    /// At most `max` limits with a reset, of keys too, by account, those above `after`.
    async fn limits_with_reset(&self, after: AccountId, max: u32) -> Result<Vec<SpendingLimit>, StoreError>;
}

/// Management keys.
#[async_trait]
pub trait ManagementKeys: Send + Sync {
    /// Adds a key; no other has its id or digest, and its person exists.
    async fn add_management_key(&self, key: &ManagementKeyRecord) -> Result<(), StoreError>;
    /// The key with this digest, revoked or not.
    async fn management_key(&self, digest: &KeyDigest) -> Result<Option<ManagementKeyRecord>, StoreError>;
    /// A person's keys, revoked ones too, by id.
    async fn management_keys_of(&self, user: UserId) -> Result<Vec<ManagementKeyRecord>, StoreError>;
    /// Revokes a key, once; returns the key, or nothing where there is none.
    async fn revoke_management_key(&self, id: KeyId, now: UnixMs) -> Result<Option<ManagementKeyRecord>, StoreError>;
}

/// The record of changes.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Adds a record.
    async fn add_audit(&self, record: &AuditRecord) -> Result<(), StoreError>;
    /// At most `max` records, by id, those above `after`.
    async fn audits(&self, after: EntryId, max: u32) -> Result<Vec<AuditRecord>, StoreError>;
}

/// The result of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The claim was made.
    New,
    /// An earlier request made the claim, for this generation.
    Before(GenerationId),
}

/// The claims on idempotency keys.
#[async_trait]
pub trait Claims: Send + Sync {
    /// Claims a key's digest for a generation, unless it is claimed.
    async fn claim(&self, digest: &[u8; 32], generation: GenerationId, now: UnixMs) -> Result<Claim, StoreError>;
    /// Hands a claim from a failed generation to the next, as if made now; returns whether the claim was still that
    /// generation's.
    async fn take_over(
        &self,
        digest: &[u8; 32],
        from: GenerationId,
        to: GenerationId,
        now: UnixMs,
    ) -> Result<bool, StoreError>;
    /// Deletes a claim that is still this generation's, so that the next request with its key makes it anew; returns whether it was.
    /// For a request that failed before anything was held.
    async fn release_claim(&self, digest: &[u8; 32], generation: GenerationId) -> Result<bool, StoreError>;
    /// When a claim was made or handed on; nothing where there is none.
    async fn claimed_at(&self, digest: &[u8; 32]) -> Result<Option<UnixMs>, StoreError>;
    /// Deletes claims made before `before`; returns how many.
    async fn forget_claims(&self, before: UnixMs) -> Result<u64, StoreError>;
}

/// Values of the installation.
#[async_trait]
pub trait Settings: Send + Sync {
    /// The value of this name; stores and returns `fallback` where there was none.
    async fn setting(&self, name: &str, fallback: &[u8]) -> Result<Vec<u8>, StoreError>;
}
