//! The package in a fresh Debian: installed, used, upgraded and removed. The data stay.

use crate::outcome::Outcome;
use crate::process::{Running, free_port, is_on_path, is_root, succeed, wait_for_port, wait_until_ready};
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
    debian.serve("installed", |debian| {
        debian.admin(&["user", "add", PERSON])?;
        debian.admin(&["credits", "grant", PERSON, "500", "--reason", "welcome"])?;
        Ok(())
    })?;
    let keys = debian.read("/etc/opencredits/keys/addresses")?;
    debian.install(second)?;
    debian.serve("upgraded", Debian::expect_books)?;
    if debian.read("/etc/opencredits/keys/addresses")? != keys {
        return Err("the upgrade has made other keys".into());
    }
    debian.run(&["dpkg", "--remove", "opencredits-gateway"])?;
    if debian.root.join("usr/bin/opencredits-gateway").exists() {
        return Err("the program is still there after the removal".into());
    }
    debian.install(second)?;
    debian.serve("installed again", Debian::expect_books)?;
    debian.run(&["dpkg", "--purge", "opencredits-gateway"])?;
    for kept in ["var/lib/opencredits/ledger.db", "etc/opencredits/keys/addresses"] {
        if !debian.root.join(kept).exists() {
            return Err(format!("{kept} went with the package").into());
        }
    }
    println!("the package was installed, used, upgraded, removed and purged; the data stayed");
    Ok(())
}

impl Debian {
    fn make(&self) -> Outcome {
        let mut make = Command::new("mmdebstrap");
        make.args(["--quiet", "--variant=minbase", "--include=adduser,init-system-helpers", &super::parts::suite()?]);
        succeed(make.arg(&self.root))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("chroot");
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
        let mut command = Command::new("chroot");
        command.args(["--userspec=opencredits:opencredits"]).arg(&self.root).args(words).args(["--config", CONFIG]);
        command.env("OPENCREDITS_SERVER_LISTEN", format!("127.0.0.1:{port}"));
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

    /// Starts the gateway, asks for its health, does `act` beside it, and ends it.
    fn serve(&self, what: &str, act: impl Fn(&Self) -> Outcome) -> Outcome {
        let port = free_port()?;
        let mut gateway = Running::start(self.program(&["/usr/bin/opencredits-gateway"], port).stderr(Stdio::null()))?;
        wait_for_port(port, &mut gateway, START_MAX)?;
        wait_until_ready(port, START_MAX)?;
        succeed(&mut self.program(&["/usr/bin/opencredits-gateway", "--health"], port))?;
        act(self)?;
        if !gateway.stop(END_MAX)?.success() {
            return Err(format!("the gateway that was {what} does not end in order").into());
        }
        println!("{what}: it serves, is healthy, and ends in order");
        Ok(())
    }

    fn expect_books(&self) -> Outcome {
        let balance = self.admin(&["balance", PERSON])?;
        let verified = self.admin(&["ledger", "verify"])?;
        let is_whole = balance.contains("500") && verified.contains("everything adds up");
        if is_whole { Ok(()) } else { Err(format!("the books are not whole:\n{balance}\n{verified}").into()) }
    }
}
