//! User keys.

use super::rows::{blob, id, id_or_none, limit_or_none, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::columns::{joined, models_of};
use crate::records::{Key, LimitReset, Rates};
use crate::traits::{Keys, StoreError};
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{KeyId, UnixMs, UserId};
use rusqlite::{Row, params};
use std::num::NonZeroU32;

pub(super) const KEY: &str = "SELECT id, user_id, partner_id, digest, hint, name, created_at, revoked_at, expires_at,
    limit_account, limit_nano_usd, limit_reset, limit_since, allowed_models, requests_per_minute, tokens_per_minute,
    parallel_max, disabled FROM user_keys";

#[async_trait]
impl Keys for SqliteStore {
    async fn add_key(&self, key: &Key) -> Result<(), StoreError> {
        let key = key.clone();
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO user_keys (id, user_id, partner_id, digest, hint, name, created_at, revoked_at,
                        expires_at, limit_account, limit_nano_usd, limit_reset, limit_since, allowed_models,
                        requests_per_minute, tokens_per_minute, parallel_max, disabled)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
                )?
                .execute(params![
                    blob(key.id),
                    blob(key.user),
                    key.partner.map(blob),
                    key.digest.as_bytes(),
                    key.hint,
                    key.name,
                    number(key.created_at.get()),
                    key.revoked_at.map(|at| number(at.get())),
                    key.expires_at.map(|at| number(at.get())),
                    key.limit.map(|limit| blob(limit.account)),
                    key.limit.map(|limit| limit.amount.get()),
                    key.limit.and_then(|limit| limit.reset).map(LimitReset::name),
                    key.limit.map_or(0, |limit| number(limit.since.get())),
                    key.allowed_models.map(|models| joined(&models)),
                    key.rates.requests_per_minute.map(NonZeroU32::get),
                    key.rates.tokens_per_minute.map(NonZeroU32::get),
                    key.rates.parallel_max.map(NonZeroU32::get),
                    key.disabled,
                ])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        self.one(format!("{KEY} WHERE id = ?1"), [blob(id)], read).await
    }

    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<Key>, StoreError> {
        let found = self.one(format!("{KEY} WHERE digest = ?1"), [*digest.as_bytes()], read).await?;
        // The index has found the row by bytes; this comparison takes constant time.
        Ok(found.filter(|key| key.digest == *digest))
    }

    async fn keys_of(&self, user: UserId) -> Result<Vec<Key>, StoreError> {
        self.all(format!("{KEY} WHERE user_id = ?1 ORDER BY id"), [blob(user)], read).await
    }

    async fn revoke_key(&self, id: KeyId, now: UnixMs) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let changed = connection
                .prepare_cached("UPDATE user_keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL")?
                .execute(params![blob(id), number(now.get())])?;
            Ok(changed == 1)
        })
        .await
    }

    async fn update_key(&self, key: &Key) -> Result<bool, StoreError> {
        let key = key.clone();
        self.run(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE user_keys SET name = ?2, expires_at = ?3, limit_account = ?4, limit_nano_usd = ?5,
                        limit_reset = ?6, limit_since = ?7, allowed_models = ?8, requests_per_minute = ?9,
                        tokens_per_minute = ?10, parallel_max = ?11, disabled = ?12
                     WHERE id = ?1 AND revoked_at IS NULL",
                )?
                .execute(params![
                    blob(key.id),
                    key.name,
                    key.expires_at.map(|at| number(at.get())),
                    key.limit.map(|limit| blob(limit.account)),
                    key.limit.map(|limit| limit.amount.get()),
                    key.limit.and_then(|limit| limit.reset).map(LimitReset::name),
                    key.limit.map_or(0, |limit| number(limit.since.get())),
                    key.allowed_models.map(|models| joined(&models)),
                    key.rates.requests_per_minute.map(NonZeroU32::get),
                    key.rates.tokens_per_minute.map(NonZeroU32::get),
                    key.rates.parallel_max.map(NonZeroU32::get),
                    key.disabled,
                ])?;
            Ok(changed == 1)
        })
        .await
    }

    async fn keys_in_force(&self, user: UserId, after: KeyId, max: u32) -> Result<Vec<Key>, StoreError> {
        self.all(
            format!("{KEY} WHERE user_id = ?1 AND id > ?2 AND revoked_at IS NULL ORDER BY id LIMIT ?3"),
            (blob(user), blob(after), max),
            read,
        )
        .await
    }
}

pub(super) fn read(row: &Row<'_>) -> Result<Key, rusqlite::Error> {
    let models: Option<String> = row.get(13)?;
    let rate = |column| row.get::<_, Option<u32>>(column).map(|rate| rate.and_then(NonZeroU32::new));
    Ok(Key {
        id: id(row, 0)?,
        user: id(row, 1)?,
        partner: id_or_none(row, 2)?,
        digest: KeyDigest::from_bytes(row.get(3)?),
        hint: row.get(4)?,
        name: row.get(5)?,
        created_at: time(row, 6)?,
        revoked_at: time_or_none(row, 7)?,
        expires_at: time_or_none(row, 8)?,
        limit: limit_or_none(row, 9)?,
        allowed_models: models.map(|models| models_of(&models)),
        rates: Rates { requests_per_minute: rate(14)?, tokens_per_minute: rate(15)?, parallel_max: rate(16)? },
        disabled: row.get(17)?,
    })
}
