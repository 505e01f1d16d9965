//! What a backup has, and what is there after its restoration.

use crate::fixture::{Installation, NAME, NOW, names, restore};
use opencredits_backup::{BackupError, LEDGER_FILE, STORE_FILE, Source, Stop};
use opencredits_ledger::{Ledger, LedgerError, StorageError};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Every file below a folder is for its owner alone.
fn check_private(folder: &Path) {
    assert_eq!(mode(folder), 0o700, "{}", folder.display());
    for name in names(folder) {
        let path = folder.join(name);
        if path.is_dir() { check_private(&path) } else { assert_eq!(mode(&path), 0o600, "{}", path.display()) }
    }
}

#[test]
fn a_backup_and_what_is_restored_from_it_are_for_their_owner_alone() {
    let (installation, backup) = Installation::backed_up();
    assert_eq!(names(&backup), ["ledger.db", "manifest.json", "store.db"]);
    check_private(&installation.path("backups"));
    let to = installation.path("a/b");
    restore(&backup, &to, false).unwrap();
    assert_eq!(names(&to), ["ledger.db", "ledger.db.head", "ledger.db.lock", "store.db"]);
    check_private(&to);
}

#[test]
fn other_files_of_the_data_folder_come_along_and_what_does_not_is_named() {
    let installation = Installation::new();
    let data = &installation.source.data;
    std::fs::write(data.join("config.toml"), "a = 1\n").unwrap();
    let other = rusqlite::Connection::open(data.join("other.db")).unwrap();
    other.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (n); INSERT INTO t VALUES (7)").unwrap();
    std::fs::create_dir(data.join("replaced-before")).unwrap();
    std::fs::write(data.join("ledger.db.mine"), "").unwrap();
    let taken = installation.back_up(&installation.path("backups"), NOW).unwrap();
    assert_eq!(taken.left_out, ["ledger.db.mine", "replaced-before"]);
    let to = installation.path("restored");
    restore(&taken.path, &to, false).unwrap();
    assert_eq!(std::fs::read_to_string(to.join("config.toml")).unwrap(), "a = 1\n");
    let other = rusqlite::Connection::open(to.join("other.db")).unwrap();
    assert_eq!(other.query_row("SELECT n FROM t", [], |row| row.get::<_, u8>(0)).unwrap(), 7);
}

#[test]
fn a_second_backup_of_a_second_is_refused_and_the_first_stays() {
    let (installation, backup) = Installation::backed_up();
    let before = std::fs::read(backup.join("manifest.json")).unwrap();
    installation.charge();
    let refused = installation.back_up(&installation.path("backups"), NOW);
    assert!(matches!(refused, Err(BackupError::Exists { path }) if path.ends_with(NAME)));
    assert_eq!(std::fs::read(backup.join("manifest.json")).unwrap(), before);
    assert_eq!(names(&installation.path("backups")), [NAME]);
}

#[test]
fn a_backup_that_fails_leaves_no_folder_that_looks_finished() {
    let installation = Installation::new();
    installation.add_person();
    let into = installation.path("backups");
    let stop = Stop::default();
    stop.stop();
    let stopped = opencredits_backup::take(installation.source.clone(), &into, NOW, &stop);
    assert!(matches!(stopped, Err(BackupError::Stopped)));
    assert!(names(&into).is_empty());
    // The ledger's file is changed from outside: what is copied does not verify.
    let file = rusqlite::Connection::open(installation.source.data.join(LEDGER_FILE)).unwrap();
    file.execute("UPDATE accounts SET posted = posted + 1 WHERE number = 2", []).unwrap();
    let error = installation.back_up(&into, NOW).unwrap_err().to_string();
    assert!(error.contains("ledger.db does not verify") && error.contains("in its row"), "{error}");
    assert!(names(&into).is_empty());
}

#[test]
fn data_is_moved_aside_where_that_is_asked_for_and_nothing_is_lost() {
    let (installation, backup) = Installation::backed_up();
    installation.charge();
    let data = installation.source.data.clone();
    std::fs::write(data.join("config.toml"), "mine").unwrap();
    let folder = installation.close();
    let later = Ledger::open(data.join(LEDGER_FILE)).unwrap().head().unwrap().unwrap();
    let refused = restore(&backup, &data, false).unwrap_err();
    assert!(matches!(&refused, BackupError::HasData { .. }), "{refused}");
    let replaced = restore(&backup, &data, true).unwrap().replaced.unwrap();
    let restored = Ledger::open(data.join(LEDGER_FILE)).unwrap();
    assert!(restored.head().unwrap().unwrap().commit < later.commit);
    assert_eq!(std::fs::read_to_string(data.join("config.toml")).unwrap(), "mine");
    let old = Ledger::open(replaced.join(LEDGER_FILE)).unwrap();
    assert!(old.verify_with(later).unwrap().is_clean());
    drop((restored, old));
    // The same second again: the folder of before is not touched.
    assert!(matches!(restore(&backup, &data, true), Err(BackupError::Exists { .. })));
    drop(folder);
}

#[test]
fn a_restored_ledger_that_loses_its_file_or_its_end_is_not_opened() {
    let (installation, backup) = Installation::backed_up();
    let to = installation.path("restored");
    restore(&backup, &to, false).unwrap();
    let lost = to.join("lost");
    std::fs::rename(to.join(LEDGER_FILE), &lost).unwrap();
    let refused = Ledger::open(to.join(LEDGER_FILE)).map(|_| ());
    assert!(matches!(refused, Err(LedgerError::Storage(StorageError::Lost { .. }))), "{refused:?}");
}

#[test]
fn a_backup_can_be_made_of_what_was_restored() {
    let (installation, backup) = Installation::backed_up();
    let data = installation.path("restored");
    let first = restore(&backup, &data, false).unwrap().checked.manifest;
    let ledger = Ledger::open(data.join(LEDGER_FILE)).unwrap();
    let store = opencredits_store::SqliteStore::open(data.join(STORE_FILE)).unwrap();
    let again =
        opencredits_backup::take(Source { ledger, store, data }, &installation.path("c"), NOW, &Stop::default());
    assert_eq!(again.unwrap().checked.manifest.ledger, first.ledger);
}
