//! The package in a fresh Debian: installed, used, upgraded and removed. The data stay.

use crate::outcome::Outcome;
use crate::process::{Running, exchange, free_port, is_on_path, is_root, succeed, wait_for_port, wait_until_ready};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const START_MAX: Duration = Duration::from_secs(60);
const END_MAX: Duration = Duration::from_secs(60);
const CONFIG: &str = "/etc/opencredits/gateway.toml";
/// A person whose books must outlive the package.
const PERSON: &str = "Ada Lovelace";
/// What is installed for people and machines to find.
const INSTALLED: [&str; 9] = [
    "/usr/bin/opencredits-gateway",
    "/usr/bin/opencredits-admin",
    "/lib/systemd/system/opencredits-gateway.service",
    "/lib/systemd/system/opencredits-gateway.socket",
    "/usr/share/man/man1/opencredits-gateway.1.gz",
    "/usr/share/man/man1/opencredits-admin-order-refund.1.gz",
    "/usr/share/bash-completion/completions/opencredits-admin",
    "/usr/share/doc/opencredits-gateway/licences.txt.gz",
    "/etc/opencredits/keys/addresses",
];

/// A Debian in a folder.
struct Debian {
    root: PathBuf,
}

pub(super) fn run(first: &Path, second: &Path) -> Outcome {
    if !is_root() || !is_on_path("mmdebstrap") {
        println!("skipped: the package is not installed anywhere, which takes root and mmdebstrap");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let debian = Debian { root: folder.path().join("debian") };
    debian.make()?;
    debian.install(first)?;
    for file in INSTALLED {
        if !debian.root.join(file.trim_start_matches('/')).exists() {
            return Err(format!("{file} is not installed").into());
        }
    }
    debian.serve("installed", |debian, port| {
        debian.admin(&["user", "add", PERSON])?;
        debian.admin(&["credits", "grant", PERSON, "500", "--reason", "welcome"])?;
        debian.ask(port)
    })?;
    let balance = debian.admin(&["balance", PERSON])?;
    let is_whole = |debian: &Debian, _| debian.expect_books(&balance);
    let keys = debian.read("/etc/opencredits/keys/addresses")?;
    debian.install(second)?;
    debian.serve("upgraded", is_whole)?;
    if debian.read("/etc/opencredits/keys/addresses")? != keys {
        return Err("the upgrade has made other keys".into());
    }
    debian.run(&["dpkg", "--remove", "opencredits-gateway"])?;
    if debian.root.join("usr/bin/opencredits-gateway").exists() {
        return Err("the program is still there after the removal".into());
    }
    debian.install(second)?;
    debian.serve("installed again", is_whole)?;
    debian.run(&["dpkg", "--purge", "opencredits-gateway"])?;
    for kept in ["var/lib/opencredits/ledger.db", "etc/opencredits/keys/addresses"] {
        if !debian.root.join(kept).exists() {
            return Err(format!("{kept} went with the package").into());
        }
    }
    println!("the package was installed, used, upgraded, removed and purged; the data stayed");
    Ok(())
}

/// A fresh machine has none of this one's variables.
fn chroot() -> Command {
    let mut command = Command::new("chroot");
    command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

impl Debian {
    fn make(&self) -> Outcome {
        let mut make = Command::new("mmdebstrap");
        make.args(["--quiet", "--variant=minbase", "--include=adduser,init-system-helpers", &super::parts::suite()?]);
        succeed(make.arg(&self.root))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = chroot();
        command.arg(&self.root).args(words).env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    fn run(&self, words: &[&str]) -> Outcome {
        succeed(self.command(words).stdout(Stdio::null()))
    }

    fn install(&self, package: &Path) -> Outcome {
        std::fs::copy(package, self.root.join("tmp/package.deb"))?;
        self.run(&["dpkg", "--install", "/tmp/package.deb"])
    }

    fn read(&self, path: &str) -> Outcome<String> {
        Ok(std::fs::read_to_string(self.root.join(path.trim_start_matches('/')))?)
    }

    /// A program of the package, as the unit starts it.
    fn program(&self, words: &[&str], port: u16) -> Command {
        let mut command = chroot();
        command.args(["--userspec=opencredits:opencredits"]).arg(&self.root).args(words).args(["--config", CONFIG]);
        command.env("OPENCREDITS_SERVER_LISTEN", format!("127.0.0.1:{port}"));
        command.env("OPENCREDITS_ADMIN_LISTEN", "127.0.0.1:0").env("OPENCREDITS_CATALOG_SANDBOX", "true");
        command
    }

    fn admin(&self, words: &[&str]) -> Outcome<String> {
        let words: Vec<&str> = ["/usr/bin/opencredits-admin"].into_iter().chain(words.iter().copied()).collect();
        let told = self.program(&words, 1).output()?;
        if told.status.success() {
            return Ok(String::from_utf8(told.stdout)?);
        }
        Err(format!("{words:?} failed: {}", String::from_utf8_lossy(&told.stderr)).into())
    }

    /// Starts the gateway, asks for its health, does `act` beside it, and ends it. What fails comes with the log.
    fn serve(&self, what: &str, act: impl Fn(&Self, u16) -> Outcome) -> Outcome {
        let log = self.root.join("tmp/gateway.log");
        let serving = self.serve_with_log(what, &log, act);
        serving.map_err(|error| format!("{error}\n{}", std::fs::read_to_string(&log).unwrap_or_default()).into())
    }

    fn serve_with_log(&self, what: &str, log: &Path, act: impl Fn(&Self, u16) -> Outcome) -> Outcome {
        let port = free_port()?;
        let mut program = self.program(&["/usr/bin/opencredits-gateway"], port);
        let mut gateway = Running::start(program.stdout(Stdio::null()).stderr(File::create(log)?))?;
        wait_for_port(port, &mut gateway, START_MAX)?;
        wait_until_ready(port, START_MAX)?;
        succeed(&mut self.program(&["/usr/bin/opencredits-gateway", "--health"], port))?;
        act(self, port)?;
        if !gateway.stop(END_MAX)?.success() {
            return Err(format!("the gateway that was {what} does not end in order").into());
        }
        println!("{what}: it serves, is healthy, and ends in order");
        Ok(())
    }

    /// Sends a request for inference, which must be answered and charged.
    fn ask(&self, port: u16) -> Outcome {
        let before = self.admin(&["balance", PERSON])?;
        let added: Value = serde_json::from_str(&self.admin(&["--json", "key", "add", PERSON])?)?;
        let key = added["key"].as_str().ok_or("the admin tool tells no key")?;
        let body = r#"{"model":"sandbox/gpt","messages":[{"role":"user","content":"Hello"}]}"#;
        let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close";
        let request = format!("{head}\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let answer = exchange(port, &request, START_MAX)?;
        let is_served = answer.starts_with("HTTP/1.1 200") && self.admin(&["balance", PERSON])? != before;
        if is_served { Ok(()) } else { Err(format!("a request was not served, or was free: {answer}").into()) }
    }

    fn expect_books(&self, before: &str) -> Outcome {
        let balance = self.admin(&["balance", PERSON])?;
        let verified = self.admin(&["ledger", "verify"])?;
        let is_whole = balance == before && verified.contains("everything adds up");
        if is_whole { Ok(()) } else { Err(format!("the books are not whole:\n{balance}\n{verified}").into()) }
    }
}
