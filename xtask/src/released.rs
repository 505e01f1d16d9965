//! The data folder of a released version: a gateway's after a walk through what moves money, with a backup of it. Tests of
//! later versions open both.

use crate::demo::{KEY_DIGIT, PERSON, balance, send, walk};
use crate::gateway::Gateway;
use crate::outcome::Outcome;
use crate::process::succeed;
use crate::workspace;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::time::Duration;

const FOLDER: &str = "bins/gateway/tests/released";
/// Credits that the person still has.
const CREDITS: &str = "500";
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn run() -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    let archive = workspace::root().join(FOLDER).join(format!("{version}.tar.gz"));
    if archive.exists() {
        return Err(format!("{} is there already, and what is released does not change", archive.display()).into());
    }
    Gateway::build()?;
    let folder = tempfile::tempdir()?;
    let site = folder.path().join("site");
    let (mut gateway, _) = walk(&site)?;
    gateway.admin(&["credits", "grant", PERSON, CREDITS])?;
    let known = known(&gateway)?;
    let backups = site.join("backups");
    gateway.admin(&["backup", &backups.display().to_string()])?;
    gateway.running.stop(PATIENCE)?;
    fs::write(site.join("known.json"), serde_json::to_string_pretty(&known)?)?;
    fs::create_dir_all(workspace::root().join(FOLDER))?;
    // The socket is nobody's any more.
    let mut pack = Command::new("tar");
    pack.args(["--create", "--gzip", "--exclude=*.sock", "--owner=0", "--group=0", "--file"]).arg(&archive);
    succeed(pack.arg("--directory").arg(&site).args(["data", "backups", "known.json"]))?;
    println!("{} has {} bytes", archive.display(), fs::metadata(&archive)?.len());
    Ok(())
}

/// What a later version must find.
fn known(gateway: &Gateway) -> Outcome<Value> {
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "address_key": KEY_DIGIT.repeat(64),
        "person": PERSON,
        "key": gateway.key,
        "balance": balance(gateway)?,
        "generations": send(gateway, "GET", "/v1/generations", &Value::Null)?["data"],
        "entries": gateway.entries()?.len(),
    }))
}
