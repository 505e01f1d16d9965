//! A program of ours among several on one database: how it is started, killed and started again.

use crate::outcome::Outcome;
use crate::process::{Running, succeed, wait_for_port, wait_until_ready, without_settings};
use crate::workspace;
use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const GATEWAY: &str = "opencredits-gateway";
pub(crate) const WORKER: &str = "opencredits-worker";
pub(super) const ADMIN: &str = "opencredits-admin";
const PROGRAMS: [&str; 3] = [GATEWAY, WORKER, ADMIN];
/// The config that all of them have, in their folder.
pub(super) const CONFIG: &str = "config.toml";

/// How long a gateway may take to serve: the first start makes the tables of two databases.
const START_MAX: Duration = Duration::from_secs(60);
/// A program without a port that has not ended so long after its start runs.
const SETTLED: Duration = Duration::from_secs(1);
/// How long it may take to end in order: longer than `server.shutdown_ms`.
const STOP_MAX: Duration = Duration::from_secs(45);
const KILL_MAX: Duration = Duration::from_secs(5);
/// The wait before what has ended is started again, as a service manager has one.
const REVIVED_AFTER: Duration = Duration::from_secs(5);

/// Builds all programs for release.
pub(super) fn build() -> Outcome {
    let mut build = workspace::cargo();
    build.args(["build", "--release", "--quiet"]);
    succeed(build.args(PROGRAMS.iter().flat_map(|program| ["-p", program])))
}

/// Where a program is.
pub(super) fn program(name: &str) -> PathBuf {
    workspace::target_dir().join("release").join(name)
}

/// So many ports of 127.0.0.1 that are free now, each another one.
pub(crate) fn free_ports(count: usize) -> Outcome<Vec<u16>> {
    // All are taken before any is given back.
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<std::io::Result<_>>()?;
    let ports = listeners.iter().map(|listener| listener.local_addr().map(|address| address.port()));
    Ok(ports.collect::<std::io::Result<_>>()?)
}

/// What a process is, and where its files are.
pub(crate) struct Place {
    /// Its data folder and its log have this name.
    pub(crate) name: String,
    pub(crate) program: &'static str,
    /// Where it listens, if it does.
    pub(crate) port: Option<u16>,
    /// The folder with the config of all, in which its data folder and its log are.
    pub(crate) folder: PathBuf,
    /// Its variables besides those that say where it listens and has its data.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// A process that runs, or has ended.
pub(crate) struct Member {
    pub(super) place: Place,
    running: Running,
    /// When its end was noticed.
    ended: Option<Instant>,
}

impl Place {
    /// Its data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    /// Starts it, and waits until it serves.
    fn start(&self) -> Outcome<Running> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = Command::new(program(self.program));
        without_settings(&mut command).arg("--config").arg(self.folder.join(CONFIG));
        command.env("OPENCREDITS_DATA_DIR", self.data());
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        if let Some(port) = self.port {
            command.env("OPENCREDITS_SERVER_LISTEN", format!("127.0.0.1:{port}"));
        }
        let mut running = Running::start(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log))?;
        if let Some(port) = self.port {
            wait_for_port(port, &mut running, START_MAX)?;
            wait_until_ready(port, START_MAX)?;
        } else {
            thread::sleep(SETTLED);
            running.check()?;
        }
        Ok(running)
    }

    /// The same; what fails names the log.
    fn started(&self) -> Outcome<Running> {
        let started = self.start();
        started.map_err(|error| format!("{} does not start: {error}; see {}", self.name, self.log().display()).into())
    }
}

impl Member {
    /// Starts it.
    pub(crate) fn start(place: Place) -> Outcome<Self> {
        Ok(Self { running: place.started()?, place, ended: None })
    }

    /// The process's id.
    pub(super) fn id(&self) -> u32 {
        self.running.id()
    }

    /// Kills it with SIGKILL.
    pub(super) fn kill(&mut self) -> Outcome {
        let kill = format!("kill -KILL {}", self.running.id());
        succeed(Command::new("sh").args(["-c", &kill]))?;
        self.running.wait(KILL_MAX)?;
        Ok(())
    }

    /// Starts it again after it has ended.
    pub(super) fn start_again(&mut self) -> Outcome {
        self.running = self.place.started()?;
        Ok(())
    }

    /// Ends it in order.
    pub(crate) fn stop(&mut self) -> Outcome {
        let ended = self.running.stop(STOP_MAX)?;
        if ended.success() { Ok(()) } else { Err(format!("{} does not end in order: {ended}", self.place.name).into()) }
    }

    /// Ends it in order, and starts it again.
    pub(super) fn restart(&mut self) -> Outcome {
        self.stop()?;
        self.start_again()
    }

    /// Starts it again some seconds after it has ended, and says so.
    pub(super) fn revive(&mut self) {
        let name = self.place.name.clone();
        if self.running.check().is_ok() {
            return;
        }
        let Some(noticed) = self.ended else {
            println!("{name} has ended; it is started again in {} s", REVIVED_AFTER.as_secs());
            self.ended = Some(Instant::now());
            return;
        };
        if noticed.elapsed() < REVIVED_AFTER {
            return;
        }
        self.ended = None;
        match self.start_again() {
            Ok(()) => println!("{name} runs again, as process {}", self.id()),
            Err(error) => println!("{error}"),
        }
    }
}
