//! A fresh Debian in a folder, in which the package is installed and its programs run.

use super::parts::{WORKER, expect_worker, suite};
use crate::outcome::Outcome;
use crate::process::{Running, free_port, succeed, wait_for_port, wait_until_ready};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

pub(super) const START_MAX: Duration = Duration::from_secs(60);
const END_MAX: Duration = Duration::from_secs(60);
pub(super) const CONFIG: &str = "/etc/opencredits/gateway.toml";

/// A Debian in a folder.
pub(super) struct Debian {
    pub(super) root: PathBuf,
    /// Where its gateways tell metrics.
    pub(super) admin_port: u16,
}

/// A fresh machine has none of this one's variables.
fn chroot() -> Command {
    let mut command = Command::new("chroot");
    command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

impl Debian {
    pub(super) fn make(&self) -> Outcome {
        let mut make = Command::new("mmdebstrap");
        make.args(["--quiet", "--variant=minbase", "--include=adduser,init-system-helpers", &suite()?]);
        succeed(make.arg(&self.root))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = chroot();
        command.arg(&self.root).args(words).env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    pub(super) fn run(&self, words: &[&str]) -> Outcome {
        succeed(self.command(words).stdout(Stdio::null()))
    }

    /// The worker is a link, and knows by its name what it is.
    pub(super) fn expect_worker(&self) -> Outcome {
        let program = format!("/usr/bin/{WORKER}");
        if !self.path(&program).is_symlink() {
            return Err(format!("{program} is no link").into());
        }
        expect_worker(&self.command(&[&program, "--version"]).output()?)
    }

    pub(super) fn install(&self, package: &Path) -> Outcome {
        std::fs::copy(package, self.root.join("tmp/package.deb"))?;
        self.run(&["dpkg", "--install", "/tmp/package.deb"])
    }

    /// Where a file of it is on this machine.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub(super) fn read(&self, path: &str) -> Outcome<String> {
        Ok(std::fs::read_to_string(self.path(path))?)
    }

    /// A program of the package, as the unit starts it.
    fn program(&self, words: &[&str], port: u16) -> Command {
        let mut command = chroot();
        command.args(["--userspec=opencredits:opencredits"]).arg(&self.root).args(words).args(["--config", CONFIG]);
        command.env("OPENCREDITS_SERVER_LISTEN", format!("127.0.0.1:{port}"));
        command.env("OPENCREDITS_ADMIN_LISTEN", format!("127.0.0.1:{}", self.admin_port));
        command.env("OPENCREDITS_CATALOG_SANDBOX", "true");
        command
    }

    pub(super) fn admin(&self, words: &[&str]) -> Outcome<String> {
        let words: Vec<&str> = ["/usr/bin/opencredits-admin"].into_iter().chain(words.iter().copied()).collect();
        let told = self.program(&words, 1).output()?;
        if told.status.success() {
            return Ok(String::from_utf8(told.stdout)?);
        }
        Err(format!("{words:?} failed: {}", String::from_utf8_lossy(&told.stderr)).into())
    }

    /// Starts the gateway, asks for its health, does `act` beside it, and ends it. What fails comes with the log.
    pub(super) fn serve(&self, what: &str, act: impl Fn(&Self, u16) -> Outcome) -> Outcome {
        let log = self.root.join("tmp/gateway.log");
        let serving = self.serve_with_log(what, &log, act);
        serving.map_err(|error| format!("{error}\n{}", std::fs::read_to_string(&log).unwrap_or_default()).into())
    }

    fn serve_with_log(&self, what: &str, log: &Path, act: impl Fn(&Self, u16) -> Outcome) -> Outcome {
        let port = free_port()?;
        let mut program = self.program(&["/usr/bin/opencredits-gateway"], port);
        let log = File::create(log)?;
        let mut gateway = Running::start(program.stdout(log.try_clone()?).stderr(log))?;
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
}
