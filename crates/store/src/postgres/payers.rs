//! How people pay.

use super::PostgresStore;
use super::cells::Cells;
use super::values::v;
use crate::orders::{Payer, Payers, TopUpState};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UserId;

const PAYER: &str =
    "SELECT user_id, version, customer, method, top_up_state, threshold_nano_usd, amount_minor, currency,
    monthly_max_minor, month, month_minor, charging FROM payers";
const ADD: &str = "
    INSERT INTO payers (customer, method, top_up_state, threshold_nano_usd, amount_minor, currency, monthly_max_minor,
        month, month_minor, charging, user_id, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING";
const UPDATE: &str = "
    UPDATE payers SET customer = $1, method = $2, top_up_state = $3, threshold_nano_usd = $4, amount_minor = $5,
        currency = $6, monthly_max_minor = $7, month = $8, month_minor = $9, charging = $10, version = version + 1
    WHERE user_id = $11 AND version = $12";
/// A record that is stored for the first time has this version.
const FIRST: u32 = 1;

#[async_trait]
impl Payers for PostgresStore {
    async fn payer(&self, user: UserId) -> Result<Option<Payer>, StoreError> {
        self.one(&format!("{PAYER} WHERE user_id = $1"), &[v(user)], read).await
    }

    async fn put_payer(&self, payer: &Payer) -> Result<bool, StoreError> {
        let values = [
            v(payer.customer.as_ref()),
            v(payer.method.as_ref()),
            v(payer.top_up.number()),
            v(payer.threshold),
            v(payer.amount_minor),
            v(&payer.currency),
            v(payer.monthly_max_minor),
            v(payer.month),
            v(payer.month_minor),
            v(payer.charging),
            v(payer.user),
            v(payer.version.max(FIRST)),
        ];
        Ok(self.execute(if payer.version == 0 { ADD } else { UPDATE }, &values).await? == 1)
    }

    async fn payers_to_top_up(&self, after: UserId, max: u32) -> Result<Vec<Payer>, StoreError> {
        let sql = format!("{PAYER} WHERE top_up_state = 1 AND user_id > $1 ORDER BY user_id LIMIT $2");
        self.all(&sql, &[v(after), v(max)], read).await
    }
}

fn read(cells: &Cells<'_>) -> Result<Payer, StoreError> {
    Ok(Payer {
        user: cells.id(0)?,
        version: cells.count(1)?,
        customer: cells.text_or_none(2)?,
        method: cells.text_or_none(3)?,
        top_up: cells.known(TopUpState::of_number(cells.count(4)?))?,
        threshold: cells.amount(5)?,
        amount_minor: cells.number(6)?,
        currency: cells.text(7)?,
        monthly_max_minor: cells.number(8)?,
        month: cells.count(9)?,
        month_minor: cells.number(10)?,
        charging: cells.id_or_none(11)?,
    })
}
