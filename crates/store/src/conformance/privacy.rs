//! The conformance suites of what people ask of their data.

use super::{HARM, NOW, key, mail, partner, user};
use crate::mail::{Outbox, Reachable, UserEmails};
use crate::privacy::{Policies, PolicyVersion, PrivacyState, PrivacyStates};
use crate::records::{AuditRecord, LimitOwner};
use crate::traits::{AuditLog, Keys, Partners, SpendingLimits, StoreError, Users};
use opencredits_units::{EntryId, UnixMs, UserId};

const fn later(ms: u64) -> UnixMs {
    NOW.saturating_add_ms(ms)
}

/// The rules of [`PrivacyStates`] on states.
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn privacy_states<S: PrivacyStates + UserEmails + Users>(store: &S) -> Result<(), StoreError> {
    let asked = PrivacyState { restricted_at: Some(NOW), ..PrivacyState::default() };
    let orphan = store.set_privacy(user(1).id, &asked).await;
    assert!(matches!(orphan, Err(StoreError::Orphan)), "a state has a person");
    for n in [1, 2, 3] {
        store.add_user(&user(n)).await?;
        store.set_email(user(n).id, &format!("{n}@example.org")).await?;
    }
    assert_eq!(store.privacy_of(user(1).id).await?, PrivacyState::default(), "at first nothing is asked for");
    let leaving = |due| PrivacyState {
        deletion_asked_at: Some(NOW),
        deletion_due_at: Some(later(due)),
        ..PrivacyState::default()
    };
    store.set_privacy(user(1).id, &leaving(20)).await?;
    store.set_privacy(user(2).id, &leaving(10)).await?;
    assert_eq!(store.privacy_of(user(1).id).await?, leaving(20), "a state is kept whole");
    assert_eq!(store.due_deletions(later(9), 9).await?, [], "nothing is due before its time");
    assert_eq!(store.due_deletions(later(20), 9).await?, [user(2).id, user(1).id], "the longest due comes first");
    assert_eq!(store.due_deletions(later(20), 1).await?, [user(2).id], "no more than asked for");
    let person = |n| Reachable { user: user(n).id, wallet: user(n).wallet };
    assert_eq!(store.reachable(UserId::default(), 9).await?, [person(3)], "who leaves gets no notices");
    store.set_privacy(user(1).id, &PrivacyState::default()).await?;
    assert_eq!(store.reachable(UserId::default(), 9).await?, [person(1), person(3)], "who stays does");
    assert_eq!(store.due_deletions(later(20), 9).await?, [user(2).id], "a deletion can be called off");
    store.set_privacy(user(1).id, &asked).await?;
    let objected = PrivacyState { objected_at: Some(NOW), ..PrivacyState::default() };
    store.set_privacy(user(3).id, &objected).await?;
    assert_eq!(store.reachable(UserId::default(), 9).await?, [], "nor do those who are restricted or objected");
    Ok(())
}

/// The rules of [`PrivacyStates`] on deletions.
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn erasure<S>(store: &S) -> Result<(), StoreError>
where
    S: PrivacyStates + UserEmails + Users + Keys + Partners + AuditLog + Outbox + SpendingLimits,
{
    for n in [1, 2] {
        store.add_user(&user(n)).await?;
        store.set_email(user(n).id, &format!("{n}@example.org")).await?;
    }
    store.add_partner(&partner(1)).await?;
    store.add_key(&key(1)).await?;
    store.enqueue(&mail(1)).await?;
    let records = [(1, user(1).id.to_string()), (2, key(1).id.to_string()), (3, user(2).id.to_string())];
    for (n, subject) in records {
        store.add_audit(&audit(n, subject)).await?;
    }
    let ids = async |after| -> Result<Vec<EntryId>, StoreError> {
        Ok(store.audits_of(user(1).id, after, 9).await?.into_iter().map(|record| record.id).collect())
    };
    assert_eq!(ids(EntryId::default()).await?, [audit_id(1), audit_id(2)], "records about a person and their keys");
    assert_eq!(ids(audit_id(1)).await?, [audit_id(2)], "a page goes on after its cursor");
    let before = store.footprint(user(1).id).await?;
    assert!(before.has_address && before.keys == 1, "what is held is told: {before:?}");
    store.erase(user(1).id, later(5)).await?;
    let after = store.footprint(user(1).id).await?;
    assert!(!after.has_address && after.keys == 0, "it is gone: {after:?}");
    assert_eq!(store.email_of(user(1).id).await?, None, "so is the address");
    assert_eq!(store.user_by_label(&user(1).label).await?, None, "and the label");
    let left = store.user(user(1).id).await?.map(|left| left.wallet);
    assert_eq!(left, Some(user(1).wallet), "the account stays, under the id");
    assert_eq!(store.key_by_digest(&key(1).digest).await?, None, "a key is found by nobody");
    let kept = store.key(key(1).id).await?.map(|kept| (kept.name, kept.hint, kept.partner, kept.revoked_at));
    let expect = (String::new(), String::new(), key(1).partner, Some(later(5)));
    assert_eq!(kept, Some(expect), "its id stays, with its partner");
    assert_eq!(store.spending_limit(LimitOwner::Person(user(1).id)).await?, None, "limits go");
    assert!(store.lease(9, later(9), later(19)).await?.is_empty(), "no mail of theirs is sent any more");
    let details: Vec<String> = store.audits(EntryId::default(), 9).await?.into_iter().map(|r| r.detail).collect();
    assert_eq!(details, ["", "", HARM], "what operators wrote of them goes");
    let state = PrivacyState { erased_at: Some(later(5)), ..PrivacyState::default() };
    assert_eq!(store.privacy_of(user(1).id).await?, state, "and the time of it is kept");
    assert!(store.email_of(user(2).id).await?.is_some(), "others keep theirs");
    store.erase(user(1).id, later(6)).await
}

fn audit_id(n: u8) -> EntryId {
    EntryId::at(NOW, [n; 10])
}

fn audit(n: u8, subject: String) -> AuditRecord {
    let (id, action) = (audit_id(n), "user.suspend".to_owned());
    AuditRecord { id, at: NOW, actor: "operator".to_owned(), action, subject, detail: HARM.to_owned() }
}

/// The rules of [`Policies`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn policies<S: Policies + UserEmails + Users>(store: &S) -> Result<(), StoreError> {
    let policy = PolicyVersion {
        version: "2026-11".to_owned(),
        effective_at: later(100),
        summary: HARM.to_owned(),
        published_at: NOW,
        told_until: UserId::default(),
        told: 0,
        told_at: None,
    };
    store.add_policy(&policy).await?;
    assert!(matches!(store.add_policy(&policy).await, Err(StoreError::Exists)), "a version is published once");
    assert_eq!(store.policies().await?, std::slice::from_ref(&policy), "and kept whole");
    for n in [1, 2, 3] {
        store.add_user(&user(n)).await?;
    }
    for n in [1, 3] {
        store.set_email(user(n).id, &format!("{n}@example.org")).await?;
    }
    let all = store.addressed(UserId::default(), later(1), 9).await?;
    assert_eq!(all, [user(1).id, user(3).id], "people with an address, by id");
    assert_eq!(store.addressed(user(1).id, later(1), 9).await?, [user(3).id], "a page goes on after its cursor");
    assert_eq!(store.addressed(UserId::default(), NOW, 9).await?, [], "who came later knows the version");
    let told = PolicyVersion { told_until: user(3).id, told: 2, told_at: Some(later(9)), ..policy };
    store.set_told(&told).await?;
    assert_eq!(store.policies().await?, [told], "how far it has come is kept");
    Ok(())
}
