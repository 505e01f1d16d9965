//! Cross-origin requests of browsers (Fetch standard, section 3.2 "CORS protocol"). Keys are in headers, never in cookies, so
//! credentials are never allowed.

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

/// The paths that a page of another origin may call.
const PATHS: [&str; 7] = [
    "/v1/",
    "/v1beta/",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/device_authorization",
    "/.well-known/oauth-",
    "/api/v1/auth/keys",
];
/// The methods that they take.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
/// How long a browser may remember a preflight, in seconds: browsers allow two hours at most.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("7200");
/// The headers of ours that a page may read.
const EXPOSED: &str = "opencredits-mode, x-generation-id, x-request-id, request-id, x-credits-charged, x-credits-remaining, \
     x-opencredits-dropped, x-opencredits-output-cap, x-should-retry, retry-after";
/// Every origin.
const ANY: &str = "*";

/// The origins whose pages may call.
#[derive(Debug, Clone, Default)]
pub struct CorsOrigins {
    allows_any: bool,
    listed: Vec<HeaderValue>,
}

impl CorsOrigins {
    /// The origins of a list: each a scheme, a host and perhaps a port, or `*` for all. What no header can have is left out.
    #[must_use]
    pub fn new(origins: &[String]) -> Self {
        let listed = origins.iter().filter_map(|origin| HeaderValue::try_from(origin.as_str()).ok()).collect();
        Self { allows_any: origins.iter().any(|origin| origin == ANY), listed }
    }

    /// The lines for an answer to a request that could not be read: whose it was is not known.
    pub(crate) fn lines(&self) -> String {
        match self.allows_any {
            true => {
                format!("{ACCESS_CONTROL_ALLOW_ORIGIN}: {ANY}\r\n{ACCESS_CONTROL_EXPOSE_HEADERS}: {EXPOSED}\r\n")
            }
            false => String::new(),
        }
    }

    /// What a browser is told about a request; `None` where none sent it from another origin.
    pub(crate) fn of<B>(&self, request: &Request<B>) -> Option<Cors> {
        let origin = request.headers().get(ORIGIN)?;
        if !PATHS.iter().any(|path| request.uri().path().starts_with(path)) {
            return None;
        }
        let allowed = match self.allows_any {
            true => Some(HeaderValue::from_static(ANY)),
            false => self.listed.contains(origin).then(|| origin.clone()),
        };
        Some(Cors { allowed })
    }
}

/// What a browser is told about one request.
#[derive(Debug, Clone)]
pub(crate) struct Cors {
    allowed: Option<HeaderValue>,
}

impl Cors {
    /// The answer to a preflight, which has no key; `None` where the request is none.
    pub(crate) fn preflight<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let headers = request.headers();
        if request.method() != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let told = response.headers_mut();
        self.tell(told);
        if self.allowed.is_some() {
            told.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            told.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
            // Headers that we do not know are not passed on, and do no harm.
            if let Some(asked) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                told.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
            }
        }
        Some(response)
    }

    /// Tells the browser who may read an answer, an error too.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let depends = self.allowed.as_ref().is_none_or(|allowed| allowed != ANY);
        if depends {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(allowed) = &self.allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}
