//! Claims, settings.

use super::SqliteStore;
use super::rows::{blob, id, number, time};
use crate::traits::{Claim, Claims, Settings, StoreError};
use async_trait::async_trait;
use opencredits_units::{GenerationId, UnixMs};
use rusqlite::{OptionalExtension, params};

#[async_trait]
impl Claims for SqliteStore {
    async fn claim(&self, digest: &[u8; 32], generation: GenerationId, now: UnixMs) -> Result<Claim, StoreError> {
        let digest = *digest;
        self.run(move |connection| {
            let made = connection
                .prepare_cached("INSERT OR IGNORE INTO claims (digest, generation, claimed_at) VALUES (?1, ?2, ?3)")?
                .execute(params![digest, blob(generation), number(now.get())])?;
            if made == 1 {
                return Ok(Claim::New);
            }
            let mut statement = connection.prepare_cached("SELECT generation FROM claims WHERE digest = ?1")?;
            Ok(Claim::Before(statement.query_row([digest], |row| id(row, 0))?))
        })
        .await
    }

    async fn take_over(
        &self,
        digest: &[u8; 32],
        from: GenerationId,
        to: GenerationId,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let digest = *digest;
        self.run(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE claims SET generation = ?3, claimed_at = ?4 WHERE digest = ?1 AND generation = ?2",
                )?
                .execute(params![digest, blob(from), blob(to), number(now.get())])?;
            Ok(changed == 1)
        })
        .await
    }

    async fn release_claim(&self, digest: &[u8; 32], generation: GenerationId) -> Result<bool, StoreError> {
        let digest = *digest;
        self.run(move |connection| {
            let deleted = connection
                .prepare_cached("DELETE FROM claims WHERE digest = ?1 AND generation = ?2")?
                .execute(params![digest, blob(generation)])?;
            Ok(deleted == 1)
        })
        .await
    }

    async fn claimed_at(&self, digest: &[u8; 32]) -> Result<Option<UnixMs>, StoreError> {
        let query = "SELECT claimed_at FROM claims WHERE digest = ?1".to_owned();
        self.one(query, [*digest], |row| time(row, 0)).await
    }

    async fn forget_claims(&self, before: UnixMs) -> Result<u64, StoreError> {
        self.run(move |connection| {
            let deleted = connection.execute("DELETE FROM claims WHERE claimed_at < ?1", [number(before.get())])?;
            Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
        })
        .await
    }
}

#[async_trait]
impl Settings for SqliteStore {
    async fn setting(&self, name: &str, fallback: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (name, fallback) = (name.to_owned(), fallback.to_vec());
        self.run(move |connection| {
            connection
                .execute("INSERT OR IGNORE INTO settings (name, value) VALUES (?1, ?2)", params![name, fallback])?;
            let mut statement = connection.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
            let found: Option<Vec<u8>> = statement.query_row([name], |row| row.get(0)).optional()?;
            Ok(found.unwrap_or(fallback))
        })
        .await
    }
}
