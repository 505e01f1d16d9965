//! Money, prices and token counts as integers.

use crate::decimal::{Decimal, DecimalError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Decimal places of a [`NanoUsd`].
const NANO_PLACES: u32 = 9;
/// Decimal places of a [`PicoUsd`].
const PICO_PLACES: u32 = 12;
/// Pico-dollars in a nano-dollar.
const PICO_PER_NANO: i128 = 1_000;
/// Decimal places of "dollars per million tokens" when counted in pico-dollars per token.
const PICO_PER_MILLION_PLACES: u32 = 6;

/// An amount of money in nano-dollars: 1 USD is 1,000,000,000.
///
/// The unit of account of the ledger. On the wire it is a decimal string of dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(i64);

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount that fits: about 9.2 billion dollars.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount of `nano` nano-dollars.
    #[must_use]
    pub const fn new(nano: i64) -> Self {
        Self(nano)
    }

    /// The amount in nano-dollars.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, unless it overflows.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, unless it overflows.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// The amount with its sign turned, unless it overflows.
    #[must_use]
    pub const fn checked_neg(self) -> Option<Self> {
        match self.0.checked_neg() {
            Some(turned) => Some(Self(turned)),
            None => None,
        }
    }

    /// `floor(self × part / whole)`, exact in 128 bits; `None` when `whole` is zero or the result does not fit.
    #[must_use]
    pub fn scaled_down(self, part: Self, whole: Self) -> Option<Self> {
        let product = i128::from(self.0).checked_mul(i128::from(part.0))?;
        i64::try_from(product.checked_div_euclid(i128::from(whole.0))?).ok().map(Self)
    }

    /// Whether the amount is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::new(i128::from(self.0), NANO_PLACES).fmt(f)
    }
}

impl FromStr for NanoUsd {
    type Err = DecimalError;

    /// Reads dollars: `"12.5"` is 12,500,000,000 nano-dollars.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let nano = Decimal::parse(text, NANO_PLACES)?;
        i64::try_from(nano).map(Self).map_err(|_| DecimalError::TooLarge)
    }
}

impl Serialize for NanoUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NanoUsd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A sum of prices in pico-dollars, before the one rounding of a bill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoUsd(i128);

impl PicoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of `pico` pico-dollars.
    #[must_use]
    pub const fn new(pico: i128) -> Self {
        Self(pico)
    }

    /// The amount in pico-dollars.
    #[must_use]
    pub const fn get(self) -> i128 {
        self.0
    }

    /// The sum, unless it overflows.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, unless it overflows.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The amount in nano-dollars, rounded up; `None` when it does not fit.
    #[must_use]
    pub fn ceil_to_nano(self) -> Option<NanoUsd> {
        ceil_div(self.0, PICO_PER_NANO).and_then(to_nano)
    }

    /// The amount in nano-dollars, rounded to the nearest, halves up; `None` when it does not fit.
    #[must_use]
    pub fn round_to_nano(self) -> Option<NanoUsd> {
        self.0
            .checked_add(PICO_PER_NANO.div_euclid(2))
            .and_then(|half| half.checked_div_euclid(PICO_PER_NANO))
            .and_then(to_nano)
    }

    /// The amount plus `share` of it in nano-dollars, with one rounding, up; `None` when it does not fit.
    #[must_use]
    pub fn marked_up_to_nano(self, share: BasisPoints) -> Option<NanoUsd> {
        let factor = i128::from(BasisPoints::WHOLE).checked_add(i128::from(share.get()))?;
        let divisor = i128::from(BasisPoints::WHOLE).checked_mul(PICO_PER_NANO)?;
        ceil_div(self.0.checked_mul(factor)?, divisor).and_then(to_nano)
    }
}

impl fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::new(self.0, PICO_PLACES).fmt(f)
    }
}

fn ceil_div(amount: i128, divisor: i128) -> Option<i128> {
    let floor = amount.checked_div_euclid(divisor)?;
    if amount.checked_rem_euclid(divisor)? == 0 { Some(floor) } else { floor.checked_add(1) }
}

fn to_nano(nano: i128) -> Option<NanoUsd> {
    i64::try_from(nano).ok().map(NanoUsd)
}

/// A price in pico-dollars per token, or per use of a tool. Never negative.
///
/// One dollar per million tokens is 1,000,000 pico-dollars per token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

impl Rate {
    /// Costs nothing.
    pub const FREE: Self = Self(0);

    /// A price of `pico` pico-dollars per unit.
    #[must_use]
    pub const fn new(pico: u64) -> Self {
        Self(pico)
    }

    /// The price in pico-dollars per unit.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Reads dollars per million tokens, the way price lists are printed.
    ///
    /// # Errors
    /// When the text is no decimal, is negative, or is finer than a pico-dollar per token.
    pub fn from_usd_per_million(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text, PICO_PER_MILLION_PLACES)
    }

    /// Reads dollars per use, such as one web search.
    ///
    /// # Errors
    /// When the text is no decimal, is negative, or is finer than a pico-dollar.
    pub fn from_usd_per_use(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text, PICO_PLACES)
    }

    fn parse(text: &str, places: u32) -> Result<Self, DecimalError> {
        let pico = Decimal::parse(text, places)?;
        if pico < 0 {
            return Err(DecimalError::Malformed);
        }
        u64::try_from(pico).map(Self).map_err(|_| DecimalError::TooLarge)
    }

    /// The price of `tokens`; `None` only when it does not fit 128 bits.
    #[must_use]
    pub fn times(self, tokens: Tokens) -> Option<PicoUsd> {
        i128::from(self.0).checked_mul(i128::from(tokens.get())).map(PicoUsd)
    }

    /// The price in dollars per million tokens, as a decimal.
    #[must_use]
    pub fn usd_per_million(self) -> Decimal {
        Decimal::new(i128::from(self.0), PICO_PER_MILLION_PLACES)
    }

    /// The price in dollars per token or use, as a decimal.
    #[must_use]
    pub fn usd_per_unit(self) -> Decimal {
        Decimal::new(i128::from(self.0), PICO_PLACES)
    }
}

/// A count of tokens, or of uses of a tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tokens(u64);

impl Tokens {
    /// None.
    pub const ZERO: Self = Self(0);

    /// `count` tokens.
    #[must_use]
    pub const fn new(count: u64) -> Self {
        Self(count)
    }

    /// How many.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum, unless it overflows.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, unless it would be below zero: then a provider's counts contradict each other.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }
}

/// A share in hundredths of a percent: 2,500 is 25 %.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BasisPoints(u32);

impl BasisPoints {
    /// The whole: 100 %.
    pub const WHOLE: u32 = 10_000;
    /// No share.
    pub const ZERO: Self = Self(0);

    /// A share of `points` hundredths of a percent. May exceed the whole (a markup of 150 %).
    #[must_use]
    pub const fn new(points: u32) -> Self {
        Self(points)
    }

    /// The share in hundredths of a percent.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// `floor(amount × share)`; `None` when it does not fit.
    #[must_use]
    pub fn floor_of(self, amount: NanoUsd) -> Option<NanoUsd> {
        amount.scaled_down(NanoUsd(i64::from(self.0)), NanoUsd(i64::from(Self::WHOLE)))
    }
}
