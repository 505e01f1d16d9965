//! `cargo xtask oauth`: clients of OAuth made of public libraries, against a reference first and then against the gateway.

use crate::outcome::Outcome;
use crate::process::{free_port, is_on_path, without_settings};
use crate::workspace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The scripts, which look for their packages beside themselves.
const SCRIPTS: [&str; 5] = ["client.mjs", "client.py", "gateway.mjs", "reference.mjs", "run.mjs"];

/// The programs without which nothing can be tried.
const NEEDED: [&str; 3] = ["node", "npm", "python3"];

/// Installs what is pinned, builds the programs, and runs all. Where a program is missing it says so and does nothing.
pub(crate) fn run() -> Outcome {
    if let Some(missing) = NEEDED.iter().find(|name| !is_on_path(name)) {
        println!("skipped: there is no {missing}");
        return Ok(());
    }
    let tests = workspace::root().join("tests/oauth");
    let folder = workspace::target_dir().join("oauth");
    fs::create_dir_all(&folder)?;
    for script in SCRIPTS {
        fs::copy(tests.join(script), folder.join(script))?;
    }
    install(&tests, &folder)?;
    let packages = ["-p", "opencredits-gateway", "-p", "opencredits-admin"];
    call(workspace::cargo().arg("build").args(packages))?;
    let bin = workspace::target_dir().join("debug");
    let port = free_port()?.to_string();
    let python = folder.join("venv/bin/python");
    let mut node = Command::new("node");
    call(without_settings(&mut node).arg(folder.join("run.mjs")).arg(bin).arg(python).arg(port))
}

/// Installs the packages, unless the same ones are there.
fn install(tests: &Path, folder: &Path) -> Outcome {
    let pins: Vec<PathBuf> =
        ["package.json", "package-lock.json", "requirements.txt"].map(|name| tests.join(name)).into();
    let mut wanted = String::new();
    for pin in &pins {
        wanted.push_str(&fs::read_to_string(pin)?);
        fs::copy(pin, folder.join(pin.file_name().unwrap_or_default()))?;
    }
    let stamp = folder.join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    let flags = ["ci", "--no-audit", "--no-fund", "--loglevel", "error"];
    call(Command::new("npm").args(flags).current_dir(folder))?;
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")))?;
    let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--requirement"];
    call(Command::new(folder.join("venv/bin/python")).args(pip).arg(tests.join("requirements.txt")))?;
    Ok(fs::write(stamp, wanted)?)
}

fn call(command: &mut Command) -> Outcome {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("cannot start {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) }
}
