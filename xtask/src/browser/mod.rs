//! `cargo xtask browser`: the pages, the browser SDK and the checkout frame in headless Chromium, against a gateway in
//! development mode with a mail server of its own.

mod install;
mod stage;

use crate::outcome::Outcome;
use crate::process::{is_on_path, without_settings};
use crate::workspace;
use install::Tools;
use stage::Stage;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The programs without which nothing can be tried, each with other names under which it may be there.
const NEEDED: [&[&str]; 4] = [&["node"], &["npm"], &["python3"], &["chromium", "chromium-browser"]];

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the scenarios whose name contains this, such as `sdk:` or `new_tab`
    #[arg(long)]
    only: Option<String>,
    /// Try the release build instead of the debug build
    #[arg(long)]
    release: bool,
    /// Start everything, print the addresses, and wait for the end of the input instead of running scenarios
    #[arg(long)]
    stay: bool,
}

/// Runs every scenario, and fails when one did. Where a program is missing it says so and does nothing.
pub(crate) fn run(args: &Args) -> Outcome {
    let missing = NEEDED.iter().find(|names| !names.iter().any(|name| is_on_path(name)));
    if let Some(names) = missing {
        println!("skipped: there is no {}", names.join(" or "));
        return Ok(());
    }
    let start = Instant::now();
    let tools = install::install()?;
    let stage = Stage::set(&tools, args.release, args.only.as_deref())?;
    println!("{} s installing, building and starting", start.elapsed().as_secs());
    if args.stay {
        println!("{}", fs::read_to_string(&stage.plan)?);
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
        return Ok(());
    }
    let passed = scenarios(&tools, &stage)?;
    println!("{} s in all; pictures are in {}", start.elapsed().as_secs(), stage.screenshots.display());
    let log = stage.folder.join("gateway.log");
    if passed {
        Ok(())
    } else {
        Err(format!("a scenario failed; what the gateway said is in {}", log.display()).into())
    }
}

fn scenarios(tools: &Tools, stage: &Stage) -> Outcome<bool> {
    let mut node = Command::new("node");
    without_settings(&mut node).arg(tools.node.join("run.mjs")).env("BROWSER_PLAN", &stage.plan).stdin(Stdio::null());
    Ok(node.current_dir(workspace::root()).status()?.success())
}
