//! Management keys, and the record of changes.

use super::rows::{blob, id, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::records::{AuditRecord, ManagementKeyRecord};
use crate::traits::{AuditLog, ManagementKeys, StoreError};
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{EntryId, KeyId, UnixMs, UserId};
use rusqlite::{OptionalExtension, Row, params};

const KEY: &str = "SELECT id, user_id, digest, hint, name, created_at, revoked_at FROM management_keys";

#[async_trait]
impl ManagementKeys for SqliteStore {
    async fn add_management_key(&self, key: &ManagementKeyRecord) -> Result<(), StoreError> {
        let key = key.clone();
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO management_keys (id, user_id, digest, hint, name, created_at, revoked_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    blob(key.id),
                    blob(key.user),
                    key.digest.as_bytes(),
                    key.hint,
                    key.name,
                    number(key.created_at.get()),
                    key.revoked_at.map(|at| number(at.get())),
                ])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn management_key(&self, digest: &KeyDigest) -> Result<Option<ManagementKeyRecord>, StoreError> {
        let digest = *digest;
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{KEY} WHERE digest = ?1"))?;
            let found = statement.query_row([digest.as_bytes()], read).optional()?;
            // The index has found the row by bytes; this comparison takes constant time.
            Ok(found.filter(|key| key.digest == digest))
        })
        .await
    }

    async fn management_keys_of(&self, user: UserId) -> Result<Vec<ManagementKeyRecord>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{KEY} WHERE user_id = ?1 ORDER BY id"))?;
            let rows = statement.query_map([blob(user)], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn revoke_management_key(&self, id: KeyId, now: UnixMs) -> Result<Option<ManagementKeyRecord>, StoreError> {
        self.run(move |connection| {
            connection
                .prepare_cached("UPDATE management_keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL")?
                .execute(params![blob(id), number(now.get())])?;
            let mut statement = connection.prepare_cached(&format!("{KEY} WHERE id = ?1"))?;
            Ok(statement.query_row([blob(id)], read).optional()?)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<ManagementKeyRecord, rusqlite::Error> {
    Ok(ManagementKeyRecord {
        id: id(row, 0)?,
        user: id(row, 1)?,
        digest: KeyDigest::from_bytes(row.get(2)?),
        hint: row.get(3)?,
        name: row.get(4)?,
        created_at: time(row, 5)?,
        revoked_at: time_or_none(row, 6)?,
    })
}

#[async_trait]
impl AuditLog for SqliteStore {
    async fn add_audit(&self, record: &AuditRecord) -> Result<(), StoreError> {
        let record = record.clone();
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO audit (id, at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    blob(record.id),
                    number(record.at.get()),
                    record.actor,
                    record.action,
                    record.subject,
                    record.detail,
                ])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn audits(&self, after: EntryId, max: u32) -> Result<Vec<AuditRecord>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, at, actor, action, subject, detail FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let rows = statement.query_map(params![blob(after), max], |row| {
                Ok(AuditRecord {
                    id: id(row, 0)?,
                    at: time(row, 1)?,
                    actor: row.get(2)?,
                    action: row.get(3)?,
                    subject: row.get(4)?,
                    detail: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
