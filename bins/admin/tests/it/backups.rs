//! Backups and their restoration with the tool, the same over both ways.

use crate::fixture::{Access, Fixture, run};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const WAYS: [Access; 2] = [Access::Files, Access::Socket];

/// A folder beside the data, gone with the test.
fn beside() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backups");
    (folder, path)
}

/// Makes a backup and names its folder.
fn back_up(fixture: &Fixture, into: &Path) -> (PathBuf, Value) {
    let made = fixture.json(&["backup", into.to_str().unwrap()]);
    (made["backup"]["path"].as_str().unwrap().into(), made)
}

/// The tool on another data folder: whether it succeeded, and everything that it printed.
fn ask(data: &Path, arguments: &[&str]) -> (bool, String) {
    let output = run(data, arguments);
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// The tool refuses, in these words.
fn check(data: &Path, arguments: &[&str], expect: &str) {
    let (succeeded, text) = ask(data, arguments);
    assert!(!succeeded && text.contains(expect), "{arguments:?}: {text}");
}

#[test]
fn a_backup_is_restored_with_the_balances_and_the_head_that_it_names() {
    for access in WAYS {
        let fixture = Fixture::new(access);
        fixture.person("Ada", "12");
        let (_folder, into) = beside();
        let (backup, made) = back_up(&fixture, &into);
        assert_eq!(made["backup"]["head"], fixture.json(&["ledger", "head"])["head"], "{access:?}");
        fixture.person("Bea", "5");
        let (backup, to) = (backup.to_str().unwrap(), into.with_file_name("restored"));
        let (restored, text) = ask(&to, &["restore", backup]);
        let accounts = opencredits_service::books::NAMES.len() + 1;
        assert!(restored && text.contains(&format!("1 entries, {accounts} accounts, 0 open holds")), "{text}");
        assert!(
            text.contains("head             head_") && text.contains("are not in it, although they were"),
            "{text}"
        );
        let (_, balance) = ask(&to, &["balance", "Ada"]);
        assert!(balance.contains("available  12       0.12"), "{balance}");
        check(&to, &["balance", "Bea"], "no user Bea");
        let (verified, text) = ask(&to, &["ledger", "verify", "--head", made["backup"]["head"].as_str().unwrap()]);
        assert!(verified, "{text}");
    }
}

#[test]
fn a_folder_that_is_named_relatively_is_the_one_of_the_caller() {
    let mut fixture = Fixture::new(Access::Socket);
    let (folder, _) = beside();
    let output = fixture.command(&["backup", "here"]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success() && folder.path().join("here").is_dir());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("not in it: the config, the keys of vendors"), "{text}");
    fixture.stop_gateway();
}

#[test]
fn a_restoration_keeps_what_was_there_and_says_where() {
    let fixture = Fixture::new(Access::Files);
    fixture.person("Ada", "12");
    let (_folder, into) = beside();
    let (backup, _) = back_up(&fixture, &into);
    let backup = backup.to_str().unwrap();
    fixture.person("Bea", "5");
    check(&fixture.dir, &["restore", backup], "restore into an empty folder with --to, or move this data aside with");
    fixture.text(&["balance", "Bea"]);
    let restored = fixture.json(&["restore", backup, "--replace"]);
    let replaced = restored["replaced"].as_str().unwrap();
    check(&fixture.dir, &["balance", "Bea"], "no user Bea");
    assert!(ask(Path::new(replaced), &["balance", "Bea"]).0);
    fixture.text(&["credits", "grant", "Ada", "1"]);
}

#[test]
fn what_cannot_be_restored_is_named_with_the_remedy() {
    let fixture = Fixture::new(Access::Socket);
    let (_folder, into) = beside();
    let (backup, _) = back_up(&fixture, &into);
    let (to, path) = (into.with_file_name("restored"), backup.to_str().unwrap());
    assert_eq!(fixture.json(&["restore", path, "--check"])["reply"], "backup_checked");
    check(&fixture.dir, &["restore", path, "--replace"], "stop it, then restore");
    check(&to, &["restore", path, "--check", "--replace"], "cannot be used with");
    check(&to, &["restore", into.to_str().unwrap()], &format!("name one of those in it, such as {path}"));
    check(&to, &["restore", "missing"], "cannot read missing");
    check(&fixture.dir, &["backup", fixture.dir.join("b").to_str().unwrap()], "is in the data folder");
    std::fs::write(backup.join("store.db"), "x").unwrap();
    check(&to, &["restore", path], "store.db has 1 bytes instead of");
    check(&to, &["restore", path, "--check"], "use another backup");
    assert!(!to.exists());
}

/// Scripts rely on these names: adding is fine, renaming is not.
#[test]
fn the_fields_of_the_json_are_stable() {
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let fixture = Fixture::new(Access::Files);
    let (_folder, into) = beside();
    let (backup, made) = back_up(&fixture, &into);
    assert_eq!(fields(&made), ["backup", "left_out", "reply"]);
    let names = [
        "accounts",
        "bytes",
        "entries",
        "files",
        "head",
        "holds",
        "keys",
        "lacking_accounts",
        "made_at_ms",
        "mode",
        "partners",
        "path",
        "program",
        "users",
    ];
    assert_eq!(fields(&made["backup"]), names);
    assert_eq!(made["backup"]["files"], json!(["store.db", "ledger.db"]));
    let restored = fixture.json(&["restore", backup.to_str().unwrap(), "--replace"]);
    assert_eq!(fields(&restored), ["backup", "replaced", "reply", "to"]);
}

#[test]
fn a_backup_of_test_mode_is_restored_into_test_mode_alone() {
    let fixture = Fixture::new(Access::Files);
    let (_folder, into) = beside();
    fixture.json(&["user", "add", "Ada"]);
    std::fs::create_dir(fixture.dir.join("test")).unwrap();
    let made = fixture.json(&["--test", "backup", into.to_str().unwrap()]);
    assert_eq!(made["backup"]["mode"], "test");
    let (backup, to) = (made["backup"]["path"].as_str().unwrap(), into.with_file_name("restored"));
    check(&to, &["restore", backup], "nobody paid for its credits; use it with `--test`");
    assert!(!to.exists());
    let (restored, text) = ask(&to, &["--test", "restore", backup]);
    assert!(restored && text.contains("mode             test"), "{text}");
    let (live, backup_of_live) = (back_up(&fixture, &into.with_file_name("live")), into.with_file_name("other"));
    check(&backup_of_live, &["--test", "restore", live.0.to_str().unwrap()], "its credits are real");
}
