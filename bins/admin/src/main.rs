//! The operator's command line of OpenCredits: `opencredits-admin --help`.
//!
//! It speaks to the running gateway through the admin socket in the data folder, or opens the files when none runs.

mod alarm_args;
mod answered;
mod application_args;
mod args;
mod asked;
mod backups;
#[cfg(test)]
mod book;
mod catalog_args;
mod check;
mod client;
mod config_args;
mod config_edit;
mod config_file;
mod config_file_error;
mod confirm;
mod dates;
mod doctor;
mod error;
mod exit;
mod follow;
mod identity_args;
mod job_args;
mod limit_args;
mod live;
mod manual;
mod migrate_args;
mod months_args;
mod order_args;
mod output;
mod partner_args;
mod ports;
mod privacy_args;
mod progress;
mod provider_args;
mod rekey;
mod rotate_args;
mod show;
mod show_alarms;
mod show_applications;
mod show_jobs;
mod show_limits;
mod show_orders;
mod show_partners;
mod show_prices;
mod show_privacy;
mod show_providers;
mod show_reads;
mod show_reload;
mod show_users;
mod table;
mod tail;
mod task;
mod top;
mod top_screen;
mod top_state;
mod usage_args;

use answered::{answered, words};
use args::Arguments;
use asked::{asked, located, place, runtime};
use clap::Parser;
use config_edit::Outcome;
use confirm::agreed;
use error::AdminError;
use output::{print, report};
use ports::{SystemClock, SystemEntropy};
use progress::{Reader, Shown};
use std::process::ExitCode;
use task::Task;

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
        Task::Config(task) => match config_edit::run(&task, arguments)? {
            Outcome::Text(text) => {
                print(&text)?;
                Ok(ExitCode::SUCCESS)
            }
            Outcome::Reply(reply) => answered(arguments, &reply),
        },
        Task::AcceptLoss => {
            let place = place(arguments)?;
            rekey::apply(&located(arguments)?, &place.dir())?;
            answered(arguments, &client::accept_loss(&place.dir())?)
        }
        Task::Rekey(order) => {
            print(&rekey::rekey(&order, &located(arguments)?)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Migrate(order) => order.run(&located(arguments)?, (arguments.test, arguments.json), &runtime()?),
        Task::Months(order) => order.run(&located(arguments)?, (arguments.test, arguments.json), &runtime()?),
        Task::Manual(folder) => manual::write::<Arguments>(&folder),
        Task::Restore(order) => {
            let (shown, place) = (Shown::new("verifying the backup", Reader::of(arguments.json)), place(arguments)?);
            rekey::apply(&located(arguments)?, &order.backup)?;
            let reply = shown.during(|progress| backups::restore(&order, &place, &SystemClock, progress))?;
            answered(arguments, &reply)
        }
        Task::Csv(request) => {
            let reply = asked(request, arguments)?;
            let csv = show_reads::usage_csv(&reply).or_else(|| show_partners::statement_csv(&reply));
            print(&csv.unwrap_or_default())?;
            Ok(ExitCode::SUCCESS)
        }
        Task::InSteps(steps) => {
            let reply = asked(steps.first.clone(), arguments)?;
            // What will happen is shown before it is agreed to, and apart from the reply.
            let shown = show::show(&reply);
            match steps.second(&reply, |warning| agreed(Some(format!("{shown}{warning}"))))? {
                Some(request) => answered(arguments, &asked(request, arguments)?),
                None => answered(arguments, &reply),
            }
        }
        Task::Previewed(order) => {
            if let Some(preview) = order.preview {
                let shown = words(&asked(preview, arguments)?);
                agreed(Some(format!("{shown}{}", order.warning)))?;
            }
            answered(arguments, &asked(order.request, arguments)?)
        }
        Task::Live(what) => {
            runtime()?.block_on(what.show(&place(arguments)?, arguments.json, &SystemClock))?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Doctor(order) => {
            let found = runtime()?.block_on(doctor::diagnose(&order, &located(arguments)?, &SystemClock))?;
            print(&if arguments.json { serde_json::to_string_pretty(&found)? } else { found.to_string() })?;
            Ok(if found.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Task::KeyFile(path) => print(&privacy_args::new_key_file(&path)?).map(|()| ExitCode::SUCCESS),
        Task::Request(request) => answered(arguments, &asked(request, arguments)?),
    }
}
