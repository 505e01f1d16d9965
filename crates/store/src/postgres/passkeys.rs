//! Passkeys.

use super::cells::Cells;
use super::values::v;
use super::{PostgresStore, lock_person};
use crate::identity::{PasskeyId, PasskeyRecord, PasskeyUse, Passkeys};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{UnixMs, UserId};

const PASSKEY: &str = "
    SELECT id, credential_id, user_id, name, public_key, sign_count, is_backup_eligible, is_backed_up, created_at, used_at
    FROM passkeys";
const ADD: &str = "
    INSERT INTO passkeys (id, credential_id, user_id, name, public_key, sign_count, is_backup_eligible, is_backed_up,
        created_at, used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const TAKE: &str =
    "DELETE FROM passkey_challenges WHERE value = $1 AND user_id IS NOT DISTINCT FROM $2 RETURNING expires_at";

#[async_trait]
impl Passkeys for PostgresStore {
    async fn add_passkey_challenge(
        &self,
        value: &[u8; 32],
        user: Option<UserId>,
        expires_at: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO passkey_challenges (value, user_id, expires_at) VALUES ($1, $2, $3)";
        self.execute(sql, &[v(value), v(user), v(expires_at)]).await?;
        Ok(())
    }

    async fn take_passkey_challenge(
        &self,
        value: &[u8; 32],
        user: Option<UserId>,
    ) -> Result<Option<UnixMs>, StoreError> {
        self.write_one(TAKE, &[v(value), v(user)], |cells| cells.time(0)).await
    }

    async fn add_passkey(&self, passkey: &PasskeyRecord, max: u32) -> Result<bool, StoreError> {
        let values = &[
            v(passkey.id),
            v(passkey.credential_id.as_slice()),
            v(passkey.user),
            v(&passkey.name),
            v(passkey.public_key.as_slice()),
            v(passkey.sign_count),
            v(passkey.is_backup_eligible),
            v(passkey.is_backed_up),
            v(passkey.created_at),
            v(passkey.used_at),
        ];
        self.transaction(|transaction| async move {
            lock_person(&transaction, passkey.user).await?;
            let query = "SELECT count(*) FROM passkeys WHERE user_id = $1";
            let there: Option<u32> = transaction.one(query, &[v(passkey.user)], |cells| cells.count(0)).await?;
            if there.unwrap_or_default() >= max {
                return Ok(false);
            }
            transaction.execute(ADD, values).await?;
            Ok(true)
        })
        .await
    }

    async fn passkey(&self, credential_id: &[u8]) -> Result<Option<PasskeyRecord>, StoreError> {
        self.one(&format!("{PASSKEY} WHERE credential_id = $1"), &[v(credential_id)], read).await
    }

    async fn passkeys_of(&self, user: UserId) -> Result<Vec<PasskeyRecord>, StoreError> {
        self.all(&format!("{PASSKEY} WHERE user_id = $1 ORDER BY created_at, id"), &[v(user)], read).await
    }

    async fn use_passkey(&self, used: &PasskeyUse) -> Result<bool, StoreError> {
        let sql = "UPDATE passkeys SET sign_count = $3, is_backed_up = $4, used_at = $5
            WHERE id = $1 AND sign_count = $2";
        let values = [v(used.id), v(used.from_count), v(used.to_count), v(used.is_backed_up), v(used.at)];
        Ok(self.execute(sql, &values).await? == 1)
    }

    async fn rename_passkey(&self, user: UserId, id: PasskeyId, name: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2";
        Ok(self.execute(sql, &[v(id), v(user), v(name)]).await? == 1)
    }

    async fn remove_passkey(&self, user: UserId, id: PasskeyId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM passkeys WHERE id = $1 AND user_id = $2";
        Ok(self.execute(sql, &[v(id), v(user)]).await? == 1)
    }
}

fn read(cells: &Cells<'_>) -> Result<PasskeyRecord, StoreError> {
    Ok(PasskeyRecord {
        id: cells.id(0)?,
        credential_id: cells.bytes(1)?,
        user: cells.id(2)?,
        name: cells.text(3)?,
        public_key: cells.bytes(4)?,
        sign_count: cells.count(5)?,
        is_backup_eligible: cells.flag(6)?,
        is_backed_up: cells.flag(7)?,
        created_at: cells.time(8)?,
        used_at: cells.time_or_none(9)?,
    })
}
