//! The worker as operators start it. What it does beside gateways is tested with them.

use std::process::Command;

#[test]
fn a_worker_needs_a_database_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Command::new(env!("CARGO_BIN_EXE_opencredits-worker"))
        .env_clear()
        .args(["--data", folder.path().to_str().unwrap()])
        .output()
        .unwrap();
    let told = String::from_utf8(worker.stderr).unwrap();
    assert_eq!(worker.status.code(), Some(1), "{told}");
    assert!(told.contains("database.url is not set"), "{told}");
    assert!(told.contains("several gateways on PostgreSQL"), "{told}");
}
