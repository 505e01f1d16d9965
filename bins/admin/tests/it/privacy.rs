//! People's data on the command line.

use crate::fixture::{Access, Fixture};
use std::os::unix::fs::PermissionsExt as _;

const CANARY: &str = "canary.4711@example.org";

/// Files anywhere below a folder that hold a text.
fn files_with(folder: &std::path::Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(text.len()).any(|part| part == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn promise_14_neither_the_data_folder_nor_a_backup_of_it_has_an_address() {
    let fixture = Fixture::new(Access::Files);
    fixture.text(&["user", "add", "Ada", "--email", CANARY]);
    let backups = tempfile::tempdir().unwrap();
    fixture.text(&["backup", backups.path().to_str().unwrap()]);
    assert_eq!(files_with(&fixture.dir, CANARY), Vec::<String>::new());
    assert_eq!(files_with(backups.path(), CANARY), Vec::<String>::new());
    assert!(fixture.text(&["user", "email", "Ada"]).contains(CANARY));
    let mut other = fixture.command(&["user", "email", "Ada"]);
    let output = other.env("OPENCREDITS_PRIVACY_ADDRESS_KEYS", "1".repeat(64)).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("privacy.address_keys_file"), "{error}");
}

#[test]
fn a_person_is_exported_and_deleted_once_the_operator_agrees() {
    let fixture = Fixture::new(Access::Files);
    fixture.text(&["user", "add", "Ada Canary", "--email", CANARY]);
    fixture.text(&["credits", "grant", "Ada Canary", "100"]);
    fixture.text(&["key", "add", "Ada Canary", "--name", "laptop"]);
    let to = fixture.dir.parent().unwrap().join(format!("{}.zip", fixture.dir.file_name().unwrap().display()));
    let path = to.to_str().unwrap();
    assert!(fixture.text(&["user", "export", "Ada Canary", "--to", path]).contains(path));
    assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read(&to).unwrap().starts_with(b"PK"));
    let again = fixture.error(&["user", "export", "Ada Canary", "--to", path]);
    assert!(again.contains("cannot create"), "{again}");
    std::fs::remove_file(&to).unwrap();
    let asked = fixture.error(&["user", "delete", "Ada Canary", "--now"]);
    for part in ["100 credits", "cannot be undone", "--yes", "address       yes"] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    let scheduled = fixture.json(&["user", "delete", "Ada Canary", "--yes"]);
    assert_eq!(scheduled["privacy"], "deletion_scheduled");
    assert!(fixture.text(&["user", "keep", "Ada Canary"]).contains("not going to be deleted"));
    let deleted = fixture.json(&["user", "delete", "Ada Canary", "--now", "--yes"]);
    let id = deleted["user"].as_str().unwrap();
    for text in ["Ada Canary", CANARY] {
        assert_eq!(files_with(&fixture.dir, text), Vec::<String>::new(), "{text}");
    }
    assert!(fixture.text(&["balance", id]).contains("100"), "the books stay");
    assert!(fixture.text(&["ledger", "verify"]).contains("everything adds up"));
}

#[test]
fn the_report_and_the_versions_of_the_policy_are_listed() {
    let fixture = Fixture::new(Access::Files);
    fixture.text(&["user", "add", "Ada", "--email", CANARY]);
    let report = fixture.text(&["privacy", "report"]);
    for part in ["addresses", "retention.audit_days", "until the person is deleted", "encrypts"] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let kinds = fixture.json(&["privacy", "report"])["holdings"].as_array().unwrap().len();
    assert!(kinds > 20, "{kinds}");
    let publish =
        ["policy", "publish", "--version", "2026-12", "--effective", "2026-12-01", "--summary", "Less is kept."];
    let asked = fixture.error(&publish);
    assert!(asked.contains("mails everybody"), "{asked}");
    fixture.text(&[&publish[..], &["--yes"]].concat());
    assert!(fixture.error(&[&publish[..], &["--yes"]].concat()).contains("published already"));
    let listed = fixture.text(&["policy", "list"]);
    assert!(listed.contains("2026-12") && listed.contains("2026-12-01T00:00:00Z"), "{listed}");
    assert!(fixture.text(&["user", "restrict", "Ada"]).contains("restricted since 2"));
    assert!(fixture.text(&["user", "restrict", "Ada", "--lift"]).contains("restricted since -"));
    assert!(fixture.text(&["user", "object", "Ada"]).contains("no notices since 2"));
}

#[test]
fn a_key_file_is_new_and_for_its_owner() {
    let fixture = Fixture::new(Access::Files);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let said = fixture.text(&["key-file", "new", path.to_str().unwrap()]);
    assert!(said.contains("address_keys_file"), "{said}");
    let key = std::fs::read_to_string(&path).unwrap();
    assert_eq!((key.trim().len(), said.contains(key.trim())), (64, false), "the key itself is not printed");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fixture.error(&["key-file", "new", path.to_str().unwrap()]).contains("keys"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), key, "a key is never overwritten");
}
