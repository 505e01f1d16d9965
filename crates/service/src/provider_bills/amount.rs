//! Amounts as vendors write them, exact. Pure.

use opencredits_units::PicoUsd;

/// Decimal places of a pico-dollar.
const PICO_PLACES: i32 = 12;
/// Decimal places between a dollar and its cents.
const CENT_PLACES: i32 = 2;
/// The longest amount, in bytes.
const TEXT_BYTES_MAX: usize = 96;
/// The largest exponent, either way.
const EXPONENT_MAX: i32 = 40;

/// The unit of an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AmountUnit {
    Dollars,
    Cents,
}

/// An amount in pico-dollars, rounded to the nearest where it is finer. `None` for what is no decimal number, or does not
/// fit.
pub(super) fn amount_of(text: &str, unit: AmountUnit) -> Option<PicoUsd> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
        None => (text, 0_i32),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let in_bounds = (-EXPONENT_MAX..=EXPONENT_MAX).contains(&exponent);
    if digits.is_empty() || !in_bounds || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let places = match unit {
        AmountUnit::Dollars => PICO_PLACES,
        AmountUnit::Cents => PICO_PLACES.checked_sub(CENT_PLACES)?,
    };
    // So many digits are whole pico-dollars.
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_add(places)?;
    let size = rounded(&digits, point)?;
    Some(PicoUsd::new(if negative { size.checked_neg()? } else { size }))
}

/// The first `point` of these digits as a number, rounded by the one after them.
fn rounded(digits: &str, point: i32) -> Option<i128> {
    let Ok(point) = usize::try_from(point) else { return Some(0) };
    let kept = digits.get(..point.min(digits.len()))?;
    let zeros = point.saturating_sub(kept.len());
    let number: i128 = if kept.is_empty() { 0 } else { (kept.to_owned() + &"0".repeat(zeros)).parse().ok()? };
    let next = digits.as_bytes().get(point).copied().unwrap_or(b'0');
    number.checked_add(i128::from(next >= b'5'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_and_rounded_below_a_pico_dollar() {
        let check = |text: &str, unit, expect: Option<i128>| {
            assert_eq!(amount_of(text, unit).map(PicoUsd::get), expect, "{text}");
        };
        let dollars = |text: &str, expect| check(text, AmountUnit::Dollars, expect);
        dollars("0.06", Some(60_000_000_000));
        dollars("12", Some(12_000_000_000_000));
        dollars("-0.5", Some(-500_000_000_000));
        dollars("0.8958740000000000000000000000000000", Some(895_874_000_000));
        dollars("0.0000000000005", Some(1));
        dollars("0.00000000000049999999999999999999", Some(0));
        dollars("5.000000000000001e-05", Some(50_000_000));
        dollars("1E+2", Some(100_000_000_000_000));
        dollars(".5", Some(500_000_000_000));
        dollars("1e-40", Some(0));
        check("123.45", AmountUnit::Cents, Some(1_234_500_000_000));
        check("0.00000000004", AmountUnit::Cents, Some(0));
        check("0.00000000005", AmountUnit::Cents, Some(1));
        for wrong in ["", "-", ".", "1,5", "12 EUR", "$1", "1e", "1e99", "NaN", "--1", "1.2.3", "+1", "1e+-2"] {
            dollars(wrong, None);
        }
        dollars(&"9".repeat(60), None);
        dollars(&"1".repeat(100), None);
    }
}
