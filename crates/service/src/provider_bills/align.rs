//! Brings both sides to the classes and models that both of them tell apart. Pure.

use super::compare::CostRow;
use opencredits_units::CostClass;
use std::collections::{BTreeMap, BTreeSet};

/// Makes the rows of one vendor comparable. A bill that does not divide by class, by model, or by either, is compared with
/// the sum of what the other side divides.
pub(super) fn align(ours: &mut [CostRow], theirs: &mut [CostRow], merge: &BTreeMap<CostClass, CostClass>) {
    each(ours, theirs, |row| {
        if let Some(into) = merge.get(&row.key.class) {
            row.key.class = *into;
        }
    });
    let is_whole = |row: &CostRow| row.key.model.is_empty() && row.key.class == CostClass::All;
    let whole_days = found(ours, theirs, |row| is_whole(row).then_some(row.key.day));
    each(ours, theirs, |row| {
        if whole_days.contains(&row.key.day) {
            row.key.model.clear();
            row.key.class = CostClass::All;
        }
    });
    let of_no_model = found(ours, theirs, |row| row.key.model.is_empty().then_some((row.key.day, row.key.class)));
    each(ours, theirs, |row| {
        if of_no_model.contains(&(row.key.day, row.key.class)) {
            row.key.model.clear();
        }
    });
    let model_of = |row: &CostRow| (row.key.day, row.key.model.clone());
    let undivided = found(ours, theirs, |row| (row.key.class == CostClass::All).then(|| model_of(row)));
    each(ours, theirs, |row| {
        if undivided.contains(&model_of(row)) {
            row.key.class = CostClass::All;
        }
    });
}

fn each(ours: &mut [CostRow], theirs: &mut [CostRow], change: impl Fn(&mut CostRow)) {
    ours.iter_mut().chain(theirs).for_each(change);
}

fn found<T: Ord>(ours: &[CostRow], theirs: &[CostRow], what: impl Fn(&CostRow) -> Option<T>) -> BTreeSet<T> {
    ours.iter().chain(theirs).filter_map(what).collect()
}
