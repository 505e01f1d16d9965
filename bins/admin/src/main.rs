//! The operator's command line of OpenCredits: `opencredits-admin --help`.
//!
//! It speaks to the running gateway through the admin socket in the data folder, or opens the files when none runs.

mod args;
mod check;
mod client;
mod error;
mod ports;
mod show;
mod table;

use args::{Arguments, Task};
use clap::Parser;
use client::Client;
use error::AdminError;
use opencredits_api::admin::{AdminReply, AdminRequest};
use opencredits_service::config::Config;
use ports::{SystemClock, SystemEntropy};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, AdminError> {
    match arguments.task(&SystemClock, &SystemEntropy)? {
        Task::Check(file) => {
            let config = read_config(file.as_ref().or(arguments.config.as_ref()))?;
            let checked = check::check(&config, &ports::environment())?;
            print(&if arguments.json { serde_json::to_string_pretty(&checked)? } else { checked.to_string() });
            Ok(ExitCode::SUCCESS)
        }
        Task::Ask(request) => {
            let mut config = read_config(arguments.config.as_ref())?;
            if let Some(dir) = &arguments.data {
                config.data.dir.clone_from(dir);
            }
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(AdminError::Runtime)?;
            let reply = runtime.block_on(ask(request, &config))?;
            print(&if arguments.json { serde_json::to_string_pretty(&reply)? } else { show::show(&reply) });
            Ok(code_of(&reply))
        }
    }
}

async fn ask(request: AdminRequest, config: &Config) -> Result<AdminReply, AdminError> {
    let client = Client::open(Path::new(&config.data.dir), config).await?;
    client.ask(request).await
}

/// Books that do not add up are a failure, for scripts too.
fn code_of(reply: &AdminReply) -> ExitCode {
    match reply {
        AdminReply::Verified { clean: false, .. } => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn read_config(file: Option<&PathBuf>) -> Result<Config, AdminError> {
    let text = match file {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|source| AdminError::File { path: path.clone(), source })?
        }
        None => String::new(),
    };
    Ok(Config::read(&text, ports::environment())?)
}

#[expect(clippy::print_stdout, reason = "what a command line is for")]
fn print(text: &str) {
    println!("{}", text.trim_end());
}

#[expect(clippy::print_stderr, reason = "what a command line is for")]
fn report(error: &AdminError) {
    eprintln!("opencredits-admin: {error}");
}
