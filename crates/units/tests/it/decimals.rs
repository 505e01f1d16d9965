//! Decimal strings: exact both ways, or refused.

use opencredits_units::{CreditPrice, Decimal, DecimalError, NanoUsd, Rate};
use proptest::prelude::*;

fn check(text: &str, expect: Result<i64, DecimalError>) {
    assert_eq!(text.parse::<NanoUsd>().map(NanoUsd::get), expect, "{text}");
}

#[test]
fn dollars_are_read_exactly_or_refused() {
    check("12.5", Ok(12_500_000_000));
    check("-0.000000001", Ok(-1));
    check(".5", Ok(500_000_000));
    check("3.", Ok(3_000_000_000));
    check("1.0000000000", Ok(1_000_000_000));
    check("0.0000000001", Err(DecimalError::TooPrecise { places: 9 }));
    check("9223372036.854775807", Ok(i64::MAX));
    check("9223372036.854775808", Err(DecimalError::TooLarge));
    for text in ["", ".", "-", "1e3", "1,5", " 1", "+1", "NaN", "--1", "1.2.3"] {
        check(text, Err(DecimalError::Malformed));
    }
}

#[test]
fn a_price_finer_than_a_pico_dollar_is_refused_and_never_rounded() {
    assert_eq!(Rate::from_usd_per_million("0.035").map(Rate::get), Ok(35_000));
    assert_eq!(Rate::from_usd_per_million("0.0000001"), Err(DecimalError::TooPrecise { places: 6 }));
    assert_eq!(Rate::from_usd_per_use("0.01").map(Rate::get), Ok(10_000_000_000));
    assert_eq!(Rate::from_usd_per_million("-1"), Err(DecimalError::Malformed));
}

#[test]
fn a_balance_is_never_shown_larger_than_it_is() {
    let price = CreditPrice::new(NanoUsd::new(30_000_000)).unwrap();
    assert_eq!(price.show(NanoUsd::new(20_000_000)).to_string(), "0.666666666");
    assert_eq!(price.show(NanoUsd::new(-20_000_000)).to_string(), "-0.666666667");
    assert_eq!(price.parse("2"), Ok(NanoUsd::new(60_000_000)));
    assert_eq!(CreditPrice::default().parse("0.000000001"), Err(DecimalError::TooPrecise { places: 9 }));
}

proptest! {
    #[test]
    fn every_amount_survives_its_text(nano: i64) {
        let amount = NanoUsd::new(nano);
        prop_assert_eq!(amount.to_string().parse(), Ok(amount));
    }

    #[test]
    fn every_decimal_survives_its_text(units in -10_i128.pow(30)..10_i128.pow(30), places in 0_u32..12) {
        prop_assert_eq!(Decimal::parse(&Decimal::new(units, places).to_string(), places), Ok(units));
    }

    #[test]
    fn credits_of_a_cent_survive_their_text(nano: i64) {
        let price = CreditPrice::default();
        let shown = price.show(NanoUsd::new(nano)).to_string();
        prop_assert_eq!(price.parse(&shown), Ok(NanoUsd::new(nano)));
    }
}
