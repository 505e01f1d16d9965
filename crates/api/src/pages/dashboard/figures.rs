//! Figures that pages show besides amounts and counts. Pure.

use opencredits_store::UsageSums;
use opencredits_units::{CreditPrice, NanoUsd};

/// Nano-credits in a credit.
const NANO: i128 = 1_000_000_000;
/// Signs of currencies that are written before an amount.
const SIGNS: [(&str, &str); 3] = [("usd", "$"), ("eur", "€"), ("gbp", "£")];
/// Milliseconds from which a tenth of a second is exact enough.
const LONG_MS: u32 = 10_000;

/// Billionths of a credit, rounded down; nothing for less than nothing.
pub(super) fn nano_credits(amount: NanoUsd, price: CreditPrice) -> u64 {
    let scaled = i128::from(amount.get()).checked_mul(NANO);
    let credits = scaled.and_then(|scaled| scaled.checked_div_euclid(i128::from(price.get().get())));
    credits.and_then(|credits| u64::try_from(credits.max(0)).ok()).unwrap_or(u64::MAX)
}

/// A duration in seconds, such as `0.42`.
pub(super) fn seconds(ms: u32) -> String {
    match ms {
        0 => "<0.001".to_owned(),
        1..1_000 => format!("0.{ms:03}"),
        1_000..LONG_MS => format!("{}.{:02}", ms / 1_000, ms % 1_000 / 10),
        _ => format!("{}.{}", ms / 1_000, ms % 1_000 / 100),
    }
}

/// An amount of money, such as `$25.00`.
pub(in crate::pages) fn priced(minor: i64, currency: &str) -> String {
    let minus = if minor < 0 { "−" } else { "" };
    let minor = minor.unsigned_abs();
    let amount = format!("{}.{:02}", grouped(minor / 100), minor % 100);
    match SIGNS.iter().find(|(code, _)| *code == currency) {
        Some((_, sign)) => format!("{minus}{sign}{amount}"),
        None => format!("{minus}{amount} {}", currency.to_uppercase()),
    }
}

fn grouped(whole: u64) -> String {
    opencredits_pages::figures::grouped_text(&whole.to_string())
}

/// Dollars with their sign before the figure.
pub(super) fn dollars(decimal: &str) -> String {
    decimal.strip_prefix('-').map_or_else(|| format!("${decimal}"), |rest| format!("−${rest}"))
}

/// Decimals with the same number of places, so that they stand below each other.
pub(super) fn aligned(decimals: &mut [&mut String]) {
    let places = |text: &str| text.split_once('.').map_or(0, |(_, places)| places.len());
    let most = decimals.iter().map(|text| places(text)).max().unwrap_or_default();
    for text in decimals {
        let missing = most.saturating_sub(places(text));
        if missing > 0 {
            if !text.contains('.') {
                text.push('.');
            }
            text.push_str(&"0".repeat(missing));
        }
    }
}

/// Hundredths of a percent as percent, such as `12.5`.
pub(super) fn percent_of(basis_points: u32) -> String {
    opencredits_units::Decimal::new(i128::from(basis_points), 2).to_string()
}

/// A part of a whole in percent, rounded to the nearest; nothing of nothing.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    let scaled = u128::from(part).saturating_mul(100).saturating_add(u128::from(whole / 2));
    scaled.checked_div(u128::from(whole)).and_then(|share| u64::try_from(share).ok()).unwrap_or_default()
}

/// The same of amounts, which are not below zero.
pub(super) fn percent_of_amount(part: NanoUsd, whole: NanoUsd) -> u64 {
    let unsigned = |amount: NanoUsd| u64::try_from(amount.get()).unwrap_or_default();
    percent(unsigned(part), unsigned(whole))
}

/// The median; `None` of nothing.
pub(super) fn median(mut values: Vec<u32>) -> Option<u32> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// The sum of all; what does not fit is left out.
pub(super) fn sum<'a>(all: impl Iterator<Item = &'a UsageSums>) -> UsageSums {
    all.fold(UsageSums::default(), |sum, one| sum.checked_add(one).unwrap_or(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_billionths_at_the_price_of_a_credit() {
        let check =
            |nano: i64, expect: u64| assert_eq!(nano_credits(NanoUsd::new(nano), CreditPrice::default()), expect);
        check(10_000_000, 1_000_000_000);
        check(1, 100);
        check(-1, 0);
        check(i64::MAX, u64::MAX);
    }

    #[test]
    fn durations_have_three_figures() {
        for (ms, expect) in [(0, "<0.001"), (9, "0.009"), (420, "0.420"), (3_100, "3.10"), (12_340, "12.3")] {
            assert_eq!(seconds(ms), expect);
        }
    }

    #[test]
    fn money_has_its_sign_and_thousands() {
        let check = |minor: i64, currency: &str, expect: &str| assert_eq!(priced(minor, currency), expect);
        check(2_575, "usd", "$25.75");
        check(100_000, "eur", "€1,000.00");
        check(-5, "gbp", "−£0.05");
        check(1_000, "chf", "10.00 CHF");
    }

    #[test]
    fn decimals_are_made_as_long_as_the_longest() {
        let (mut a, mut b, mut c) = ("1".to_owned(), "-0.25".to_owned(), "0.125".to_owned());
        aligned(&mut [&mut a, &mut b, &mut c]);
        assert_eq!([a, b, c], ["1.000", "-0.250", "0.125"]);
    }

    #[test]
    fn parts_of_nothing_are_nothing() {
        assert_eq!((percent(1, 3), percent(2, 3), percent(5, 5), percent(1, 0)), (33, 67, 100, 0));
        assert_eq!(
            (median(vec![]), median(vec![5]), median(vec![9, 1]), median(vec![9, 1, 5])),
            (None, Some(5), Some(1), Some(5))
        );
    }
}
