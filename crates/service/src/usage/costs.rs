//! The cost of requests, as vendors bill it: by day, vendor, model and class. Pure.

use crate::record::{GenerationRecord, Line};
use opencredits_catalog::Item;
use opencredits_store::VendorCost;
use opencredits_units::{CostClass, NanoUsd, PicoUsd};
use std::collections::BTreeMap;

/// Day, vendor, model, class.
type CostOf = (u64, String, String, CostClass);

/// Costs of several requests. Their sum is the sum of the booked costs, to the nano-dollar.
#[derive(Default)]
pub(super) struct Costs(BTreeMap<CostOf, (u64, NanoUsd)>);

impl Costs {
    /// Adds the cost of a request of this day. Its lines are exact and the booked cost is rounded: each line gets what the
    /// rounded sum rises by, so that no nano-dollar is lost or counted twice. What was booked otherwise than the lines say,
    /// such as an estimate that was kept within its hold, has a class of its own.
    pub(super) fn add(&mut self, day: u64, record: &GenerationRecord) {
        let own = std::iter::once((&record.model, &record.lines));
        let bills = own.chain(record.side_bills.iter().map(|bill| (&bill.model, &bill.lines)));
        let (mut exact, mut rounded) = (PicoUsd::ZERO, NanoUsd::ZERO);
        for (model, line) in bills.flat_map(|(model, lines)| lines.iter().map(move |line| (model, line))) {
            let sum = exact.checked_add(line.amount());
            let Some((sum, upto)) = sum.and_then(|sum| Some((sum, sum.ceil_to_nano()?))) else { break };
            let part = upto.checked_sub(rounded).unwrap_or_default();
            (exact, rounded) = (sum, upto);
            self.book((day, record.vendor.clone(), model.clone(), class_of(line)), (line.quantity().get(), part));
        }
        let rest = record.cost.checked_sub(rounded).unwrap_or_default();
        self.book((day, record.vendor.clone(), record.model.clone(), CostClass::Other), (0, rest));
    }

    fn book(&mut self, of: CostOf, (quantity, amount): (u64, NanoUsd)) {
        if quantity == 0 && amount == NanoUsd::ZERO {
            return;
        }
        let (count, sum) = self.0.entry(of).or_default();
        *count = count.saturating_add(quantity);
        *sum = NanoUsd::new(sum.get().saturating_add(amount.get()));
    }

    pub(super) fn into_rows(self) -> Vec<VendorCost> {
        let row =
            |((day, vendor, model, class), (quantity, cost))| VendorCost { day, vendor, model, class, quantity, cost };
        self.0.into_iter().map(row).collect()
    }
}

fn class_of(line: &Line) -> CostClass {
    match line.what() {
        Some(Item::Tokens(bucket)) => CostClass::Tokens(bucket),
        Some(Item::Uses(tool)) => CostClass::Uses(tool),
        None if line.is_fees() => CostClass::Fees,
        None if line.is_discount() => CostClass::Discount,
        None => CostClass::Other,
    }
}
