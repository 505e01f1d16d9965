//! Laws of the comparison.

use crate::provider_bills::align::align;
use crate::provider_bills::{CostKey, CostRow, Drift, Tolerance, compare, side_by_side};
use opencredits_units::{BasisPoints, Bucket, CostClass, NanoUsd};
use proptest::prelude::*;
use std::collections::BTreeMap;

const TOLERANCE: Tolerance = Tolerance { share: BasisPoints::new(100), minimum: NanoUsd::new(1_000) };
const CLASSES: [CostClass; 4] =
    [CostClass::Tokens(Bucket::InputUncached), CostClass::Tokens(Bucket::Output), CostClass::Other, CostClass::All];

fn row() -> impl Strategy<Value = CostRow> {
    let models = prop_oneof![Just(""), Just("a"), Just("b")];
    let amounts = prop_oneof![-5_000_000_i64..5_000_000, Just(i64::MAX), Just(i64::MIN)];
    (0_u64..3, models, 0..CLASSES.len(), amounts, proptest::option::of(0_u64..9)).prop_map(
        |(day, model, class, nano, quantity)| CostRow {
            key: CostKey { vendor: "v".to_owned(), day, model: model.to_owned(), class: CLASSES[class] },
            amount: NanoUsd::new(nano),
            quantity,
        },
    )
}

fn rows() -> impl Strategy<Value = Vec<CostRow>> {
    proptest::collection::vec(row(), 0..24)
}

fn small() -> impl Strategy<Value = Vec<CostRow>> {
    rows().prop_map(|rows| {
        let bounded = |row: CostRow| CostRow { amount: NanoUsd::new(row.amount.get() % 1_000_000), ..row };
        rows.into_iter().map(bounded).collect()
    })
}

fn sum(rows: &[CostRow]) -> i64 {
    rows.iter().map(|row| row.amount.get()).sum()
}

proptest! {
    #[test]
    fn the_drift_turns_its_sign_when_the_sides_are_exchanged(ours in rows(), theirs in rows()) {
        let (one, other) = (compare(&ours, &theirs, TOLERANCE), compare(&theirs, &ours, TOLERANCE));
        let turned = |drift: &Drift| (
            drift.key.clone(), -drift.difference.amount.get(), -drift.difference.bps, drift.beyond,
            (drift.difference.theirs, drift.difference.ours),
        );
        let plain = |drift: &Drift| (
            drift.key.clone(), drift.difference.amount.get(), drift.difference.bps, drift.beyond,
            (drift.difference.ours, drift.difference.theirs),
        );
        prop_assert_eq!(one.iter().map(turned).collect::<Vec<_>>(), other.iter().map(plain).collect::<Vec<_>>());
    }

    #[test]
    fn the_differences_of_the_rows_sum_up_to_the_difference_of_the_totals(ours in small(), theirs in small()) {
        let drift: i64 = compare(&ours, &theirs, TOLERANCE).iter().map(|row| row.difference.amount.get()).sum();
        prop_assert_eq!(drift, sum(&theirs) - sum(&ours));
    }

    #[test]
    fn what_is_equal_does_not_differ(rows in rows()) {
        prop_assert_eq!(compare(&rows, &rows, TOLERANCE), []);
        prop_assert!(side_by_side(&rows, &rows, TOLERANCE).iter().all(|row| !row.beyond));
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter(ours in rows(), theirs in rows(), turn in 0_usize..24) {
        let turned = |rows: &[CostRow]| {
            let mut rows = rows.to_vec();
            let by = if rows.is_empty() { 0 } else { turn % rows.len() };
            rows.rotate_left(by);
            rows.reverse();
            rows
        };
        prop_assert_eq!(compare(&turned(&ours), &turned(&theirs), TOLERANCE), compare(&ours, &theirs, TOLERANCE));
    }

    #[test]
    fn alignment_moves_amounts_and_loses_none(ours in small(), theirs in small()) {
        let merge = BTreeMap::from([(CLASSES[0], CLASSES[1])]);
        let (mut one, mut other) = (ours.clone(), theirs.clone());
        align(&mut one, &mut other, &merge);
        prop_assert_eq!((sum(&one), sum(&other)), (sum(&ours), sum(&theirs)));
        // What one side does not divide, the other one does not either.
        for whole in one.iter().chain(&other).filter(|row| row.key.class == CostClass::All) {
            let of_model = |row: &&CostRow| (row.key.day, &row.key.model) == (whole.key.day, &whole.key.model);
            prop_assert!(one.iter().chain(&other).filter(of_model).all(|row| row.key.class == CostClass::All));
        }
        let (mut again, mut other_again) = (one.clone(), other.clone());
        align(&mut again, &mut other_again, &BTreeMap::new());
        prop_assert_eq!((again, other_again), (one, other), "it is done once");
    }
}

#[test]
fn a_difference_is_beyond_the_tolerance_when_it_exceeds_both_bounds() {
    let check = |ours: i64, theirs: i64, bps: i64, beyond: bool| {
        let row = |nano| {
            let key = CostKey { vendor: "v".to_owned(), day: 0, model: "m".to_owned(), class: CostClass::All };
            [CostRow { key, amount: NanoUsd::new(nano), quantity: None }]
        };
        let drift = &side_by_side(&row(ours), &row(theirs), TOLERANCE)[0];
        assert_eq!((drift.difference.bps, drift.beyond), (bps, beyond), "{ours} {theirs}");
    };
    check(1_000_000, 1_000_000, 0, false);
    check(1_000_000, 1_010_000, 99, false);
    check(1_000_000, 1_011_000, 108, true);
    check(1_000_000, 989_000, -110, true);
    check(1_000, 2_000, 5_000, false);
    check(1_000, 2_001, 5_002, true);
    check(0, 5_000, 10_000, true);
    check(5_000, 0, -10_000, true);
    check(0, 0, 0, false);
    check(i64::MIN, i64::MAX, 19_999, true);
}
