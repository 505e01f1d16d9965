//! Costs as booked and as billed.

use super::SqliteStore;
use super::rows::{count, number, time};
use crate::bills::{BillSource, BilledDay, BilledLine, ProviderBills};
use crate::traits::StoreError;
use crate::usage::{Days, VendorCost};
use async_trait::async_trait;
use opencredits_units::{CostClass, NanoUsd};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Row, Transaction, params};

const ADD_COST: &str = "
    INSERT INTO vendor_costs (day, vendor, model, class, quantity, cost_nano_usd) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (day, vendor, model, class) DO UPDATE SET
        quantity = quantity + excluded.quantity, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd
";
const COSTS: &str = "
    SELECT day, vendor, model, class, quantity, cost_nano_usd FROM vendor_costs
    WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR vendor = ?3) ORDER BY day, vendor, model, class
";
const BILL_DAYS: &str = "
    SELECT vendor, day, source, told_at FROM provider_bill_days
    WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR vendor = ?3) ORDER BY vendor, day
";
const LINES: &str = "
    SELECT model, class, quantity, amount_nano_usd FROM provider_bills WHERE vendor = ?1 AND day = ?2
    ORDER BY model, class
";

#[async_trait]
impl ProviderBills for SqliteStore {
    async fn vendor_costs(&self, vendor: Option<String>, days: Days) -> Result<Vec<VendorCost>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(COSTS)?;
            let rows = statement.query_map(params![number(days.from), number(days.to), vendor], cost)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn replace_bill(&self, bill: BilledDay) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let known = replace(&transaction, &bill)?;
            transaction.commit()?;
            Ok(known)
        })
        .await
    }

    async fn bills(&self, vendor: Option<String>, days: Days) -> Result<Vec<BilledDay>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(BILL_DAYS)?;
            let rows = statement.query_map(params![number(days.from), number(days.to), vendor], billed_day)?;
            let mut bills = rows.collect::<Result<Vec<_>, _>>()?;
            for bill in &mut bills {
                bill.lines = lines(connection, bill)?;
            }
            Ok(bills)
        })
        .await
    }
}

/// Adds booked costs, as a part of a change of the read model.
pub(super) fn add_costs(transaction: &Transaction<'_>, costs: &[VendorCost]) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(ADD_COST)?;
    for VendorCost { day, vendor, model, class, quantity, cost } in costs {
        statement.execute(params![number(*day), vendor, model, class.name(), number(*quantity), cost.get()])?;
    }
    Ok(())
}

fn replace(transaction: &Transaction<'_>, bill: &BilledDay) -> Result<bool, StoreError> {
    let of_day = params![bill.vendor, number(bill.day)];
    let find = "SELECT 1 FROM provider_bill_days WHERE vendor = ?1 AND day = ?2";
    let known = transaction.prepare_cached(find)?.query_row(of_day, |_| Ok(())).optional()?.is_some();
    transaction.execute("DELETE FROM provider_bills WHERE vendor = ?1 AND day = ?2", of_day)?;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO provider_bill_days (vendor, day, source, told_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![bill.vendor, number(bill.day), bill.source.name(), number(bill.told_at.get())])?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO provider_bills (vendor, day, model, class, quantity, amount_nano_usd) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for BilledLine { model, class, quantity, amount } in &bill.lines {
        let (day, quantity) = (number(bill.day), quantity.map(number));
        statement
            .execute(params![bill.vendor, day, model, class.name(), quantity, amount.get()])
            .map_err(super::refused)?;
    }
    Ok(known)
}

fn cost(row: &Row<'_>) -> Result<VendorCost, Error> {
    Ok(VendorCost {
        day: count(row, 0)?,
        vendor: row.get(1)?,
        model: row.get(2)?,
        class: class(row, 3)?,
        quantity: count(row, 4)?,
        cost: NanoUsd::new(row.get(5)?),
    })
}

fn billed_day(row: &Row<'_>) -> Result<BilledDay, Error> {
    let name: String = row.get(2)?;
    let source = BillSource::ALL.into_iter().find(|source| source.name() == name).ok_or(Error::InvalidQuery)?;
    Ok(BilledDay { vendor: row.get(0)?, day: count(row, 1)?, source, told_at: time(row, 3)?, lines: Vec::new() })
}

fn lines(connection: &Connection, bill: &BilledDay) -> Result<Vec<BilledLine>, StoreError> {
    let mut statement = connection.prepare_cached(LINES)?;
    let rows = statement.query_map(params![bill.vendor, number(bill.day)], |row| {
        let quantity = row.get::<_, Option<i64>>(2)?.map(|_| count(row, 2)).transpose()?;
        Ok(BilledLine { model: row.get(0)?, class: class(row, 1)?, quantity, amount: NanoUsd::new(row.get(3)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn class(row: &Row<'_>, column: usize) -> Result<CostClass, Error> {
    let name: String = row.get(column)?;
    name.parse().map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}
