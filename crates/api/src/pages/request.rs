//! A request for a page, and its answers.

use super::{POLICY, secure};
use crate::redact;
use crate::state::{App, RequestId};
use axum::body::Body;
use axum::extract::{FromRef, FromRequestParts};
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use opencredits_pages::views::{Notice, Shell};
use opencredits_pages::{Area, Chrome, Packed, PagesError, View};
use std::convert::Infallible;
use std::sync::Arc;

/// Asks for what stands in `<main>`.
const FRAGMENT: HeaderName = HeaderName::from_static("opencredits-fragment");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// A page may be kept, and is asked for again with its digest.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");
/// A page of one person is kept nowhere.
const KEPT_NOWHERE: HeaderValue = HeaderValue::from_static("no-store");
/// What a page depends on.
const DEPENDS: HeaderValue = HeaderValue::from_static("Accept, Accept-Encoding, Authorization, OpenCredits-Fragment");

/// A request for a page.
#[derive(Clone)]
pub(crate) struct PageRequest {
    pub(crate) app: Arc<App>,
    pub(crate) id: RequestId,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for PageRequest
where
    Arc<App>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let app = Arc::<App>::from_ref(state);
        let known = parts.extensions.get::<RequestId>().copied();
        let id = known.unwrap_or_else(|| {
            RequestId(opencredits_service::fresh_id(app.gateway.clock().now(), app.gateway.entropy()))
        });
        Ok(Self { app, id, uri: parts.uri.clone(), headers: parts.headers.clone() })
    }
}

impl PageRequest {
    /// Whether what stands in `<main>` is asked for, by a page's script.
    pub(crate) fn wants_fragment(&self) -> bool {
        self.headers.contains_key(FRAGMENT)
    }

    /// The path as a page may repeat it.
    pub(crate) fn path(&self) -> String {
        redact::path(self.uri.path())
    }

    /// A page for everybody.
    pub(crate) fn page<V: View>(&self, view: &V) -> Response<Body> {
        self.page_in(view, &Chrome::public(self.uri.path()))
    }

    /// The same with something else around it.
    pub(crate) fn page_in<V: View>(&self, view: &V, chrome: &Chrome) -> Response<Body> {
        if self.wants_fragment() {
            return self.fragment(view);
        }
        match self.app.pages.pages.page(view, chrome) {
            Ok(html) => self.made(Packed::quickly(html.into_bytes())),
            Err(error) => self.failed(&error),
        }
    }

    /// A page for everybody, or what stands in its `<main>`.
    pub(super) fn written<V: View>(&self, view: &V) -> Result<Packed, PagesError> {
        let pages = &self.app.pages.pages;
        let html = match self.wants_fragment() {
            true => pages.fragment(view)?,
            false => pages.page(view, &Chrome::public(self.uri.path()))?,
        };
        Ok(Packed::quickly(html.into_bytes()))
    }

    /// A page for everybody that was made before, or what stands in its `<main>`.
    pub(super) fn made(&self, packed: Packed) -> Response<Body> {
        let response = self.packed(packed, &HTML);
        if self.wants_fragment() { kept_nowhere(response) } else { response }
    }

    /// The page of a signed-in person, before the person is known.
    pub(crate) fn shell(&self, area: Area) -> Response<Body> {
        self.page_in(&Shell::default(), &Chrome::shell(area, self.uri.path()))
    }

    /// What stands in `<main>` of a signed-in person's page.
    pub(crate) fn fragment<V: View>(&self, view: &V) -> Response<Body> {
        match self.app.pages.pages.fragment(view) {
            Ok(html) => kept_nowhere(self.packed(Packed::quickly(html.into_bytes()), &HTML)),
            Err(error) => self.failed(&error),
        }
    }

    /// Text for programs that read.
    pub(crate) fn text(&self, text: String) -> Response<Body> {
        self.packed(Packed::quickly(text.into_bytes()), &HeaderValue::from_static("text/plain; charset=utf-8"))
    }

    /// What people are told where there is no page; a fragment where one was asked for.
    pub(crate) fn notice(&self, status: StatusCode, notice: &Notice) -> Response<Body> {
        let html = match self.wants_fragment() {
            true => self.app.pages.pages.fragment(notice),
            false => self.app.pages.pages.page(notice, &Chrome::public("").unlisted()),
        };
        let html = html.unwrap_or_else(|error| {
            tracing::error!(%error, "the page about an error cannot be made");
            String::new()
        });
        let mut response = kept_nowhere(self.packed(Packed::quickly(html.into_bytes()), &HTML));
        *response.status_mut() = status;
        response
    }

    /// A page at an address that is a secret: it is kept nowhere and named nowhere.
    pub(crate) fn secret_page<V: View>(&self, status: StatusCode, view: &V) -> Response<Body> {
        let mut response = kept_nowhere(self.page_in(view, &Chrome::public("").unlisted()));
        if response.status() == StatusCode::OK {
            *response.status_mut() = status;
        }
        response
    }

    /// There is nothing at this path.
    pub(crate) fn not_found(&self) -> Response<Body> {
        self.notice(StatusCode::NOT_FOUND, &Notice::not_found(&self.path(), &self.id.text()))
    }

    /// The page does not take the method of the request.
    pub(crate) fn wrong_method(&self) -> Response<Body> {
        self.notice(StatusCode::METHOD_NOT_ALLOWED, &Notice::wrong_method(&self.path(), &self.id.text()))
    }

    /// The page could not be made, which is our fault.
    pub(crate) fn failed(&self, error: &PagesError) -> Response<Body> {
        tracing::error!(%error, request = self.id.text(), "a page cannot be made");
        self.notice(StatusCode::INTERNAL_SERVER_ERROR, &Notice::failed(&self.path(), &self.id.text()))
    }

    /// The same, where the fault has been logged.
    pub(crate) fn failed_page(&self) -> Response<Body> {
        self.notice(StatusCode::INTERNAL_SERVER_ERROR, &Notice::failed(&self.path(), &self.id.text()))
    }

    /// A body under the headers of a page, compressed where the client takes that; nothing where the client has it.
    fn packed(&self, packed: Packed, content_type: &HeaderValue) -> Response<Body> {
        let mut response = packed_response(&self.headers, &packed);
        let headers = response.headers_mut();
        secure(headers, POLICY);
        headers.insert(CONTENT_TYPE, content_type.clone());
        headers.insert(CACHE_CONTROL, REVALIDATED);
        headers.insert(VARY, DEPENDS);
        response
    }
}

fn kept_nowhere(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, KEPT_NOWHERE);
    response.headers_mut().remove(ETAG);
    response
}

/// A body with its digest, compressed where the client takes that; nothing where the client has it.
pub(crate) fn packed_response(request: &HeaderMap, packed: &Packed) -> Response<Body> {
    // The same content in two encodings: a weak one (RFC 9110, section 8.8.1).
    let tag = format!("W/\"{}\"", packed.digest);
    let mut response = Response::new(Body::empty());
    if has(request, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        let gzip = if takes_gzip(request) { packed.gzip() } else { None };
        if gzip.is_some() {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        *response.body_mut() = Body::from(gzip.unwrap_or(&packed.plain).clone());
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

fn has(request: &HeaderMap, tag: &str) -> bool {
    let listed = request.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|known| known.trim() == tag)
}

/// Whether `gzip` is among the accepted encodings with a weight above zero.
fn takes_gzip(request: &HeaderMap) -> bool {
    let listed = request.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
        is_gzip && weight.chars().any(|digit| ('1'..='9').contains(&digit))
    })
}
