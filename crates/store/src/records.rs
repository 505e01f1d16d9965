//! What is kept.

use opencredits_keys::KeyDigest;
use opencredits_units::{AccountId, BasisPoints, KeyId, NanoUsd, PartnerId, UnixMs, UserId};

/// Whether a person may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Good,
    /// Not until the operator lifts it.
    Suspended,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The person.
    pub id: UserId,
    /// Their wallet in the ledger.
    pub wallet: AccountId,
    /// What the operator calls them.
    pub label: String,
    /// Since when.
    pub created_at: UnixMs,
    /// Whether they may spend.
    pub standing: Standing,
}

/// An app that makes requests on people's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// The partner.
    pub id: PartnerId,
    /// Its name.
    pub name: String,
    /// What names it in a browser.
    pub publishable_key: String,
    /// Its share of the markup; the operator's default where `None`.
    pub share: Option<BasisPoints>,
    /// Its earnings in the ledger.
    pub earnings: AccountId,
    /// Since when.
    pub created_at: UnixMs,
}

/// A limit of a key: an account of its own in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLimit {
    /// The account that counts it.
    pub account: AccountId,
    /// How much it was given.
    pub amount: NanoUsd,
}

/// A user key's record. The key itself is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub id: KeyId,
    /// Whose it is.
    pub user: UserId,
    /// Through whom it was issued.
    pub partner: Option<PartnerId>,
    /// The digest of its text.
    pub digest: KeyDigest,
    /// Its last characters.
    pub hint: String,
    /// What its owner calls it.
    pub name: String,
    /// Since when.
    pub created_at: UnixMs,
    /// When it was revoked.
    pub revoked_at: Option<UnixMs>,
    /// When it ends by itself.
    pub expires_at: Option<UnixMs>,
    /// How much it may spend in all.
    pub limit: Option<KeyLimit>,
    /// Models that it may use; all when `None`.
    pub allowed_models: Option<Vec<String>>,
}

/// What a key used on one day, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageDay {
    /// The key.
    pub key: KeyId,
    /// The day, counted from the epoch.
    pub day: u64,
    /// Requests.
    pub requests: u64,
    /// What they were charged.
    pub charged: NanoUsd,
}
