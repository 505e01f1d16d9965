//! `cargo xtask schemathesis`: requests made up from the OpenAPI document, with each kind of credential.

use crate::outcome::Outcome;
use crate::process::{free_port, is_on_path, without_settings};
use crate::workspace;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Installs what is pinned, builds the programs, checks the document, and sends the requests. Without Python it says so and
/// does nothing.
pub(crate) fn run() -> Outcome {
    if !is_on_path("python3") {
        println!("skipped: there is no python3");
        return Ok(());
    }
    let tests = workspace::root().join("tests/schemathesis");
    let folder = workspace::target_dir().join("schemathesis");
    fs::create_dir_all(&folder)?;
    install(&tests, &folder)?;
    let packages = ["-p", "opencredits-gateway", "-p", "opencredits-admin"];
    call(workspace::cargo().arg("build").args(packages))?;
    let bin = workspace::target_dir().join("debug");
    let port = free_port()?.to_string();
    let mut python = Command::new(folder.join("venv/bin/python"));
    call(without_settings(&mut python).arg(tests.join("run.py")).arg(bin).arg(port).arg(&folder))
}

/// Installs the packages, unless the same ones are there.
fn install(tests: &Path, folder: &Path) -> Outcome {
    let pins = tests.join("requirements.txt");
    let wanted = fs::read_to_string(&pins)?;
    let stamp = folder.join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")))?;
    let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--requirement"];
    call(Command::new(folder.join("venv/bin/python")).args(pip).arg(pins))?;
    Ok(fs::write(stamp, wanted)?)
}

fn call(command: &mut Command) -> Outcome {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("cannot start {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) }
}
