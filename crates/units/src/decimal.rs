//! Decimal strings with a fixed number of places, parsed and written without floats.

use std::fmt;

/// Why a decimal string was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// Nothing but a sign, or a character that is no digit.
    #[error("not a decimal number; write digits with at most one point, such as 12.5")]
    Malformed,
    /// More places after the point than the unit can hold: rounding would lose money.
    #[error("more than {places} places after the point; the unit cannot hold them exactly")]
    TooPrecise {
        /// How many places the unit has.
        places: u32,
    },
    /// The number does not fit the unit.
    #[error("the number is too large for its unit")]
    TooLarge,
}

/// `units` of 10^-`places`, shown as the shortest exact decimal.
///
/// ```
/// use opencredits_units::Decimal;
/// assert_eq!(Decimal::new(4_921_875, 6).to_string(), "4.921875");
/// assert_eq!(Decimal::parse("-0.5", 3).unwrap(), -500);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    units: i128,
    places: u32,
}

impl Decimal {
    /// `units` of 10^-`places`.
    #[must_use]
    pub const fn new(units: i128, places: u32) -> Self {
        Self { units, places }
    }

    /// Reads a decimal string as a count of 10^-`places`.
    ///
    /// # Errors
    /// When the text is no decimal number, has more than `places` places, or does not fit.
    pub fn parse(text: &str, places: u32) -> Result<i128, DecimalError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let places_given = u32::try_from(fraction.len()).map_err(|_| DecimalError::TooLarge)?;
        if whole.is_empty() && fraction.is_empty() {
            return Err(DecimalError::Malformed);
        }
        let mut units: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return Err(DecimalError::Malformed);
            }
            let digit = i128::from(byte.wrapping_sub(b'0'));
            units = units.checked_mul(10).and_then(|u| u.checked_add(digit)).ok_or(DecimalError::TooLarge)?;
        }
        let missing = places.checked_sub(places_given).ok_or(DecimalError::TooPrecise { places })?;
        let scale = 10_i128.checked_pow(missing).ok_or(DecimalError::TooLarge)?;
        let units = units.checked_mul(scale).ok_or(DecimalError::TooLarge)?;
        if negative { units.checked_neg().ok_or(DecimalError::TooLarge) } else { Ok(units) }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_u128.checked_pow(self.places).unwrap_or(u128::MAX);
        let size = self.units.unsigned_abs();
        let (whole, fraction) =
            (size.checked_div(scale).unwrap_or_default(), size.checked_rem(scale).unwrap_or_default());
        if self.units < 0 {
            f.write_str("-")?;
        }
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let width = usize::try_from(self.places).unwrap_or_default();
        let digits = format!("{fraction:0width$}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}
