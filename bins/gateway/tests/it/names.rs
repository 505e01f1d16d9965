//! The gateway's program under another name.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

/// What a command that ended said.
fn text(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

/// The program, started by a link of this name in a folder.
fn by_link(folder: &Path, name: &str) -> Command {
    let link = folder.join(name);
    if !link.is_symlink() {
        symlink(env!("CARGO_BIN_EXE_opencredits-gateway"), &link).unwrap();
    }
    let mut command = Command::new(link);
    command.env_clear();
    command
}

#[test]
fn a_link_named_as_the_worker_is_the_worker_and_any_other_is_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let check = |mut command: Command, expect: &str| {
        let output = command.arg("--version").output().unwrap();
        let told = text(&output);
        assert!(output.status.success() && told == format!("{expect} {}\n", env!("CARGO_PKG_VERSION")), "{told}");
    };
    check(by_link(folder.path(), "opencredits-worker"), "opencredits-worker");
    check(by_link(folder.path(), "opencredits-worker-2"), "opencredits-gateway");
    check(by_link(folder.path(), "credits"), "opencredits-gateway");
    // As a shell starts it: the name alone, found on the path.
    let mut found = Command::new("sh");
    found.args(["-c", "opencredits-worker \"$@\"", "sh"]).env_clear();
    found.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
    check(found, "opencredits-worker");
}

#[test]
fn the_worker_of_a_link_reads_the_config_as_the_worker_does_and_has_a_manual_page_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let output = by_link(folder.path(), "opencredits-worker").arg("--data").arg(folder.path()).output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("opencredits-worker: database.url is not set"), "{told}");
    let manual = folder.path().join("manual");
    let output = by_link(folder.path(), "opencredits-worker").arg("manual").arg(&manual).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    for file in ["opencredits-worker.1", "opencredits-worker.bash", "opencredits-worker.fish", "_opencredits-worker"] {
        assert!(manual.join(file).is_file(), "{file}");
    }
}
