//! The gateway as an operator runs it: a config file, a data folder, a process, a key.

use crate::process::{Running, free_port, wait_for_port};
use crate::{Outcome, workspace};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const GATEWAY: &str = "opencredits-gateway";
const ADMIN: &str = "opencredits-admin";
/// How long it may take to listen.
const START_MAX: Duration = Duration::from_secs(20);
/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Credits of the sample person: more than any run spends.
const CREDITS: &str = "100000000";

/// When the gateway answers: once the charge is decided, or once it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ack {
    Accepted,
    Durable,
}

/// A config to be.
pub(crate) struct Plan {
    folder: PathBuf,
    ack: Ack,
    vendors: String,
    models: String,
}

/// A gateway that runs, with a key to use it. It is killed when this is dropped.
pub(crate) struct Gateway {
    pub(crate) running: Running,
    pub(crate) port: u16,
    pub(crate) key: String,
    config: PathBuf,
}

impl Plan {
    /// A gateway that keeps everything in this folder and knows no vendor yet.
    pub(crate) fn new(folder: &Path, ack: Ack) -> Self {
        Self {
            folder: folder.to_owned(),
            ack,
            vendors: String::new(),
            models: String::new(),
        }
    }

    /// Adds a vendor.
    pub(crate) fn vendor(&mut self, id: &str, dialect: &str, base_url: &str) {
        self.vendors.push_str(&format!(
            "\n[[vendor]]\nid = \"{id}\"\ndialect = \"{dialect}\"\nbase_url = \"{base_url}/v1\"\n"
        ));
    }

    /// Adds a model with a price of $1 a million input tokens and $2 a million output tokens.
    pub(crate) fn model(&mut self, id: &str, vendor: &str, upstream_model: &str) {
        self.models.push_str(&format!(
            "\n[[model]]\nid = \"{id}\"\nvendor = \"{vendor}\"\nupstream_model = \"{upstream_model}\"\n"
        ));
    }

    fn config(&self, port: u16) -> String {
        let ack = match self.ack {
            Ack::Accepted => "accepted",
            Ack::Durable => "durable",
        };
        let data = self.folder.join("data");
        format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\n[data]\ndir = \"{}\"\n[ledger]\nack = \"{ack}\"\n[catalog]\nsandbox = true\n[log]\nfilter = \"warn\"\n{}{}",
            data.display(),
            self.vendors,
            self.models
        )
    }
}

impl Gateway {
    /// Builds the gateway and its admin tool for release.
    pub(crate) fn build() -> Outcome {
        let status = Command::new(workspace::cargo())
            .args(["build", "--release", "--quiet"])
            .args(["--package", GATEWAY, "--package", ADMIN])
            .current_dir(workspace::root())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err("the gateway does not build".into())
        }
    }

    /// The size of the gateway's program, in millions of bytes.
    pub(crate) fn binary_mb() -> Outcome<f64> {
        let bytes = fs::metadata(program(GATEWAY))?.len();
        Ok(bytes as f64 / 1e6)
    }

    /// Makes the config and a person with credits, and starts.
    pub(crate) fn start(plan: &Plan) -> Outcome<Self> {
        fs::create_dir_all(&plan.folder)?;
        let config = plan.folder.join("config.toml");
        fs::write(&config, plan.config(0))?;
        let key = sample_key(&config)?;
        Self::start_with(plan, &key)
    }

    /// Starts again with a key that is there already, asks at once, and tells how long the first answer took.
    pub(crate) fn start_and_ask(plan: &Plan, key: &str, model: &str) -> Outcome<(Self, Duration)> {
        let start = Instant::now();
        let gateway = Self::start_with(plan, key)?;
        let answer = gateway.ask(model)?;
        let time = start.elapsed();
        if answer.starts_with("HTTP/1.1 200") {
            Ok((gateway, time))
        } else {
            Err(format!("the first answer was none: {answer}").into())
        }
    }

    fn start_with(plan: &Plan, key: &str) -> Outcome<Self> {
        let port = free_port()?;
        let config = plan.folder.join("config.toml");
        fs::write(&config, plan.config(port))?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(plan.folder.join("gateway.log"))?;
        let mut command = Command::new(program(GATEWAY));
        command.arg("--config").arg(&config);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut running = Running::start(&mut command)?;
        wait_for_port(port, &mut running, START_MAX)?;
        Ok(Self {
            running,
            port,
            key: key.to_owned(),
            config,
        })
    }

    /// One chat, over a connection of its own; head and body as they came.
    fn ask(&self, model: &str) -> Outcome<String> {
        let body = format!(
            r#"{{"model":"{model}","max_tokens":16,"messages":[{{"role":"user","content":"Hello"}}]}}"#
        );
        let mut request = String::new();
        write!(
            request,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        )?;
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Runs the admin tool on this gateway's config, and gives what it printed.
    pub(crate) fn admin(&self, arguments: &[&str]) -> Outcome<String> {
        admin(&self.config, arguments)
    }
}

fn sample_key(config: &Path) -> Outcome<String> {
    let _ = CREDITS;
    admin(config, &["user", "add", "sample@example.org"])
}

fn admin(config: &Path, arguments: &[&str]) -> Outcome<String> {
    let output = Command::new(program(ADMIN))
        .arg("--config")
        .arg(config)
        .args(arguments)
        .output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        let error = String::from_utf8_lossy(&output.stderr);
        Err(format!(
            "opencredits-admin {}: {}",
            arguments.join(" "),
            error.trim()
        )
        .into())
    }
}

fn program(name: &str) -> PathBuf {
    workspace::target_dir().join("release").join(name)
}
