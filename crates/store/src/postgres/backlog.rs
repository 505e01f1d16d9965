//! What waits to be done.

use super::PostgresStore;
use super::orders::state;
use crate::backlog::{Backlog, Backlogs};
use crate::traits::StoreError;
use async_trait::async_trait;

// Each reads by the index of what waits.
const MAILS: &str = "SELECT count(*), min(created_at) FROM mail_outbox WHERE sent_at IS NULL AND failed_at IS NULL";
const ORDERS: &str = "SELECT state, count(*) FROM orders WHERE check_at IS NOT NULL GROUP BY state ORDER BY state";
const DUE: &str = "SELECT min(check_at) FROM orders WHERE check_at IS NOT NULL";

#[async_trait]
impl Backlogs for PostgresStore {
    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let mails = self.one(MAILS, &[], |cells| Ok((cells.count(0)?, cells.time_or_none(1)?))).await?;
        let (mails, oldest_mail) = mails.unwrap_or_default();
        let orders = self.all(ORDERS, &[], |cells| Ok((state(cells, 0)?, cells.count(1)?))).await?;
        let order_due = self.one(DUE, &[], |cells| cells.time_or_none(0)).await?.flatten();
        Ok(Backlog { mails, oldest_mail, orders, order_due })
    }
}
