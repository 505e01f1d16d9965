//! Commission that follows purchases back.

use super::PostgresStore;
use super::cells::Cells;
use super::connection::Connection;
use super::values::v;
use crate::partners::{CommissionReturn, CommissionReturns};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{NanoUsd, OrderId, PartnerId, UserId};

const RETURN: &str = "SELECT order_id, booking, user_id, owed_nano_usd FROM commission_returns";
const ADD: &str = "
    INSERT INTO commission_returns (order_id, booking, user_id, owed_nano_usd) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING";
const ADD_PART: &str = "
    INSERT INTO commission_return_parts (order_id, booking, partner_id, commission_nano_usd)
    VALUES ($1, $2, $3, $4)";
const PARTS: &str = "
    SELECT partner_id, commission_nano_usd FROM commission_return_parts WHERE order_id = $1 AND booking = $2
    ORDER BY partner_id";
const OF_PERSON: &str = "
    SELECT p.partner_id, CAST(sum(p.commission_nano_usd) AS bigint) FROM commission_returns AS r
    JOIN commission_return_parts AS p ON p.order_id = r.order_id AND p.booking = r.booking
    WHERE r.user_id = $1 GROUP BY p.partner_id ORDER BY p.partner_id";
const OWED: &str = "
    SELECT CAST(coalesce(sum(owed_nano_usd), 0) AS bigint) FROM commission_returns WHERE user_id = $1";

#[async_trait]
impl CommissionReturns for PostgresStore {
    async fn keep_commission_return(&self, new: &CommissionReturn) -> Result<CommissionReturn, StoreError> {
        self.transaction(|transaction| async move {
            // Whoever adds the same at the same time is waited for.
            let values = [v(new.order), v(new.booking), v(new.user), v(new.owed)];
            if transaction.execute(ADD, &values).await? != 1 {
                let kept = find(&transaction, new.order, new.booking).await?;
                return kept.ok_or(StoreError::Damaged { table: "commission_returns" });
            }
            for (partner, commission) in &new.parts {
                let values = [v(new.order), v(new.booking), v(*partner), v(*commission)];
                transaction.execute(ADD_PART, &values).await?;
            }
            Ok(new.clone())
        })
        .await
    }

    async fn commission_return(&self, order: OrderId, booking: u32) -> Result<Option<CommissionReturn>, StoreError> {
        let values = [v(order), v(booking)];
        let found = self.one(&format!("{RETURN} WHERE order_id = $1 AND booking = $2"), &values, read).await?;
        let Some(found) = found else { return Ok(None) };
        let parts = self.all(PARTS, &values, read_part).await?;
        Ok(Some(CommissionReturn { parts, ..found }))
    }

    async fn commission_returned_of(&self, order: OrderId) -> Result<Vec<CommissionReturn>, StoreError> {
        let sql = format!("{RETURN} WHERE order_id = $1 ORDER BY booking");
        let mut found = self.all(&sql, &[v(order)], read).await?;
        for one in &mut found {
            one.parts = self.all(PARTS, &[v(order), v(one.booking)], read_part).await?;
        }
        Ok(found)
    }

    async fn commission_returned_for(&self, user: UserId) -> Result<Vec<(PartnerId, NanoUsd)>, StoreError> {
        self.all(OF_PERSON, &[v(user)], read_part).await
    }

    async fn commission_owed_by(&self, user: UserId) -> Result<NanoUsd, StoreError> {
        Ok(self.one(OWED, &[v(user)], |cells| cells.amount(0)).await?.unwrap_or_default())
    }
}

async fn find(transaction: &Connection, order: OrderId, booking: u32) -> Result<Option<CommissionReturn>, StoreError> {
    let values = [v(order), v(booking)];
    let found = transaction.one(&format!("{RETURN} WHERE order_id = $1 AND booking = $2"), &values, read).await?;
    let Some(found) = found else { return Ok(None) };
    Ok(Some(CommissionReturn { parts: transaction.all(PARTS, &values, read_part).await?, ..found }))
}

fn read(cells: &Cells<'_>) -> Result<CommissionReturn, StoreError> {
    let (order, booking, user) = (cells.id(0)?, cells.count(1)?, cells.id(2)?);
    Ok(CommissionReturn { order, booking, user, owed: cells.amount(3)?, parts: Vec::new() })
}

fn read_part(cells: &Cells<'_>) -> Result<(PartnerId, NanoUsd), StoreError> {
    Ok((cells.id(0)?, cells.amount(1)?))
}
