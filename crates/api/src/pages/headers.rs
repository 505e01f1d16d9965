//! The headers of pages, and who asks for pages.

use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What a page may do: its own scripts, styles and pictures, calls to its own host, and nothing else. Of our own pages only the
/// checkout can be framed, which the partner portal shows as a preview.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
/// What no page of ours needs. Passkeys are allowed to our own pages by default.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// Gives an answer the headers of a page, with a policy for its content.
pub(crate) fn secure(headers: &mut HeaderMap, policy: &'static str) {
    let rows = [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (OPENER_POLICY, "same-origin"),
        (PERMISSIONS_POLICY, PERMISSIONS),
    ];
    for (name, value) in rows {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Whether the client asks for a page, as browsers do, and not for JSON.
pub(crate) fn wants_html(headers: &HeaderMap) -> bool {
    headers.get_all(http::header::ACCEPT).iter().any(|accept| {
        let accept = accept.to_str().unwrap_or_default();
        accept.split(',').any(|range| range.split(';').next().is_some_and(|kind| kind.trim() == "text/html"))
    })
}

/// Whether a path is one of programs, whose errors are JSON whatever they accept.
pub(crate) fn is_of_programs(path: &str) -> bool {
    ["/v1/", "/v1beta/", "/api/", "/webhooks/"].iter().any(|beginning| path.starts_with(beginning))
}
