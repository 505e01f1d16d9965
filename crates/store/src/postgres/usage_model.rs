//! The read model of usage: its changes. One at a time, of all processes.

use super::bills::add_costs;
use super::connection::Connection;
use super::values::v;
use super::{PostgresStore, Repeat, lock, repeated, usage_queries as queries};
use crate::additions::by_series;
use crate::block;
use crate::traits::StoreError;
use crate::usage::{
    AccountTransfer, IndexedRequest, RequestMark, UsageChange, UsageFilter, UsageGroup, UsageModel, UsageQuery,
    UsageSums, UsedRequest,
};
use async_trait::async_trait;
use opencredits_postgres::Pool;
use opencredits_units::{AccountId, EntryId, KeyId, NanoUsd, UnixMs};
use std::future::Future;
use std::sync::Arc;

const PLACE: &str = "SELECT place FROM usage_checkpoint";
const SET_PLACE: &str = "
    INSERT INTO usage_checkpoint (one, place) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET place = excluded.place";
/// The partner of a series is that of its key, as long as the key is there.
const PARTNER: &str = "coalesce((SELECT partner_id FROM user_keys WHERE id = $1), CAST('' AS bytea))";
const ADD_SUMS: &str = "
    INSERT INTO usage_sums (series, day, requests, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
        reasoning_tokens, charged_nano_usd, cost_nano_usd, commission_nano_usd)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (series, day) DO UPDATE SET
        requests = usage_sums.requests + excluded.requests,
        input_tokens = usage_sums.input_tokens + excluded.input_tokens,
        cache_read_tokens = usage_sums.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = usage_sums.cache_write_tokens + excluded.cache_write_tokens,
        output_tokens = usage_sums.output_tokens + excluded.output_tokens,
        reasoning_tokens = usage_sums.reasoning_tokens + excluded.reasoning_tokens,
        charged_nano_usd = usage_sums.charged_nano_usd + excluded.charged_nano_usd,
        cost_nano_usd = usage_sums.cost_nano_usd + excluded.cost_nano_usd,
        commission_nano_usd = usage_sums.commission_nano_usd + excluded.commission_nano_usd";
const ADD_TRANSFER: &str = "
    INSERT INTO account_transfers (account, at_ms, entry, returned_nano_usd, paid_out_nano_usd)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const CLEAR: [&str; 5] = [
    "DELETE FROM usage_series",
    "DELETE FROM usage_sums",
    "DELETE FROM usage_blocks",
    "DELETE FROM account_transfers",
    "DELETE FROM vendor_costs",
];
/// The block in which a time belongs: the last that begins by then, else the first of all.
const FIND_BLOCK: &str = "
    SELECT first_ms, items FROM usage_blocks WHERE series = $1 AND first_ms <= $2 ORDER BY first_ms DESC LIMIT 1";
const FIRST_BLOCK: &str = "SELECT first_ms, items FROM usage_blocks WHERE series = $1 ORDER BY first_ms LIMIT 1";
const NEXT_BLOCK: &str = "SELECT min(first_ms) FROM usage_blocks WHERE series = $1 AND first_ms > $2";

impl PostgresStore {
    /// Runs queries on the replica where it has all of the read model: amounts are decided by what they find.
    pub(super) async fn read_model<T, F>(
        &self,
        queries: impl Fn(Arc<Connection>) -> F + Send + Sync,
    ) -> Result<T, StoreError>
    where
        T: Send,
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let reads = match &self.replica {
            Some(replica) => {
                // The replica first: it is not taken for newer by what is applied in between.
                let there = place_in(replica).await;
                let here = place_in(&self.primary).await?;
                if there.is_ok_and(|there| there == here) { replica } else { &self.primary }
            }
            None => &self.primary,
        };
        repeated(reads, Repeat::EvenLost, queries).await
    }
}

async fn place_in(pool: &Pool) -> Result<Vec<u8>, StoreError> {
    let find = |connection: Arc<Connection>| async move { connection.one(PLACE, &[], |cells| cells.bytes(0)).await };
    Ok(repeated(pool, Repeat::EvenLost, find).await?.unwrap_or_default())
}

#[async_trait]
impl UsageModel for PostgresStore {
    async fn place(&self) -> Result<Vec<u8>, StoreError> {
        place_in(&self.primary).await
    }

    async fn apply(&self, change: UsageChange) -> Result<bool, StoreError> {
        let change = &change;
        self.transaction(|transaction| async move {
            lock(&transaction, "usage_model").await?;
            let place = transaction.one(PLACE, &[], |cells| cells.bytes(0)).await?.unwrap_or_default();
            if place != change.from {
                return Ok(false);
            }
            if change.restart {
                for table in CLEAR {
                    transaction.execute(table, &[]).await?;
                }
            }
            add_requests(&transaction, &change.requests).await?;
            add_transfers(&transaction, &change.transfers).await?;
            add_costs(&transaction, &change.costs).await?;
            transaction.execute(SET_PLACE, &[v(change.to.as_slice())]).await?;
            Ok(true)
        })
        .await
    }

    async fn sums(&self, query: UsageQuery) -> Result<Vec<UsageGroup>, StoreError> {
        let query = &query;
        self.read_model(|connection| async move { queries::sums(&connection, query).await }).await
    }

    async fn requests(
        &self,
        filter: UsageFilter,
        (from, before): (RequestMark, RequestMark),
        max: usize,
    ) -> Result<Vec<IndexedRequest>, StoreError> {
        let filter = &filter;
        self.read_model(|connection| async move { queries::requests(&connection, filter, (from, before), max).await })
            .await
    }

    async fn transfers(
        &self,
        account: AccountId,
        (from, (at, entry)): (UnixMs, (UnixMs, EntryId)),
        max: u32,
    ) -> Result<Vec<AccountTransfer>, StoreError> {
        let sql = format!(
            "{} AND at_ms >= $2 AND (at_ms, entry) < ($3, $4) ORDER BY at_ms DESC, entry DESC LIMIT $5",
            queries::TRANSFER
        );
        let (sql, values) = (&sql, &[v(account), v(from), v(at), v(entry), v(max)]);
        self.read_model(|connection| async move { connection.all(sql, values, queries::read_transfer).await }).await
    }

    async fn moved(
        &self,
        account: AccountId,
        (from, until): (UnixMs, UnixMs),
    ) -> Result<(NanoUsd, NanoUsd), StoreError> {
        let values = &[v(account), v(from), v(until)];
        let sums = self.read_model(|connection| async move {
            connection.one(queries::MOVED, values, |cells| Ok((cells.amount(0)?, cells.amount(1)?))).await
        });
        Ok(sums.await?.unwrap_or_default())
    }

    async fn payouts(&self, account: AccountId, max: u32) -> Result<Vec<AccountTransfer>, StoreError> {
        let sql = format!("{} AND paid_out_nano_usd <> 0 ORDER BY at_ms DESC, entry DESC LIMIT $2", queries::TRANSFER);
        let (sql, values) = (&sql, &[v(account), v(max)]);
        self.read_model(|connection| async move { connection.all(sql, values, queries::read_transfer).await }).await
    }
}

async fn add_requests(transaction: &Connection, requests: &[UsedRequest]) -> Result<(), StoreError> {
    let by_series = by_series(requests).ok_or(StoreError::Damaged { table: "usage_sums" })?;
    for ((key, model, vendor), additions) in by_series {
        let series = series(transaction, key, model, vendor).await?;
        add_marks(transaction, series, &additions.marks).await?;
        for (day, sums) in &additions.sums {
            add_sums(transaction, (series, *day), sums).await?;
        }
    }
    Ok(())
}

async fn series(transaction: &Connection, key: KeyId, model: &str, vendor: &str) -> Result<i64, StoreError> {
    let columns = [v(key), v(model), v(vendor)];
    let find = format!(
        "SELECT number FROM usage_series WHERE key_id = $1 AND model = $2 AND vendor = $3 AND partner_id = {PARTNER}"
    );
    if let Some(number) = transaction.one(&find, &columns, |cells| cells.number(0)).await? {
        return Ok(number);
    }
    let add = format!(
        "INSERT INTO usage_series (number, key_id, model, vendor, partner_id)
         VALUES ((SELECT coalesce(max(number), 0) + 1 FROM usage_series), $1, $2, $3, {PARTNER}) RETURNING number"
    );
    let number = transaction.one(&add, &columns, |cells| cells.number(0)).await?;
    number.ok_or(StoreError::Damaged { table: "usage_series" })
}

async fn add_sums(transaction: &Connection, (series, day): (i64, u64), sums: &UsageSums) -> Result<(), StoreError> {
    let values = [
        v(series),
        v(day),
        v(sums.requests),
        v(sums.input_tokens),
        v(sums.cache_read_tokens),
        v(sums.cache_write_tokens),
        v(sums.output_tokens),
        v(sums.reasoning_tokens),
        v(sums.charged),
        v(sums.cost),
        v(sums.commission),
    ];
    transaction.execute(ADD_SUMS, &values).await?;
    Ok(())
}

/// Puts sorted marks into the blocks in which their times belong.
async fn add_marks(transaction: &Connection, series: i64, mut marks: &[RequestMark]) -> Result<(), StoreError> {
    while let Some(first) = marks.first() {
        let block = find_block(transaction, series, first.made_at()).await?;
        let (begins, mut together) = match &block {
            Some((begins, items)) => {
                let old = block::unpack(*begins, items).ok_or(StoreError::Damaged { table: "usage_blocks" })?;
                (*begins, old)
            }
            None => (first.made_at(), Vec::new()),
        };
        let next = transaction.one(NEXT_BLOCK, &[v(series), v(begins)], |cells| cells.time_or_none(0)).await?;
        let until = next.flatten().map_or(RequestMark::MAX, RequestMark::at);
        let (here, rest) = marks.split_at(marks.partition_point(|mark| *mark < until));
        together.extend_from_slice(here);
        together.sort_unstable();
        if block.is_some() {
            let delete = "DELETE FROM usage_blocks WHERE series = $1 AND first_ms = $2";
            transaction.execute(delete, &[v(series), v(begins)]).await?;
        }
        for block in block::pack(&together) {
            let add = "INSERT INTO usage_blocks (series, first_ms, items) VALUES ($1, $2, $3)";
            transaction.execute(add, &[v(series), v(block.first), v(block.items)]).await?;
        }
        marks = rest;
    }
    Ok(())
}

async fn find_block(
    transaction: &Connection,
    series: i64,
    at: UnixMs,
) -> Result<Option<(UnixMs, Vec<u8>)>, StoreError> {
    let found = transaction.one(FIND_BLOCK, &[v(series), v(at)], queries::read_block).await?;
    match found {
        Some(found) => Ok(Some(found)),
        None => transaction.one(FIRST_BLOCK, &[v(series)], queries::read_block).await,
    }
}

async fn add_transfers(transaction: &Connection, transfers: &[AccountTransfer]) -> Result<(), StoreError> {
    for AccountTransfer { account, at, entry, returned, paid_out } in transfers {
        transaction.execute(ADD_TRANSFER, &[v(*account), v(*at), v(*entry), v(*returned), v(*paid_out)]).await?;
    }
    Ok(())
}
