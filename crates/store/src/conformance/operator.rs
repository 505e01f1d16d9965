//! What the operator's pages look up.

use super::{HARM, NOW, key, partner, user};
use crate::operator::OperatorReads;
use crate::records::{AuditRecord, User};
use crate::traits::{AuditLog, Keys, Partners, StoreError, Users};
use opencredits_units::{EntryId, UserId};

/// The rules of [`OperatorReads`].
///
/// # Errors
/// The store's own.
///
/// # Panics
/// Where the store breaks a rule.
pub async fn operator_reads<S>(store: &S) -> Result<(), StoreError>
where
    S: OperatorReads + Users + Keys + Partners + AuditLog,
{
    store.add_partner(&partner(1)).await?;
    for (n, label) in [(1, "Ada 100%"), (2, "adam"), (3, "Bob_1"), (4, HARM)] {
        store.add_user(&User { label: label.to_owned(), ..user(n) }).await?;
    }
    let labels = |found: Vec<User>| found.into_iter().map(|user| user.label).collect::<Vec<_>>();
    let last = UserId::from_bits(u128::MAX);
    assert_eq!(labels(store.latest_people(last, 2).await?), [HARM, "Bob_1"], "the latest come first");
    assert_eq!(labels(store.latest_people(user(2).id, 9).await?), ["Ada 100%"], "the cursor is left out");
    assert_eq!(labels(store.people_like("ADA", 9).await?), ["Ada 100%", "adam"], "any case");
    assert_eq!(labels(store.people_like("ada", 1).await?), ["Ada 100%"], "no more than asked for");
    assert_eq!(labels(store.people_like("a 10", 9).await?), ["Ada 100%"], "anywhere in the label");
    assert_eq!(labels(store.people_like("00%", 9).await?), ["Ada 100%"], "a percent sign is itself");
    assert_eq!(labels(store.people_like("ob_", 9).await?), ["Bob_1"], "so is an underscore");
    assert_eq!(labels(store.people_like("a%1", 9).await?), [""; 0], "and stands for nothing else");
    assert_eq!(labels(store.people_like("aD", 9).await?), ["Ada 100%", "adam"], "few characters begin the label");
    assert_eq!(labels(store.people_like("da", 9).await?), [""; 0], "and are found nowhere else");
    for text in ["%", "_", "\"", "\0\0\0", "a\" OR \"b", "*", "NEAR(ada, adam)"] {
        assert_eq!(labels(store.people_like(text, 9).await?), [""; 0], "{text:?} is looked for as it is");
    }
    assert_eq!(labels(store.people_like(HARM, 9).await?), [HARM], "a text is no part of the statement");
    store.add_key(&key(1)).await?;
    let hint = key(1).hint;
    assert_eq!(store.keys_by_hint(&hint, 9).await?.len(), 1);
    assert_eq!(store.keys_by_hint(&hint[1..], 9).await?, [], "a part of a hint is none");
    let record = |n: u8, subject: &str| AuditRecord {
        id: EntryId::at(NOW, [n; 10]),
        at: NOW,
        actor: "operator".to_owned(),
        action: "test".to_owned(),
        subject: subject.to_owned(),
        detail: String::new(),
    };
    for (n, subject) in [(1, "a"), (2, "b"), (3, "a")] {
        store.add_audit(&record(n, subject)).await?;
    }
    let last = EntryId::from_bits(u128::MAX);
    assert_eq!(store.latest_audits(None, last, 2).await?, [record(3, "a"), record(2, "b")]);
    assert_eq!(store.latest_audits(Some("a"), last, 9).await?, [record(3, "a"), record(1, "a")]);
    assert_eq!(store.latest_audits(Some("a"), record(3, "a").id, 9).await?, [record(1, "a")]);
    Ok(())
}
