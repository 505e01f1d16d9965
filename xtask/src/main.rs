//! The checks, benchmarks and end-to-end runs of the project: `cargo xtask --help`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to the person who called it")]
#![expect(
    clippy::disallowed_methods,
    reason = "measuring needs the clock, and builds are told things by the environment"
)]

mod bench;
mod book;
mod browser;
mod check;
mod cluster;
mod demo;
mod e2e;
mod estimate;
mod gateway;
mod holds;
mod meter;
mod metrics;
mod oauth;
mod outcome;
mod package;
mod pricebook;
mod process;
mod released;
mod schemathesis;
mod simulate;
mod sqlcipher;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "The checks, benchmarks and end-to-end runs of the project")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Formatting, lints, tests, documentation and the house rules
    Check(check::Args),
    /// The house rules that no compiler knows
    Tidy,
    /// The book of docs/: its links, contents and snippets, and its pages as HTML
    Book,
    /// Measures the ledger or the gateway, in a release build
    Bench(bench::Args),
    /// Drives the gateway with the official SDKs, recorded providers and a real model
    E2e(e2e::Args),
    /// Tries the pages, the browser SDK and the checkout frame in headless Chromium
    Browser(browser::Args),
    /// Drives the gateway with public clients of OAuth, after a reference
    Oauth,
    /// Sends the gateway requests made up from its OpenAPI document
    Schemathesis,
    /// Checks the alarms, and the metrics of a used gateway, with Prometheus' own tools
    Metrics,
    /// Builds with encrypted data files, and starts, backs up, restores and rekeys them
    Sqlcipher,
    /// Makes a package for Debian, and tries it in a fresh one
    Package(package::Args),
    /// Shows a purchase, a request and a partner's payout, with a gateway of its own
    Demo,
    /// Starts two gateways (or more), a worker, PostgreSQL with a standby, and nginx on this machine, to try them out
    Cluster(cluster::Args),
    /// Simulates gateways over one PostgreSQL ledger: throughput, latency of holds, and exposure.
    Simulate(simulate::Args),
    /// Keeps the data folder of this version, which later versions must open
    ReleaseData,
    /// Reads recorded exchanges with the gateway's decoders and compares with the expected usage
    Meter(meter::Args),
    /// Compares estimated tokens with real tokenizers, by class of text
    Estimate(estimate::Args),
    /// Compares the input that holds count with to the input of recorded requests
    Holds(holds::Args),
    /// The upstream that a benchmark puts behind the gateway
    #[command(hide = true)]
    MockUpstream,
    /// The client of a benchmark
    #[command(hide = true)]
    Load(bench::LoadArgs),
    /// Derives the price book from the shared folder's facts
    Pricebook {
        /// The facts: a `models.json` in the form of the shared folder.
        facts: std::path::PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = match Args::parse().task {
        Task::Check(args) => check::run(&args),
        Task::Tidy => tidy::run(),
        Task::Book => book::run(),
        Task::Estimate(args) => estimate::run(&args),
        Task::Holds(args) => holds::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::E2e(args) => e2e::run(&args),
        Task::Browser(args) => browser::run(&args),
        Task::Oauth => oauth::run(),
        Task::Schemathesis => schemathesis::run(),
        Task::Metrics => metrics::run(),
        Task::Package(args) => package::run(&args),
        Task::Demo => demo::run(),
        Task::Cluster(args) => cluster::run(&args),
        Task::Simulate(args) => simulate::run(&args),
        Task::ReleaseData => released::run(),
        Task::Sqlcipher => sqlcipher::run(),
        Task::Meter(args) => meter::run(&args),
        Task::MockUpstream => bench::mock_upstream(),
        Task::Load(args) => bench::load(&args),
        Task::Pricebook { facts } => pricebook::run(&facts),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
