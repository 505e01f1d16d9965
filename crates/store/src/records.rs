//! The stored records.

use opencredits_keys::KeyDigest;
use opencredits_units::{AccountId, BasisPoints, KeyId, NanoUsd, PartnerId, UnixMs, UserId};

/// Whether a person may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Good,
    /// Not until the operator lifts the suspension.
    Suspended,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// Their wallet in the ledger.
    pub wallet: AccountId,
    /// The operator's name for them.
    pub label: String,
    /// The time of creation.
    pub created_at: UnixMs,
    /// Whether they may spend.
    pub standing: Standing,
}

/// An app that sends requests on people's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// The id.
    pub id: PartnerId,
    /// The name.
    pub name: String,
    /// The key that names it in a browser.
    pub publishable_key: String,
    /// Its share of the markup; the operator's default where `None`.
    pub share: Option<BasisPoints>,
    /// Its earnings account in the ledger.
    pub earnings: AccountId,
    /// The time of creation.
    pub created_at: UnixMs,
}

/// A limit of a key: a ledger account of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLimit {
    /// The account.
    pub account: AccountId,
    /// The amount of the limit.
    pub amount: NanoUsd,
}

/// The record of a user key. The key itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The id.
    pub id: KeyId,
    /// The owner.
    pub user: UserId,
    /// The partner that issued it.
    pub partner: Option<PartnerId>,
    /// The digest of its text.
    pub digest: KeyDigest,
    /// Its last characters.
    pub hint: String,
    /// The owner's name for it.
    pub name: String,
    /// The time of creation.
    pub created_at: UnixMs,
    /// The time of revocation.
    pub revoked_at: Option<UnixMs>,
    /// The time of expiry.
    pub expires_at: Option<UnixMs>,
    /// The amount that it may spend in total.
    pub limit: Option<KeyLimit>,
    /// Models that it may use; all when `None`.
    pub allowed_models: Option<Vec<String>>,
}

/// The usage of a key on one day, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDay {
    /// The key.
    pub key: KeyId,
    /// The day, counted from the epoch.
    pub day: u64,
    /// The number of requests.
    pub requests: u64,
    /// The amount charged.
    pub charged: NanoUsd,
}
