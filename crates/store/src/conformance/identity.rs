//! The conformance suites of signing in.

use super::{HARM, NOW, user};
use crate::identity::{
    AttemptBuckets, BucketChange, CodeChallenge, CodeChallenges, IdentityEnds, IdentityRetention, MailedLinks,
    PasskeyId, PasskeyRecord, PasskeyUse, Passkeys, Role, SessionId, SessionRecord, Sessions, SessionsOf, Standings,
    TermsAcceptance,
};
use crate::traits::{StoreError, Users};
use opencredits_keys::{KeyDigest, SessionToken};
use opencredits_units::UnixMs;

const fn later(ms: u64) -> UnixMs {
    NOW.saturating_add_ms(ms)
}

/// The `n`th challenge, which the first person has asked for.
#[must_use]
pub fn challenge(n: u8) -> CodeChallenge {
    CodeChallenge {
        id: u128::from(n),
        purpose: HARM.to_owned(),
        digest: KeyDigest::from_bytes([n; 32]),
        sealed_address: vec![n, 0, 255],
        user: Some(user(1).id),
        created_at: NOW,
        expires_at: later(100),
        attempts_left: 2,
        is_used: false,
    }
}

/// The rules of [`CodeChallenges`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn code_challenges<S: CodeChallenges + Users>(store: &S) -> Result<(), StoreError> {
    let orphan = store.add_challenge(&challenge(1)).await;
    assert!(matches!(orphan, Err(StoreError::Orphan)), "a person who asks exists");
    store.add_user(&user(1)).await?;
    let anybody = CodeChallenge { user: None, ..challenge(2) };
    for made in [&challenge(1), &anybody] {
        store.add_challenge(made).await?;
        assert_eq!(store.challenge(made.id).await?.as_ref(), Some(made), "a challenge is kept whole");
    }
    let twin = store.add_challenge(&challenge(1)).await;
    assert!(matches!(twin, Err(StoreError::Exists)), "an id is there once");
    assert_eq!(store.challenge(9).await?, None, "another is not there");
    let left = async |id| store.challenge(id).await.map(|found| found.map(|found| found.attempts_left));
    assert_eq!(store.take_attempt(1, later(99)).await?, Some(challenge(1)), "an attempt shows what it was taken from");
    assert_eq!(left(1).await?, Some(1), "and is gone");
    assert_eq!(store.take_attempt(1, later(100)).await?, None, "none is left once the time is over");
    store.return_attempt(1).await?;
    assert_eq!(left(1).await?, Some(2), "an attempt can be given back");
    for expect in [true, true, false] {
        assert_eq!(store.take_attempt(1, NOW).await?.is_some(), expect, "there are as many as there are");
    }
    assert_eq!((left(1).await?, left(2).await?), (Some(0), Some(2)), "of one challenge");
    for expect in [true, false] {
        assert_eq!(store.spend_challenge(2).await?, expect, "a challenge is spent once");
    }
    assert_eq!(store.take_attempt(2, NOW).await?, None, "what is spent has no attempts");
    assert!(!store.spend_challenge(9).await?, "what is not there is not spent");
    Ok(())
}

/// The rules of [`MailedLinks`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn mailed_links<S: MailedLinks>(store: &S) -> Result<(), StoreError> {
    store.add_mailed_link(1, &[0, 9, 255], later(10)).await?;
    assert_eq!(store.mailed_link(1).await?, Some(vec![0, 9, 255]), "what is sealed is kept");
    assert_eq!(store.mailed_link(2).await?, None, "another is not there");
    assert!(!store.is_link_spent(&[1; 16]).await?, "a link is not spent at first");
    for expect in [true, false] {
        assert_eq!(store.spend_link(&[1; 16], later(10)).await?, expect, "a link is spent once");
    }
    assert!(store.is_link_spent(&[1; 16]).await? && !store.is_link_spent(&[2; 16]).await?, "and no other");
    Ok(())
}

/// The rules of [`AttemptBuckets`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn attempt_buckets<S: AttemptBuckets>(store: &S) -> Result<(), StoreError> {
    let keys = [[1; 16], [2; 16]];
    assert_eq!(store.buckets(&keys).await?, [None, None], "an absent record is none");
    let change = |n: u8, from: Option<u8>, to: u8| BucketChange {
        key: [n; 16],
        from: from.map(|byte| [byte; 16]),
        to: [to; 16],
        is_full_at: later(u64::from(to)),
    };
    assert!(store.put_buckets(&[change(1, None, 10), change(2, None, 20)]).await?, "records are put in");
    assert_eq!(store.buckets(&keys).await?, [Some([10; 16]), Some([20; 16])], "in the order of the keys");
    let one_is_stale = [change(1, Some(10), 11), change(2, Some(19), 21)];
    assert!(!store.put_buckets(&one_is_stale).await?, "a record that changed meanwhile refuses all");
    assert!(!store.put_buckets(&[change(1, None, 11)]).await?, "also one that is there meanwhile");
    assert_eq!(store.buckets(&keys).await?, [Some([10; 16]), Some([20; 16])], "nothing was written");
    assert!(store.put_buckets(&[change(1, Some(10), 11)]).await?, "what is as it was read is changed");
    assert_eq!(store.buckets(&keys).await?, [Some([11; 16]), Some([20; 16])], "and nothing else");
    Ok(())
}

/// The `n`th session of the first person, the later the higher.
#[must_use]
pub fn session(n: u8) -> SessionRecord {
    let at = later(u64::from(n));
    SessionRecord {
        id: SessionId::at(at, [n; 10]),
        digest: SessionToken::generate([n; 32]).digest(),
        user: user(1).id,
        browser: HARM.to_owned(),
        created_at: at,
        used_at: at,
        ended_at: None,
    }
}

/// The rules of [`Sessions`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn sessions<S: Sessions + Users>(store: &S) -> Result<(), StoreError> {
    let orphan = store.begin_session(&session(1), None, 9).await;
    assert!(matches!(orphan, Err(StoreError::Orphan)), "a session has a person");
    store.add_user(&user(1)).await?;
    store.add_user(&user(2)).await?;
    for n in [1, 2, 3] {
        store.begin_session(&session(n), None, 9).await?;
    }
    let theirs = SessionRecord { user: user(2).id, ..session(4) };
    store.begin_session(&theirs, None, 9).await?;
    assert_eq!(store.session(&session(1).digest).await?, Some(session(1)), "a session is found by its digest");
    let twin = SessionRecord { id: session(9).id, ..session(1) };
    assert!(matches!(store.begin_session(&twin, None, 9).await, Err(StoreError::Exists)), "a digest is there once");
    let open = async || store.sessions_of(user(1).id).await;
    assert_eq!(open().await?, [session(3), session(2), session(1)], "the most recently used comes first");
    store.touch_session(session(1).id, later(500)).await?;
    store.touch_session(session(1).id, later(400)).await?;
    let used = SessionRecord { used_at: later(500), ..session(1) };
    assert_eq!(open().await?, [used.clone(), session(3), session(2)], "the last use counts, and never goes back");
    store.begin_session(&session(5), Some(&session(3).digest), 2).await?;
    assert_eq!(open().await?, [used.clone(), session(5)], "one is replaced, and beyond the most the oldest ends");
    let ended = store.session(&session(3).digest).await?.and_then(|session| session.ended_at);
    assert_eq!(ended, Some(session(5).created_at), "an ended one is kept with its time");
    store.touch_session(session(3).id, later(900)).await?;
    assert_eq!(store.session(&session(3).digest).await?.map(|found| found.used_at), Some(later(3)), "and not touched");
    let end = async |which| store.end_sessions(which, later(50)).await;
    assert_eq!(end(SessionsOf::One(user(2).id, session(5).id)).await?, 0, "nobody ends another's");
    assert_eq!(end(SessionsOf::One(user(1).id, session(3).id)).await?, 0, "what has ended does not end again");
    assert_eq!(end(SessionsOf::Others(user(1).id, session(5).id)).await?, 1, "all but one end");
    assert_eq!(open().await?, [session(5)], "and that one stays");
    assert_eq!(end(SessionsOf::All(user(1).id)).await?, 1, "all end");
    assert_eq!((open().await?, store.sessions_of(user(2).id).await?), (vec![], vec![theirs]), "of one person");
    Ok(())
}

/// The `n`th passkey, of the first person.
#[must_use]
pub fn passkey(n: u8) -> PasskeyRecord {
    PasskeyRecord {
        id: PasskeyId::at(later(u64::from(n)), [n; 10]),
        credential_id: vec![n; 20],
        user: user(1).id,
        name: HARM.to_owned(),
        public_key: vec![n, 0, 255],
        sign_count: u32::MAX,
        is_backup_eligible: true,
        is_backed_up: n.is_multiple_of(2),
        created_at: later(u64::from(n)),
        used_at: None,
    }
}

/// The rules of [`Passkeys`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn passkeys<S: Passkeys + Users>(store: &S) -> Result<(), StoreError> {
    store.add_user(&user(1)).await?;
    store.add_user(&user(2)).await?;
    let (ada, eve) = (Some(user(1).id), Some(user(2).id));
    store.add_passkey_challenge(&[1; 32], ada, later(9)).await?;
    store.add_passkey_challenge(&[2; 32], None, later(8)).await?;
    for (value, who, expect) in [
        ([1; 32], eve, None),
        ([1; 32], None, None),
        ([1; 32], ada, Some(later(9))),
        ([1; 32], ada, None),
        ([2; 32], ada, None),
        ([2; 32], None, Some(later(8))),
        ([2; 32], None, None),
    ] {
        let taken = store.take_passkey_challenge(&value, who).await?;
        assert_eq!(taken, expect, "a challenge is taken once, by whose it is: {value:?} {who:?}");
    }
    for (n, expect) in [(2, true), (1, true), (3, false)] {
        assert_eq!(store.add_passkey(&passkey(n), 2).await?, expect, "a person has at most so many");
    }
    let twin = PasskeyRecord { id: passkey(8).id, user: user(2).id, ..passkey(1) };
    assert!(matches!(store.add_passkey(&twin, 9).await, Err(StoreError::Exists)), "a credential is there once");
    assert_eq!(store.passkey(&passkey(1).credential_id).await?, Some(passkey(1)), "it is found by it");
    assert_eq!(store.passkey(&passkey(3).credential_id).await?, None, "another is not there");
    assert_eq!(store.passkeys_of(user(1).id).await?, [passkey(1), passkey(2)], "they go by their registration");
    let used = PasskeyUse { id: passkey(1).id, from_count: 7, to_count: 9, is_backed_up: true, at: later(50) };
    assert!(!store.use_passkey(&used).await?, "a counter that changed meanwhile refuses a use");
    assert!(store.use_passkey(&PasskeyUse { from_count: u32::MAX, ..used }).await?, "else it is written");
    let after = PasskeyRecord { sign_count: 9, is_backed_up: true, used_at: Some(later(50)), ..passkey(1) };
    assert_eq!(store.passkey(&passkey(1).credential_id).await?, Some(after), "as it was");
    let id = passkey(2).id;
    assert!(!store.rename_passkey(user(2).id, id, "x").await?, "nobody renames another's");
    assert!(!store.remove_passkey(user(2).id, id).await?, "nor removes it");
    assert!(store.rename_passkey(user(1).id, id, "desk").await?, "its person renames it");
    assert_eq!(store.passkeys_of(user(1).id).await?.last().map(|key| key.name.clone()), Some("desk".to_owned()));
    for expect in [true, false] {
        assert_eq!(store.remove_passkey(user(1).id, id).await?, expect, "and removes it once");
    }
    Ok(())
}

/// The rules of [`Standings`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn standings<S: Standings + Users>(store: &S) -> Result<(), StoreError> {
    let terms =
        |version: &str, ms| TermsAcceptance { version: version.to_owned(), is_of_age: true, accepted_at: later(ms) };
    let orphan = store.accept_terms(user(1).id, &terms("1", 0)).await;
    assert!(matches!(orphan, Err(StoreError::Orphan)), "an acceptance has a person");
    assert!(matches!(store.set_role(user(1).id, Role::Operator).await, Err(StoreError::Orphan)), "so has a role");
    store.add_user(&user(1)).await?;
    store.add_user(&user(2)).await?;
    for (version, ms) in [("2", 1), (HARM, 2), ("1", 3), ("2", 4)] {
        store.accept_terms(user(1).id, &terms(version, ms)).await?;
    }
    let all = store.accepted_terms(user(1).id).await?;
    assert_eq!(all, [terms("2", 1), terms(HARM, 2), terms("1", 3)], "by time, the first of each version");
    assert_eq!(store.accepted_terms(user(2).id).await?, [], "of one person");
    assert_eq!(store.role_of(user(1).id).await?, Role::None, "nobody has a role at first");
    store.set_role(user(1).id, Role::Operator).await?;
    assert_eq!(store.role_of(user(1).id).await?, Role::Operator, "a role is given");
    assert_eq!(store.role_of(user(2).id).await?, Role::None, "to one person");
    store.set_role(user(1).id, Role::None).await?;
    assert_eq!(store.role_of(user(1).id).await?, Role::None, "and taken");
    Ok(())
}

/// The rules of [`IdentityRetention`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn identity_retention<S>(store: &S) -> Result<(), StoreError>
where
    S: IdentityRetention + CodeChallenges + MailedLinks + AttemptBuckets + Sessions + Passkeys + Users,
{
    store.add_user(&user(1)).await?;
    store.add_challenge(&challenge(1)).await?;
    store.add_passkey_challenge(&[1; 32], None, later(100)).await?;
    store.add_mailed_link(1, &[1], later(100)).await?;
    store.spend_link(&[1; 16], later(100)).await?;
    let bucket = BucketChange { key: [1; 16], from: None, to: [1; 16], is_full_at: later(100) };
    store.put_buckets(&[bucket]).await?;
    for n in [1, 2, 3, 4] {
        store.begin_session(&session(n), None, 9).await?;
    }
    store.end_sessions(SessionsOf::One(user(1).id, session(4).id), later(60)).await?;
    store.touch_session(session(3).id, later(90)).await?;
    let early = IdentityEnds { now: later(99), used_before: later(1), begun_before: later(1), ended_before: later(60) };
    assert_eq!(store.delete_identity(early).await?.sum(), 0, "what is not over stays");
    let ends = IdentityEnds { now: later(100), used_before: later(2), ..early };
    let deleted = store.delete_identity(ends).await?;
    assert_eq!(
        (deleted.challenges, deleted.links, deleted.buckets, deleted.sessions),
        (2, 2, 1, 1),
        "what is over goes"
    );
    let ended = IdentityEnds { ended_before: later(61), ..ends };
    assert_eq!(store.delete_identity(ended).await?.sum(), 1, "so do sessions that were ended");
    let aged = IdentityEnds { begun_before: later(4), ..ends };
    assert_eq!(store.delete_identity(aged).await?.sum(), 2, "and those that lasted long enough");
    assert_eq!(store.delete_identity(aged).await?.sum(), 0, "once");
    Ok(())
}
