//! Deletes what is of no more use.
//!
//! Where a row may change at the same time, its condition stands twice: a row that has changed is looked at again by the second.

use super::PostgresStore;
use super::connections::delete_ended;
use super::values::v;
use crate::jobs::Retention;
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{EntryId, UnixMs};

/// Rows that one call deletes at most, so that others need not wait for it.
const DELETED_MAX: u32 = 1_000;

const AUDITS: &str = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < $1 LIMIT $2)";
const MAILS: &str = "
    DELETE FROM mail_outbox WHERE id IN (
        SELECT id FROM mail_outbox WHERE user_id IS NULL AND coalesce(sent_at, failed_at) < $1 LIMIT $2
    )";
/// Failed and expired ones; the conditions are those of the index.
const UNPAID_ORDERS: &str = "
    DELETE FROM orders WHERE id IN (
        SELECT id FROM orders WHERE state IN (3, 4) AND booking = 0 AND check_at IS NULL AND created_at < $1
            AND NOT EXISTS (SELECT 1 FROM payers WHERE payers.charging = orders.id)
        LIMIT $2
    ) AND state IN (3, 4) AND booking = 0 AND check_at IS NULL";
const APPLICATIONS: &str = "
    DELETE FROM partner_applications WHERE id IN (
        SELECT id FROM partner_applications WHERE decided_at < $1 LIMIT $2
    )";
/// A block ends where the next one of its series begins. The last one of a series stays.
const BLOCKS: &str = "
    DELETE FROM usage_blocks WHERE (series, first_ms) IN (
        SELECT series, first_ms FROM usage_blocks b WHERE EXISTS (
            SELECT 1 FROM usage_blocks n WHERE n.series = b.series AND n.first_ms > b.first_ms AND n.first_ms <= $1
        ) LIMIT $2
    )";
const RETIRED: &str = "
    DELETE FROM retired_secrets WHERE digest IN (SELECT digest FROM retired_secrets WHERE valid_until <= $1 LIMIT $2)";

#[async_trait]
impl Retention for PostgresStore {
    async fn delete_audits(&self, before: UnixMs) -> Result<u64, StoreError> {
        // Their ids have their times.
        let first_kept: EntryId = EntryId::at(before, [0; 10]);
        self.execute(AUDITS, &[v(first_kept), v(DELETED_MAX)]).await
    }

    async fn delete_mails(&self, before: UnixMs) -> Result<u64, StoreError> {
        self.execute(MAILS, &[v(before), v(DELETED_MAX)]).await
    }

    async fn delete_unpaid_orders(&self, before: UnixMs) -> Result<u64, StoreError> {
        self.execute(UNPAID_ORDERS, &[v(before), v(DELETED_MAX)]).await
    }

    async fn delete_applications(&self, before: UnixMs) -> Result<u64, StoreError> {
        self.execute(APPLICATIONS, &[v(before), v(DELETED_MAX)]).await
    }

    async fn delete_request_index(&self, before: UnixMs) -> Result<u64, StoreError> {
        self.transaction(|transaction| async move {
            // Blocks are written anew by whoever changes the model.
            super::lock(&transaction, "usage_model").await?;
            transaction.execute(BLOCKS, &[v(before), v(DELETED_MAX)]).await
        })
        .await
    }

    async fn delete_retired_secrets(&self, now: UnixMs) -> Result<u64, StoreError> {
        self.execute(RETIRED, &[v(now), v(DELETED_MAX)]).await
    }

    async fn delete_ended_grants(&self, before: UnixMs) -> Result<u64, StoreError> {
        delete_ended(self, before).await
    }
}
