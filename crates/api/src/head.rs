//! What is wrong with the head of a request, whatever its path.

use crate::errors::{ErrorType, Problem};
use axum::extract::Query;
use http::header::HOST;
use http::{HeaderMap, Method, Uri, Version};

/// The names under which clients put a key into the query.
const KEY_NAMES: [&str; 9] =
    ["key", "api_key", "apikey", "api-key", "access_token", "token", "user_key", "x-api-key", "x-goog-api-key"];
/// Our own keys begin like this.
const OUR_KEYS: [&str; 3] = ["oc_sk_", "oc_mk_", "oc_rk_"];
/// The bytes of a line of a head besides name and value, and of the first line besides method and address.
const LINE_BYTES: usize = ": \r\n".len();
const FIRST_LINE_BYTES: usize = "  HTTP/1.1\r\n".len();

/// The head of a request.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
    /// Whether it came over a connection, where HTTP/1.1 asks for a Host.
    pub(crate) is_received: bool,
}

impl Head<'_> {
    /// The first problem; `None` where there is none.
    pub(crate) fn problem(self, bytes_max: usize) -> Option<Problem> {
        if self.bytes() > bytes_max {
            return Some(too_large(bytes_max));
        }
        // RFC 9112, section 3.2: otherwise a proxy and we could disagree on what was asked for.
        let hosts = self.headers.get_all(HOST).iter().count();
        if hosts > 1 || (hosts == 0 && self.is_received && self.version == Version::HTTP_11) {
            let message = "an HTTP/1.1 request has one Host header; send it once";
            return Some(Problem::new(ErrorType::InvalidRequest, message).with("param", "Host"));
        }
        let name = key_in_query(self.uri)?;
        let message = format!(
            "a key in the address ends up in logs; send it as `Authorization: Bearer` or x-goog-api-key, and replace this one (in {name})"
        );
        Some(Problem::new(ErrorType::InvalidRequest, message).with("param", name))
    }

    fn bytes(self) -> usize {
        let path = self.uri.path_and_query().map_or(0, |path| path.as_str().len());
        let first = self.method.as_str().len().saturating_add(path).saturating_add(FIRST_LINE_BYTES);
        let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            name.as_str().len().saturating_add(value.len()).saturating_add(LINE_BYTES)
        };
        self.headers.iter().map(line).fold(first, usize::saturating_add)
    }
}

/// The refusal of a head with more bytes.
pub(crate) fn too_large(bytes_max: usize) -> Problem {
    let message = format!(
        "the head of the request is larger than {bytes_max} bytes, or has more than 128 lines; send fewer or shorter headers"
    );
    Problem::new(ErrorType::HeadTooLarge, message)
}

/// The name of the parameter that carries a key, where the query has one.
fn key_in_query(uri: &Uri) -> Option<&'static str> {
    uri.query()?;
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    pairs.iter().find_map(|(name, value)| {
        let known = KEY_NAMES.into_iter().find(|known| name.eq_ignore_ascii_case(known));
        let is_key = |text: &&String| OUR_KEYS.iter().any(|beginning| text.contains(beginning));
        known.or_else(|| [name, value].iter().any(is_key).then_some("the query"))
    })
}
