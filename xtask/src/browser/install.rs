//! A node folder and a virtual environment under target/, with the pinned packages; made once, and again when pins change.

use crate::outcome::Outcome;
use crate::workspace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How deep folders of scenarios may lie in each other.
const DEPTH_MAX: u8 = 4;

/// Where the scenarios run.
pub(super) struct Tools {
    /// The interpreter with the mail server's package.
    pub(super) python: PathBuf,
    /// The folder with the packages for Node and copies of the scenarios, which look for them beside themselves.
    pub(super) node: PathBuf,
}

/// Makes both, or finds them made.
pub(super) fn install() -> Outcome<Tools> {
    let tests = workspace::root().join("tests/browser");
    let target = workspace::target_dir().join("browser");
    let tools = Tools { python: target.join("venv/bin/python"), node: target.join("node") };
    fs::create_dir_all(&tools.node)?;
    let pins = tests.join("requirements.txt");
    once(&target.join("venv.stamp"), &[&pins], || {
        println!("making a virtual environment in {}", target.join("venv").display());
        call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(target.join("venv")))?;
        let flags = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--requirement"];
        call(Command::new(&tools.python).args(flags).arg(&pins))
    })?;
    copy_sources(&tests, &tools.node, DEPTH_MAX)?;
    let inputs = [&*tests.join("package.json"), &*tests.join("package-lock.json")];
    once(&target.join("node.stamp"), &inputs, || {
        println!("making a node folder in {}", tools.node.display());
        let flags = ["ci", "--no-audit", "--no-fund", "--loglevel", "error"];
        call(Command::new("npm").args(flags).current_dir(&tools.node))
    })?;
    Ok(tools)
}

/// Does it unless the stamp says that it was done with files of the same content.
fn once(stamp: &Path, inputs: &[&Path], make: impl FnOnce() -> Outcome) -> Outcome {
    let mut wanted = String::new();
    for input in inputs {
        wanted.push_str(&fs::read_to_string(input)?);
    }
    if fs::read_to_string(stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    make()?;
    Ok(fs::write(stamp, wanted)?)
}

/// Copies scripts and data, in folders too. Scenarios that no longer exist are removed from the copy.
fn copy_sources(from: &Path, to: &Path, depth: u8) -> Outcome {
    fs::create_dir_all(to)?;
    if to.ends_with("scenarios") {
        fs::remove_dir_all(to)?;
        fs::create_dir_all(to)?;
    }
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        let kind = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() && name != "node_modules" {
            if let Some(less) = depth.checked_sub(1) {
                copy_sources(&path, &to.join(name), less)?;
            }
        } else if matches!(kind, Some("mjs" | "json")) {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

fn call(command: &mut Command) -> Outcome {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("cannot start {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) }
}
