//! JSON answers of our own.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use opencredits_units::Decimal;
use serde_json::Value;

/// A JSON answer.
pub(crate) fn ok(value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An exact decimal as a JSON number, for interfaces that demand one. It never goes through a float.
pub(crate) fn number(decimal: Decimal) -> Value {
    serde_json::from_str(&decimal.to_string()).unwrap_or(Value::Null)
}
