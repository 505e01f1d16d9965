//! What an operator sets.

use crate::error::PaymentError;
use crate::ids::Marker;
use crate::state::Mode;
use std::fmt;

/// Where Stripe answers.
const BASE_URL: &str = "https://api.stripe.com";
/// What a buyer reads on the page, where nothing else is set.
const PRODUCT_NAME: &str = "Credits";
/// Characters of a key at most.
const KEY_CHARS_MAX: usize = 255;
const LIVE_PREFIXES: [&str; 2] = ["sk_live_", "rk_live_"];
const TEST_PREFIXES: [&str; 2] = ["sk_test_", "rk_test_"];
const KEY_RULE: &str = "begin with rk_live_, rk_test_, sk_live_ or sk_test_; a restricted key suffices";

/// A secret or restricted key of Stripe's API. It is never printed.
///
/// ```
/// use opencredits_billing::{Mode, StripeKey};
/// let key = StripeKey::new("rk_test_example").unwrap();
/// assert_eq!(key.mode(), Mode::Test);
/// assert_eq!(format!("{key:?}"), "StripeKey(…, Test)");
/// assert!(StripeKey::new("pk_test_example").is_err());
/// ```
#[derive(Clone)]
pub struct StripeKey {
    text: Box<str>,
    mode: Mode,
}

impl StripeKey {
    /// Takes a key; white space around it, as a file leaves it, is no part of it.
    ///
    /// # Errors
    /// [`PaymentError::Malformed`] for anything but a secret or restricted key.
    pub fn new(text: &str) -> Result<Self, PaymentError> {
        let text = text.trim();
        let begins_with = |prefixes: [&str; 2]| prefixes.iter().any(|prefix| text.starts_with(prefix));
        let mode = match (begins_with(LIVE_PREFIXES), begins_with(TEST_PREFIXES)) {
            (true, _) => Mode::Live,
            (_, true) => Mode::Test,
            _ => return Err(malformed()),
        };
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || text.len() > KEY_CHARS_MAX {
            return Err(malformed());
        }
        Ok(Self { text: text.into(), mode })
    }

    /// Whether it moves real money.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn reveal(&self) -> &str {
        &self.text
    }
}

fn malformed() -> PaymentError {
    PaymentError::Malformed { field: "Stripe key", rule: KEY_RULE }
}

impl fmt::Debug for StripeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StripeKey(…, {:?})", self.mode)
    }
}

/// Everything that the adapter is told.
#[derive(Debug, Clone)]
pub struct StripeSettings {
    /// The key; its permissions are listed in docs/payments.md.
    pub key: StripeKey,
    /// Names this instance on everything that it makes.
    pub marker: Marker,
    /// What a buyer reads on the page and on the receipt.
    pub product_name: String,
    /// Where the API answers, without a slash at the end.
    pub base_url: String,
}

impl StripeSettings {
    /// The usual settings: Stripe's own address, and a product that is called credits.
    #[must_use]
    pub fn new(key: StripeKey, marker: Marker) -> Self {
        Self { key, marker, product_name: PRODUCT_NAME.to_owned(), base_url: BASE_URL.to_owned() }
    }
}
