//! The package in a fresh Debian: installed, used, upgraded and removed. The data stay.

use super::debian::{Debian, START_MAX};
use super::first_hour;
use crate::outcome::Outcome;
use crate::process::{exchange, free_port, is_on_path, is_root};
use opencredits_testkit::stripe::StripeDouble;
use serde_json::Value;
use std::path::Path;

/// A person whose books must outlive the package.
const PERSON: &str = "Ada Lovelace";
/// What is installed for people and machines to find.
const INSTALLED: [&str; 12] = [
    "/usr/bin/opencredits-gateway",
    "/usr/bin/opencredits-admin",
    "/usr/bin/opencredits-worker",
    "/lib/systemd/system/opencredits-gateway.service",
    "/lib/systemd/system/opencredits-gateway.socket",
    "/usr/share/man/man1/opencredits-gateway.1.gz",
    "/usr/share/man/man1/opencredits-worker.1.gz",
    "/usr/share/man/man1/opencredits-admin-order-refund.1.gz",
    "/usr/share/bash-completion/completions/opencredits-admin",
    "/usr/share/doc/opencredits-gateway/licences.txt.gz",
    "/usr/share/doc/opencredits-gateway/systemd/opencredits-worker.service",
    "/etc/opencredits/keys/addresses",
];

pub(super) fn run(first: &Path, second: &Path) -> Outcome {
    if !is_root() || !is_on_path("mmdebstrap") {
        println!("skipped: the package is not installed anywhere, which takes root and mmdebstrap");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let debian = Debian { root: folder.path().join("debian"), admin_port: free_port()? };
    // The config of the machine names it from the first hour on.
    let stripe = StripeDouble::start()?;
    debian.make()?;
    debian.install(first)?;
    for file in INSTALLED {
        if !debian.root.join(file.trim_start_matches('/')).exists() {
            return Err(format!("{file} is not installed").into());
        }
    }
    debian.expect_worker()?;
    first_hour::walk(&debian, &stripe)?;
    debian.serve("installed", |debian, port| {
        debian.admin(&["user", "add", PERSON])?;
        debian.admin(&["credits", "grant", PERSON, "500", "--reason", "welcome"])?;
        ask(debian, port)
    })?;
    let balance = debian.admin(&["balance", PERSON])?;
    let is_whole = |debian: &Debian, _| expect_books(debian, &balance);
    let keys = debian.read("/etc/opencredits/keys/addresses")?;
    debian.install(second)?;
    debian.serve("upgraded", is_whole)?;
    if debian.read("/etc/opencredits/keys/addresses")? != keys {
        return Err("the upgrade has made other keys".into());
    }
    debian.run(&["dpkg", "--remove", "opencredits-gateway"])?;
    if debian.root.join("usr/bin/opencredits-gateway").exists() {
        return Err("the program is still there after the removal".into());
    }
    debian.install(second)?;
    debian.serve("installed again", is_whole)?;
    debian.run(&["dpkg", "--purge", "opencredits-gateway"])?;
    for kept in ["var/lib/opencredits/ledger.db", "etc/opencredits/keys/addresses"] {
        if !debian.root.join(kept).exists() {
            return Err(format!("{kept} went with the package").into());
        }
    }
    println!("the package was installed, used, upgraded, removed and purged; the data stayed");
    Ok(())
}

/// Sends a request for inference, which must be answered and charged.
fn ask(debian: &Debian, port: u16) -> Outcome {
    let before = debian.admin(&["balance", PERSON])?;
    let added: Value = serde_json::from_str(&debian.admin(&["--json", "key", "add", PERSON])?)?;
    let key = added["key"].as_str().ok_or("the admin tool tells no key")?;
    let body = r#"{"model":"sandbox/gpt","messages":[{"role":"user","content":"Hello"}]}"#;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close";
    let request = format!("{head}\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let answer = exchange(port, &request, START_MAX)?;
    let is_served = answer.starts_with("HTTP/1.1 200") && debian.admin(&["balance", PERSON])? != before;
    if is_served { Ok(()) } else { Err(format!("a request was not served, or was free: {answer}").into()) }
}

fn expect_books(debian: &Debian, before: &str) -> Outcome {
    let balance = debian.admin(&["balance", PERSON])?;
    let verified = debian.admin(&["ledger", "verify"])?;
    let is_whole = balance == before && verified.contains("everything adds up");
    if is_whole { Ok(()) } else { Err(format!("the books are not whole:\n{balance}\n{verified}").into()) }
}
