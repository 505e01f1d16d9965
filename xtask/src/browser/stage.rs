//! What the scenarios need: a mail server, a gateway in development mode, and partners with publishable keys.

use super::install::Tools;
use crate::outcome::Outcome;
use crate::process::{Running, free_port, wait_for_port, wait_until_ready, without_settings};
use crate::workspace;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const GATEWAY: &str = "opencredits-gateway";
const ADMIN: &str = "opencredits-admin";
/// How long a program may take to listen.
const START_MAX: Duration = Duration::from_secs(20);

/// What runs while the scenarios do.
pub(super) struct Stage {
    /// The file that tells the scenarios of all this.
    pub(super) plan: PathBuf,
    /// Config, data, mails and logs.
    pub(super) folder: PathBuf,
    /// Where pictures go.
    pub(super) screenshots: PathBuf,
    _gateway: Running,
    _mailbox: Running,
}

/// The programs of one build profile.
struct Programs(PathBuf);

/// The ports of this run.
#[derive(Clone, Copy)]
struct Ports {
    gateway: u16,
    mail: u16,
    /// The site of the partner, whose origin is registered before the site is served.
    partner: u16,
    /// The source of price books, which a scenario serves.
    prices: u16,
}

impl Stage {
    /// Builds, starts and fills everything.
    pub(super) fn set(tools: &Tools, is_release: bool, only: Option<&str>) -> Outcome<Self> {
        let programs = Programs::build(is_release)?;
        let folder = fresh_folder()?;
        let ports = Ports { gateway: free_port()?, mail: free_port()?, partner: free_port()?, prices: free_port()? };
        let mailbox = start_mailbox(tools, &folder, ports.mail)?;
        let config = folder.join("config.toml");
        fs::write(&config, settings(&folder, ports))?;
        let gateway = programs.start_gateway(&folder, &config, ports.gateway)?;
        let partner_site = format!("http://127.0.0.1:{}", ports.partner);
        let keys = programs.add_partners(&config, &partner_site)?;
        let screenshots = workspace::target_dir().join("screenshots");
        let plan = folder.join("plan.json");
        let told = json!({
            "url": format!("http://localhost:{}", ports.gateway),
            "root": workspace::root(),
            "mailFolder": folder.join("mails"),
            "screenshots": screenshots,
            "partnerSite": partner_site,
            "partnerPort": ports.partner,
            "pricesPort": ports.prices,
            "keys": keys,
            "gateway": programs.path(GATEWAY),
            "admin": [programs.path(ADMIN), Path::new("--config"), &config, Path::new("--json")],
            "gatewayLog": folder.join("gateway.log"),
            "only": only,
        });
        fs::write(&plan, serde_json::to_string_pretty(&told)?)?;
        Ok(Self { plan, folder, screenshots, _gateway: gateway, _mailbox: mailbox })
    }
}

impl Programs {
    fn build(is_release: bool) -> Outcome<Self> {
        let mut build = workspace::cargo();
        build.args(["build", "--quiet", "--package", GATEWAY, "--package", ADMIN]);
        if is_release {
            build.arg("--release");
        }
        if !build.status()?.success() {
            return Err("the gateway does not build".into());
        }
        Ok(Self(workspace::target_dir().join(if is_release { "release" } else { "debug" })))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A program of ours that heeds its config only.
    fn command(&self, name: &str, config: &Path) -> Command {
        let mut command = Command::new(self.path(name));
        without_settings(&mut command);
        command.arg("--config").arg(config);
        command
    }

    fn start_gateway(&self, folder: &Path, config: &Path, port: u16) -> Outcome<Running> {
        let log = File::create(folder.join("gateway.log"))?;
        let mut gateway = self.command(GATEWAY, config);
        gateway.arg("dev").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut running = Running::start(&mut gateway)?;
        wait_for_port(port, &mut running, START_MAX)?;
        wait_until_ready(port, START_MAX)?;
        Ok(running)
    }

    /// Partners of three kinds: pages of one origin, of any page, of an origin that no scenario serves.
    fn add_partners(&self, config: &Path, site: &str) -> Outcome<Value> {
        let key = |name: &str, origin: Option<&str>| -> Outcome<String> {
            self.admin(config, &["partner", "add", name, "--share-bps", "5000"])?;
            let mut arguments = vec!["partner", "publishable", "add", name];
            match origin {
                Some(origin) => arguments.extend(["--origin", origin]),
                None => arguments.push("--any-origin"),
            }
            let added = self.admin(config, &arguments)?;
            let key = added.pointer("/keys/0/key").and_then(Value::as_str);
            Ok(key.ok_or_else(|| format!("the admin tool tells no key: {added}"))?.to_owned())
        };
        Ok(json!({
            "listed": key("Acme Editor", Some(site))?,
            "unlisted": key("Example", None)?,
            "elsewhere": key("Elsewhere", Some("https://elsewhere.example"))?,
        }))
    }

    fn admin(&self, config: &Path, arguments: &[&str]) -> Outcome<Value> {
        let output = self.command(ADMIN, config).arg("--json").args(arguments).output()?;
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout)?);
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        Err(format!("{ADMIN} {}: {}", arguments.join(" "), said.trim()).into())
    }
}

fn fresh_folder() -> Outcome<PathBuf> {
    let folder = workspace::target_dir().join("browser/run");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Passkeys belong to a domain, so the gateway is known as `localhost`. The admin socket's path has a bound of its own, and a
/// target folder may lie deep.
fn settings(folder: &Path, ports: Ports) -> String {
    let Ports { gateway, mail, prices, .. } = ports;
    format!(
        r#"[server]
listen = "127.0.0.1:{gateway}"
public_url = "http://localhost:{gateway}"
[data]
dir = "{}"
[log]
filter = "info"
[catalog]
prices_url = "http://127.0.0.1:{prices}/book.jsonl"
refresh_hours = 0
[connections]
unregistered_apps = true
[email]
transport = "smtp"
from = "Acme <mail@acme.example>"
host = "127.0.0.1"
port = {mail}
tls = "none"
"#,
        folder.join("data").display()
    )
}

fn start_mailbox(tools: &Tools, folder: &Path, port: u16) -> Outcome<Running> {
    let log = File::create(folder.join("mailbox.log"))?;
    let mut command = Command::new(&tools.python);
    command.arg(workspace::root().join("tests/browser/mailbox.py")).arg(port.to_string()).arg(folder.join("mails"));
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut running = Running::start(&mut command)?;
    wait_for_port(port, &mut running, START_MAX)?;
    Ok(running)
}
