//! Commission that follows purchases back.

use super::rows::{blob, id};
use super::{SqliteStore, refused};
use crate::partners::{CommissionReturn, CommissionReturns};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{NanoUsd, OrderId, PartnerId, UserId};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

const RETURN: &str = "SELECT order_id, booking, user_id, owed_nano_usd FROM commission_returns";
const PARTS: &str = "
    SELECT partner_id, commission_nano_usd FROM commission_return_parts WHERE order_id = ?1 AND booking = ?2
    ORDER BY partner_id
";
const OF_PERSON: &str = "
    SELECT p.partner_id, sum(p.commission_nano_usd) FROM commission_returns AS r
    JOIN commission_return_parts AS p ON p.order_id = r.order_id AND p.booking = r.booking
    WHERE r.user_id = ?1 GROUP BY p.partner_id ORDER BY p.partner_id
";
const OWED: &str = "SELECT coalesce(sum(owed_nano_usd), 0) FROM commission_returns WHERE user_id = ?1";

#[async_trait]
impl CommissionReturns for SqliteStore {
    async fn keep_commission_return(&self, new: &CommissionReturn) -> Result<CommissionReturn, StoreError> {
        let new = new.clone();
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            if let Some(kept) = find(&transaction, new.order, new.booking)? {
                return Ok(kept);
            }
            insert(&transaction, &new)?;
            transaction.commit()?;
            Ok(new)
        })
        .await
    }

    async fn commission_return(&self, order: OrderId, booking: u32) -> Result<Option<CommissionReturn>, StoreError> {
        self.run(move |connection| find(connection, order, booking)).await
    }

    async fn commission_returned_of(&self, order: OrderId) -> Result<Vec<CommissionReturn>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{RETURN} WHERE order_id = ?1 ORDER BY booking"))?;
            let found = statement.query_map([blob(order)], read)?.collect::<Result<Vec<_>, _>>()?;
            found.into_iter().map(|found| with_parts(connection, found)).collect()
        })
        .await
    }

    async fn commission_returned_for(&self, user: UserId) -> Result<Vec<(PartnerId, NanoUsd)>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(OF_PERSON)?;
            let rows = statement.query_map([blob(user)], read_part)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn commission_owed_by(&self, user: UserId) -> Result<NanoUsd, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(OWED)?;
            Ok(NanoUsd::new(statement.query_row([blob(user)], |row| row.get(0))?))
        })
        .await
    }
}

fn insert(transaction: &Transaction<'_>, new: &CommissionReturn) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT INTO commission_returns (order_id, booking, user_id, owed_nano_usd) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![blob(new.order), new.booking, blob(new.user), new.owed.get()])
        .map_err(refused)?;
    for (partner, commission) in &new.parts {
        transaction
            .prepare_cached(
                "INSERT INTO commission_return_parts (order_id, booking, partner_id, commission_nano_usd)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![blob(new.order), new.booking, blob(*partner), commission.get()])
            .map_err(refused)?;
    }
    Ok(())
}

fn find(connection: &Connection, order: OrderId, booking: u32) -> Result<Option<CommissionReturn>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{RETURN} WHERE order_id = ?1 AND booking = ?2"))?;
    let found = statement.query_row(params![blob(order), booking], read).optional()?;
    found.map(|found| with_parts(connection, found)).transpose()
}

fn with_parts(connection: &Connection, found: CommissionReturn) -> Result<CommissionReturn, StoreError> {
    let mut statement = connection.prepare_cached(PARTS)?;
    let rows = statement.query_map(params![blob(found.order), found.booking], read_part)?;
    Ok(CommissionReturn { parts: rows.collect::<Result<_, _>>()?, ..found })
}

fn read(row: &Row<'_>) -> Result<CommissionReturn, rusqlite::Error> {
    let (order, booking, user) = (id(row, 0)?, row.get(1)?, id(row, 2)?);
    Ok(CommissionReturn { order, booking, user, owed: NanoUsd::new(row.get(3)?), parts: Vec::new() })
}

fn read_part(row: &Row<'_>) -> Result<(PartnerId, NanoUsd), rusqlite::Error> {
    Ok((id(row, 0)?, NanoUsd::new(row.get(1)?)))
}
