//! The conformance suites of mails.

use super::{HARM, NOW, key, partner, user};
use crate::mail::{
    LeasedMail, LimitedKey, MailChoices, MailCounts, MailFailure, MailId, MutedNotice, NewMail, NoticeKind, NoticeMark,
    NoticeSubject, Notices, Outbox, Reachable, UserEmails,
};
use crate::privacy::PrivacyStates;
use crate::records::Key;
use crate::traits::{Keys, Partners, StoreError, Users};
use opencredits_units::{KeyId, NanoUsd, UnixMs, UserId};

/// The `n`th mail, to the first person.
#[must_use]
pub fn mail(n: u8) -> NewMail {
    NewMail {
        id: MailId::at(NOW, [n; 10]),
        kind: "receipt".to_owned(),
        cause: format!("order_{n}"),
        user: user(1).id,
        parameters: format!("{{\"n\":{n}}}"),
        created_at: NOW,
    }
}

const fn later(ms: u64) -> UnixMs {
    NOW.saturating_add_ms(ms)
}

fn leased(n: u8, attempts: u32, leased_until: UnixMs) -> LeasedMail {
    let NewMail { id, user, parameters, created_at, .. } = mail(n);
    LeasedMail { id, user, parameters, created_at, attempts, leased_until }
}

/// The rules of [`Outbox`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn outbox<S: Outbox + Users>(store: &S) -> Result<(), StoreError> {
    let orphan = store.enqueue(&mail(1)).await;
    assert!(matches!(orphan, Err(StoreError::Orphan)), "a mail has a person");
    store.add_user(&user(1)).await?;
    once_a_cause(store).await?;
    leases(store).await?;
    ends(store).await?;
    forgetting(store).await
}

async fn once_a_cause<S: Outbox>(store: &S) -> Result<(), StoreError> {
    for n in [2, 1] {
        assert!(store.enqueue(&mail(n)).await?, "a mail is put in");
    }
    let again = NewMail { id: mail(9).id, parameters: "{}".to_owned(), ..mail(1) };
    assert!(!store.enqueue(&again).await?, "a kind and a cause mail once");
    let twin = store.enqueue(&NewMail { cause: "other".to_owned(), ..mail(1) }).await;
    assert!(matches!(twin, Err(StoreError::Exists)), "an id is there once");
    let harm = NewMail { kind: HARM.to_owned(), cause: HARM.to_owned(), created_at: later(50), ..mail(3) };
    assert!(store.enqueue(&harm).await?, "another kind is another mail, and a text is never a statement");
    assert_eq!(store.counts(NOW).await?, MailCounts { waiting: 3, ..MailCounts::default() }, "all wait");
    Ok(())
}

async fn leases<S: Outbox>(store: &S) -> Result<(), StoreError> {
    let first = store.lease(1, NOW, later(10)).await?;
    assert_eq!(first, [leased(1, 1, later(10))], "what is due longest comes first, whole, and no more than asked for");
    let second = store.lease(9, NOW, later(10)).await?;
    assert_eq!(second, [leased(2, 1, later(10))], "what is leased, or is not due, is not handed out");
    assert_eq!(store.lease(9, later(9), later(19)).await?, [], "a lease holds until its end");
    let counts = MailCounts { waiting: 1, leased: 2, ..MailCounts::default() };
    assert_eq!(store.counts(later(9)).await?, counts, "a leased mail counts as such");
    let again = store.lease(1, later(10), later(20)).await?;
    assert_eq!(again, [leased(1, 2, later(20))], "a lease ends, and the next worker is told of the attempt");
    store.retry(&leased(1, 1, later(10)), later(500)).await?;
    store.give_up(&leased(1, 1, later(10)), MailFailure::Expired, later(11)).await?;
    assert_eq!(store.counts(later(11)).await?.failed, 0, "who lost the lease changes nothing");
    assert_eq!(store.counts(later(11)).await?.leased, 1, "and does not end the lease of the next");
    Ok(())
}

async fn ends<S: Outbox>(store: &S) -> Result<(), StoreError> {
    store.retry(&leased(1, 2, later(20)), later(100)).await?;
    let due = store.lease(9, later(99), later(109)).await?;
    let ids: Vec<MailId> = due.iter().map(|mail| mail.id).collect();
    assert_eq!(ids, [mail(2).id, mail(3).id], "a retried mail waits for its time");
    let due = store.lease(9, later(100), later(120)).await?;
    assert_eq!(due, [leased(1, 3, later(120))], "and is due then");
    store.mark_sent(mail(1).id, later(101)).await?;
    store.mark_sent(mail(1).id, later(900)).await?;
    let second = LeasedMail { attempts: 2, ..leased(2, 2, later(109)) };
    store.give_up(&second, MailFailure::RecipientRefused, later(102)).await?;
    let counts = MailCounts { leased: 1, sent: 1, failed: 1, ..MailCounts::default() };
    assert_eq!(store.counts(later(103)).await?, counts, "each is in one state");
    store.mark_sent(mail(3).id, later(104)).await?;
    assert_eq!(store.lease(9, later(9_999), later(10_000)).await?, [], "what has ended is never handed out again");
    Ok(())
}

async fn forgetting<S: Outbox>(store: &S) -> Result<(), StoreError> {
    assert_eq!(store.forget(later(101)).await?, 0, "what ended at or after the time is kept");
    assert_eq!(store.forget(later(103)).await?, 2, "what ended before it is forgotten");
    assert_eq!(store.forget(later(103)).await?, 0, "once");
    for n in [1, 2] {
        let again = NewMail { id: mail(20 + n).id, ..mail(n) };
        assert!(!store.enqueue(&again).await?, "a forgotten mail is not sent again");
    }
    Ok(())
}

/// The rules of [`UserEmails`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn user_emails<S: UserEmails + Users + Partners + Keys>(store: &S) -> Result<(), StoreError> {
    let orphan = store.set_email(user(1).id, "a@example.org").await;
    assert!(matches!(orphan, Err(StoreError::Orphan)), "an address has a person");
    for n in [1, 2, 3, 4] {
        store.add_user(&user(n)).await?;
    }
    assert_eq!(store.email_of(user(1).id).await?, None, "a person may have none");
    for (n, address) in [(3, "c@example.org"), (1, "Ada@example.org"), (2, HARM)] {
        store.set_email(user(n).id, address).await?;
    }
    let ada = store.email_of(user(1).id).await?.map(|email| (email.address, email.bounced_at));
    assert_eq!(ada, Some(("Ada@example.org".to_owned(), None)), "an address is kept as it is");
    let found = store.user_by_email("aDA@example.org").await?;
    assert_eq!(found, Some(user(1).id), "a person is found by their address, in whichever case");
    assert_eq!(store.user_by_email("eve@example.org").await?, None, "and by no other");
    store.set_email(user(4).id, "ada@example.org").await?;
    assert_eq!(store.user_by_email("Ada@example.org").await?, Some(user(1).id), "of several the first counts");
    store.remove_email(user(4).id).await?;
    let person = |n| Reachable { user: user(n).id, wallet: user(n).wallet };
    assert_eq!(store.reachable(UserId::default(), 2).await?, [person(1), person(2)], "a page goes by id");
    assert_eq!(store.reachable(user(2).id, 9).await?, [person(3)], "those without an address are left out");
    limited_keys(store).await?;
    assert_eq!(store.flag_bounced("ada@EXAMPLE.org", NOW).await?, 1, "case is no difference");
    assert_eq!(store.flag_bounced("ada@example.org", later(5)).await?, 1, "a second flag");
    let bounced_at = store.email_of(user(1).id).await?.and_then(|email| email.bounced_at);
    assert_eq!(bounced_at, Some(NOW), "does not move the first");
    assert_eq!(store.flag_bounced("eve@example.org", NOW).await?, 0, "nobody has another's");
    assert_eq!(store.reachable(UserId::default(), 9).await?, [person(2), person(3)], "mail does not reach them");
    assert_eq!(store.limited_keys(KeyId::default(), 9).await?, [], "nor about their keys");
    store.set_email(user(1).id, "ada@example.com").await?;
    let fresh = store.email_of(user(1).id).await?.and_then(|email| email.bounced_at);
    assert_eq!(fresh, None, "a new address counts as one that takes mail");
    store.remove_email(user(1).id).await?;
    assert_eq!(store.email_of(user(1).id).await?, None, "an address can be removed");
    Ok(())
}

async fn limited_keys<S: UserEmails + Partners + Keys>(store: &S) -> Result<(), StoreError> {
    store.add_partner(&partner(1)).await?;
    let unlimited = Key { limit: None, ..key(2) };
    let revoked = Key { revoked_at: Some(NOW), ..key(3) };
    let unreachable = Key { user: user(4).id, ..key(4) };
    for made in [&key(1), &unlimited, &revoked, &unreachable, &key(5)] {
        store.add_key(made).await?;
    }
    let limited = |n| {
        let Key { id, user, name, limit, .. } = key(n);
        let (account, amount) = limit.map(|limit| (limit.account, limit.amount)).unwrap_or_default();
        LimitedKey { key: id, user, name, account, amount }
    };
    assert_eq!(limited(1).amount, NanoUsd::new(5), "a limit has an amount");
    let keys = store.limited_keys(KeyId::default(), 9).await?;
    assert_eq!(keys, [limited(1), limited(5)], "keys in force with a limit, whose owners mail reaches");
    assert_eq!(store.limited_keys(KeyId::default(), 1).await?, [limited(1)], "a page is no longer than asked for");
    assert_eq!(store.limited_keys(key(1).id, 9).await?, [limited(5)], "a page goes on after its cursor");
    Ok(())
}

/// The rules of [`Notices`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn notices<S: Notices + Outbox + Users>(store: &S) -> Result<(), StoreError> {
    store.add_user(&user(1)).await?;
    let subject = |bits| NoticeSubject { kind: NoticeKind::LowBalance, bits };
    let marks = async |first, last| store.marks(NoticeKind::LowBalance, first, last).await;
    assert_eq!(marks(0, u128::MAX).await?, [], "there is no mark at first");
    store.arm(subject(7)).await?;
    store.arm(subject(u128::MAX)).await?;
    assert!(store.raise(subject(7), Some(&mail(1))).await?, "an armed notice is raised");
    assert!(!store.raise(subject(7), Some(&mail(2))).await?, "once");
    assert_eq!(store.counts(NOW).await?.waiting, 1, "and its mail is in the outbox, the second one is not");
    assert!(store.raise(subject(8), None).await?, "a notice without a mark may be raised, and without a mail");
    let [armed, raised] = [false, true].map(|raised| move |bits| NoticeMark { bits, raised });
    assert_eq!(marks(0, u128::MAX).await?, [raised(7), raised(8), armed(u128::MAX)], "marks go by their bits");
    assert_eq!(marks(8, 8).await?, [raised(8)], "both ends are included");
    assert_eq!(store.marks(NoticeKind::LimitAll, 0, u128::MAX).await?, [], "another kind has marks of its own");
    store.arm(subject(7)).await?;
    assert_eq!(marks(7, 7).await?, [armed(7)], "a notice is armed again");
    assert!(store.raise(subject(7), Some(&mail(2))).await?, "and raised again");
    assert_eq!(store.counts(NOW).await?.waiting, 2, "with another mail");
    store.arm(subject(7)).await?;
    let orphan = NewMail { user: user(9).id, ..mail(3) };
    assert!(store.raise(subject(7), Some(&orphan)).await.is_err(), "a mail that cannot be put in");
    assert_eq!(marks(7, 7).await?, [armed(7)], "leaves the notice armed");
    Ok(())
}

/// The rules of [`MailChoices`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn mail_choices<S: MailChoices + PrivacyStates + Users>(store: &S) -> Result<(), StoreError> {
    store.add_user(&user(1)).await?;
    store.add_user(&user(2)).await?;
    let (ada, bob) = (user(1).id, user(2).id);
    let off = |kind| MutedNotice { kind, since: NOW };
    assert_eq!(store.muted_of(ada).await?, [], "everything is on at first");
    assert!(store.mute(ada, off(NoticeKind::LowBalance)).await?);
    assert!(store.mute(ada, off(NoticeKind::LimitAll)).await?);
    let later = MutedNotice { since: NOW.saturating_add_ms(1), ..off(NoticeKind::LowBalance) };
    assert!(!store.mute(ada, later).await?, "what is off stays off");
    let both = [off(NoticeKind::LimitAll), off(NoticeKind::LowBalance)];
    assert_eq!(store.muted_of(ada).await?, both, "by name, since when they were switched off first");
    assert_eq!(store.muted_of(bob).await?, [], "others are others");
    assert!(store.unmute(ada, NoticeKind::LimitAll).await?);
    assert!(!store.unmute(ada, NoticeKind::LimitAll).await?, "what is on stays on");
    assert!(matches!(store.mute(user(9).id, off(NoticeKind::LimitMost)).await, Err(StoreError::Orphan)));
    store.erase(ada, NOW).await?;
    assert_eq!(store.muted_of(ada).await?, [], "it goes with the person");
    Ok(())
}
