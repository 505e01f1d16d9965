//! What the command line says about the config.

use crate::error::StartError;
use crate::{build, ports};
use clap::Args;
use opencredits_service::config::Config;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub(crate) struct Settings {
    /// The config, a TOML file. Without one, defaults and OPENCREDITS_… variables hold.
    #[arg(long, value_name = "FILE", env = "OPENCREDITS_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The folder with ledger, store and admin socket.
    #[arg(long, value_name = "DIR", env = "OPENCREDITS_DATA", global = true)]
    pub(crate) data: Option<String>,
    /// Checks the config, prints the one in force, and ends.
    #[arg(long)]
    pub(crate) check: bool,
    /// Asks the gateway that runs with this config whether it takes requests, and ends: for health checks.
    #[arg(long, conflicts_with = "check")]
    pub(crate) health: bool,
}

/// Prints the config in force, and what may be a mistake in it.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "--check prints the config in force")]
pub(crate) fn show(program: &str, config: &Config) -> Result<ExitCode, StartError> {
    let notices = build::check(config, &ports::environment())?;
    println!("{}", config.show()?);
    for notice in notices {
        eprintln!("{program}: warning: {notice}");
    }
    Ok(ExitCode::SUCCESS)
}
