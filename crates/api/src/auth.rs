//! Finds the key of a request.

use crate::carried::{carried, sent, session_digest};
use crate::errors::Problem;
use crate::sessions::{self, SignedIn};
use crate::state::App;
use crate::{faults, rates};
use http::HeaderMap;
use opencredits_keys::{KeyDigest, LiveKind, Manages, Mode, Reports, SessionToken, Spends};
use opencredits_service::accounts::Actor;
use opencredits_service::{Fault, KeyFault, Manager, Spender};
use opencredits_store::Partner;
use opencredits_units::AccountId;
use std::sync::Arc;

/// The mode of the first key that the headers carry, valid or not; live where there is none. A key of the other mode beside
/// it differs from it, so that the request is refused.
pub(crate) fn mode(headers: &HeaderMap) -> Mode {
    let first = carried(headers).next().flatten();
    first.and_then(|text| std::str::from_utf8(text).ok()).map_or(Mode::Live, |text| Mode::of_key(text.trim()))
}

/// The digest of the one user key of this mode that the headers carry.
///
/// # Errors
/// When there is no key, when keys differ, or when the text is no user key of this mode.
pub(crate) fn key_digest(mode: Mode, headers: &HeaderMap) -> Result<KeyDigest, KeyFault> {
    digest_of::<Spends>(mode, headers)
}

fn digest_of<K: LiveKind>(mode: Mode, headers: &HeaderMap) -> Result<KeyDigest, KeyFault> {
    let text = sent(headers)?;
    mode.digest_of::<K>(text).map_err(|_| other_kind(mode, text))
}

/// Whether the headers carry what manages an account, valid or not: a management key, or the token of a session.
pub(crate) fn carries_management_key(mode: Mode, headers: &HeaderMap) -> bool {
    digest_of::<Manages>(mode, headers).is_ok() || session_digest(headers).is_ok()
}

/// The person whose account the request manages: it carries one of their management keys, or they are signed in.
///
/// # Errors
/// When there is no such key or session, when keys differ, when it is revoked, or when its person is suspended.
pub(crate) async fn manager(app: &App, headers: &HeaderMap) -> Result<Manager, Problem> {
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    if session_digest(headers).is_ok() {
        let SignedIn { user, session } = sessions::signed_in(app, headers).await?;
        return app.gateway.keyring().acting(user, Actor::Session(session)).await.map_err(problem);
    }
    let digest = digest_of::<Manages>(app.gateway.mode(), headers).map_err(|fault| problem(fault.into()))?;
    app.gateway.keyring().manager(&digest).await.map_err(problem)
}

/// Who reads about the past.
pub(crate) enum Reader {
    /// A person, with a management key or a session: everything of theirs.
    Manager(Manager),
    /// The owner of a user key: what that key did.
    Key(Arc<Spender>),
}

impl Reader {
    /// The person's wallet.
    pub(crate) fn wallet(&self) -> AccountId {
        match self {
            Self::Manager(manager) => manager.wallet,
            Self::Key(spender) => spender.wallet,
        }
    }
}

/// The owner of the user key or management key of a request, or who is signed in.
///
/// # Errors
/// When there is no such key, when keys differ, when it is not in force, or when its person is suspended.
pub(crate) async fn reader(app: &App, headers: &HeaderMap) -> Result<Reader, Problem> {
    if carries_management_key(app.gateway.mode(), headers) {
        return manager(app, headers).await.map(Reader::Manager);
    }
    spender(app, headers).await.map(Reader::Key)
}

/// The owner of the user key of a request.
///
/// # Errors
/// As [`reader`].
pub(crate) async fn spender(app: &App, headers: &HeaderMap) -> Result<Arc<Spender>, Problem> {
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let digest = key_digest(app.gateway.mode(), headers).map_err(|fault| problem(fault.into()))?;
    let spender = app.gateway.keyring().spender(&digest).await.map_err(problem)?;
    rates::asks(&spender);
    Ok(spender)
}

/// The partner whose secret key the request carries.
///
/// # Errors
/// When there is no such key, when keys differ, when it is revoked, or when its partner is suspended.
pub(crate) async fn partner(app: &App, headers: &HeaderMap) -> Result<Partner, Problem> {
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let digest = digest_of::<Reports>(app.gateway.mode(), headers).map_err(|fault| match fault {
        KeyFault::SpendsOnly | KeyFault::ManagesOnly | KeyFault::SignsInOnly => KeyFault::NoPartner,
        KeyFault::Missing | KeyFault::Malformed => KeyFault::NoPartnerKey,
        other => other,
    });
    app.gateway.keyring().partner(&digest.map_err(|fault| problem(fault.into()))?).await.map_err(problem)
}

/// What to say of a key that is not of the kind and mode that belong here.
fn other_kind(mode: Mode, text: &str) -> KeyFault {
    if mode == Mode::Live && Mode::of_key(text) == Mode::Test {
        // Where there is test mode, the key has come to it.
        KeyFault::NoTestMode
    } else if mode.digest_of::<Spends>(text).is_ok() {
        KeyFault::SpendsOnly
    } else if mode.digest_of::<Manages>(text).is_ok() {
        KeyFault::ManagesOnly
    } else if mode.digest_of::<Reports>(text).is_ok() {
        KeyFault::ReportsOnly
    } else if SessionToken::digest_of(text).is_ok() {
        KeyFault::SignsInOnly
    } else {
        KeyFault::Malformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::AUTHORIZATION;
    use opencredits_keys::{ManagementKey, PartnerKey, TestKey, UserKey};

    fn check(lines: &[(&'static str, String)], expect: Result<(), KeyFault>) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let found = key_digest(Mode::Live, &headers);
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
        for unset in ["Bearer", "Bearer ", "bearer"] {
            check(&[("authorization", unset.to_owned())], Err(KeyFault::Missing));
        }
        check(&[("authorization", format!("Bearer{key}"))], Err(KeyFault::Malformed));
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
            digest_of::<Manages>(Mode::Live, &HeaderMap::from_iter([(AUTHORIZATION, value)])).map(|_| ())
        };
        assert_eq!(of(&managing), Ok(()));
        assert_eq!(of(&spending), Err(KeyFault::SpendsOnly));
        let reporting = PartnerKey::generate([1; 32]).reveal().to_owned();
        assert_eq!(of(&reporting), Err(KeyFault::ReportsOnly));
        check(&[("x-api-key", reporting)], Err(KeyFault::ReportsOnly));
        assert_eq!(of("oc_mk_1"), Err(KeyFault::Malformed));
    }

    #[test]
    fn a_key_of_one_mode_is_refused_in_the_other() {
        let live = UserKey::generate([1; 32]).reveal().to_owned();
        let test = TestKey::generate([1; 32]).reveal().to_owned();
        let of = |wanted: Mode, keys: &[&str]| {
            let mut headers = HeaderMap::new();
            for (name, key) in ["x-user-key", "x-api-key"].into_iter().zip(keys) {
                headers.append(name, HeaderValue::from_str(key).unwrap());
            }
            (mode(&headers), key_digest(wanted, &headers).map(|_| ()))
        };
        assert_eq!(of(Mode::Live, &[&live]), (Mode::Live, Ok(())));
        assert_eq!(of(Mode::Test, &[&test]), (Mode::Test, Ok(())));
        assert_eq!(of(Mode::Live, &[&test]), (Mode::Test, Err(KeyFault::NoTestMode)));
        assert_eq!(of(Mode::Test, &[&live]), (Mode::Live, Err(KeyFault::Malformed)));
        assert_eq!(of(Mode::Test, &[&test, &live]), (Mode::Test, Err(KeyFault::Disagree)));
        assert_eq!(of(Mode::Live, &[&live, &test]), (Mode::Live, Err(KeyFault::Disagree)));
    }
}
