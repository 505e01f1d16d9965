//! The versions of changes, and who listens for them.

use super::PostgresStore;
use super::cells::Cells;
use super::values::v;
use crate::changes::{Change, Changes, Versions};
use crate::traits::StoreError;
use async_trait::async_trait;

/// What announcements are sent on.
const CHANNEL: &str = "opencredits_changes";
const NOTIFY: &str = "NOTIFY opencredits_changes";
const RAISE: &str = "
    INSERT INTO change_version (one, version, configs) VALUES (1, 1, $1)
    ON CONFLICT (one) DO UPDATE SET version = change_version.version + 1,
        configs = change_version.configs + excluded.configs
    RETURNING version, configs";

#[async_trait]
impl Changes for PostgresStore {
    async fn announce(&self, change: Change) -> Result<Versions, StoreError> {
        let configs = i64::from(change == Change::Config);
        self.transaction(|transaction| async move {
            let raised = transaction.one(RAISE, &[v(configs)], read).await?;
            // It is sent by the commit.
            transaction.execute(NOTIFY, &[]).await?;
            raised.ok_or(StoreError::Damaged { table: "change_version" })
        })
        .await
    }

    async fn versions(&self) -> Result<Versions, StoreError> {
        let query = "SELECT version, configs FROM change_version WHERE one = 1";
        Ok(self.one(query, &[], read).await?.unwrap_or_default())
    }
}

fn read(cells: &Cells<'_>) -> Result<Versions, StoreError> {
    Ok(Versions { changes: cells.count(0)?, configs: cells.count(1)? })
}

impl PostgresStore {
    /// Calls `heard` at each announcement of any process, this one included, and each time that it begins to listen: what was announced
    /// before that was not heard. Several announcements may be heard as one, so `heard` reads [`Changes::versions`], and does no more
    /// than wake whoever does. It has a connection of its own and never ends: to end it, drop it.
    ///
    /// A connection that is lost is made anew after a pause of 100 ms to 2 s, and `failed` is called once until it listens again. Behind
    /// a pool that gives connections to transactions nothing is heard, and no error tells it: whoever must not miss a change reads the
    /// version from time to time besides.
    pub async fn listen(&self, heard: impl Fn() + Send + Sync, failed: impl Fn(StoreError) + Send + Sync) {
        opencredits_postgres::listen(&self.settings, CHANNEL, heard, |error| failed(error.into())).await;
    }
}
