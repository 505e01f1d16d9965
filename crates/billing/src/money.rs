//! Amounts in a currency's minor unit.

use std::fmt;

/// The currencies that credits are sold in. All have two decimals; a currency that has not must not be added before
/// amounts are shown and entered with its own number of decimals.
const SOLD: [Currency; 2] = [Currency::USD, Currency::EUR];

/// An ISO 4217 code in lower case.
///
/// A payment account may settle in any currency, so any code can be read; [`Currency::is_sold`] tells those that a
/// checkout may ask for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The United States dollar.
    pub const USD: Self = Self(*b"usd");
    /// The euro.
    pub const EUR: Self = Self(*b"eur");

    /// The currency with this code, in any case of letters; `None` for what is no code.
    #[must_use]
    pub fn from_code(text: &str) -> Option<Self> {
        let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
        let lower = bytes.map(|byte| byte.to_ascii_lowercase());
        lower.iter().all(u8::is_ascii_lowercase).then_some(Self(lower))
    }

    /// Whether credits can be sold in it.
    #[must_use]
    pub fn is_sold(self) -> bool {
        SOLD.contains(&self)
    }

    /// All currencies that credits can be sold in.
    #[must_use]
    pub const fn sold() -> &'static [Self] {
        &SOLD
    }

    /// The code in lower case.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An amount in the minor unit of its currency: 1,000 is ten dollars, or a thousand yen.
///
/// ```
/// use opencredits_billing::{Currency, Money};
/// let ten = Money::new(1_000, Currency::USD);
/// assert_eq!(ten.checked_add(ten).unwrap().minor(), 2_000);
/// assert_eq!(ten.checked_add(Money::new(1, Currency::EUR)), None);
/// assert_eq!(ten.to_string(), "1000 minor units of usd");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum; `None` for two currencies, and where it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let minor = self.minor.checked_add(other.minor)?;
        (self.currency == other.currency).then_some(Self { minor, currency: self.currency })
    }

    /// The difference; `None` for two currencies, and where it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let minor = self.minor.checked_sub(other.minor)?;
        (self.currency == other.currency).then_some(Self { minor, currency: self.currency })
    }
}

/// Without a decimal point, whose place depends on the currency.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} minor units of {}", self.minor, self.currency)
    }
}
