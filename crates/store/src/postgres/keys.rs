//! User keys.

use super::PostgresStore;
use super::cells::Cells;
use super::values::{Value, v};
use crate::columns::{joined, models_of};
use crate::records::{Key, LimitReset, Rates};
use crate::traits::{Keys, StoreError};
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{KeyId, UnixMs, UserId};
use std::num::NonZeroU32;

pub(super) const KEY: &str = "SELECT id, user_id, partner_id, digest, hint, name, created_at, revoked_at, expires_at,
    limit_account, limit_nano_usd, limit_reset, limit_since, allowed_models, requests_per_minute, tokens_per_minute,
    parallel_max, disabled FROM user_keys";

#[async_trait]
impl Keys for PostgresStore {
    async fn add_key(&self, key: &Key) -> Result<(), StoreError> {
        let fixed =
            [v(key.id), v(key.user), v(key.partner), v(key.digest), v(&key.hint), v(key.created_at), v(key.revoked_at)];
        let values: Vec<Value> = fixed.into_iter().chain(changeable(key)).collect();
        self.execute(
            "INSERT INTO user_keys (id, user_id, partner_id, digest, hint, created_at, revoked_at, name, expires_at,
                limit_account, limit_nano_usd, limit_reset, limit_since, allowed_models, requests_per_minute,
                tokens_per_minute, parallel_max, disabled)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
            &values,
        )
        .await?;
        Ok(())
    }

    async fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        self.one(&format!("{KEY} WHERE id = $1"), &[v(id)], read).await
    }

    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<Key>, StoreError> {
        let found = self.one(&format!("{KEY} WHERE digest = $1"), &[v(*digest)], read).await?;
        // The index has found the row by bytes; this comparison takes constant time.
        Ok(found.filter(|key| key.digest == *digest))
    }

    async fn keys_of(&self, user: UserId) -> Result<Vec<Key>, StoreError> {
        self.all(&format!("{KEY} WHERE user_id = $1 ORDER BY id"), &[v(user)], read).await
    }

    async fn revoke_key(&self, id: KeyId, now: UnixMs) -> Result<bool, StoreError> {
        let revoke = "UPDATE user_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        Ok(self.execute(revoke, &[v(id), v(now)]).await? == 1)
    }

    async fn update_key(&self, key: &Key) -> Result<bool, StoreError> {
        let values: Vec<Value> = [v(key.id)].into_iter().chain(changeable(key)).collect();
        let changed = self
            .execute(
                "UPDATE user_keys SET name = $2, expires_at = $3, limit_account = $4, limit_nano_usd = $5,
                    limit_reset = $6, limit_since = $7, allowed_models = $8, requests_per_minute = $9,
                    tokens_per_minute = $10, parallel_max = $11, disabled = $12
                 WHERE id = $1 AND revoked_at IS NULL",
                &values,
            )
            .await?;
        Ok(changed == 1)
    }

    async fn keys_in_force(&self, user: UserId, after: KeyId, max: u32) -> Result<Vec<Key>, StoreError> {
        let sql = format!("{KEY} WHERE user_id = $1 AND id > $2 AND revoked_at IS NULL ORDER BY id LIMIT $3");
        self.all(&sql, &[v(user), v(after), v(max)], read).await
    }
}

/// The columns that may change, from the name on.
fn changeable(key: &Key) -> [Value; 11] {
    [
        v(&key.name),
        v(key.expires_at),
        v(key.limit.map(|limit| limit.account)),
        v(key.limit.map(|limit| limit.amount)),
        v(key.limit.and_then(|limit| limit.reset).map(LimitReset::name)),
        v(key.limit.map_or(UnixMs::default(), |limit| limit.since)),
        v(key.allowed_models.as_deref().map(joined)),
        v(key.rates.requests_per_minute),
        v(key.rates.tokens_per_minute),
        v(key.rates.parallel_max),
        v(key.disabled),
    ]
}

pub(super) fn read(cells: &Cells<'_>) -> Result<Key, StoreError> {
    let rate = |column| cells.count_or_none(column).map(|rate| rate.and_then(NonZeroU32::new));
    Ok(Key {
        id: cells.id(0)?,
        user: cells.id(1)?,
        partner: cells.id_or_none(2)?,
        digest: cells.digest(3)?,
        hint: cells.text(4)?,
        name: cells.text(5)?,
        created_at: cells.time(6)?,
        revoked_at: cells.time_or_none(7)?,
        expires_at: cells.time_or_none(8)?,
        limit: cells.limit_or_none(9)?,
        allowed_models: cells.text_or_none(13)?.map(|models| models_of(&models)),
        rates: Rates { requests_per_minute: rate(14)?, tokens_per_minute: rate(15)?, parallel_max: rate(16)? },
        disabled: cells.flag(17)?,
    })
}
