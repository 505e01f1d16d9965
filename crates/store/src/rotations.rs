//! Rotated keys: records and port.

use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{KeyId, UnixMs};

/// A new secret for a key that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotation {
    /// The key.
    pub key: KeyId,
    /// The digest of the new secret.
    pub digest: KeyDigest,
    /// Its last characters.
    pub hint: String,
    /// How long the secret of before is valid; not at all where `None`, and then no earlier one is either.
    pub old_until: Option<UnixMs>,
}

/// An earlier secret of a key, which is valid for some more time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredSecret {
    /// The key.
    pub key: KeyId,
    /// Its last characters.
    pub hint: String,
    /// The end of its validity.
    pub valid_until: UnixMs,
}

/// Rotated keys.
#[async_trait]
pub trait KeyRotations: Send + Sync {
    /// Gives a key its new secret, and retires the one of before, in one step. Returns whether the key is there and not
    /// revoked; no other key has the digest.
    async fn rotate_key(&self, rotation: &KeyRotation) -> Result<bool, StoreError>;
    /// The earlier secret with this digest, valid or not.
    async fn retired_secret(&self, digest: &KeyDigest) -> Result<Option<RetiredSecret>, StoreError>;
    /// The earlier secrets of a key that are valid beyond `now`, the longest valid first.
    async fn retired_secrets_of(&self, key: KeyId, now: UnixMs) -> Result<Vec<RetiredSecret>, StoreError>;
}
