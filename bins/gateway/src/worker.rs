//! The worker: runs the jobs of an installation on PostgreSQL, beside any number of gateways. Several workers share the jobs. It is the
//! gateway's program under another name.

use crate::error::StartError;
use crate::settings::Settings;
use crate::source::ConfigSource;
use crate::{WORKER, build, log, machine, manual, metrics, ports, run, settings, traces};
use clap::{Parser, Subcommand};
use opencredits_service::Clock as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs the jobs of OpenCredits where several gateways share a PostgreSQL database.
#[derive(Parser)]
#[command(name = "opencredits-worker", version, about)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Writes manual pages and completions of shells into a folder, for packages.
    #[command(hide = true)]
    Manual {
        /// The folder, which is created where there is none.
        folder: PathBuf,
    },
}

pub(crate) fn start() -> Result<ExitCode, StartError> {
    let arguments = Arguments::parse();
    if let Some(Command::Manual { folder }) = &arguments.command {
        return manual::write::<Arguments>(folder);
    }
    let Settings { config: path, data, check, health } = arguments.settings;
    let source = ConfigSource::new(path, data, false);
    let mut config = source.read()?;
    if !config.database.is_on() {
        return Err(StartError::NoDatabase);
    }
    if check {
        return settings::show(WORKER, &config);
    }
    if health {
        return Err(StartError::NoHealth);
    }
    machine::set_role("worker");
    let io = |source| StartError::Io { what: "threads".to_owned(), source };
    let recorder = metrics::Making::begin().map_err(io)?;
    let (log, _lines_until_the_end) = log::start(&config.log)?;
    let (spans, _spans_until_the_end) = traces::start(&config.traces)?.unzip();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io)?;
    runtime.block_on(async {
        let (hangups, started) = (run::hangups()?, ports::SystemClock.now());
        let metrics = metrics::bind(&mut config, &ports::environment()).await?;
        let base = build::open(&config, &ports::environment()).await?;
        let metrics = metrics.map(|metrics| metrics.install(recorder)).transpose()?;
        let built = build::build(base, &config).await?;
        if let Some(spans) = spans {
            built.trace_to(&spans);
        }
        run::run((built, None, metrics), &config, (source, log, hangups), started).await
    })
}
