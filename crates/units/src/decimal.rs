//! Decimal strings with a fixed number of places, parsed and written without floats.

use std::fmt;

/// Places that 128 bits can hold.
const PLACES_MAX: u32 = 38;
/// Digits of the largest number, a point and a sign.
const TEXT_BYTES: usize = 42;

/// A decimal string was refused.
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
    /// `units` of 10^-`places`; there are at most 38 places.
    #[must_use]
    pub const fn new(units: i128, places: u32) -> Self {
        debug_assert!(places <= PLACES_MAX, "more places than 128 bits hold");
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
        let (mut size, mut places) = (self.units.unsigned_abs(), self.places);
        // Zeros at the end of the fraction are left out.
        while places > 0 && last_digit(size).1 == 0 {
            size = last_digit(size).0;
            places = places.saturating_sub(1);
        }
        let mut text = Text::new();
        let mut digits = 0_u32;
        while digits <= places || size > 0 {
            let (rest, digit) = last_digit(size);
            text.push(b'0'.wrapping_add(digit));
            size = rest;
            digits = digits.saturating_add(1);
            if digits == places {
                text.push(b'.');
            }
        }
        if self.units < 0 {
            text.push(b'-');
        }
        f.write_str(text.as_str())
    }
}

/// The number without its last digit, and that digit. Division by a constant in 64 bits is a multiplication, and
/// nearly all numbers fit.
fn last_digit(size: u128) -> (u128, u8) {
    let (rest, digit) = match u64::try_from(size) {
        Ok(small) => (u128::from(small / 10), small % 10),
        Err(_) => (size / 10, u64::try_from(size % 10).unwrap_or_default()),
    };
    (rest, u8::try_from(digit).unwrap_or_default())
}

/// A text that is written from its end.
struct Text {
    bytes: [u8; TEXT_BYTES],
    start: usize,
}

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; TEXT_BYTES], start: TEXT_BYTES }
    }

    fn push(&mut self, byte: u8) {
        self.start = self.start.saturating_sub(1);
        if let Some(slot) = self.bytes.get_mut(self.start) {
            *slot = byte;
        }
    }

    fn as_str(&self) -> &str {
        self.bytes.get(self.start..).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}
