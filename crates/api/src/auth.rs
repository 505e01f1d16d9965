//! Finds the key of a request.

use crate::errors::Problem;
use crate::faults;
use crate::state::App;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use opencredits_keys::{KeyDigest, ManagementKey, PartnerKey, UserKey};
use opencredits_service::{Fault, KeyFault, Manager, Spender};
use opencredits_store::Partner;
use std::sync::Arc;

/// Headers besides `Authorization` that may carry a key.
const KEY_HEADERS: [&str; 3] = ["x-user-key", "x-api-key", "x-goog-api-key"];

/// The digest of the one user key that the headers carry.
///
/// # Errors
/// When there is no key, when keys differ, or when the text is no user key.
pub(crate) fn key_digest(headers: &HeaderMap) -> Result<KeyDigest, KeyFault> {
    let text = sent(headers)?;
    UserKey::digest_of(text).map_err(|_| other_kind(text))
}

/// Whether the headers carry a management key, valid or not.
pub(crate) fn carries_management_key(headers: &HeaderMap) -> bool {
    sent(headers).is_ok_and(|text| ManagementKey::digest_of(text).is_ok())
}

/// The person whose account the request manages: it carries one of their management keys.
///
/// # Errors
/// When there is no such key, when keys differ, when it is revoked, or when its person is suspended.
pub(crate) async fn manager(app: &App, headers: &HeaderMap) -> Result<Manager, Problem> {
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let digest = management_digest(headers).map_err(|fault| problem(fault.into()))?;
    app.gateway.keyring().manager(&digest).await.map_err(problem)
}

/// Who reads about the past.
pub(crate) enum Reader {
    /// A person, with a management key: everything of theirs.
    Manager(Manager),
    /// The owner of a user key: what that key did.
    Key(Arc<Spender>),
}

/// The owner of the user key or management key of a request.
///
/// # Errors
/// When there is no such key, when keys differ, when it is not in force, or when its person is suspended.
pub(crate) async fn reader(app: &App, headers: &HeaderMap) -> Result<Reader, Problem> {
    if management_digest(headers).is_ok() {
        return manager(app, headers).await.map(Reader::Manager);
    }
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let digest = key_digest(headers).map_err(|fault| problem(fault.into()))?;
    app.gateway.keyring().spender(&digest).await.map(Reader::Key).map_err(problem)
}

fn management_digest(headers: &HeaderMap) -> Result<KeyDigest, KeyFault> {
    let text = sent(headers)?;
    ManagementKey::digest_of(text).map_err(|_| other_kind(text))
}

/// The partner whose secret key the request carries.
///
/// # Errors
/// When there is no such key, when keys differ, when it is revoked, or when its partner is suspended.
pub(crate) async fn partner(app: &App, headers: &HeaderMap) -> Result<Partner, Problem> {
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let digest = sent(headers).and_then(|text| {
        PartnerKey::digest_of(text).map_err(|_| match other_kind(text) {
            KeyFault::Malformed => KeyFault::Malformed,
            _ => KeyFault::NoPartner,
        })
    });
    app.gateway.keyring().partner(&digest.map_err(|fault| problem(fault.into()))?).await.map_err(problem)
}

/// What to say of a key that is not of the kind that belongs here.
fn other_kind(text: &str) -> KeyFault {
    if UserKey::digest_of(text).is_ok() {
        KeyFault::SpendsOnly
    } else if ManagementKey::digest_of(text).is_ok() {
        KeyFault::ManagesOnly
    } else if PartnerKey::digest_of(text).is_ok() {
        KeyFault::ReportsOnly
    } else {
        KeyFault::Malformed
    }
}

/// The text of the one key that the headers carry.
fn sent(headers: &HeaderMap) -> Result<&str, KeyFault> {
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
    std::str::from_utf8(first).map(str::trim).map_err(|_| KeyFault::Malformed)
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

    #[test]
    fn a_key_of_the_other_kind_is_told_what_it_is_for() {
        let spending = UserKey::generate([1; 32]).reveal().to_owned();
        let managing = ManagementKey::generate([1; 32]).reveal().to_owned();
        check(&[("x-api-key", managing.clone())], Err(KeyFault::ManagesOnly));
        let of = |key: &str| {
            let value = HeaderValue::from_str(&format!("Bearer {key}")).unwrap();
            management_digest(&HeaderMap::from_iter([(AUTHORIZATION, value)])).map(|_| ())
        };
        assert_eq!(of(&managing), Ok(()));
        assert_eq!(of(&spending), Err(KeyFault::SpendsOnly));
        let reporting = PartnerKey::generate([1; 32]).reveal().to_owned();
        assert_eq!(of(&reporting), Err(KeyFault::ReportsOnly));
        check(&[("x-api-key", reporting)], Err(KeyFault::ReportsOnly));
        assert_eq!(of("oc_mk_1"), Err(KeyFault::Malformed));
    }
}
