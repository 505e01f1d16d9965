//! Data folders and backups of released versions: this version opens them, and leaves alone what a newer one wrote.

use crate::fixture::{Fixture, Gateway, bearer, failed};
use opencredits_backup::{LEDGER_FILE, Restoring, STORE_FILE};
use opencredits_keys::Mode;
use opencredits_ledger::Ledger;
use opencredits_units::{EntryId, Progress, UnixMs};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// 2027-01-15T08:00:00Z: after every release until then.
const NOW: UnixMs = UnixMs::new(1_800_000_000_000);
const CHAT: &str = r#"{"model":"sandbox/gpt","max_tokens":20,"messages":[{"role":"user","content":"Hi"}]}"#;
const ENTRIES_MAX: usize = 1_000;

/// A folder with what a version left, and what it knew.
struct Released {
    folder: PathBuf,
    known: Value,
}

impl Released {
    fn unpack(fixture: &Fixture, archive: &Path) -> Self {
        let folder = fixture.data().with_file_name("released");
        std::fs::create_dir(&folder).unwrap();
        let mut unpack = Command::new("tar");
        unpack.args(["--extract", "--gzip", "--no-same-owner", "--file"]).arg(archive).arg("--directory").arg(&folder);
        assert!(unpack.status().unwrap().success(), "{}", archive.display());
        let known = serde_json::from_slice(&std::fs::read(folder.join("known.json")).unwrap()).unwrap();
        Self { folder, known }
    }

    fn text(&self, name: &str) -> &str {
        self.known[name].as_str().unwrap()
    }

    /// Puts its data where the fixture's gateway looks for them.
    fn take_data(&self, fixture: &Fixture) {
        std::fs::rename(self.folder.join("data"), fixture.data()).unwrap();
    }

    /// The settings with which it ran.
    fn variables(&self) -> [(&str, &str); 3] {
        [
            ("OPENCREDITS_CATALOG_SANDBOX", "true"),
            ("OPENCREDITS_PAYMENTS_PROCESSOR", "sandbox"),
            ("OPENCREDITS_PRIVACY_ADDRESS_KEYS", self.text("address_key")),
        ]
    }

    fn get(&self, gateway: &Gateway, path: &str) -> Value {
        let answer = gateway.get(path, self.text("key"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        serde_json::from_str(body).unwrap()
    }

    /// A gateway on the fixture's folder finds what the version knew, goes on charging, and leaves sound books.
    fn goes_on(&self, fixture: &Fixture) {
        let gateway = fixture.start(&[], &self.variables());
        assert_eq!(self.get(&gateway, "/v1/credits/balance")["balance"], self.known["balance"]);
        assert_eq!(self.get(&gateway, "/v1/generations")["data"], self.known["generations"]);
        let answer = gateway.send("POST", "/v1/chat/completions", (&bearer(self.text("key")), CHAT));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        gateway.terminate();
        assert!(gateway.ended().0.success());
        let ledger = Ledger::open(fixture.data().join(LEDGER_FILE)).unwrap();
        assert!(ledger.verify().unwrap().is_clean());
        let entries = ledger.entries(EntryId::default(), ENTRIES_MAX).unwrap();
        assert_eq!(Some(entries.len() as u64), self.known["entries"].as_u64().map(|entries| entries + 1));
    }
}

/// Runs a check on what each released version left.
fn of_each(check: impl Fn(&Fixture, &Released)) {
    let archives = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/released");
    let mut checked = Vec::new();
    for archive in std::fs::read_dir(archives).unwrap() {
        let fixture = Fixture::new();
        let released = Released::unpack(&fixture, &archive.unwrap().path());
        check(&fixture, &released);
        checked.push(released.text("version").to_owned());
    }
    let this = env!("CARGO_PKG_VERSION").to_owned();
    assert!(checked.contains(&this), "there is no folder of {this}; make it with cargo xtask release-data");
}

#[test]
fn the_folder_of_each_released_version_is_opened_and_goes_on() {
    of_each(|fixture, released| {
        released.take_data(fixture);
        released.goes_on(fixture);
    });
}

#[test]
fn a_backup_of_each_released_version_is_restored_and_goes_on() {
    of_each(|fixture, released| {
        let backups = std::fs::read_dir(released.folder.join("backups")).unwrap();
        let backup = backups.map(|backup| backup.unwrap().path()).next().unwrap();
        let (to, progress) = (fixture.data(), Progress::default());
        let order =
            Restoring { from: &backup, to: &to, replace: false, mode: Mode::Live, at: NOW, progress: &progress };
        opencredits_backup::restore(order).unwrap();
        released.goes_on(fixture);
    });
}

#[test]
fn files_of_a_newer_version_are_refused_by_name_and_left_alone() {
    let newer_store = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
         VALUES (9000, 'of_a_newer_program', '2030-01-01T00:00:00Z', '1')";
    for (file, change) in [(STORE_FILE, newer_store), (LEDGER_FILE, "PRAGMA user_version = 9000")] {
        of_each(|fixture, released| {
            released.take_data(fixture);
            let path = fixture.data().join(file);
            let connection = opencredits_sqlite::open(&path).unwrap();
            connection.execute_batch(change).unwrap();
            drop(connection);
            let before = std::fs::read(&path).unwrap();
            let (_, error) = failed(fixture.run(&[], &released.variables()));
            assert!(error.contains(file) && error.contains("9000"), "{error}");
            assert!(error.contains("the program that wrote it, or a newer one"), "{error}");
            assert!(std::fs::read(&path).unwrap() == before, "{file} was changed");
        });
    }
}
