//! The gateway as an operator runs it: a config file, a data folder, a process, a key.

use crate::outcome::Outcome;
use crate::process::{self, Running, free_port, wait_for_port, without_settings};
use crate::workspace;
use serde::Serialize;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const GATEWAY: &str = "opencredits-gateway";
const ADMIN: &str = "opencredits-admin";
const WORKER: &str = "opencredits-worker";
/// The variable with the operator's key for upstreams.
pub(crate) const KEY_VARIABLE: &str = "UPSTREAM_KEY";
/// That key: what must reach every upstream, and nobody else.
pub(crate) const UPSTREAM_KEY: &str = "the-operators-own";
/// How long it may take to listen.
const START_MAX: Duration = Duration::from_secs(20);
/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Credits of the sample person: more than any run spends.
const CREDITS: &str = "100000000";

/// More requests or tokens in a minute than any run has.
const RATE_MAX: &str = "4000000000";

/// When the gateway answers: once the charge is decided, or once it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ack {
    Accepted,
    Durable,
}

/// What a model costs, in pico-USD a token, which is millionths of a dollar for a million tokens.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Rates {
    pub(crate) input: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write_5m: u64,
    pub(crate) cache_write_1h: u64,
    pub(crate) output: u64,
}

impl Rates {
    /// As prices stand in a config: decimal dollars for a million tokens.
    fn toml(&self) -> String {
        let rates = [
            ("input", self.input),
            ("cache_read", self.cache_read),
            ("cache_write_5m", self.cache_write_5m),
            ("cache_write_1h", self.cache_write_1h),
            ("output", self.output),
        ];
        let rates = rates.map(|(name, pico)| format!("{name} = \"{}.{:06}\"", pico / 1_000_000, pico % 1_000_000));
        format!("{{ {} }}", rates.join(", "))
    }
}

/// A config to be.
pub(crate) struct Plan {
    folder: PathBuf,
    ack: Ack,
    vendors: String,
    models: String,
    settings: String,
}

/// A gateway that runs, with a key to use it. It is killed when this is dropped.
pub(crate) struct Gateway {
    pub(crate) running: Running,
    pub(crate) port: u16,
    pub(crate) key: String,
    config: PathBuf,
}

/// Whether a model thinks before it speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mind {
    Thinks,
    Plain,
}

impl Plan {
    /// A gateway that keeps everything in this folder and knows no vendor yet.
    pub(crate) fn new(folder: &Path, ack: Ack) -> Self {
        Self { folder: folder.to_owned(), ack, vendors: String::new(), models: String::new(), settings: String::new() }
    }

    /// Adds settings, as they stand in a config.
    pub(crate) fn settings(&mut self, toml: &str) {
        self.settings.push_str(toml);
    }

    /// Adds a vendor that speaks a dialect at this address; `more` are further lines of its table.
    pub(crate) fn vendor(&mut self, id: &str, dialect: &str, base_url: &str, more: &str) {
        self.vendors.push_str(&format!(
            "\n[[vendor]]\nid = \"{id}\"\ndialect = \"{dialect}\"\nbase_url = \"{base_url}/v1\"\nkey_env = \"{KEY_VARIABLE}\"\n{more}\n"
        ));
    }

    /// Adds a model of a vendor, with its price; `mind` is among what it supports.
    pub(crate) fn model(&mut self, id: &str, (vendor, upstream_model): (&str, &str), mind: Mind, price: &Rates) {
        let thinks = if mind == Mind::Thinks { ", \"reasoning\"" } else { "" };
        self.models.push_str(&format!(
            "\n[[model]]\nid = \"{id}\"\nvendor = \"{vendor}\"\nupstream_model = \"{upstream_model}\"\ncontext_window = 400000\nmax_output_tokens = 128000\ninput_modalities = [\"text\", \"image\", \"pdf\"]\nsupports = [\"tools\", \"json_schema\", \"temperature\"{thinks}]\nprices = {}\n",
            price.toml()
        ));
    }

    /// Adds a model that makes vectors, whose output costs nothing.
    pub(crate) fn embedding(&mut self, id: &str, (vendor, upstream_model): (&str, &str), price: &Rates) {
        self.models.push_str(&format!(
            "\n[[model]]\nid = \"{id}\"\nvendor = \"{vendor}\"\nupstream_model = \"{upstream_model}\"\nkind = \"embedding\"\ncontext_window = 400000\nmax_output_tokens = 1\nprices = {}\n",
            Rates { output: 0, ..*price }.toml()
        ));
    }

    fn config(&self, port: u16) -> String {
        let ack = match self.ack {
            Ack::Accepted => "accepted",
            Ack::Durable => "durable",
        };
        let data = self.folder.join("data");
        format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\n[data]\ndir = \"{}\"\n[ledger]\nack = \"{ack}\"\n[catalog]\nsandbox = true\n[log]\nfilter = \"warn\"\n{}\n{}{}",
            data.display(),
            self.settings,
            self.vendors,
            self.models
        )
    }
}

impl Gateway {
    /// Builds the gateway and its admin tool for release.
    pub(crate) fn build() -> Outcome {
        let mut build = workspace::cargo();
        build.args(["build", "--release", "--quiet", "--package", GATEWAY, "--package", ADMIN, "--package", WORKER]);
        let status = build.status()?;
        if status.success() { Ok(()) } else { Err("the gateway does not build".into()) }
    }

    /// The size of the gateway's program, in millions of bytes.
    pub(crate) fn binary_mb() -> Outcome<f64> {
        let bytes = fs::metadata(program(GATEWAY))?.len();
        Ok(bytes as f64 / 1e6)
    }

    /// The admin tool on the files of a data folder that no gateway has open.
    pub(crate) fn admin_of(data: &Path) -> Command {
        let mut admin = command(ADMIN);
        admin.arg("--data").arg(data).arg("--json");
        admin
    }

    /// Writes the config, starts, and makes a person with credits.
    pub(crate) fn start(plan: &Plan) -> Outcome<Self> {
        fs::create_dir_all(&plan.folder)?;
        let mut gateway = Self::start_with(plan, "")?;
        // The port is taken before the admin socket is; whoever answers has both.
        gateway.exchange("GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
        gateway.key = gateway.add_person("sample", CREDITS)?;
        Ok(gateway)
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

    /// Starts without anybody who has credits.
    pub(crate) fn start_empty(plan: &Plan) -> Outcome<Self> {
        fs::create_dir_all(&plan.folder)?;
        let gateway = Self::start_with(plan, "")?;
        gateway.exchange("GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
        Ok(gateway)
    }

    fn start_with(plan: &Plan, key: &str) -> Outcome<Self> {
        let port = free_port()?;
        let config = plan.folder.join("config.toml");
        fs::write(&config, plan.config(port))?;
        let log = File::options().create(true).append(true).open(plan.folder.join("gateway.log"))?;
        let mut gateway = command(GATEWAY);
        gateway
            .arg("--config")
            .arg(&config)
            .env(KEY_VARIABLE, UPSTREAM_KEY)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut running = Running::start(&mut gateway)?;
        wait_for_port(port, &mut running, START_MAX)?;
        Ok(Self { running, port, key: key.to_owned(), config })
    }

    /// One chat, over a connection of its own; head and body as they came.
    fn ask(&self, model: &str) -> Outcome<String> {
        let body = format!(r#"{{"model":"{model}","max_tokens":16,"messages":[{{"role":"user","content":"Hello"}}]}}"#);
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        self.exchange(&request)
    }

    pub(crate) fn exchange(&self, request: &str) -> Outcome<String> {
        process::exchange(self.port, request, ANSWER_MAX)
    }

    /// A person with so many credits; their key.
    pub(crate) fn add_person(&self, name: &str, credits: &str) -> Outcome<String> {
        self.admin(&["user", "add", name])?;
        self.admin(&["credits", "grant", name, credits])?;
        let added = self.admin(&["key", "add", name])?;
        let key = added["key"].as_str().ok_or("the admin tool tells no key")?;
        Ok(key.to_owned())
    }

    /// A further key of this person: it earns a partner commission, and it has every kind of limit, none of which a run
    /// reaches.
    pub(crate) fn add_limited_key(&self, person: &str) -> Outcome<String> {
        self.admin(&["partner", "add", "limited-app"])?;
        self.admin(&["user", "limit", person, CREDITS, "--reset", "monthly"])?;
        self.admin(&["grant", "limit", person, "limited-app", CREDITS, "--reset", "weekly"])?;
        let mut key = vec!["key", "add", person, "--partner", "limited-app", "--limit-credits", CREDITS];
        key.extend(["--limit-reset", "daily", "--requests-per-minute", RATE_MAX]);
        key.extend(["--tokens-per-minute", RATE_MAX, "--parallel", "10000"]);
        let added = self.admin(&key)?;
        let key = added["key"].as_str().ok_or("the admin tool tells no key")?;
        Ok(key.to_owned())
    }

    /// How many holds are neither captured nor released.
    pub(crate) fn holds(&self) -> Outcome<u64> {
        open_holds(|arguments| self.admin(arguments))
    }

    /// The whole journal, oldest first.
    pub(crate) fn entries(&self) -> Outcome<Vec<Value>> {
        journal(|arguments| self.admin(arguments))
    }

    /// Has every balance worked out again from the entries; what was found, in words.
    pub(crate) fn verify(&self) -> Outcome<String> {
        let verdict = self.admin(&["ledger", "verify"])?;
        if verdict["clean"] == true {
            Ok(format!("{} entries", verdict["entries"]))
        } else {
            Err(format!("it does not add up: {verdict}").into())
        }
    }

    /// Runs the admin tool on this gateway's config, and gives what it told as JSON.
    pub(crate) fn admin(&self, arguments: &[&str]) -> Outcome<Value> {
        let output = command(ADMIN).arg("--config").arg(&self.config).arg("--json").args(arguments).output()?;
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout)?);
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        Err(format!("{ADMIN} {}: {}", arguments.join(" "), said.trim()).into())
    }
}

/// How many holds are open, by an admin tool that tells JSON.
pub(crate) fn open_holds(admin: impl Fn(&[&str]) -> Outcome<Value>) -> Outcome<u64> {
    let held = admin(&["ledger", "holds"])?;
    Ok(held["total"].as_u64().ok_or("the admin tool tells no count of holds")?)
}

/// The whole journal, oldest first, by an admin tool that tells JSON.
pub(crate) fn journal(admin: impl Fn(&[&str]) -> Outcome<Value>) -> Outcome<Vec<Value>> {
    let mut entries = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut arguments = vec!["ledger", "entries", "--max", "200"];
        if let Some(after) = &after {
            arguments.extend(["--after", after]);
        }
        let mut page = admin(&arguments)?;
        if let Value::Array(found) = page["entries"].take() {
            entries.extend(found);
        }
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return Ok(entries),
        }
    }
}

/// A program of ours that heeds its config only: who runs a task may have variables set for a gateway of their own.
fn command(name: &str) -> Command {
    let mut command = Command::new(program(name));
    without_settings(&mut command);
    command
}

fn program(name: &str) -> PathBuf {
    workspace::target_dir().join("release").join(name)
}
