//! The keys of addresses, as a start looks for them.

use crate::fixture::{Fixture, failed};
use opencredits_store::{SqliteStore, Standing, User, UserEmails as _, Users as _};
use opencredits_units::{AccountId, UnixMs, UserId};
use std::path::Path;

const CANARY: &str = "canary.4711@example.org";
const VARIABLE: &str = "OPENCREDITS_PRIVACY_ADDRESS_KEYS";

/// A store from before addresses were encrypted.
fn old_store(data: &Path) {
    std::fs::create_dir_all(data).unwrap();
    let store = SqliteStore::open(data.join("store.db")).unwrap();
    let (id, wallet, created_at) = (UserId::from_bits(7), AccountId::from_bits(7_000), UnixMs::new(1_790_000_000_000));
    let user = User { id, wallet, label: "ada".to_owned(), created_at, standing: Standing::Good };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        store.add_user(&user).await.unwrap();
        store.set_email(id, CANARY).await.unwrap();
    });
}

fn has_canary(data: &Path) -> bool {
    let mut files = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let has = |path: std::path::PathBuf| {
        std::fs::read(path).unwrap().windows(CANARY.len()).any(|part| part == CANARY.as_bytes())
    };
    files.any(has)
}

#[test]
fn a_start_with_addresses_needs_a_key_and_the_job_encrypts_those_of_before() {
    let fixture = Fixture::new();
    old_store(&fixture.data());
    assert!(has_canary(&fixture.data()));
    let (_, error) = failed(fixture.run(&[], &[]));
    for part in ["1 addresses are kept", "privacy.address_keys_file", "key-file new"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let (old, new) = ("a".repeat(64), "b".repeat(64));
    let gateway = fixture.start(&[], &[(VARIABLE, &old)]);
    // The job is overdue at a first start.
    let waits = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        !has_canary(&fixture.data())
    });
    assert!(waits, "the address was not encrypted");
    gateway.terminate();
    gateway.ended();
    let (_, error) = failed(fixture.run(&[], &[(VARIABLE, &new)]));
    assert!(error.contains("1 addresses are encrypted with the key"), "{error}");
    let both = format!("{new} {old}");
    let gateway = fixture.start(&[], &[(VARIABLE, &both)]);
    gateway.terminate();
    gateway.ended();
    let (_, error) = failed(fixture.run(&[], &[(VARIABLE, "abc")]));
    assert!(error.contains("privacy.address_keys") && error.contains("openssl rand -hex 32"), "{error}");
}

#[test]
fn dev_has_a_key_of_its_own_and_others_do_not_look_for_it() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&["dev"], &[]);
    gateway.terminate();
    gateway.ended();
    let key = std::fs::read_to_string(fixture.data().join("dev-address-keys")).unwrap();
    assert_eq!(key.trim().len(), 64);
    let again = fixture.start(&["dev"], &[]);
    again.terminate();
    again.ended();
    assert_eq!(std::fs::read_to_string(fixture.data().join("dev-address-keys")).unwrap(), key, "it is made once");
}
