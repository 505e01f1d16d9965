//! `cargo xtask simulate`: many gateways on one ledger in PostgreSQL, or on one that is divided into shards.
//!
//! A discrete-event simulation of what `docs/ledger-on-postgresql.md` describes. Time is a count of nanoseconds that jumps from event to
//! event, and randomness follows from a seed: the same parameters give the same figures.

mod agenda;
mod capacity;
mod cores;
mod disk;
mod figures;
mod lane;
mod model;
mod numbers;
mod parameters;
mod people;
mod report;
mod requests;
mod rows;
mod sweep;
#[cfg(test)]
mod tests;

use crate::outcome::Outcome;
use model::Model;
use parameters::Parameters;
use report::Finished;
use sweep::Which;

/// What to simulate and how to show it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    parameters: Parameters,
    /// What is varied; everything else stays as the other arguments say
    #[arg(long, value_enum, default_value = "all")]
    sweep: Which,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

/// Simulates every run of the sweeps and prints them.
pub(crate) fn run(args: &Args) -> Outcome {
    if cfg!(debug_assertions) {
        return crate::bench::in_release();
    }
    args.parameters.check()?;
    let mut finished = Vec::new();
    for sweep in sweep::sweeps(&args.parameters, args.sweep) {
        let mut runs = Vec::new();
        for (value, parameters) in sweep.runs {
            let (parameters, figures) = if sweep.is_search {
                capacity::find(&parameters)
            } else {
                let figures = Model::new(&parameters).run();
                (parameters, figures)
            };
            runs.push(Finished { value, parameters, figures });
        }
        if args.json {
            finished.push((sweep.name, runs));
        } else {
            print!("{}", report::table(sweep.title, sweep.varied, &runs));
        }
    }
    if args.json {
        println!("{}", report::json(&args.parameters, &finished)?);
    } else {
        print!("{}", report::legend(&args.parameters));
    }
    Ok(())
}
