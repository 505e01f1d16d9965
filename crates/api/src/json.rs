//! Our own JSON responses.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use opencredits_units::Decimal;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// A JSON response.
pub(crate) fn ok(value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(text(value)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An exact decimal as a JSON number, for interfaces that demand one.
///
/// The float in between is the nearest to the decimal, and is written with the fewest digits that identify it: decimals
/// of up to 15 digits, a million dollars in nano-dollars, are reproduced exactly. Exact figures of any size are in the
/// strings of the bill.
pub(crate) fn number(decimal: Decimal) -> Value {
    serde_json::from_str(&decimal.to_string()).unwrap_or(Value::Null)
}

/// A value as JSON.
pub(crate) fn text(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    // Values have string keys, and a vector accepts every byte.
    let _written = value.serialize(&mut Serializer::with_formatter(&mut out, Plain));
    out
}

/// Writes 0.000008, not 8e-6: not every reader of an amount knows exponents.
struct Plain;

impl Formatter for Plain {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        write!(writer, "{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_they_are_without_exponents() {
        for amount in ["0.000008", "0", "12", "0.1", "-3.25", "999999.123456789", "0.000000001"] {
            let decimal = Decimal::new(Decimal::parse(amount, 9).unwrap(), 9);
            assert_eq!(String::from_utf8(text(&number(decimal))).unwrap(), amount);
        }
    }
}
