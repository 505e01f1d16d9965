//! New secrets for keys that stay.

use super::{Accounts, AccountsError, Actor};
use opencredits_keys::{IssuedKey, Spends};
use opencredits_store::{Key, KeyRotation, RetiredSecret};
use opencredits_units::{KeyId, UnixMs, UserId};

/// The longest time for which the secret of before stays valid, in ms.
pub const OVERLAP_MS_MAX: u64 = UnixMs::DAY_MS;

/// A key with a new secret.
pub struct Rotated {
    /// The key.
    pub key: Key,
    /// The secret, which nobody can ask for again.
    pub secret: IssuedKey,
}

impl Accounts {
    /// Gives a key a new secret; of `owner`, where one is named. Name, limits, models and rates stay. The secret of before is
    /// valid for `overlap_ms` more; at 0 it ends at once, and so do all earlier ones.
    ///
    /// # Errors
    /// When the key is unknown, revoked or another person's, the overlap exceeds a day, or the store fails.
    pub async fn rotate_key(
        &self,
        (id, owner): (KeyId, Option<UserId>),
        overlap_ms: u64,
        actor: Actor,
    ) -> Result<Rotated, AccountsError> {
        if overlap_ms > OVERLAP_MS_MAX {
            let problem = "is longer than a day; shorten it";
            return Err(AccountsError::Invalid { field: "the overlap", problem });
        }
        let _one = self.editing.lock().await;
        let before = self.key_in_force(id, owner).await?;
        let secret = self.mode.generate::<Spends>(self.random());
        let old_until = (overlap_ms > 0).then(|| self.now().saturating_add_ms(overlap_ms));
        let hint = secret.hint().to_owned();
        let rotation = KeyRotation { key: id, digest: secret.digest(), hint: hint.clone(), old_until };
        if !self.tables.rotations.rotate_key(&rotation).await? {
            return Err(AccountsError::NoKey { id });
        }
        (self.changed)();
        let detail = format!("the secret of before is valid for {} s more", overlap_ms.div_euclid(1_000));
        self.record((actor, "key.rotate"), &id.to_string(), detail).await?;
        Ok(Rotated { key: Key { digest: secret.digest(), hint, ..before }, secret })
    }

    /// The earlier secrets of a key that are still valid, the longest valid first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn retired_secrets(&self, key: KeyId) -> Result<Vec<RetiredSecret>, AccountsError> {
        Ok(self.tables.rotations.retired_secrets_of(key, self.now()).await?)
    }
}
