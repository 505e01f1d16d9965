//! `cargo xtask bench`: figures in a release build, as a table or as one flat JSON object.

mod effort;
mod gateway;
mod ledger;
mod machine;
mod reads;
mod report;
mod translate;
mod volume;

pub(crate) use gateway::load::{Args as LoadArgs, run as load};
pub(crate) use gateway::mock::run as mock_upstream;
pub(crate) use report::Report;

use crate::outcome::Outcome;
use crate::workspace;
use clap::ValueEnum;
use effort::Effort;

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
    /// The ledger in a file
    Ledger,
    /// The ledger on PostgreSQL
    Database,
    Gateway,
    Translate,
    Reads,
    Volume,
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
        Subject::Database => ledger::run_on_database(effort, &mut report)?,
        Subject::Gateway => gateway::run(effort, &mut report)?,
        Subject::Translate => translate::run(effort, &mut report)?,
        Subject::Reads => reads::run(effort, &mut report)?,
        Subject::Volume => volume::run(effort, &mut report)?,
    }
    if args.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

/// The same command line again, in a release build of this program.
pub(crate) fn in_release() -> Outcome {
    let status = workspace::cargo()
        .args(["run", "--quiet", "--release", "--package", "xtask", "--"])
        .args(std::env::args_os().skip(1))
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("the release build of it ended with {status}").into()) }
}
