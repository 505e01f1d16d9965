//! What the headers of a request carry: a key, or the token of a session.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use opencredits_keys::{KeyDigest, SessionToken};
use opencredits_service::KeyFault;

/// Headers besides `Authorization` that may carry a key.
static KEY_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-user-key"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// Whether the headers carry no key and no token at all.
pub(crate) fn carries_nothing(headers: &HeaderMap) -> bool {
    carried(headers).next().is_none()
}

/// The digest of the one session token that the headers carry. A session is live only: there is none in test mode.
///
/// # Errors
/// When there is no token, when there is something else beside it, or when the text is no token.
pub(crate) fn session_digest(headers: &HeaderMap) -> Result<KeyDigest, KeyFault> {
    SessionToken::digest_of(sent(headers)?).map_err(|_| KeyFault::Malformed)
}

/// What the headers that may carry a key carry; `None` for one that is of another scheme.
pub(crate) fn carried(headers: &HeaderMap) -> impl Iterator<Item = Option<&[u8]>> {
    let bearers = headers.get_all(AUTHORIZATION).iter().map(|value| bearer(value.as_bytes()));
    let plain = KEY_HEADERS.iter().flat_map(|name| headers.get_all(name)).map(|value| Some(value.as_bytes()));
    bearers.chain(plain)
}

/// The text of the one key that the headers carry.
pub(crate) fn sent(headers: &HeaderMap) -> Result<&str, KeyFault> {
    let mut sent = carried(headers);
    let Some(first) = sent.next() else {
        return Err(KeyFault::Missing);
    };
    // A variable that is not set leaves the scheme alone.
    let first = match first {
        Some([]) => return Err(KeyFault::Missing),
        other => other.ok_or(KeyFault::Malformed)?,
    };
    for other in sent {
        if other != Some(first) {
            return Err(KeyFault::Disagree);
        }
    }
    std::str::from_utf8(first).map(str::trim).map_err(|_| KeyFault::Malformed)
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    // A line of a head has no space at its end.
    let (scheme, rest) = value.split_at_checked(b"bearer".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer") && rest.first().is_none_or(|space| *space == b' ');
    is_bearer.then(|| rest.trim_ascii())
}
