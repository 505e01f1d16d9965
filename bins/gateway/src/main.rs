//! The OpenCredits gateway: `opencredits-gateway --config FILE`, or `opencredits-gateway dev` to try it out.

mod build;
mod connections;
mod data_key;
mod dev;
mod discover;
mod error;
mod identity;
mod jobs;
mod log;
mod machine;
mod mails;
mod metrics;
mod pages;
mod parts;
mod payments;
mod ports;
mod prices;
mod privacy;
mod process;
mod reload;
mod run;
mod secret_files;
mod source;
mod test_mode;
mod transports;
mod workers;

use clap::{Args, Parser, Subcommand};
use error::StartError;
use opencredits_service::Clock as _;
use opencredits_service::config::Config;
use source::ConfigSource;
use std::path::PathBuf;
use std::process::ExitCode;

/// mimalloc: a third less CPU for each request than the C library's allocator, and memory is given back to the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Prepaid AI credits that you run yourself.
#[derive(Parser)]
#[command(name = "opencredits-gateway", version, about)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args)]
struct Settings {
    /// The config, a TOML file. Without one, defaults and OPENCREDITS_… variables hold.
    #[arg(long, value_name = "FILE", env = "OPENCREDITS_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// The folder with ledger, store and admin socket.
    #[arg(long, value_name = "DIR", env = "OPENCREDITS_DATA", global = true)]
    data: Option<String>,
    /// Checks the config, prints the one in force, and ends.
    #[arg(long)]
    check: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Starts with a sample person and the offline `sandbox` vendor, and prints lines to paste.
    Dev,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(&arguments) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a process that could not start or go on")]
fn report(error: &StartError) {
    eprintln!("opencredits-gateway: {error}");
}

fn start(arguments: &Arguments) -> Result<ExitCode, StartError> {
    let dev = matches!(arguments.command, Some(Command::Dev));
    let Settings { config: path, data, .. } = &arguments.settings;
    let mut source = ConfigSource::new(path.clone(), data.clone(), dev);
    let mut config = source.read()?;
    if arguments.settings.check {
        return show(&config);
    }
    let log = log::start(&config.log)?;
    let io = |source| StartError::Io { what: "threads".to_owned(), source };
    let threads = workers::WorkerPool::start(config.server.threads).map_err(io)?;
    // The main thread accepts connections, runs the jobs and the reaper.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io)?;
    runtime.block_on(async {
        // From here on a hangup does not end the process.
        let hangups = run::hangups()?;
        // A key is shown once, so it is created only after the port is bound.
        let asked = config.server.listen.clone();
        let listener = run::bind(&mut config).await?;
        source.bound(asked, &config.server.listen);
        if dev {
            dev::name_locally(&mut config);
            privacy::make_dev_key(&config, &ports::SystemEntropy)?;
        }
        let metrics = metrics::open(&mut config, &ports::environment(), ports::SystemClock.now()).await?;
        let built = build::build(&config, &ports::environment()).await?;
        if dev {
            dev::greet(&built, &config).await?;
        }
        run::run((built, listener, metrics), &config, (source, log, hangups), threads).await
    })
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "--check prints the config in force")]
fn show(config: &Config) -> Result<ExitCode, StartError> {
    let notices = build::check(config, &ports::environment())?;
    println!("{}", config.show()?);
    for notice in notices {
        eprintln!("opencredits-gateway: warning: {notice}");
    }
    Ok(ExitCode::SUCCESS)
}
