//! The versions of changes.

use super::SqliteStore;
use super::rows::count;
use crate::changes::{Change, Changes, Versions};
use crate::traits::StoreError;
use async_trait::async_trait;
use rusqlite::{Error, Row};

const RAISE: &str = "
    INSERT INTO change_version (one, version, configs) VALUES (1, 1, ?1)
    ON CONFLICT (one) DO UPDATE SET version = version + 1, configs = configs + excluded.configs
    RETURNING version, configs";

#[async_trait]
impl Changes for SqliteStore {
    async fn announce(&self, change: Change) -> Result<Versions, StoreError> {
        let configs = i64::from(change == Change::Config);
        let raised = self.one(RAISE.to_owned(), [configs], read).await?;
        raised.ok_or(StoreError::Damaged { table: "change_version" })
    }

    async fn versions(&self) -> Result<Versions, StoreError> {
        let query = "SELECT version, configs FROM change_version WHERE one = 1".to_owned();
        Ok(self.one(query, [], read).await?.unwrap_or_default())
    }
}

fn read(row: &Row<'_>) -> Result<Versions, Error> {
    Ok(Versions { changes: count(row, 0)?, configs: count(row, 1)? })
}
