//! Values as people read them.

use crate::figures::grouped_text;

/// Nano-credits in a credit.
const NANO: u64 = 1_000_000_000;
/// Nano-credits in a hundredth of a credit.
const NANO_A_HUNDREDTH: u64 = NANO / 100;
/// Nano-credits above which no hundredths are shown on a line.
const WHOLE_FROM: u64 = 10;

/// What the values of a chart count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unit {
    /// Billionths of a credit.
    #[default]
    NanoCredits,
    /// Whole things: requests, tokens.
    Count,
}

impl Unit {
    /// A value with at most two decimal places, rounded up as all that was charged, such as `1,240.5`; one that is smaller
    /// than they show is `<0.01`.
    #[must_use]
    pub fn short(self, value: u64) -> String {
        match self {
            Self::Count => grouped(value),
            Self::NanoCredits if value > 0 && value < NANO_A_HUNDREDTH => "<0.01".to_owned(),
            Self::NanoCredits => {
                let hundredths = value.div_ceil(NANO_A_HUNDREDTH);
                decimal(hundredths / 100, hundredths % 100, 2)
            }
        }
    }

    /// A value with all its decimal places.
    #[must_use]
    pub fn exact(self, value: u64) -> String {
        match self {
            Self::Count => grouped(value),
            Self::NanoCredits => decimal(value / NANO, value % NANO, 9),
        }
    }

    /// The figure of a line, which is round: `12.5k`, `0.002`.
    #[must_use]
    pub fn of_line(self, value: u64) -> String {
        match self {
            Self::Count => compact(value),
            Self::NanoCredits if value / NANO >= WHOLE_FROM => compact(value / NANO),
            Self::NanoCredits => decimal(value / NANO, value % NANO, 9),
        }
    }

    /// The smallest distance of two lines: half a request has no line.
    pub(super) const fn least(self) -> u64 {
        1
    }
}

/// A whole number with commas between thousands.
fn grouped(value: u64) -> String {
    grouped_text(&value.to_string())
}

/// A number without the zeros at its end.
fn decimal(whole: u64, fraction: u64, places: usize) -> String {
    let fraction = format!("{fraction:0places$}");
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { grouped(whole) } else { format!("{}.{fraction}", grouped(whole)) }
}

/// A number in thousands, millions or billions, with at most two decimal places, which cut off what is below.
fn compact(value: u64) -> String {
    let units = [(1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")];
    match units.into_iter().find(|(unit, _)| value >= *unit) {
        Some((unit, letter)) => format!("{}{letter}", decimal(value / unit, value % unit / (unit / 100), 2)),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_have_two_places_and_are_rounded_up() {
        let check = |nano: u64, short: &str, exact: &str| {
            assert_eq!((Unit::NanoCredits.short(nano), Unit::NanoCredits.exact(nano)), (short.into(), exact.into()));
        };
        check(0, "0", "0");
        check(1, "<0.01", "0.000000001");
        check(10_000_000, "0.01", "0.01");
        check(4_921_875_000, "4.93", "4.921875");
        check(4_995_000_000, "5", "4.995");
        check(1_240_500_000_000, "1,240.5", "1,240.5");
        check(u64::MAX, "18,446,744,073.71", "18,446,744,073.709551615");
    }

    #[test]
    fn a_line_has_a_short_figure() {
        let check = |unit: Unit, value: u64, expect: &str| assert_eq!(unit.of_line(value), expect);
        check(Unit::Count, 0, "0");
        check(Unit::Count, 500, "500");
        check(Unit::Count, 12_500, "12.5k");
        check(Unit::Count, 2_000_000, "2M");
        check(Unit::Count, 5_000_000_000, "5B");
        check(Unit::NanoCredits, 2_000_000, "0.002");
        check(Unit::NanoCredits, 2_500_000_000, "2.5");
        check(Unit::NanoCredits, 20_000_000_000, "20");
        check(Unit::NanoCredits, 25_000_000_000_000, "25k");
    }
}
