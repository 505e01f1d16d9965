//! Texts that become currencies, with an error that says what is wrong.

use crate::error::PaymentError;
use crate::money::Currency;
use std::str::FromStr;

impl FromStr for Currency {
    type Err = PaymentError;

    fn from_str(text: &str) -> Result<Self, PaymentError> {
        Self::from_code(text).ok_or(PaymentError::Malformed { field: "currency", rule: "have three letters" })
    }
}
