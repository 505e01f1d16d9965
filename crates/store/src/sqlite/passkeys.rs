//! Passkeys.

use super::rows::{blob, id, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::identity::{PasskeyId, PasskeyRecord, PasskeyUse, Passkeys};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{UnixMs, UserId};
use rusqlite::{Error, Row, TransactionBehavior, params};

const PASSKEY: &str = "
    SELECT id, credential_id, user_id, name, public_key, sign_count, is_backup_eligible, is_backed_up, created_at, used_at
    FROM passkeys";

#[async_trait]
impl Passkeys for SqliteStore {
    async fn add_passkey_challenge(
        &self,
        value: &[u8; 32],
        user: Option<UserId>,
        expires_at: UnixMs,
    ) -> Result<(), StoreError> {
        let value = *value;
        self.run(move |connection| {
            connection
                .prepare_cached("INSERT INTO passkey_challenges (value, user_id, expires_at) VALUES (?1, ?2, ?3)")?
                .execute(params![value, user.map(blob), number(expires_at.get())])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn take_passkey_challenge(
        &self,
        value: &[u8; 32],
        user: Option<UserId>,
    ) -> Result<Option<UnixMs>, StoreError> {
        let statement = "DELETE FROM passkey_challenges WHERE value = ?1 AND user_id IS ?2 RETURNING expires_at";
        self.one(statement.to_owned(), (*value, user.map(blob)), |row| time(row, 0)).await
    }

    async fn add_passkey(&self, passkey: &PasskeyRecord, max: u32) -> Result<bool, StoreError> {
        let new = passkey.clone();
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let there: u32 = transaction
                .prepare_cached("SELECT count(*) FROM passkeys WHERE user_id = ?1")?
                .query_row([blob(new.user)], |row| row.get(0))?;
            if there >= max {
                return Ok(false);
            }
            transaction
                .prepare_cached(
                    "INSERT INTO passkeys (id, credential_id, user_id, name, public_key, sign_count,
                        is_backup_eligible, is_backed_up, created_at, used_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )?
                .execute(params![
                    blob(new.id),
                    new.credential_id,
                    blob(new.user),
                    new.name,
                    new.public_key,
                    new.sign_count,
                    new.is_backup_eligible,
                    new.is_backed_up,
                    number(new.created_at.get()),
                    new.used_at.map(|at| number(at.get())),
                ])
                .map_err(refused)?;
            transaction.commit()?;
            Ok(true)
        })
        .await
    }

    async fn passkey(&self, credential_id: &[u8]) -> Result<Option<PasskeyRecord>, StoreError> {
        self.one(format!("{PASSKEY} WHERE credential_id = ?1"), [credential_id.to_vec()], read).await
    }

    async fn passkeys_of(&self, user: UserId) -> Result<Vec<PasskeyRecord>, StoreError> {
        self.all(format!("{PASSKEY} WHERE user_id = ?1 ORDER BY created_at, id"), [blob(user)], read).await
    }

    async fn use_passkey(&self, used: &PasskeyUse) -> Result<bool, StoreError> {
        let used = *used;
        self.run(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE passkeys SET sign_count = ?3, is_backed_up = ?4, used_at = ?5
                     WHERE id = ?1 AND sign_count = ?2",
                )?
                .execute(params![
                    blob(used.id),
                    used.from_count,
                    used.to_count,
                    used.is_backed_up,
                    number(used.at.get())
                ])?;
            Ok(changed == 1)
        })
        .await
    }

    async fn rename_passkey(&self, user: UserId, id: PasskeyId, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.run(move |connection| {
            let changed = connection
                .prepare_cached("UPDATE passkeys SET name = ?3 WHERE id = ?1 AND user_id = ?2")?
                .execute(params![blob(id), blob(user), name])?;
            Ok(changed == 1)
        })
        .await
    }

    async fn remove_passkey(&self, user: UserId, id: PasskeyId) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM passkeys WHERE id = ?1 AND user_id = ?2")?
                .execute(params![blob(id), blob(user)])?;
            Ok(removed == 1)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<PasskeyRecord, Error> {
    Ok(PasskeyRecord {
        id: id(row, 0)?,
        credential_id: row.get(1)?,
        user: id(row, 2)?,
        name: row.get(3)?,
        public_key: row.get(4)?,
        sign_count: row.get(5)?,
        is_backup_eligible: row.get(6)?,
        is_backed_up: row.get(7)?,
        created_at: time(row, 8)?,
        used_at: time_or_none(row, 9)?,
    })
}
