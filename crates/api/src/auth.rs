//! Finds the key of a request.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use opencredits_keys::{KeyDigest, UserKey};
use opencredits_service::KeyFault;

/// Headers besides `Authorization` that may carry a user key.
const KEY_HEADERS: [&str; 3] = ["x-user-key", "x-api-key", "x-goog-api-key"];

/// The digest of the one key that the headers carry.
///
/// # Errors
/// When there is no key, when keys differ, or when the text is no user key.
pub(crate) fn key_digest(headers: &HeaderMap) -> Result<KeyDigest, KeyFault> {
    let bearers = headers.get_all(AUTHORIZATION).iter().map(|value| bearer(value.as_bytes()));
    let plain = KEY_HEADERS.iter().flat_map(|name| headers.get_all(*name)).map(|value| Some(value.as_bytes()));
    let mut sent = bearers.chain(plain);
    let Some(first) = sent.next() else {
        return Err(KeyFault::Missing);
    };
    let first = first.ok_or(KeyFault::Malformed)?;
    for other in sent {
        if other != Some(first) {
            return Err(KeyFault::Disagree);
        }
    }
    let text = std::str::from_utf8(first).map_err(|_| KeyFault::Malformed)?;
    UserKey::digest_of(text.trim()).map_err(|_| KeyFault::Malformed)
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(lines: &[(&'static str, String)], expect: Result<(), KeyFault>) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let found = key_digest(&headers);
        assert_eq!(found.map(|_| ()), expect, "{lines:?}");
    }

    #[test]
    fn a_key_is_found_in_each_header_that_may_carry_it_and_all_must_agree() {
        let key = UserKey::generate([1; 32]).reveal().to_owned();
        let other = UserKey::generate([2; 32]).reveal().to_owned();
        check(&[], Err(KeyFault::Missing));
        check(&[("authorization", format!("Bearer {key}"))], Ok(()));
        check(&[("authorization", format!("bearer {key}"))], Ok(()));
        check(&[("x-api-key", key.clone())], Ok(()));
        check(&[("x-user-key", key.clone())], Ok(()));
        check(&[("x-goog-api-key", key.clone())], Ok(()));
        check(&[("authorization", format!("Bearer {key}")), ("x-api-key", key.clone())], Ok(()));
        check(&[("authorization", format!("Bearer {key}")), ("x-api-key", other)], Err(KeyFault::Disagree));
        check(&[("authorization", format!("Basic {key}"))], Err(KeyFault::Malformed));
        check(&[("x-api-key", key.replace("oc_sk_", "sk-"))], Err(KeyFault::Malformed));
    }
}
