//! Costs as booked and as billed.

use super::PostgresStore;
use super::cells::Cells;
use super::connection::Connection;
use super::values::v;
use crate::bills::{BillSource, BilledDay, BilledLine, ProviderBills};
use crate::traits::StoreError;
use crate::usage::{Days, VendorCost};
use async_trait::async_trait;
use opencredits_units::CostClass;

const ADD_COST: &str = "
    INSERT INTO vendor_costs (day, vendor, model, class, quantity, cost_nano_usd) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (day, vendor, model, class) DO UPDATE SET quantity = vendor_costs.quantity + excluded.quantity,
        cost_nano_usd = vendor_costs.cost_nano_usd + excluded.cost_nano_usd";
const COSTS: &str = "
    SELECT day, vendor, model, class, quantity, cost_nano_usd FROM vendor_costs
    WHERE day BETWEEN $1 AND $2 AND (CAST($3 AS text) IS NULL OR vendor = $3)";
const BILL_DAYS: &str = "
    SELECT vendor, day, source, told_at FROM provider_bill_days
    WHERE day BETWEEN $1 AND $2 AND (CAST($3 AS text) IS NULL OR vendor = $3)";
const LINES: &str = "SELECT model, class, quantity, amount_nano_usd FROM provider_bills WHERE vendor = $1 AND day = $2";
/// A day that is there is locked by its change: of two bills of one day at once the second replaces the first.
const ADD_DAY: &str = "
    INSERT INTO provider_bill_days (vendor, day, source, told_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const CHANGE_DAY: &str = "UPDATE provider_bill_days SET source = $3, told_at = $4 WHERE vendor = $1 AND day = $2";
const ADD_LINE: &str = "
    INSERT INTO provider_bills (vendor, day, model, class, quantity, amount_nano_usd) VALUES ($1, $2, $3, $4, $5, $6)";

#[async_trait]
impl ProviderBills for PostgresStore {
    async fn vendor_costs(&self, vendor: Option<String>, days: Days) -> Result<Vec<VendorCost>, StoreError> {
        let values = &[v(days.from), v(days.to), v(vendor)];
        let costs = self.read_model(|connection| async move { connection.all(COSTS, values, cost).await });
        let mut costs = costs.await?;
        costs.sort_by(|a, b| key(a).cmp(&key(b)));
        Ok(costs)
    }

    async fn replace_bill(&self, bill: BilledDay) -> Result<bool, StoreError> {
        let bill = &bill;
        self.transaction(|transaction| async move {
            let values = [v(&bill.vendor), v(bill.day), v(bill.source.name()), v(bill.told_at)];
            let is_known = transaction.execute(ADD_DAY, &values).await? == 0;
            if is_known {
                transaction.execute(CHANGE_DAY, &values).await?;
                let delete = "DELETE FROM provider_bills WHERE vendor = $1 AND day = $2";
                transaction.execute(delete, &[v(&bill.vendor), v(bill.day)]).await?;
            }
            for BilledLine { model, class, quantity, amount } in &bill.lines {
                let (vendor, day) = (v(&bill.vendor), v(bill.day));
                let values = [vendor, day, v(model), v(class.name()), v(*quantity), v(*amount)];
                transaction.execute(ADD_LINE, &values).await?;
            }
            Ok(is_known)
        })
        .await
    }

    async fn bills(&self, vendor: Option<String>, days: Days) -> Result<Vec<BilledDay>, StoreError> {
        let values = &[v(days.from), v(days.to), v(vendor)];
        self.read(|connection| async move {
            let mut bills = connection.all(BILL_DAYS, values, billed_day).await?;
            bills.sort_by(|a, b| (&a.vendor, a.day).cmp(&(&b.vendor, b.day)));
            for bill in &mut bills {
                bill.lines = connection.all(LINES, &[v(&bill.vendor), v(bill.day)], line).await?;
                bill.lines.sort_by(|a, b| (&a.model, a.class.name()).cmp(&(&b.model, b.class.name())));
            }
            Ok(bills)
        })
        .await
    }
}

/// Adds booked costs, as a part of a change of the read model.
pub(super) async fn add_costs(transaction: &Connection, costs: &[VendorCost]) -> Result<(), StoreError> {
    for VendorCost { day, vendor, model, class, quantity, cost } in costs {
        let values = [v(*day), v(vendor), v(model), v(class.name()), v(*quantity), v(*cost)];
        transaction.execute(ADD_COST, &values).await?;
    }
    Ok(())
}

/// The order of costs.
fn key(cost: &VendorCost) -> (u64, &str, &str, &str) {
    (cost.day, &cost.vendor, &cost.model, cost.class.name())
}

fn cost(cells: &Cells<'_>) -> Result<VendorCost, StoreError> {
    Ok(VendorCost {
        day: cells.count(0)?,
        vendor: cells.text(1)?,
        model: cells.text(2)?,
        class: class(cells, 3)?,
        quantity: cells.count(4)?,
        cost: cells.amount(5)?,
    })
}

fn billed_day(cells: &Cells<'_>) -> Result<BilledDay, StoreError> {
    let name = cells.text(2)?;
    let source = cells.known(BillSource::ALL.into_iter().find(|source| source.name() == name))?;
    Ok(BilledDay { vendor: cells.text(0)?, day: cells.count(1)?, source, told_at: cells.time(3)?, lines: Vec::new() })
}

fn line(cells: &Cells<'_>) -> Result<BilledLine, StoreError> {
    Ok(BilledLine {
        model: cells.text(0)?,
        class: class(cells, 1)?,
        quantity: cells.count_or_none(2)?,
        amount: cells.amount(3)?,
    })
}

fn class(cells: &Cells<'_>, column: usize) -> Result<CostClass, StoreError> {
    cells.known(cells.text(column)?.parse().ok())
}
