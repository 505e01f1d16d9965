//! The document as it is sent.

use super::complete::complete;
use crate::pages::packed_response;
use axum::body::Body;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Response};
use opencredits_pages::Packed;
use std::sync::OnceLock;
use utoipa::openapi::OpenApi;

/// It changes with a new version only.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The document of a service.
pub(crate) struct Document {
    /// Finds the operations of the routes anew: they take megabytes, so that they are not kept.
    operations: fn() -> OpenApi,
    url: String,
    /// Made when it is first asked for.
    packed: OnceLock<Packed>,
}

impl Document {
    /// The document of these operations at this public URL.
    pub(crate) fn new(operations: fn() -> OpenApi, url: &str) -> Self {
        Self { operations, url: url.to_owned(), packed: OnceLock::new() }
    }

    /// The answer to `GET /openapi.json`. It has no secret, so that every page may read it.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response<Body> {
        let packed = self.packed.get_or_init(|| Packed::quickly(self.text()));
        let mut response = packed_response(request, packed);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(CACHE_CONTROL, KEPT);
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        response
    }

    fn text(&self) -> Vec<u8> {
        let mut document = (self.operations)();
        complete(&mut document, &self.url);
        // Its maps have texts as keys, so that it is always written; the test of the document reads it.
        serde_json::to_vec_pretty(&document).unwrap_or_default()
    }
}
