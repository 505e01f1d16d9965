//! Files with and without a key. The tests of a program that can encrypt need the feature `sqlcipher`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use opencredits_sqlite::{CAN_ENCRYPT, FileKey, FileKeyError, open, prepare};
use std::path::Path;

fn key(digit: &str) -> FileKey {
    digit.repeat(64).parse().unwrap()
}

fn write(path: &Path) {
    let connection = open(path).unwrap();
    connection
        .execute_batch("CREATE TABLE notes (text TEXT NOT NULL) STRICT; INSERT INTO notes VALUES ('canary')")
        .unwrap();
    connection.pragma_update(None, "user_version", 7).unwrap();
}

#[test]
fn a_program_that_cannot_encrypt_takes_no_key_and_no_encrypted_file() {
    if CAN_ENCRYPT {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    assert!(matches!(prepare(Some(key("5")), [&path]), Err(FileKeyError::Unsupported)));
    write(&path);
    prepare(None, [&path, &folder.path().join("absent.db")]).unwrap();
    let encrypted = folder.path().join("b.db");
    std::fs::write(&encrypted, [9; 4_096]).unwrap();
    assert!(matches!(prepare(None, [&encrypted]), Err(FileKeyError::Encrypted { .. })));
    assert!(matches!(opencredits_sqlite::reencrypt(&path, None, Some(&key("5"))), Err(FileKeyError::Unsupported)));
}

#[cfg(feature = "sqlcipher")]
mod encrypted {
    use super::{key, write};
    use opencredits_sqlite::{FileKey, FileKeyError, Reencrypted, is_database, open, prepare, reencrypt};
    use std::path::Path;

    fn has(path: &Path, text: &[u8]) -> bool {
        std::fs::read(path).unwrap().windows(text.len()).any(|part| part == text)
    }

    /// One test, since a process has one key.
    #[test]
    fn files_are_written_under_the_key_and_go_from_one_to_another() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (plain, path) = (at("plain.db"), at("a.db"));
        write(&plain);
        assert!(has(&plain, b"canary") && has(&plain, b"SQLite format 3"));
        prepare(Some(key("5")), [&path]).unwrap();
        assert!(matches!(prepare(Some(key("6")), [&path]), Err(FileKeyError::AnotherKey)));
        assert!(matches!(prepare(Some(key("5")), [&plain]), Err(FileKeyError::Plain { .. })));
        write(&path);
        assert!(!has(&path, b"canary") && !has(&path, b"SQLite format 3") && !has(&path, b"notes"));
        prepare(None, [&path]).unwrap();
        assert!(is_database(&path).unwrap() && is_database(&plain).unwrap());
        std::fs::write(at("text"), "no database").unwrap();
        assert!(!is_database(&at("text")).unwrap());

        let step = |from: Option<&FileKey>, to: Option<&FileKey>, expect: Reencrypted| {
            assert_eq!(reencrypt(&path, from, to).unwrap(), expect, "{from:?} {to:?}");
        };
        let (five, six) = (key("5"), key("6"));
        step(Some(&five), Some(&six), Reencrypted::Done);
        assert!(matches!(prepare(None, [&path]), Err(FileKeyError::WrongKey { .. })), "the old key reads nothing");
        step(Some(&five), Some(&six), Reencrypted::Before);
        assert!(matches!(reencrypt(&path, Some(&five), None), Err(FileKeyError::WrongKey { .. })));
        step(Some(&six), None, Reencrypted::Done);
        assert!(has(&path, b"canary"));
        step(None, Some(&five), Reencrypted::Done);
        assert!(!has(&path, b"canary"));
        assert_eq!(reencrypt(&at("absent.db"), None, Some(&five)).unwrap(), Reencrypted::Absent);
        let connection = open(&path).unwrap();
        let text: String = connection.query_row("SELECT text FROM notes", [], |row| row.get(0)).unwrap();
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!((text.as_str(), version), ("canary", 7), "nothing was lost on the way");
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.db", "plain.db", "text"], "nothing is left over");
    }
}
