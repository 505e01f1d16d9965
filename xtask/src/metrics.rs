//! `cargo xtask metrics`: the rules, their tests, the scrape of a used gateway with Prometheus' own tools, and traces with
//! OpenTelemetry's own protocol files.

use crate::outcome::Outcome;
use crate::process::is_on_path;
use crate::workspace;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const PROMTOOL: &str = "promtool";

/// Checks the rules, installs the parser that is pinned, and has a used gateway scraped. Where a program is missing it says
/// so and leaves out what needs it.
pub(crate) fn run() -> Outcome {
    let rules = workspace::root().join("ops/prometheus");
    let has_promtool = is_on_path(PROMTOOL);
    if has_promtool {
        call(Command::new(PROMTOOL).args(["check", "rules"]).arg(rules.join("rules.yml")))?;
        call(Command::new(PROMTOOL).args(["test", "rules"]).arg(rules.join("tests.yml")))?;
    } else {
        println!("skipped: there is no {PROMTOOL}; Debian has it in the package prometheus");
    }
    let mut test = workspace::cargo();
    // The whole workspace, so that what its tests have compiled serves here.
    test.args(["test", "--workspace", "--test", "it", "--", "metrics::", "traces::"]);
    if has_promtool {
        test.env("TEST_METRICS_TOOLS", "required");
    }
    if is_on_path("python3") {
        test.env("TEST_METRICS_PYTHON", install()?);
    } else {
        println!("skipped: there is no python3 to parse the scrape and the traces with");
    }
    call(&mut test)
}

/// A Python with the pinned packages, unless the same ones are there.
fn install() -> Outcome<PathBuf> {
    let folder = workspace::target_dir().join("metrics");
    fs::create_dir_all(&folder)?;
    let pins = workspace::root().join("tests/metrics/requirements.txt");
    let (wanted, stamp, venv) = (fs::read_to_string(&pins)?, folder.join("stamp"), folder.join("venv"));
    let python = venv.join("bin/python");
    if !fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--requirement"];
        call(Command::new(&python).args(pip).arg(&pins))?;
        fs::write(stamp, wanted)?;
    }
    Ok(python)
}

fn call(command: &mut Command) -> Outcome {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("cannot start {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) }
}
