//! Credits: how money is shown to people.

use crate::decimal::{Decimal, DecimalError};
use crate::money::NanoUsd;

/// Decimal places of a shown credit amount.
const CREDIT_PLACES: u32 = 9;
/// 10^[`CREDIT_PLACES`].
const CREDIT_SCALE: i128 = 1_000_000_000;

/// What one credit sells for. The ledger never sees credits: they are nano-dollars, shown in another unit.
///
/// ```
/// use opencredits_units::{CreditPrice, NanoUsd};
/// let price = CreditPrice::default();
/// assert_eq!(price.show(NanoUsd::new(49_218_750)).to_string(), "4.921875");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditPrice(NanoUsd);

impl Default for CreditPrice {
    /// One credit is one cent.
    fn default() -> Self {
        Self(NanoUsd::new(10_000_000))
    }
}

impl CreditPrice {
    /// A price per credit; `None` unless it is above zero.
    #[must_use]
    pub fn new(price: NanoUsd) -> Option<Self> {
        (price > NanoUsd::ZERO).then_some(Self(price))
    }

    /// The price of one credit.
    #[must_use]
    pub const fn get(self) -> NanoUsd {
        self.0
    }

    /// `amount` in credits, rounded down at the ninth place: a balance is never shown larger than it is.
    #[must_use]
    pub fn show(self, amount: NanoUsd) -> Decimal {
        let units = i128::from(amount.get())
            .checked_mul(CREDIT_SCALE)
            .and_then(|scaled| scaled.checked_div_euclid(i128::from(self.0.get())))
            .unwrap_or_default();
        Decimal::new(units, CREDIT_PLACES)
    }

    /// Reads an amount of credits as money.
    ///
    /// # Errors
    /// When the text is no decimal, or the amount is no whole number of nano-dollars, or does not fit.
    pub fn parse(self, text: &str) -> Result<NanoUsd, DecimalError> {
        let units = Decimal::parse(text, CREDIT_PLACES)?;
        let scaled = units.checked_mul(i128::from(self.0.get())).ok_or(DecimalError::TooLarge)?;
        if scaled.checked_rem(CREDIT_SCALE) != Some(0) {
            return Err(DecimalError::TooPrecise { places: CREDIT_PLACES });
        }
        let nano = scaled.checked_div(CREDIT_SCALE).ok_or(DecimalError::TooLarge)?;
        i64::try_from(nano).map(NanoUsd::new).map_err(|_| DecimalError::TooLarge)
    }
}
