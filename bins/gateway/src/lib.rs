//! The programs that serve: `opencredits-gateway --config FILE`, or `opencredits-gateway dev` to try it out, and `opencredits-worker`,
//! which runs the jobs of an installation with several gateways. Both are in the gateway's program: its name says which of them it is.

mod access_format;
mod alarms;
#[cfg(test)]
mod book;
mod build;
mod certificate;
mod cluster;
mod connections;
mod data_key;
mod database;
mod dev;
mod discover;
mod error;
mod health;
mod identity;
mod init;
mod jobs;
mod log;
mod machine;
mod mails;
mod manual;
mod metrics;
mod pages;
mod parts;
mod payments;
mod ports;
mod prices;
mod privacy;
mod process;
mod readings;
mod reload;
mod run;
mod secret_files;
mod service_manager;
mod settings;
mod source;
mod task_sets;
mod test_mode;
#[cfg_attr(not(feature = "otel"), path = "no_traces.rs")]
mod traces;
mod transports;
mod waiting_lines;
mod worker;
mod workers;

use clap::{Parser, Subcommand};
use error::StartError;
use opencredits_service::Clock as _;
use settings::Settings;
use source::ConfigSource;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Builder;

/// The blocking threads of the jobs, for store, ledger and name resolution. More would wait: the store runs one statement at
/// a time. And each keeps memory for what it may do next.
const BLOCKING_MAX: usize = 8;
/// The names of both programs.
const GATEWAY: &str = "opencredits-gateway";
const WORKER: &str = "opencredits-worker";

/// Prepaid AI credits that you run yourself.
#[derive(Parser)]
#[command(name = "opencredits-gateway", version, about)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Starts with a sample person and the offline `sandbox` vendor, and prints lines to paste.
    Dev,
    /// Asks five questions, and writes a config that works with the keys that it needs.
    Init(init::Args),
    /// Writes manual pages and completions of shells into a folder, for packages.
    #[command(hide = true)]
    Manual {
        /// The folder, which is created where there is none.
        folder: PathBuf,
    },
}

/// Runs the worker where the process was started as `opencredits-worker`, as by a link of that name, and else the gateway.
#[must_use]
pub fn by_name() -> ExitCode {
    if is_worker(std::env::args_os().next().as_deref()) { worker() } else { gateway() }
}

fn is_worker(program: Option<&OsStr>) -> bool {
    program.map(Path::new).and_then(Path::file_name).is_some_and(|name| name == WORKER)
}

/// Runs the gateway by the command line of the process.
#[must_use]
pub fn gateway() -> ExitCode {
    ended(GATEWAY, start(&Arguments::parse()))
}

/// Runs the worker by the command line of the process.
#[must_use]
pub fn worker() -> ExitCode {
    ended(WORKER, worker::start())
}

#[expect(clippy::print_stderr, reason = "the last word of a process that could not start or go on")]
fn ended(program: &str, outcome: Result<ExitCode, StartError>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("{program}: {error}");
        ExitCode::FAILURE
    })
}

fn start(arguments: &Arguments) -> Result<ExitCode, StartError> {
    let dev = match &arguments.command {
        Some(Command::Init(args)) => return init::run(args),
        Some(Command::Manual { folder }) => return manual::write::<Arguments>(folder),
        Some(Command::Dev) => true,
        None => false,
    };
    let Settings { config: path, data, .. } = &arguments.settings;
    let mut source = ConfigSource::new(path.clone(), data.clone(), dev);
    let mut config = source.read()?;
    if arguments.settings.check {
        return settings::show(GATEWAY, &config);
    }
    if arguments.settings.health {
        return health::check(&config.server);
    }
    let io = |source| StartError::Io { what: "threads".to_owned(), source };
    let recorder = metrics::Making::begin().map_err(io)?;
    let socket = service_manager::handed_over()?;
    let (log, _lines_until_the_end) = log::start(&config.log)?;
    let (spans, _spans_until_the_end) = traces::start(&config.traces)?.unzip();
    let threads = workers::WorkerPool::start(config.server.threads).map_err(io)?;
    // The main thread accepts connections, runs the jobs and the reaper.
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_MAX).build().map_err(io)?;
    runtime.block_on(async {
        // From here on a hangup does not end the process.
        let hangups = run::hangups()?;
        let started = ports::SystemClock.now();
        // A key is shown once, so it is created only after the port is bound.
        let asked = config.server.listen.clone();
        let listener = run::bind(&mut config, socket).await?;
        source.bound(asked, &config.server.listen);
        if dev {
            dev::name_locally(&mut config);
            privacy::make_dev_key(&config, &ports::SystemEntropy)?;
        }
        let metrics = metrics::bind(&mut config, &ports::environment()).await?;
        let base = build::open(&config, &ports::environment()).await?;
        let metrics = metrics.map(|metrics| metrics.install(recorder)).transpose()?;
        let built = build::build(base, &config).await?;
        if let Some(spans) = spans {
            built.trace_to(&spans);
        }
        if dev {
            dev::greet(&built, &config).await?;
        }
        let front = Some(run::Front { listener, threads });
        run::run((built, front, metrics), &config, (source, log, hangups), started).await
    })
}
