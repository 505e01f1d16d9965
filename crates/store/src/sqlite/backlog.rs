//! What waits to be done.

use super::SqliteStore;
use super::orders::state;
use super::rows::{count, time_or_none};
use crate::backlog::{Backlog, Backlogs};
use crate::traits::StoreError;
use async_trait::async_trait;

// Each reads by the index of what waits.
const MAILS: &str = "SELECT count(*), min(created_at) FROM mail_outbox WHERE sent_at IS NULL AND failed_at IS NULL";
const ORDERS: &str = "SELECT state, count(*) FROM orders WHERE check_at IS NOT NULL GROUP BY state ORDER BY state";
const DUE: &str = "SELECT min(check_at) FROM orders WHERE check_at IS NOT NULL";

#[async_trait]
impl Backlogs for SqliteStore {
    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.run(|connection| {
            let (mails, oldest_mail) =
                connection.prepare_cached(MAILS)?.query_row([], |row| Ok((count(row, 0)?, time_or_none(row, 1)?)))?;
            let mut statement = connection.prepare_cached(ORDERS)?;
            let orders = statement.query_map([], |row| Ok((state(row, 0)?, count(row, 1)?)))?;
            let orders = orders.collect::<Result<_, _>>()?;
            let order_due = connection.prepare_cached(DUE)?.query_row([], |row| time_or_none(row, 0))?;
            Ok(Backlog { mails, oldest_mail, orders, order_due })
        })
        .await
    }
}
