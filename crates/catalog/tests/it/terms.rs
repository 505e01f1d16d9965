//! Terms: cost, margin and commission always add up.

use opencredits_catalog::{Charge, Terms};
use opencredits_units::{BasisPoints, NanoUsd, PicoUsd};
use proptest::prelude::*;

#[test]
fn a_charge_is_rounded_once_and_up() {
    let terms = Terms { markup: BasisPoints::new(2_500), partner_share: BasisPoints::new(5_000) };
    let charge = |pico| terms.charge(PicoUsd::new(pico)).unwrap();
    let parts = |c: Charge| (c.cost.get(), c.margin.get(), c.commission.get(), c.total.get());
    assert_eq!(parts(charge(39_375_000_000)), (39_375_000, 4_921_875, 4_921_875, 49_218_750));
    assert_eq!(parts(charge(0)), (0, 0, 0, 0));
    assert_eq!(parts(charge(1)), (1, 0, 0, 1));
    assert_eq!(parts(charge(801)), (1, 1, 0, 2));
}

proptest! {
    #[test]
    fn the_parts_add_up_and_nobody_earns_what_was_not_charged(
        pico in 0_i128..10_i128.pow(18), markup in 0_u32..30_000, share in 0_u32..=10_000
    ) {
        let terms = Terms { markup: BasisPoints::new(markup), partner_share: BasisPoints::new(share) };
        let charge = terms.charge(PicoUsd::new(pico)).unwrap();
        let sum = charge.cost.get() + charge.margin.get() + charge.commission.get();
        prop_assert_eq!(sum, charge.total.get());
        prop_assert!(charge.margin >= NanoUsd::ZERO && charge.commission >= NanoUsd::ZERO);
        let exact = pico * i128::from(10_000 + markup);
        let total = i128::from(charge.total.get()) * 10_000 * 1_000;
        prop_assert!(total >= exact && total < exact + 10_000 * 1_000, "rounded up by less than a nano-dollar");
    }

    #[test]
    fn a_cost_within_an_amount_is_charged_at_most_that(nano in 0_i64..10_i64.pow(15), markup in 0_u32..30_000) {
        let terms = Terms { markup: BasisPoints::new(markup), partner_share: BasisPoints::ZERO };
        let within = terms.cost_within(NanoUsd::new(nano));
        prop_assert!(terms.charge(within).unwrap().total <= NanoUsd::new(nano));
    }
}
