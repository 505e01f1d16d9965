//! The keys that apps got of people: renewed and revoked without a management key.

use super::rotate::Rotated;
use super::{Accounts, AccountsError, Actor};
use opencredits_keys::{KeyDigest, Spends};
use opencredits_store::{Key, KeyRotation, SpendingLimit};
use opencredits_units::{KeyId, NanoUsd, UnixMs};

/// How long a secret stays valid after a refresh, in ms: other requests of the app may be on their way with it.
const OVERLAP_MS: u64 = 60_000;

impl Accounts {
    /// Revokes these keys, those that are in force, at once.
    pub(crate) async fn revoke_app_keys(&self, keys: &[KeyId], actor: Actor) -> Result<(), AccountsError> {
        let _one = self.editing.lock().await;
        for key in keys {
            if self.tables.keys.revoke_key(*key, self.now()).await? {
                (self.changed)();
                self.record((actor, "key.revoke"), &key.to_string(), String::new()).await?;
            }
        }
        Ok(())
    }

    /// Gives a key a new secret and a later end. The secret of before is valid for a minute more, and no longer than it was.
    pub(crate) async fn renew_app_key(&self, id: KeyId, expires_at: UnixMs) -> Result<Rotated, AccountsError> {
        let _one = self.editing.lock().await;
        let before = self.key_in_force(id, None).await?;
        let secret = self.mode.generate::<Spends>(self.random());
        let overlap = self.now().saturating_add_ms(OVERLAP_MS);
        let old_until = Some(before.expires_at.map_or(overlap, |end| end.min(overlap)));
        let hint = secret.hint().to_owned();
        let rotation = KeyRotation { key: id, digest: secret.digest(), hint: hint.clone(), old_until };
        let key = Key { digest: secret.digest(), hint, expires_at: Some(expires_at), ..before };
        // The end of the old secret comes first: a crash in between leaves nothing that lasts longer than before.
        let is_there = self.tables.rotations.rotate_key(&rotation).await? && self.tables.keys.update_key(&key).await?;
        (self.changed)();
        if is_there { Ok(Rotated { key, secret }) } else { Err(AccountsError::NoKey { id }) }
    }

    /// The key with this secret, or with this one of before that is still valid.
    pub(crate) async fn key_with(&self, digest: &KeyDigest) -> Result<Option<KeyId>, AccountsError> {
        if let Some(key) = self.tables.keys.key_by_digest(digest).await? {
            return Ok(Some(key.id));
        }
        let retired = self.tables.rotations.retired_secret(digest).await?;
        Ok(retired.filter(|retired| self.now() < retired.valid_until).map(|retired| retired.key))
    }

    /// What was spent of a limit in its period.
    pub(crate) async fn spent_of(&self, limit: &SpendingLimit) -> Result<NanoUsd, AccountsError> {
        let left = self.ledger.balance(limit.account).await?.posted;
        Ok(limit.amount.checked_sub(left).unwrap_or_default())
    }
}
