//! Claims, settings.

use super::PostgresStore;
use super::values::v;
use crate::traits::{Claim, Claims, Settings, StoreError};
use async_trait::async_trait;
use opencredits_units::{GenerationId, UnixMs};

#[async_trait]
impl Claims for PostgresStore {
    async fn claim(&self, digest: &[u8; 32], generation: GenerationId, now: UnixMs) -> Result<Claim, StoreError> {
        let add = "INSERT INTO claims (digest, generation, claimed_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        loop {
            if self.execute(add, &[v(digest), v(generation), v(now)]).await? == 1 {
                return Ok(Claim::New);
            }
            let find = "SELECT generation FROM claims WHERE digest = $1";
            // One that was forgotten in between leaves its place.
            if let Some(before) = self.one(find, &[v(digest)], |cells| cells.id(0)).await? {
                return Ok(Claim::Before(before));
            }
        }
    }

    async fn take_over(
        &self,
        digest: &[u8; 32],
        from: GenerationId,
        to: GenerationId,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE claims SET generation = $3, claimed_at = $4 WHERE digest = $1 AND generation = $2";
        Ok(self.execute(update, &[v(digest), v(from), v(to), v(now)]).await? == 1)
    }

    async fn release_claim(&self, digest: &[u8; 32], generation: GenerationId) -> Result<bool, StoreError> {
        let delete = "DELETE FROM claims WHERE digest = $1 AND generation = $2";
        Ok(self.execute(delete, &[v(digest), v(generation)]).await? == 1)
    }

    async fn claimed_at(&self, digest: &[u8; 32]) -> Result<Option<UnixMs>, StoreError> {
        let query = "SELECT claimed_at FROM claims WHERE digest = $1";
        self.one(query, &[v(digest)], |cells| cells.time(0)).await
    }

    async fn forget_claims(&self, before: UnixMs) -> Result<u64, StoreError> {
        self.execute("DELETE FROM claims WHERE claimed_at < $1", &[v(before)]).await
    }
}

#[async_trait]
impl Settings for PostgresStore {
    async fn setting(&self, name: &str, fallback: &[u8]) -> Result<Vec<u8>, StoreError> {
        let find = "SELECT value FROM settings WHERE name = $1";
        if let Some(found) = self.one(find, &[v(name)], |cells| cells.bytes(0)).await? {
            return Ok(found);
        }
        let add = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        self.execute(add, &[v(name), v(fallback)]).await?;
        let found = self.one(find, &[v(name)], |cells| cells.bytes(0)).await?;
        Ok(found.unwrap_or_else(|| fallback.to_vec()))
    }
}
