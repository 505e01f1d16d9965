//! How people pay.

use super::rows::{blob, count, id, id_or_none};
use super::{SqliteStore, refused};
use crate::orders::{Payer, Payers, TopUpState};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{NanoUsd, UserId};
use rusqlite::{Error, OptionalExtension, Row, params};

const PAYER: &str =
    "SELECT user_id, version, customer, method, top_up_state, threshold_nano_usd, amount_minor, currency,
    monthly_max_minor, month, month_minor, charging FROM payers";
/// A record that is stored for the first time has this version.
const FIRST: u32 = 1;

#[async_trait]
impl Payers for SqliteStore {
    async fn payer(&self, user: UserId) -> Result<Option<Payer>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{PAYER} WHERE user_id = ?1"))?;
            Ok(statement.query_row([blob(user)], read).optional()?)
        })
        .await
    }

    async fn put_payer(&self, payer: &Payer) -> Result<bool, StoreError> {
        let payer = payer.clone();
        self.run(move |connection| {
            let statement = if payer.version == 0 {
                "INSERT OR IGNORE INTO payers (customer, method, top_up_state, threshold_nano_usd, amount_minor, currency,
                    monthly_max_minor, month, month_minor, charging, user_id, version)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
            } else {
                "UPDATE payers SET customer = ?1, method = ?2, top_up_state = ?3, threshold_nano_usd = ?4,
                    amount_minor = ?5, currency = ?6, monthly_max_minor = ?7, month = ?8, month_minor = ?9,
                    charging = ?10, version = version + 1
                 WHERE user_id = ?11 AND version = ?12"
            };
            let changed = connection
                .prepare_cached(statement)?
                .execute(params![
                    payer.customer,
                    payer.method,
                    payer.top_up.number(),
                    payer.threshold.get(),
                    payer.amount_minor,
                    payer.currency,
                    payer.monthly_max_minor,
                    payer.month,
                    payer.month_minor,
                    payer.charging.map(blob),
                    blob(payer.user),
                    payer.version.max(FIRST),
                ])
                .map_err(refused)?;
            Ok(changed == 1)
        })
        .await
    }

    async fn payers_to_top_up(&self, after: UserId, max: u32) -> Result<Vec<Payer>, StoreError> {
        self.run(move |connection| {
            let statement = format!("{PAYER} WHERE top_up_state = 1 AND user_id > ?1 ORDER BY user_id LIMIT ?2");
            let mut statement = connection.prepare_cached(&statement)?;
            let rows = statement.query_map(params![blob(after), max], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<Payer, Error> {
    Ok(Payer {
        user: id(row, 0)?,
        version: row.get(1)?,
        customer: row.get(2)?,
        method: row.get(3)?,
        top_up: TopUpState::of_number(count(row, 4)?).ok_or(Error::InvalidQuery)?,
        threshold: NanoUsd::new(row.get(5)?),
        amount_minor: row.get(6)?,
        currency: row.get(7)?,
        monthly_max_minor: row.get(8)?,
        month: row.get(9)?,
        month_minor: row.get(10)?,
        charging: id_or_none(row, 11)?,
    })
}
