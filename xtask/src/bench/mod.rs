//! `cargo xtask bench`: figures in a release build, as a table or as one flat JSON object.

mod gateway;
mod ledger;
mod machine;
mod report;
mod translate;

pub(crate) use gateway::load::{Args as LoadArgs, run as load};
pub(crate) use gateway::mock::run as mock_upstream;
pub(crate) use report::Report;

use crate::Outcome;
use crate::workspace;
use clap::ValueEnum;
use tempfile::TempDir;

/// What to measure and how to show it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to measure
    subject: Subject,
    /// Print one flat JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// A short run that only shows that the bench works; its figures mean little
    #[arg(long)]
    smoke: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Subject {
    Ledger,
    Gateway,
    Translate,
}

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Enough for figures to be quoted.
    Full,
    /// Enough to see that everything runs.
    Smoke,
}

/// Runs one benchmark, after changing over to a release build where this is none.
pub(crate) fn run(args: &Args) -> Outcome {
    if cfg!(debug_assertions) {
        return in_release();
    }
    let effort = if args.smoke { Effort::Smoke } else { Effort::Full };
    let mut report = Report::new();
    machine::describe(&mut report)?;
    match args.subject {
        Subject::Ledger => ledger::run(effort, &mut report)?,
        Subject::Gateway => gateway::run(effort, &mut report)?,
        Subject::Translate => translate::run(effort, &mut report)?,
    }
    if args.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

/// A folder for a benchmark's files, on the disk where the build lies: the system's own may be held in memory.
pub(crate) fn scratch() -> Outcome<TempDir> {
    let parent = workspace::target_dir().join("bench");
    std::fs::create_dir_all(&parent)?;
    Ok(tempfile::tempdir_in(parent)?)
}

/// The same command line again, in a release build of this program.
fn in_release() -> Outcome {
    let status = workspace::cargo()
        .args(["run", "--quiet", "--release", "--package", "xtask", "--"])
        .args(std::env::args_os().skip(1))
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("the benchmark ended with {status}").into()) }
}
