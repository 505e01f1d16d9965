//! Sums and shares: checked, and rounded once in the stated direction.

use opencredits_units::{BasisPoints, NanoUsd, PicoUsd, Rate, Tokens};
use proptest::prelude::*;

#[test]
fn a_bill_is_rounded_once_and_up() {
    assert_eq!(PicoUsd::new(1).ceil_to_nano(), Some(NanoUsd::new(1)));
    assert_eq!(PicoUsd::new(1_000).ceil_to_nano(), Some(NanoUsd::new(1)));
    assert_eq!(PicoUsd::new(1_001).ceil_to_nano(), Some(NanoUsd::new(2)));
    assert_eq!(PicoUsd::new(800).marked_up_to_nano(BasisPoints::new(2_500)), Some(NanoUsd::new(1)));
    assert_eq!(PicoUsd::new(801).marked_up_to_nano(BasisPoints::new(2_500)), Some(NanoUsd::new(2)));
}

#[test]
fn what_does_not_fit_is_none_and_never_wraps() {
    assert_eq!(NanoUsd::MAX.checked_add(NanoUsd::new(1)), None);
    assert_eq!(NanoUsd::new(i64::MIN).checked_neg(), None);
    assert_eq!(Tokens::new(1).checked_sub(Tokens::new(2)), None);
    assert_eq!(PicoUsd::new(i128::MAX).ceil_to_nano(), None);
    assert_eq!(NanoUsd::new(5).scaled_down(NanoUsd::new(1), NanoUsd::ZERO), None);
    let sum = Rate::new(u64::MAX).times(Tokens::new(u64::MAX));
    assert_eq!(sum.and_then(PicoUsd::ceil_to_nano), None);
}

proptest! {
    #[test]
    fn a_share_and_its_rest_are_the_whole(amount in 0..i64::MAX, points in 0_u32..=10_000) {
        let share = BasisPoints::new(points).floor_of(NanoUsd::new(amount)).unwrap();
        prop_assert!(share.get() >= 0 && share.get() <= amount);
        let exact = i128::from(amount) * i128::from(points);
        prop_assert!(i128::from(share.get()) * 10_000 <= exact);
        prop_assert!((i128::from(share.get()) + 1) * 10_000 > exact);
    }

    #[test]
    fn rounding_up_adds_less_than_a_nano_dollar(pico in 0..i128::from(i64::MAX)) {
        let nano = i128::from(PicoUsd::new(pico).ceil_to_nano().unwrap().get());
        prop_assert!(nano * 1_000 >= pico && nano * 1_000 < pico + 1_000);
    }
}
