//! The cost that a vendor reports for a request: what a reseller bills, with fees that no price book knows.

use opencredits_providers::{Outcome, ReportedCost};
use opencredits_units::PicoUsd;
use opencredits_wire::json;

/// A reseller's cheapest source may cost one part in so many of the price in the book.
const CHEAPER_MAX: i128 = 4;
/// The dearest may cost so many times that price, fees apart.
const DEARER_MAX: i128 = 2;
/// Powers of ten beyond this fit no integer.
const EXPONENT_MAX: i32 = 30;

/// What became of the cost that a vendor reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// None was reported.
    Absent,
    /// It is the cost of the request.
    Believed(PicoUsd),
    /// It is too far from the book's.
    Implausible(PicoUsd),
}

/// Reads the cost of an answer, and compares it with the cost by the book.
pub(super) fn judge(form: &ReportedCost, outcome: &Outcome, book: PicoUsd) -> Judged {
    let raw = outcome.usage_object.as_deref().and_then(|usage| json::member(usage, &form.member));
    let Some(cost) = raw.and_then(|raw| pico(std::str::from_utf8(raw).ok()?, form.pico_usd)) else {
        return Judged::Absent;
    };
    let least = book.get().div_euclid(CHEAPER_MAX);
    let most = book.get().saturating_mul(DEARER_MAX).saturating_add(form.fees_max.get());
    if (least..=most).contains(&cost.get()) { Judged::Believed(cost) } else { Judged::Implausible(cost) }
}

/// A JSON number of units of `unit` pico-dollars, exactly, and rounded up below a pico-dollar; `None` where it is negative, or
/// fits no integer.
fn pico(number: &str, unit: u64) -> Option<PicoUsd> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, part].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = digits.parse::<i128>().ok()?.checked_mul(i128::from(unit))?;
    let places = exponent.checked_sub(i32::try_from(part.len()).ok()?)?;
    let power = 10_i128.checked_pow(u32::try_from(places.abs().min(EXPONENT_MAX)).ok()?)?;
    let pico = if places >= 0 { value.checked_mul(power)? } else { value.checked_add(power - 1)?.div_euclid(power) };
    Some(PicoUsd::new(pico))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USD: u64 = 1_000_000_000_000;

    #[test]
    fn a_number_is_read_exactly_in_every_form() {
        let check = |number: &str, unit: u64, expect: Option<i128>| {
            assert_eq!(pico(number, unit).map(PicoUsd::get), expect, "{number}");
        };
        check("0.00764", USD, Some(7_640_000_000));
        check("3.6e-6", USD, Some(3_600_000));
        check("1.2E-05", USD, Some(12_000_000));
        check("2e3", USD, Some(2_000_000_000_000_000));
        check("0", USD, Some(0));
        check("6618500", 100, Some(661_850_000));
        // Below a pico-dollar it is rounded up.
        check("1e-13", USD, Some(1));
        check("1e-400", USD, Some(1));
        check("-0.5", USD, None);
        check("null", USD, None);
        check("\"0.5\"", USD, None);
        check("1e99", USD, None);
        check("", USD, None);
    }

    #[test]
    fn a_cost_is_believed_near_the_books() {
        let form = ReportedCost { member: "cost".to_owned(), pico_usd: USD, fees_max: PicoUsd::new(50_000_000_000) };
        let check = |cost: &str, book: i128, expect: fn(PicoUsd) -> Judged| {
            let usage_object = Some(format!(r#"{{"prompt_tokens":1,"cost":{cost}}}"#).into_bytes());
            let outcome = Outcome { usage_object, ..Outcome::default() };
            let value = pico(cost, USD).unwrap_or_default();
            assert_eq!(judge(&form, &outcome, PicoUsd::new(book)), expect(value), "{cost}, {book}");
        };
        check("0.00764", 640_000_000, Judged::Believed);
        check("0.00217", 170_000_000, Judged::Believed);
        check("0.0003", 640_000_000, Judged::Believed);
        check("0.0001", 640_000_000, Judged::Implausible);
        check("0", 640_000_000, Judged::Implausible);
        check("0", 0, Judged::Believed);
        check("0.06", 640_000_000, Judged::Implausible);
        check("1000", 640_000_000, Judged::Implausible);
        check("null", 640_000_000, |_| Judged::Absent);
    }
}
