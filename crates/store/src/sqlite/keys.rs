//! User keys.

use super::rows::{blob, id, id_or_none, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::records::{Key, KeyLimit};
use crate::traits::{Keys, StoreError};
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{KeyId, NanoUsd, UnixMs, UserId};
use rusqlite::{OptionalExtension, Row, params};

const KEY: &str = "SELECT id, user_id, partner_id, digest, hint, name, created_at, revoked_at, expires_at,
    limit_account, limit_nano_usd, allowed_models FROM user_keys";
/// The separator of a key's allowed models: no model name contains one.
const SEPARATOR: &str = "\n";

#[async_trait]
impl Keys for SqliteStore {
    async fn add_key(&self, key: &Key) -> Result<(), StoreError> {
        let key = key.clone();
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO user_keys (id, user_id, partner_id, digest, hint, name, created_at, revoked_at,
                        expires_at, limit_account, limit_nano_usd, allowed_models)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
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
                    key.allowed_models.map(|models| models.join(SEPARATOR)),
                ])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{KEY} WHERE id = ?1"))?;
            Ok(statement.query_row([blob(id)], read).optional()?)
        })
        .await
    }

    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<Key>, StoreError> {
        let digest = *digest;
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{KEY} WHERE digest = ?1"))?;
            let found = statement.query_row([digest.as_bytes()], read).optional()?;
            // The index has found the row by bytes; this comparison takes constant time.
            Ok(found.filter(|key| key.digest == digest))
        })
        .await
    }

    async fn keys_of(&self, user: UserId) -> Result<Vec<Key>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{KEY} WHERE user_id = ?1 ORDER BY id"))?;
            let rows = statement.query_map([blob(user)], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
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
}

fn read(row: &Row<'_>) -> Result<Key, rusqlite::Error> {
    let limit = match (id_or_none(row, 9)?, row.get::<_, Option<i64>>(10)?) {
        (Some(account), Some(amount)) => Some(KeyLimit { account, amount: NanoUsd::new(amount) }),
        _ => None,
    };
    let models: Option<String> = row.get(11)?;
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
        limit,
        allowed_models: models.map(|models| list(&models)),
    })
}

/// The models of a list; an empty text is an empty list, not a list of one empty name.
fn list(models: &str) -> Vec<String> {
    models.split(SEPARATOR).filter(|model| !model.is_empty()).map(str::to_owned).collect()
}
