//! `GET /assets/{name}`: style sheets, scripts and pictures.

use super::PageRequest;
use super::request::packed_response;
use super::secure;
use axum::body::Body;
use axum::extract::Path;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderValue, Response};

/// A name with a digest names these bytes for ever.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Another name is asked for again, with the digest.
const FOR_A_WHILE: HeaderValue = HeaderValue::from_static("public, max-age=300");
/// An asset is no page: it may load nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
const ICON: &str = "icon.svg";

/// `GET /assets/{name}`.
pub(crate) async fn one(Path(name): Path<String>, request: PageRequest) -> Response<Body> {
    asset(&request, &name)
}

/// `GET /favicon.ico`: browsers ask for it where a page names no icon.
pub(crate) async fn icon(request: PageRequest) -> Response<Body> {
    asset(&request, ICON)
}

fn asset(request: &PageRequest, name: &str) -> Response<Body> {
    let Some((asset, is_hashed)) = request.app.pages.pages.assets().find(name) else {
        return request.not_found();
    };
    let mut response = packed_response(&request.headers, &asset.packed);
    let headers = response.headers_mut();
    secure(headers, POLICY);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, if is_hashed { FOR_EVER } else { FOR_A_WHILE });
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}
