//! Moves between files and PostgreSQL with the tool, and what a killed one leaves.

use crate::fixture::{Access, Fixture, run};
use opencredits_ledger::{AccountRow, EntryRow, Ledger, Transfer};
use opencredits_testkit::Postgres;
use opencredits_units::{EntryId, NanoUsd, UnixMs};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);

/// A new database, as a file with its URL.
fn url_file(server: &Postgres, folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, server.database()).unwrap();
    path.display().to_string()
}

/// A folder beside the data, gone with the test.
fn beside() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("files");
    (folder, path)
}

/// The modes of a move that has succeeded.
fn modes(moved: &Value) -> Vec<(&str, bool)> {
    let modes = moved["modes"].as_array().unwrap();
    modes.iter().map(|mode| (mode["mode"].as_str().unwrap(), mode["equal"].as_bool().unwrap())).collect()
}

#[test]
fn both_modes_are_moved_to_their_databases_and_back_to_files() {
    let Some(server) = Postgres::shared() else { return };
    let fixture = Fixture::new(Access::Files);
    fixture.person("Ada", "12");
    std::fs::create_dir(fixture.dir.join("test")).unwrap();
    fixture.text(&["--test", "user", "add", "Tess"]);
    let head = fixture.json(&["ledger", "head"])["head"].clone();
    let (folder, files) = beside();
    let (live, test) = (url_file(server, folder.path(), "live"), url_file(server, folder.path(), "test"));
    let urls = ["--url-file", live.as_str(), "--test-url-file", test.as_str()];
    let there = fixture.json(&[&["migrate", "--to-database"], &urls[..]].concat());
    assert_eq!(there["reply"], "migrated");
    assert_eq!(there["to"], "database");
    assert_eq!(modes(&there), [("live", true), ("test", true)]);
    assert_eq!(there["modes"][0]["source_head"], head);
    let again = fixture.error(&[&["migrate", "--to-database"], &urls[..]].concat());
    assert!(again.contains("was moved into this database before, from head_"), "{again}");
    let text = fixture.text(&[&["migrate", "--to-files", files.to_str().unwrap()], &urls[..]].concat());
    for expect in [
        "live mode, to the files",
        "test mode, to the files",
        "source and target are the same",
        "take [database] out of the config",
    ] {
        assert!(text.contains(expect), "{expect}: {text}");
    }
    let ask = |arguments: &[&str]| String::from_utf8(run(&files, arguments).stdout).unwrap();
    assert!(ask(&["balance", "Ada"]).contains("available  12       0.12"));
    assert!(ask(&["ledger", "verify"]).contains("everything adds up"));
    assert!(ask(&["--test", "user", "list"]).contains("Tess"));
}

#[test]
fn the_folder_of_a_running_gateway_is_not_moved_and_a_database_is_named() {
    let Some(server) = Postgres::shared() else { return };
    let mut fixture = Fixture::new(Access::Socket);
    let (folder, _) = beside();
    let live = url_file(server, folder.path(), "live");
    let error = fixture.error(&["migrate", "--to-database", "--url-file", &live]);
    assert!(error.contains("stop it first"), "{error}");
    let error = fixture.error(&["migrate", "--to-database"]);
    assert!(error.contains("set database.url in the config, or name a file with its URL by --url-file"), "{error}");
    fixture.stop_gateway();
    let text = fixture.text(&["migrate", "--to-database", "--url-file", &live]);
    assert!(text.contains("test mode was not moved: database.test_url is not set"), "{text}");
    assert!(text.contains("set database.url for every gateway"), "{text}");
}

/// Runs the tool again and again, killed after a while, until it is done; tells how often it was killed.
fn killed_until_done(fixture: &Fixture, arguments: &[&str], is_done: &str) -> u32 {
    let mut kills = 0;
    loop {
        let mut command = fixture.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(40 + 90 * u64::from(kills)));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            return kills;
        }
        if output.status.code().is_some() {
            // It was killed right after its end, before it could tell.
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(error.contains(is_done), "{error}");
            return kills;
        }
    }
}

fn books(folder: &Path) -> (Vec<AccountRow>, Vec<EntryRow>) {
    let ledger = Ledger::open(folder.join("ledger.db")).unwrap();
    assert!(ledger.verify().unwrap().is_clean());
    (ledger.accounts(), ledger.entries(EntryId::default(), usize::MAX >> 1).unwrap())
}

#[test]
fn a_move_that_is_killed_again_and_again_is_whole_at_the_end() {
    let Some(server) = Postgres::shared() else { return };
    let fixture = Fixture::new(Access::Files);
    for n in 0..20 {
        fixture.text(&["user", "add", &format!("person {n}")]);
    }
    let ledger = Ledger::open(fixture.dir.join("ledger.db")).unwrap();
    let accounts = ledger.accounts();
    let from = accounts.iter().find(|row| row.account.floor == opencredits_ledger::Floor::None).unwrap().account.id;
    for n in 0..6_000_u64 {
        let to = accounts[usize::try_from(n).unwrap() % accounts.len()].account.id;
        if to == from {
            continue;
        }
        let id = EntryId::at(NOW.saturating_add_ms(n / 7), (u128::from(n) << 9).to_be_bytes()[6..].try_into().unwrap());
        let transfer = Transfer { id, from, to, amount: NanoUsd::new(1), memo: b"some" };
        ledger.transfer(transfer, NOW).map(drop).unwrap();
        if n % 1_000 == 0 {
            ledger.flush().unwrap();
        }
    }
    drop(ledger);
    let before = books(&fixture.dir);
    let (folder, files) = beside();
    let live = url_file(server, folder.path(), "live");
    let there = ["migrate", "--to-database", "--url-file", live.as_str()];
    let kills = killed_until_done(&fixture, &there, "was moved into this database before");
    let back = ["migrate", "--to-files", files.to_str().unwrap(), "--url-file", live.as_str()];
    let kills_back = killed_until_done(&fixture, &back, "has data already: ledger.db");
    assert!(kills > 1 && kills_back > 1, "{kills} and {kills_back} kills");
    assert_eq!(books(&files), before);
    assert_eq!(run(&fixture.dir, &["user", "list"]).stdout, run(&files, &["user", "list"]).stdout);
}
