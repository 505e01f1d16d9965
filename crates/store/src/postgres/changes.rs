//! The version of changes, and who listens for it.

use super::PostgresStore;
use crate::changes::Changes;
use crate::traits::StoreError;
use async_trait::async_trait;

/// What announcements are sent on.
const CHANNEL: &str = "opencredits_changes";
const NOTIFY: &str = "NOTIFY opencredits_changes";
const RAISE: &str = "
    INSERT INTO change_version (one, version) VALUES (1, 1)
    ON CONFLICT (one) DO UPDATE SET version = change_version.version + 1 RETURNING version";

#[async_trait]
impl Changes for PostgresStore {
    async fn announce(&self) -> Result<u64, StoreError> {
        self.transaction(|transaction| async move {
            let raised = transaction.one(RAISE, &[], |cells| cells.count(0)).await?;
            // It is sent by the commit.
            transaction.execute(NOTIFY, &[]).await?;
            raised.ok_or(StoreError::Damaged { table: "change_version" })
        })
        .await
    }

    async fn version(&self) -> Result<u64, StoreError> {
        let query = "SELECT version FROM change_version WHERE one = 1";
        Ok(self.one(query, &[], |cells| cells.count(0)).await?.unwrap_or_default())
    }
}

impl PostgresStore {
    /// Calls `heard` at each announcement of any process, this one included, and each time that it begins to listen: what was announced
    /// before that was not heard. Several announcements may be heard as one, so `heard` reads [`Changes::version`], and does no more
    /// than wake whoever does. It has a connection of its own and never ends: to end it, drop it.
    ///
    /// A connection that is lost is made anew after a pause of 100 ms to 2 s, and `failed` is called once until it listens again. Behind
    /// a pool that gives connections to transactions nothing is heard, and no error tells it: whoever must not miss a change reads the
    /// version from time to time besides.
    pub async fn listen(&self, heard: impl Fn() + Send + Sync, failed: impl Fn(StoreError) + Send + Sync) {
        opencredits_postgres::listen(&self.settings, CHANNEL, heard, |error| failed(error.into())).await;
    }
}
