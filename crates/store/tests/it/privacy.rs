//! Addresses at rest, and what people ask of their data.

use crate::engines::Folder;
use opencredits_keys::DataKeys;
use opencredits_store::conformance::{self, NOW, user};
use opencredits_store::{
    AddressKeeping, AddressRotation, PrivacyStates, Sealing, SqliteStore, StoreError, UserEmails, Users,
};
use opencredits_units::UserId;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

const CANARY: &str = "Canary.4711@example.org";

fn sealing(keys: &[&str]) -> AddressKeeping {
    let keys: DataKeys = keys.iter().map(|digit| digit.repeat(64)).collect::<Vec<_>>().join(" ").parse().unwrap();
    let drawn = AtomicU8::new(0);
    AddressKeeping::Sealed(Sealing::new(keys, move |nonce| nonce.fill(drawn.fetch_add(1, Ordering::Relaxed))))
}

fn open(folder: &Folder, keys: &[&str]) -> SqliteStore {
    SqliteStore::open_with(&folder.path, sealing(keys)).unwrap()
}

/// The files beside the store that hold the canary, in whichever case.
fn files_with_canary(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
        if memory_has(&bytes, &CANARY.to_ascii_lowercase().into_bytes()) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

fn memory_has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

async fn address_of(store: &SqliteStore, n: u8) -> Result<Option<String>, StoreError> {
    Ok(store.email_of(user(n).id).await?.map(|email| email.address))
}

#[tokio::test]
async fn sealed_addresses_keep_the_rules_of_addresses() {
    let folder = Folder::new();
    conformance::user_emails(&open(&folder, &["b", "a"])).await.unwrap();
}

#[tokio::test]
async fn promise_14_no_file_has_an_address_while_it_is_kept_changed_or_removed() {
    let folder = Folder::new();
    let store = open(&folder, &["a"]);
    store.add_user(&user(1)).await.unwrap();
    store.set_email(user(1).id, CANARY).await.unwrap();
    assert_eq!(address_of(&store, 1).await.unwrap().as_deref(), Some(CANARY));
    assert_eq!(store.flag_bounced(&CANARY.to_uppercase(), NOW).await.unwrap(), 1, "it is found in whichever case");
    assert_eq!(files_with_canary(folder.dir.path()), Vec::<String>::new());
    store.remove_email(user(1).id).await.unwrap();
    assert_eq!(files_with_canary(folder.dir.path()), Vec::<String>::new());
}

#[tokio::test]
async fn addresses_of_before_are_encrypted_and_leave_no_trace() {
    let folder = Folder::new();
    let store = folder.open();
    for n in 1..=5 {
        store.add_user(&user(n)).await.unwrap();
        store.set_email(user(n).id, &format!("{n}.{CANARY}")).await.unwrap();
    }
    // One that was removed long ago.
    store.remove_email(user(5).id).await.unwrap();
    assert!(!files_with_canary(folder.dir.path()).is_empty(), "they lie there as they are");
    drop(store);
    let store = open(&folder, &["a"]);
    assert_eq!(
        address_of(&store, 1).await.unwrap(),
        Some(format!("1.{CANARY}")),
        "they are read before the job has run"
    );
    assert_eq!(store.flag_bounced(&format!("1.{CANARY}"), NOW).await.unwrap(), 1, "and found");
    let (first, last) = store.reseal(UserId::default(), 3).await.unwrap();
    assert_eq!((first.changed, first.was_plain), (3, true));
    let (second, _) = store.reseal(last.unwrap(), 3).await.unwrap();
    assert_eq!(second.changed, 1, "a step goes on after the one before");
    store.compact().await.unwrap();
    assert_eq!(files_with_canary(folder.dir.path()), Vec::<String>::new());
    assert_eq!(store.address_key_use().await.unwrap().plain, 0);
    assert_eq!(address_of(&store, 4).await.unwrap(), Some(format!("4.{CANARY}")));
    assert_eq!(store.flag_bounced(&format!("2.{CANARY}"), NOW).await.unwrap(), 1, "they are found by their hash");
}

#[tokio::test]
async fn a_rotation_moves_all_addresses_to_the_newest_key() {
    let folder = Folder::new();
    let store = open(&folder, &["a"]);
    for n in 1..=3 {
        store.add_user(&user(n)).await.unwrap();
        store.set_email(user(n).id, &format!("{n}@example.org")).await.unwrap();
    }
    drop(store);
    let store = open(&folder, &["b", "a"]);
    store.set_email(user(3).id, "new@example.org").await.unwrap();
    let counts = |used: opencredits_store::AddressKeyUse| used.keys.iter().map(|one| one.addresses).collect::<Vec<_>>();
    let used = store.address_key_use().await.unwrap();
    assert_eq!(used.keys.len(), 2, "both keys are in use");
    let (step, _) = store.reseal(UserId::default(), 9).await.unwrap();
    assert_eq!((step.changed, step.was_plain), (2, false), "what the newest key has encrypted stays");
    assert_eq!(counts(store.address_key_use().await.unwrap()), [3]);
    drop(store);
    let store = open(&folder, &["b"]);
    assert_eq!(address_of(&store, 1).await.unwrap().as_deref(), Some("1@example.org"), "the old key is not needed");
    let error = address_of(&open(&folder, &["a"]), 1).await.unwrap_err().to_string();
    assert!(error.contains("privacy.address_keys_file") && error.contains("which is not set"), "{error}");
    let error = address_of(&folder.open(), 1).await.unwrap_err().to_string();
    assert!(error.contains("no key for addresses") && error.contains("key-file new"), "{error}");
}

#[tokio::test]
async fn swapped_rows_and_flipped_bits_are_refused() {
    let folder = Folder::new();
    let store = open(&folder, &["a"]);
    for n in [1, 2] {
        store.add_user(&user(n)).await.unwrap();
        store.set_email(user(n).id, &format!("{n}@example.org")).await.unwrap();
    }
    let raw = rusqlite::Connection::open(&folder.path).unwrap();
    let sealed: Vec<u8> =
        raw.query_row("SELECT sealed FROM user_emails ORDER BY user_id LIMIT 1", [], |row| row.get(0)).unwrap();
    raw.execute("UPDATE user_emails SET sealed = ?1", [&sealed]).unwrap();
    assert_eq!(address_of(&store, 1).await.unwrap().as_deref(), Some("1@example.org"));
    let error = address_of(&store, 2).await.unwrap_err();
    assert!(error.to_string().contains("belongs to another row"), "{error}");
    let mut changed = sealed;
    *changed.last_mut().unwrap() ^= 1;
    raw.execute("UPDATE user_emails SET sealed = ?1", [&changed]).unwrap();
    assert!(address_of(&store, 1).await.is_err());
}

#[tokio::test]
async fn without_a_key_an_address_is_refused_and_those_of_before_are_read() {
    let folder = Folder::new();
    let store = folder.open();
    store.add_user(&user(1)).await.unwrap();
    store.set_email(user(1).id, "1@example.org").await.unwrap();
    drop(store);
    let store = SqliteStore::open_with(&folder.path, AddressKeeping::Refused).unwrap();
    assert_eq!(address_of(&store, 1).await.unwrap().as_deref(), Some("1@example.org"));
    let error = store.set_email(user(1).id, "2@example.org").await.unwrap_err();
    assert!(matches!(error, StoreError::NoAddressKey), "{error}");
}

/// Columns that name a person, and may do so after a deletion.
const KEPT_LINKS: [&str; 7] = [
    "commission_returns.user_id",
    // The index of labels, in which the label of a deleted person is an opaque id.
    "label_rows.user_id",
    "orders.user_id",
    "partners.owner_id",
    "person_privacy.user_id",
    "user_keys.user_id",
    "users.id",
];

#[tokio::test]
async fn promise_12_after_a_deletion_no_table_names_the_person_but_those_of_the_books() {
    let folder = Folder::new();
    let store = folder.open();
    store.add_user(&user(1)).await.unwrap();
    let raw = rusqlite::Connection::open(&folder.path).unwrap();
    raw.pragma_update(None, "foreign_keys", false).unwrap();
    let tables: Vec<String> = {
        let mut statement = raw.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut linked = Vec::new();
    for table in tables {
        let columns: Vec<(String, String, bool, Option<String>, bool)> = {
            let mut statement = raw.prepare(&format!("PRAGMA table_info({table})")).unwrap();
            let read = |row: &rusqlite::Row<'_>| {
                Ok((row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get::<_, i64>(5)? > 0))
            };
            statement.query_map([], read).unwrap().map(Result::unwrap).collect()
        };
        let Some((link, ..)) = columns.iter().find(|(name, ..)| name == "user_id" || name == "owner_id") else {
            continue;
        };
        linked.push(format!("{table}.{link}"));
        // A trigger has added its row with the person's.
        if table == "label_rows" {
            continue;
        }
        let values: Vec<String> = columns
            .iter()
            .map(|(name, kind, ..)| match (name == link, kind.as_str()) {
                (true, _) => "?1".to_owned(),
                (false, "INTEGER") => "0".to_owned(),
                (false, "BLOB") => "randomblob(16)".to_owned(),
                (false, _) => "'canary'".to_owned(),
            })
            .collect();
        let id = user(1).id.bits().to_be_bytes();
        raw.execute(&format!("INSERT INTO {table} VALUES ({})", values.join(", ")), [id]).unwrap();
    }
    assert!(linked.len() > 8, "{linked:?}");
    store.erase(user(1).id, NOW).await.unwrap();
    for place in linked.into_iter().filter(|place| !KEPT_LINKS.contains(&place.as_str())) {
        let (table, column) = place.split_once('.').unwrap();
        let count: u32 = raw
            .query_row(
                &format!("SELECT count(*) FROM {table} WHERE {column} = ?1"),
                [user(1).id.bits().to_be_bytes()],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(count, 0, "{place} names a deleted person; delete it in ERASURE, or list it as one of the books");
    }
}
