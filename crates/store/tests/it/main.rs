//! What a store promises: each suite on each engine, and what each engine has of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conform;
mod docs;
mod engines;
mod identity;
mod jobs;
mod mail;
mod pooled;
mod postgres;
mod privacy;
mod raw;
mod shared;

use engines::Folder;
use opencredits_keys::Mode;
use opencredits_store::conformance::{NOW, key, partner, secret, user};
use opencredits_store::{Claim, Claims, EngineError, Keys, Partners, SqliteStore, StoreError, UsageModel, Users};
use opencredits_units::GenerationId;
use std::path::Path;

#[tokio::test]
async fn what_was_kept_is_there_after_the_store_was_closed() {
    let folder = Folder::new();
    let store = folder.filled().await;
    store.revoke_key(key(1).id, NOW).await.unwrap();
    drop(store);
    // Opening runs the migrations again, which changes nothing.
    for _ in 0..2 {
        let again = folder.open();
        assert_eq!(again.user(user(1).id).await.unwrap(), Some(user(1)));
        assert_eq!(again.partner(partner(1).id).await.unwrap(), Some(partner(1)));
        assert_eq!(again.key(key(1).id).await.unwrap().unwrap().revoked_at, Some(NOW));
    }
}

#[tokio::test]
async fn a_handle_sees_what_another_has_done_at_once() {
    let folder = Folder::new();
    let store = folder.filled().await;
    let other = store.clone();
    store.revoke_key(key(1).id, NOW).await.unwrap();
    assert!(other.key_by_digest(&secret(1).digest()).await.unwrap().unwrap().revoked_at.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claims_at_once_one_is_new() {
    let folder = Folder::new();
    let store = folder.open();
    let mut racing = tokio::task::JoinSet::new();
    for n in 0..32 {
        let store = store.clone();
        racing.spawn(async move { store.claim(&[7; 32], GenerationId::from_bits(n), NOW).await.unwrap() });
    }
    let outcomes = racing.join_all().await;
    let new = outcomes.iter().filter(|claim| **claim == Claim::New).count();
    let mut before: Vec<_> = outcomes.iter().filter(|claim| **claim != Claim::New).collect();
    before.dedup();
    assert_eq!((new, before.len()), (1, 1), "one is new, and the others are told of the same one");
}

#[test]
fn a_store_of_a_newer_program_is_left_alone() {
    let folder = Folder::new();
    drop(folder.open());
    let raw = rusqlite::Connection::open(&folder.path).unwrap();
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
        VALUES (999, 'newer', '2026-01-01T00:00:00Z', '1')";
    raw.execute(newer, []).unwrap();
    drop(raw);
    let before = std::fs::read(&folder.path).unwrap();
    let error = SqliteStore::open(&folder.path).err().unwrap().to_string();
    assert!(error.starts_with(&folder.path.display().to_string()), "{error}");
    assert!(error.contains("it has version 999") && error.contains("the program that wrote it"), "{error}");
    assert!(std::fs::read(&folder.path).unwrap() == before, "it was changed");
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let text = "this is a letter, not a database; ".repeat(100);
    std::fs::write(&folder.path, &text).unwrap();
    let cause = |path: &Path| match SqliteStore::open(path) {
        Err(StoreError::Open { source, .. }) => source,
        other => panic!("{:?} of {}", other.err(), path.display()),
    };
    assert!(matches!(*cause(&folder.path), StoreError::Engine(EngineError::Sqlite(_))));
    assert_eq!(std::fs::read_to_string(&folder.path).unwrap(), text);
    let nowhere = folder.dir.path().join("missing").join("store.db");
    assert!(matches!(*cause(&nowhere), StoreError::Io(_)));
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let _open = folder.filled().await;
    let mut seen = 0;
    for file in std::fs::read_dir(folder.dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
        seen += 1;
    }
    assert!(seen >= 2, "the store and its log");
}

#[tokio::test]
async fn promise_04_no_secret_is_in_the_files() {
    let folder = Folder::new();
    let _open = folder.filled().await;
    let revealed = secret(1).reveal().to_owned();
    for file in std::fs::read_dir(folder.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let found = bytes.windows(20).any(|window| revealed.as_bytes().starts_with(window));
        assert!(!found);
    }
}

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// A read model from before it had costs would never get those of requests that it has.
#[tokio::test]
async fn a_read_model_without_costs_is_made_anew() {
    let folder = Folder::new();
    let mut connection = rusqlite::Connection::open(&folder.path).unwrap();
    let before_costs = refinery::Target::Version(9);
    migrations::migrations::runner().set_target(before_costs).run(&mut connection).unwrap();
    connection.execute("INSERT INTO usage_checkpoint (one, place) VALUES (1, x'01')", []).unwrap();
    drop(connection);
    assert_eq!(folder.open().place().await.unwrap(), [0; 0]);
}

#[test]
fn a_store_is_marked_with_its_mode_at_first_and_refused_in_the_other() {
    for (first, other) in [(Mode::Live, Mode::Test), (Mode::Test, Mode::Live)] {
        let folder = Folder::new();
        // One from before there were marks is marked as well.
        drop(SqliteStore::open(&folder.path).unwrap());
        drop(SqliteStore::open(&folder.path).unwrap().of_mode(first).unwrap());
        let refused = SqliteStore::open(&folder.path).unwrap().of_mode(other).err();
        assert!(
            matches!(refused, Some(StoreError::OtherMode { found, expected }) if (found, expected) == (first, other))
        );
        SqliteStore::open(&folder.path).unwrap().of_mode(first).unwrap();
    }
}
