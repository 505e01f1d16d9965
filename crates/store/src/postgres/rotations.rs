//! Rotated keys.

use super::PostgresStore;
use super::cells::Cells;
use super::values::v;
use crate::rotations::{KeyRotation, KeyRotations, RetiredSecret};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{KeyId, UnixMs};

const RETIRED: &str = "SELECT key_id, hint, valid_until FROM retired_secrets";
/// Of two rotations at once the second retires the secret of the first.
const LOCK: &str = "SELECT id FROM user_keys WHERE id = $1 FOR UPDATE";
const RETIRE: &str = "
    INSERT INTO retired_secrets (digest, key_id, hint, valid_until)
    SELECT digest, id, hint, CAST($2 AS bigint) FROM user_keys WHERE id = $1 AND revoked_at IS NULL";
const ROTATE: &str = "UPDATE user_keys SET digest = $2, hint = $3 WHERE id = $1 AND revoked_at IS NULL";

#[async_trait]
impl KeyRotations for PostgresStore {
    async fn rotate_key(&self, rotation: &KeyRotation) -> Result<bool, StoreError> {
        let KeyRotation { key, digest, hint, old_until } = rotation;
        self.transaction(|transaction| async move {
            transaction.execute(LOCK, &[v(*key)]).await?;
            match old_until {
                Some(until) => transaction.execute(RETIRE, &[v(*key), v(*until)]).await?,
                None => transaction.execute("DELETE FROM retired_secrets WHERE key_id = $1", &[v(*key)]).await?,
            };
            Ok(transaction.execute(ROTATE, &[v(*key), v(*digest), v(hint)]).await? == 1)
        })
        .await
    }

    async fn retired_secret(&self, digest: &KeyDigest) -> Result<Option<RetiredSecret>, StoreError> {
        self.one(&format!("{RETIRED} WHERE digest = $1"), &[v(*digest)], read).await
    }

    async fn retired_secrets_of(&self, key: KeyId, now: UnixMs) -> Result<Vec<RetiredSecret>, StoreError> {
        let query = format!("{RETIRED} WHERE key_id = $1 AND valid_until > $2 ORDER BY valid_until DESC, hint");
        self.all(&query, &[v(key), v(now)], read).await
    }
}

fn read(cells: &Cells<'_>) -> Result<RetiredSecret, StoreError> {
    Ok(RetiredSecret { key: cells.id(0)?, hint: cells.text(1)?, valid_until: cells.time(2)? })
}
