//! Figures as people read them: short in sight, exact on hover.
//!
//! Amounts have two decimals at most and are never rounded in our favour: what a person has is rounded down, and what they
//! were charged is rounded up. What is less than a hundredth is shown as that, since a rounding would be most of it.

use opencredits_units::{CreditPrice, Decimal, NanoUsd};
use serde::Serialize;

/// Nano-dollars of a cent.
const CENT: i64 = 10_000_000;
/// Decimal places of nano-dollars.
const NANO_PLACES: u32 = 9;
/// Decimal places of an amount in a column.
const PLACES_MIN: usize = 2;
/// A space as wide as a figure.
pub(crate) const FIGURE_SPACE: char = '\u{2007}';
/// What is shown of credits below a hundredth.
const LEAST: &str = "<0.01";
/// What is shown of dollars below a cent.
const LEAST_DOLLARS: &str = "<$0.01";
/// Hundredths in a whole.
const HUNDRED: i128 = 100;
/// The units of a short count, largest first: its letter, and how much it is.
const COUNT_UNITS: [(&str, u64); 3] = [("B", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)];

/// How an amount is rounded to what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// What a person has: never shown larger than it is.
    Down,
    /// What a person was charged: never shown smaller than it is.
    Up,
}

/// An amount: `1,240 credits · $12.40`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Money {
    /// Credits without the word, such as `1,240` or `4.93`.
    pub credits: String,
    /// The same with two decimals always, for columns.
    pub fixed: String,
    /// Dollars with their sign, such as `$12.40`.
    pub dollars: String,
    /// The exact amount of credits, for hover.
    pub exact: String,
    /// The exact dollars, for hover.
    pub exact_dollars: String,
    /// Whether it is exactly one credit.
    pub is_one: bool,
}

impl Money {
    /// An amount at a price of a credit.
    #[must_use]
    pub fn of(amount: NanoUsd, price: CreditPrice, rounding: Rounding) -> Self {
        let nano = i128::from(amount.get());
        let credits = rounded(nano.saturating_mul(HUNDRED), i128::from(price.get().get()), rounding);
        let cents = rounded(nano, i128::from(CENT), rounding);
        let exact = price.show(amount).to_string();
        let is_below = |hundredths: i128, rest: bool| nano > 0 && (hundredths == 0 || (hundredths == 1 && rest));
        let is_rest = |unit: i64, of: i128| of.checked_rem_euclid(i128::from(unit)).unwrap_or_default() != 0;
        let few_credits = is_below(credits, is_rest(price.get().get(), nano.saturating_mul(HUNDRED)));
        let few_cents = is_below(cents, is_rest(CENT, nano));
        Self {
            credits: if few_credits { LEAST.to_owned() } else { hundredths(credits, Zeros::Drop) },
            fixed: if few_credits { LEAST.to_owned() } else { hundredths(credits, Zeros::Keep) },
            dollars: if few_cents { LEAST_DOLLARS.to_owned() } else { signed(&hundredths(cents, Zeros::Keep)) },
            is_one: exact == "1",
            exact: grouped_text(&exact),
            exact_dollars: signed(&amount.to_string()),
        }
    }
}

/// A number of tokens or requests: `12.4k`, and exactly `12,431`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// In three figures.
    pub short: String,
    /// With separators of thousands.
    pub exact: String,
}

impl Count {
    /// A count.
    #[must_use]
    pub fn of(count: u64) -> Self {
        let exact = grouped_text(&count.to_string());
        Self { short: short(count).unwrap_or_else(|| exact.clone()), exact }
    }
}

/// A count of a thousand or more in one letter's unit, with one decimal below ten units, rounded down.
fn short(count: u64) -> Option<String> {
    let (letter, unit) = COUNT_UNITS.into_iter().find(|(_, unit)| count >= *unit)?;
    let tenths = count.checked_div(unit.checked_div(10)?)?;
    let (whole, tenth) = (tenths.checked_div(10)?, tenths.checked_rem(10)?);
    Some(if tenth == 0 || whole >= 100 { format!("{whole}{letter}") } else { format!("{whole}.{tenth}{letter}") })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Zeros {
    Keep,
    Drop,
}

fn rounded(amount: i128, unit: i128, rounding: Rounding) -> i128 {
    let down = amount.checked_div_euclid(unit).unwrap_or_default();
    let is_exact = amount.checked_rem_euclid(unit).unwrap_or_default() == 0;
    if is_exact || rounding == Rounding::Down { down } else { down.saturating_add(1) }
}

/// Hundredths as a decimal; whole numbers without decimals where zeros are dropped.
fn hundredths(units: i128, zeros: Zeros) -> String {
    let absolute = units.unsigned_abs();
    let (whole, part) = (absolute / HUNDRED.unsigned_abs(), absolute % HUNDRED.unsigned_abs());
    let sign = if units < 0 { "−" } else { "" };
    let whole = grouped_text(&whole.to_string());
    if part == 0 && zeros == Zeros::Drop { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:02}") }
}

/// Dollars with their sign, after a minus.
fn signed(decimal: &str) -> String {
    let minus = decimal.strip_prefix('−').or_else(|| decimal.strip_prefix('-'));
    minus.map_or_else(|| format!("${}", grouped_text(decimal)), |rest| format!("−${}", grouped_text(rest)))
}

/// A decimal with separators of thousands before its point.
#[must_use]
pub fn grouped_text(decimal: &str) -> String {
    let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal), |rest| ("−", rest));
    let (whole, part) = digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return decimal.to_owned();
    }
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && whole.len().saturating_sub(at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(part) = part {
        out.push('.');
        out.push_str(part);
    }
    out
}

/// Nano-dollars as a decimal with at most so many places, at most nine; what is beyond them is rounded up.
#[must_use]
pub fn rounded_up(amount: NanoUsd, places: u32) -> String {
    let beyond = NANO_PLACES.saturating_sub(places);
    let unit = 10_i128.checked_pow(beyond).unwrap_or(1);
    let units = rounded(i128::from(amount.get()), unit, Rounding::Up);
    Decimal::new(units, NANO_PLACES.saturating_sub(beyond)).to_string()
}

/// Decimals for a column: two places at least, and spaces as wide as a figure at the end, so that their points are below each
/// other.
#[must_use]
pub fn aligned(decimals: &[String]) -> Vec<String> {
    let places_of = |text: &String| text.split_once('.').map_or(0, |(_, part)| part.len());
    let most = decimals.iter().map(places_of).max().unwrap_or_default().max(PLACES_MIN);
    let write = |text: &String| {
        let mut out = grouped_text(text);
        let places = places_of(text);
        if places == 0 {
            out.push('.');
        }
        let zeros = PLACES_MIN.saturating_sub(places);
        out.extend(std::iter::repeat_n('0', zeros));
        out.extend(std::iter::repeat_n(FIGURE_SPACE, most.saturating_sub(places.max(PLACES_MIN))));
        out
    };
    decimals.iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_money(nano: i64, rounding: Rounding, expect: &str) {
        let money = Money::of(NanoUsd::new(nano), CreditPrice::default(), rounding);
        assert_eq!(format!("{} | {} | {}", money.credits, money.dollars, money.exact), expect);
    }

    #[test]
    fn amounts_are_never_rounded_in_our_favour() {
        check_money(12_400_000_000, Rounding::Down, "1,240 | $12.40 | 1,240");
        check_money(49_218_750, Rounding::Up, "4.93 | $0.05 | 4.921875");
        check_money(49_218_750, Rounding::Down, "4.92 | $0.04 | 4.921875");
        check_money(0, Rounding::Up, "0 | $0.00 | 0");
        check_money(1, Rounding::Up, "<0.01 | <$0.01 | 0.0000001");
        check_money(1, Rounding::Down, "<0.01 | <$0.01 | 0.0000001");
        check_money(100_000, Rounding::Up, "0.01 | <$0.01 | 0.01");
        check_money(100_001, Rounding::Up, "0.02 | <$0.01 | 0.0100001");
        check_money(10_000_000, Rounding::Down, "1 | $0.01 | 1");
        check_money(10_000_001, Rounding::Up, "1.01 | $0.02 | 1.0000001");
        check_money(-15_000_000, Rounding::Down, "−1.50 | −$0.02 | −1.5");
        check_money(i64::MAX, Rounding::Up, "922,337,203,685.48 | $9,223,372,036.86 | 922,337,203,685.4775807");
    }

    #[test]
    fn counts_are_short_and_exact() {
        for (count, expect) in [
            (0, "0 | 0"),
            (999, "999 | 999"),
            (1_000, "1k | 1,000"),
            (12_431, "12.4k | 12,431"),
            (131_072, "131k | 131,072"),
            (999_999, "999k | 999,999"),
            (1_048_576, "1M | 1,048,576"),
            (u64::MAX, "18446744073B | 18,446,744,073,709,551,615"),
        ] {
            let Count { short, exact } = Count::of(count);
            assert_eq!(format!("{short} | {exact}"), expect);
        }
    }

    #[test]
    fn the_points_of_a_column_are_below_each_other() {
        let column = |decimals: &[&str]| aligned(&decimals.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(column(&["1", "0.5", "2.1875"]), ["1.00\u{2007}\u{2007}", "0.50\u{2007}\u{2007}", "2.1875"]);
        assert_eq!(column(&["1250.25", "3"]), ["1,250.25", "3.00"]);
        assert_eq!(rounded_up(NanoUsd::new(46_875_001), 4), "0.0469");
        assert_eq!(rounded_up(NanoUsd::new(50_000_000), 4), "0.05");
        assert_eq!(rounded_up(NanoUsd::new(1), 9), "0.000000001");
    }
}
