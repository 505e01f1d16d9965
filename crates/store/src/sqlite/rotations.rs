//! Rotated keys.

use super::rows::{blob, id, number, time};
use super::{SqliteStore, refused};
use crate::rotations::{KeyRotation, KeyRotations, RetiredSecret};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{KeyId, UnixMs};
use rusqlite::{Error, OptionalExtension, Row, params};

const RETIRED: &str = "SELECT key_id, hint, valid_until FROM retired_secrets";
const RETIRE: &str = "
    INSERT INTO retired_secrets (digest, key_id, hint, valid_until)
    SELECT digest, id, hint, ?2 FROM user_keys WHERE id = ?1 AND revoked_at IS NULL";
const ROTATE: &str = "UPDATE user_keys SET digest = ?2, hint = ?3 WHERE id = ?1 AND revoked_at IS NULL";

#[async_trait]
impl KeyRotations for SqliteStore {
    async fn rotate_key(&self, rotation: &KeyRotation) -> Result<bool, StoreError> {
        let KeyRotation { key, digest, hint, old_until } = rotation.clone();
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            match old_until {
                Some(until) => {
                    transaction.prepare_cached(RETIRE)?.execute(params![blob(key), number(until.get())])?;
                }
                None => {
                    transaction.execute("DELETE FROM retired_secrets WHERE key_id = ?1", [blob(key)])?;
                }
            }
            let values = params![blob(key), digest.as_bytes(), hint];
            let rotated = transaction.prepare_cached(ROTATE)?.execute(values).map_err(refused)?;
            transaction.commit()?;
            Ok(rotated == 1)
        })
        .await
    }

    async fn retired_secret(&self, digest: &KeyDigest) -> Result<Option<RetiredSecret>, StoreError> {
        let digest = *digest;
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{RETIRED} WHERE digest = ?1"))?;
            Ok(statement.query_row([digest.as_bytes()], read).optional()?)
        })
        .await
    }

    async fn retired_secrets_of(&self, key: KeyId, now: UnixMs) -> Result<Vec<RetiredSecret>, StoreError> {
        self.run(move |connection| {
            let query = format!("{RETIRED} WHERE key_id = ?1 AND valid_until > ?2 ORDER BY valid_until DESC, hint");
            let mut statement = connection.prepare_cached(&query)?;
            let rows = statement.query_map(params![blob(key), number(now.get())], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<RetiredSecret, Error> {
    Ok(RetiredSecret { key: id(row, 0)?, hint: row.get(1)?, valid_until: time(row, 2)? })
}
