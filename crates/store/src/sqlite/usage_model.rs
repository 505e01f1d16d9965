//! The read model of usage: its changes.

use super::SqliteStore;
use super::bills::add_costs;
use super::rows::{blob, number};
use super::usage_queries as queries;
use crate::additions::by_series;
use crate::block;
use crate::traits::StoreError;
use crate::usage::{
    AccountTransfer, IndexedRequest, RequestMark, UsageChange, UsageFilter, UsageGroup, UsageModel, UsageQuery,
    UsageSums, UsedRequest,
};
use async_trait::async_trait;
use opencredits_units::{AccountId, EntryId, KeyId, NanoUsd, UnixMs};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// The partner of a series is that of its key, as long as the key is there.
const ADD_SERIES: &str = "
    INSERT INTO usage_series (key_id, model, vendor, partner_id)
    VALUES (?1, ?2, ?3, coalesce((SELECT partner_id FROM user_keys WHERE id = ?1), x''))
";
const FIND_SERIES: &str = "
    SELECT number FROM usage_series WHERE key_id = ?1 AND model = ?2 AND vendor = ?3
    AND partner_id = coalesce((SELECT partner_id FROM user_keys WHERE id = ?1), x'')
";
const ADD_SUMS: &str = "
    INSERT INTO usage_sums VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT (series, day) DO UPDATE SET
        requests = requests + excluded.requests,
        input_tokens = input_tokens + excluded.input_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        charged_nano_usd = charged_nano_usd + excluded.charged_nano_usd,
        cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        commission_nano_usd = commission_nano_usd + excluded.commission_nano_usd
";
const CLEAR: &str = "
    DELETE FROM usage_series; DELETE FROM usage_sums; DELETE FROM usage_blocks; DELETE FROM account_transfers;
    DELETE FROM vendor_costs;
";
/// The block in which a time belongs: the last that begins by then, else the first of all.
const FIND_BLOCK: &str = "
    SELECT first_ms, items FROM usage_blocks WHERE series = ?1 AND first_ms <= ?2 ORDER BY first_ms DESC LIMIT 1
";
const FIRST_BLOCK: &str = "SELECT first_ms, items FROM usage_blocks WHERE series = ?1 ORDER BY first_ms LIMIT 1";
const NEXT_BLOCK: &str = "SELECT min(first_ms) FROM usage_blocks WHERE series = ?1 AND first_ms > ?2";

#[async_trait]
impl UsageModel for SqliteStore {
    async fn place(&self) -> Result<Vec<u8>, StoreError> {
        self.run(|connection| place(connection)).await
    }

    async fn apply(&self, change: UsageChange) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            if place(&transaction)? != change.from {
                return Ok(false);
            }
            if change.restart {
                transaction.execute_batch(CLEAR)?;
            }
            add_requests(&transaction, &change.requests)?;
            add_transfers(&transaction, &change.transfers)?;
            add_costs(&transaction, &change.costs)?;
            transaction
                .prepare_cached("INSERT OR REPLACE INTO usage_checkpoint (one, place) VALUES (1, ?1)")?
                .execute([&change.to])?;
            transaction.commit()?;
            Ok(true)
        })
        .await
    }

    async fn sums(&self, query: UsageQuery) -> Result<Vec<UsageGroup>, StoreError> {
        self.read(move |connection| queries::sums(connection, &query)).await
    }

    async fn requests(
        &self,
        filter: UsageFilter,
        (from, before): (RequestMark, RequestMark),
        max: usize,
    ) -> Result<Vec<IndexedRequest>, StoreError> {
        self.read(move |connection| queries::requests(connection, &filter, (from, before), max)).await
    }

    async fn transfers(
        &self,
        account: AccountId,
        (from, before): (UnixMs, (UnixMs, EntryId)),
        max: u32,
    ) -> Result<Vec<AccountTransfer>, StoreError> {
        self.read(move |connection| queries::transfers(connection, account, (from, before), max)).await
    }

    async fn moved(
        &self,
        account: AccountId,
        (from, until): (UnixMs, UnixMs),
    ) -> Result<(NanoUsd, NanoUsd), StoreError> {
        self.read(move |connection| queries::moved(connection, account, (from, until))).await
    }

    async fn payouts(&self, account: AccountId, max: u32) -> Result<Vec<AccountTransfer>, StoreError> {
        self.read(move |connection| queries::payouts(connection, account, max)).await
    }
}

fn place(connection: &Connection) -> Result<Vec<u8>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT place FROM usage_checkpoint")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or_default())
}

fn add_requests(transaction: &Transaction<'_>, requests: &[UsedRequest]) -> Result<(), StoreError> {
    let by_series = by_series(requests).ok_or(StoreError::Damaged { table: "usage_sums" })?;
    for ((key, model, vendor), additions) in by_series {
        let series = series(transaction, key, model, vendor)?;
        add_marks(transaction, series, &additions.marks)?;
        for (day, sums) in &additions.sums {
            add_sums(transaction, (series, *day), sums)?;
        }
    }
    Ok(())
}

fn series(transaction: &Transaction<'_>, key: KeyId, model: &str, vendor: &str) -> Result<i64, StoreError> {
    let columns = params![blob(key), model, vendor];
    let found = transaction.prepare_cached(FIND_SERIES)?.query_row(columns, |row| row.get(0)).optional()?;
    match found {
        Some(number) => Ok(number),
        None => Ok(transaction.prepare_cached(ADD_SERIES)?.insert(columns)?),
    }
}

fn add_sums(transaction: &Transaction<'_>, (series, day): (i64, u64), sums: &UsageSums) -> Result<(), StoreError> {
    transaction.prepare_cached(ADD_SUMS)?.execute(params![
        series,
        number(day),
        number(sums.requests),
        number(sums.input_tokens),
        number(sums.cache_read_tokens),
        number(sums.cache_write_tokens),
        number(sums.output_tokens),
        number(sums.reasoning_tokens),
        sums.charged.get(),
        sums.cost.get(),
        sums.commission.get(),
    ])?;
    Ok(())
}

/// Puts sorted marks into the blocks in which their times belong.
fn add_marks(transaction: &Transaction<'_>, series: i64, mut marks: &[RequestMark]) -> Result<(), StoreError> {
    while let Some(first) = marks.first() {
        let block = find_block(transaction, series, first.made_at())?;
        let (begins, mut together) = match &block {
            Some((begins, items)) => {
                let old = block::unpack(*begins, items).ok_or(StoreError::Damaged { table: "usage_blocks" })?;
                (*begins, old)
            }
            None => (first.made_at(), Vec::new()),
        };
        let next: Option<i64> = transaction
            .prepare_cached(NEXT_BLOCK)?
            .query_row(params![series, number(begins.get())], |row| row.get(0))?;
        let until = next
            .and_then(|next| u64::try_from(next).ok())
            .map_or(RequestMark::MAX, |ms| RequestMark::at(UnixMs::new(ms)));
        let (here, rest) = marks.split_at(marks.partition_point(|mark| *mark < until));
        together.extend_from_slice(here);
        together.sort_unstable();
        if block.is_some() {
            transaction
                .prepare_cached("DELETE FROM usage_blocks WHERE series = ?1 AND first_ms = ?2")?
                .execute(params![series, number(begins.get())])?;
        }
        for block in block::pack(&together) {
            transaction
                .prepare_cached("INSERT INTO usage_blocks (series, first_ms, items) VALUES (?1, ?2, ?3)")?
                .execute(params![series, number(block.first.get()), block.items])?;
        }
        marks = rest;
    }
    Ok(())
}

type Found = Option<(UnixMs, Vec<u8>)>;

fn find_block(transaction: &Transaction<'_>, series: i64, at: UnixMs) -> Result<Found, StoreError> {
    let read = |row: &rusqlite::Row<'_>| Ok((super::rows::time(row, 0)?, row.get(1)?));
    let mut statement = transaction.prepare_cached(FIND_BLOCK)?;
    if let Some(found) = statement.query_row(params![series, number(at.get())], read).optional()? {
        return Ok(Some(found));
    }
    Ok(transaction.prepare_cached(FIRST_BLOCK)?.query_row([series], read).optional()?)
}

fn add_transfers(transaction: &Transaction<'_>, transfers: &[AccountTransfer]) -> Result<(), StoreError> {
    for transfer in transfers {
        transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO account_transfers
                 (account, at_ms, entry, returned_nano_usd, paid_out_nano_usd) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                blob(transfer.account),
                number(transfer.at.get()),
                blob(transfer.entry),
                transfer.returned.get(),
                transfer.paid_out.get(),
            ])?;
    }
    Ok(())
}
