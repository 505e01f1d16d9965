//! The version of changes.

use super::SqliteStore;
use super::rows::count;
use crate::changes::Changes;
use crate::traits::StoreError;
use async_trait::async_trait;

const RAISE: &str = "
    INSERT INTO change_version (one, version) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET version = version + 1
    RETURNING version";

#[async_trait]
impl Changes for SqliteStore {
    async fn announce(&self) -> Result<u64, StoreError> {
        let raised = self.one(RAISE.to_owned(), [], |row| count(row, 0)).await?;
        raised.ok_or(StoreError::Damaged { table: "change_version" })
    }

    async fn version(&self) -> Result<u64, StoreError> {
        let query = "SELECT version FROM change_version WHERE one = 1".to_owned();
        Ok(self.one(query, [], |row| count(row, 0)).await?.unwrap_or_default())
    }
}
