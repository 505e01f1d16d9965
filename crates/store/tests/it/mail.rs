//! Mails, addresses and notices on SQLite.

use crate::engines::Folder;
use opencredits_store::conformance::{NOW, mail, user};
use opencredits_store::{NewMail, Outbox, UserEmails, Users};
use std::collections::HashSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_workers_at_once_each_mail_has_one() {
    let folder = Folder::new();
    let store = folder.open();
    store.add_user(&user(1)).await.unwrap();
    for n in 0..60 {
        store.enqueue(&mail(n)).await.unwrap();
    }
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let store = store.clone();
        racing.spawn(async move { store.lease(7, NOW, NOW.saturating_add_ms(10)).await.unwrap() });
    }
    let leased: Vec<_> = racing.join_all().await.into_iter().flatten().map(|mail| mail.id).collect();
    let distinct: HashSet<_> = leased.iter().collect();
    assert_eq!((leased.len(), distinct.len()), (60, 60));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_mails_with_one_cause_one_is_put_in() {
    let folder = Folder::new();
    let store = folder.open();
    store.add_user(&user(1)).await.unwrap();
    let mut racing = tokio::task::JoinSet::new();
    for n in 0..32 {
        let store = store.clone();
        let same = NewMail { cause: "order".to_owned(), ..mail(n) };
        racing.spawn(async move { store.enqueue(&same).await.unwrap() });
    }
    assert_eq!(racing.join_all().await.into_iter().filter(|is_new| *is_new).count(), 1);
}

#[tokio::test]
async fn a_person_who_is_deleted_takes_address_and_mails_along() {
    let folder = Folder::new();
    let store = folder.open();
    store.add_user(&user(1)).await.unwrap();
    store.set_email(user(1).id, "ada@example.org").await.unwrap();
    store.enqueue(&mail(1)).await.unwrap();
    drop(store);
    let raw = rusqlite::Connection::open(&folder.path).unwrap();
    raw.pragma_update(None, "foreign_keys", true).unwrap();
    raw.execute("DELETE FROM users", []).unwrap();
    for table in ["user_emails", "mail_outbox"] {
        let left: i64 = raw.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "{table}");
    }
}

#[tokio::test]
async fn due_mails_and_ended_ones_are_found_by_an_index() {
    let folder = Folder::new();
    drop(folder.open());
    let raw = rusqlite::Connection::open(&folder.path).unwrap();
    let plan = |query: &str| -> String {
        let mut statement = raw.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    };
    let due = plan(
        "SELECT id FROM mail_outbox WHERE sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= 5
         AND coalesce(leased_until, 0) <= 5 ORDER BY next_attempt_at, id LIMIT 9",
    );
    assert!(due.contains("mail_outbox_due"), "{due}");
    let ended =
        plan("SELECT id FROM mail_outbox WHERE user_id IS NOT NULL AND coalesce(sent_at, failed_at) < 5 LIMIT 9");
    assert!(ended.contains("mail_outbox_ended"), "{ended}");
}
