//! Amounts as people read them: two decimals, never rounded up in our favour.

use crate::error::MailError;
use opencredits_units::{CreditPrice, NanoUsd};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Nano-dollars of a cent.
const CENT: i64 = 10_000_000;
const CENTS: u64 = 100;

/// A currency with two decimals, by its ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl FromStr for Currency {
    type Err = MailError;

    fn from_str(text: &str) -> Result<Self, MailError> {
        let letters: Option<[u8; 3]> = text.to_ascii_lowercase().into_bytes().try_into().ok();
        let letters = letters.filter(|letters| letters.iter().all(u8::is_ascii_lowercase));
        let problem = "is no code of three letters; use one such as eur";
        letters.map(Self).ok_or(MailError::Invalid { field: "the currency", problem })
    }
}

impl TryFrom<String> for Currency {
    type Error = MailError;

    fn try_from(text: String) -> Result<Self, MailError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0.iter().copied().map(char::from).collect()
    }
}

/// An amount of money outside of the ledger, in hundredths of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paid {
    /// Cents.
    pub minor_units: u64,
    /// The currency.
    pub currency: Currency,
}

impl Paid {
    /// The amount with its sign, such as `$20.00`.
    pub(crate) fn shown(self) -> String {
        let (whole, cents) = (self.minor_units / CENTS, self.minor_units % CENTS);
        let number = format!("{}.{cents:02}", grouped(whole));
        match &self.currency.0 {
            b"usd" => format!("${number}"),
            b"eur" => format!("€{number}"),
            b"gbp" => format!("£{number}"),
            _ => format!("{number} {}", String::from(self.currency).to_ascii_uppercase()),
        }
    }
}

/// How an amount is rounded to what is shown.
#[derive(Clone, Copy)]
pub(crate) enum Rounding {
    /// What a person has: never shown larger than it is.
    Down,
    /// What a person has spent or was charged: never shown smaller than it is.
    Up,
}

/// An amount as it is shown: rounded to hundredths of a credit and to cents.
///
/// Lines of one mail that add up are rounded together: the sum is rounded, and the last line is the sum [less](Self::less) the
/// others, so that the reader's addition agrees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    credit_hundredths: u128,
    cents: u128,
}

impl Shown {
    pub(crate) fn of(amount: NanoUsd, price: CreditPrice, rounding: Rounding) -> Self {
        let nano = i128::from(amount.get());
        let hundredths = nano.saturating_mul(i128::from(CENTS));
        Self {
            credit_hundredths: divided(hundredths, i128::from(price.get().get()), rounding),
            cents: divided(nano, i128::from(CENT), rounding),
        }
    }

    /// What is left of a shown sum beside another of its lines.
    pub(crate) const fn less(self, other: Self) -> Self {
        Self {
            credit_hundredths: self.credit_hundredths.saturating_sub(other.credit_hundredths),
            cents: self.cents.saturating_sub(other.cents),
        }
    }

    /// In credits with at most two decimals, such as `1,240.5`.
    pub(crate) fn credits(self) -> String {
        let (whole, part) = (self.credit_hundredths / u128::from(CENTS), self.credit_hundredths % u128::from(CENTS));
        let part = format!("{part:02}");
        let part = part.trim_end_matches('0');
        let whole = grouped(u64::try_from(whole).unwrap_or(u64::MAX));
        if part.is_empty() { whole } else { format!("{whole}.{part}") }
    }

    /// In credits and in dollars, such as `1,240 credits ($12.40)`.
    pub(crate) fn both(self) -> String {
        let credits = self.credits();
        let unit = if credits == "1" { "credit" } else { "credits" };
        let (whole, cents) = (self.cents / u128::from(CENTS), self.cents % u128::from(CENTS));
        format!("{credits} {unit} (${}.{cents:02})", grouped(u64::try_from(whole).unwrap_or(u64::MAX)))
    }
}

/// An amount in credits and in dollars, such as `1,240 credits ($12.40)`.
pub(crate) fn both(amount: NanoUsd, price: CreditPrice, rounding: Rounding) -> String {
    Shown::of(amount, price, rounding).both()
}

/// An amount in credits with at most two decimals, such as `1,240.5`.
pub(crate) fn credits(amount: NanoUsd, price: CreditPrice, rounding: Rounding) -> String {
    Shown::of(amount, price, rounding).credits()
}

/// The quotient of two numbers, zero where the first is below it: a mail has no negative amounts.
fn divided(number: i128, by: i128, rounding: Rounding) -> u128 {
    let by = by.max(1);
    let quotient = number.max(0).div_euclid(by);
    let more = matches!(rounding, Rounding::Up) && number > 0 && number.rem_euclid(by) != 0;
    u128::try_from(quotient.saturating_add(i128::from(more))).unwrap_or_default()
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len().saturating_mul(2));
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_decimals_and_are_rounded_against_us() {
        let check = |nano: i64, down: &str, up: &str| {
            let price = CreditPrice::default();
            assert_eq!(both(NanoUsd::new(nano), price, Rounding::Down), down, "{nano}");
            assert_eq!(both(NanoUsd::new(nano), price, Rounding::Up), up, "{nano}");
        };
        check(0, "0 credits ($0.00)", "0 credits ($0.00)");
        check(12_400_000_000, "1,240 credits ($12.40)", "1,240 credits ($12.40)");
        check(10_000_000, "1 credit ($0.01)", "1 credit ($0.01)");
        check(10_500_001, "1.05 credits ($0.01)", "1.06 credits ($0.02)");
        check(9_999_999_999, "999.99 credits ($9.99)", "1,000 credits ($10.00)");
        check(-5, "0 credits ($0.00)", "0 credits ($0.00)");
        check(
            i64::MAX,
            "922,337,203,685.47 credits ($9,223,372,036.85)",
            "922,337,203,685.48 credits ($9,223,372,036.86)",
        );
    }

    #[test]
    fn a_payment_has_the_sign_of_its_currency() {
        let check = |minor_units, currency: &str, expect: &str| {
            let paid = Paid { minor_units, currency: currency.parse().unwrap() };
            assert_eq!(paid.shown(), expect);
        };
        check(2_000, "USD", "$20.00");
        check(5, "eur", "€0.05");
        check(123_456_789, "gbp", "£1,234,567.89");
        check(100, "chf", "1.00 CHF");
        assert!("dollar".parse::<Currency>().is_err() && "u$d".parse::<Currency>().is_err());
    }
}
