//! Requests of programs.

use axum::body::Body;
use http::{Method, Request};

/// A request with a key; without one where it is empty.
pub(crate) fn request(method: Method, path: &str, key: &str, body: String) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if !key.is_empty() {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    request.body(Body::from(body)).unwrap()
}
