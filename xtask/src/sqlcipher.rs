//! Data files that are encrypted whole: builds gateway and admin tool with the feature `sqlcipher`, and does with them what an
//! operator does: starts under a key, makes a backup and restores it, exchanges the key, takes it away.

use crate::outcome::Outcome;
use crate::process::{Running, free_port, succeed, wait_for_port, wait_until_ready, without_settings};
use crate::workspace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const FEATURES: [&str; 3] = ["--no-default-features", "--features", "sqlcipher"];
/// The crates whose own tests run under the feature.
const CRATES: [&str; 1] = ["opencredits-sqlite"];
/// Stands in the store; no file has it while it is encrypted.
const CANARY: &str = "canary-of-the-store";
/// Begins a plain file.
const MAGIC: &[u8] = b"SQLite format 3\0";
const DATABASES: [&str; 4] = ["ledger.db", "store.db", "test/ledger.db", "test/store.db"];
const START_MAX: Duration = Duration::from_secs(60);
const END_MAX: Duration = Duration::from_secs(30);

/// A data folder with its config and keys.
struct Site {
    folder: PathBuf,
    programs: PathBuf,
}

pub(crate) fn run() -> Outcome {
    build()?;
    let folder = tempfile::tempdir()?;
    let mut example = workspace::cargo();
    example.args(["run", "--quiet", "-p", "opencredits-backup", "--features", "sqlcipher", "--example", "encrypted"]);
    succeed(example.arg("--").arg(folder.path().join("example")))?;
    let site = Site { folder: folder.path().to_owned(), programs: workspace::target_dir().join("debug") };
    for (name, digit) in [("one", "5"), ("two", "6")] {
        fs::write(site.folder.join(name), digit.repeat(64))?;
    }
    site.config(Some("one"))?;
    site.serve("a gateway starts under a key")?;
    site.admin(&["user", "add", CANARY])?;
    site.admin(&["credits", "grant", CANARY, "500", "--reason", "welcome"])?;
    site.expect_encrypted(&site.data())?;
    site.backup_and_restore()?;
    site.refuse("two", "cannot be read with this key")?;
    site.config(None)?;
    site.refuse_without_key()?;
    site.config(Some("one"))?;
    site.admin(&["rekey", "--to", &site.path("two")])?;
    site.refuse("one", "cannot be read with this key")?;
    site.config(Some("two"))?;
    site.serve("the same data under another key")?;
    site.expect_whole()?;
    site.expect_encrypted(&site.data())?;
    site.admin(&["rekey", "--plain"])?;
    site.config(None)?;
    site.expect_whole()?;
    if !holds(&site.data().join("store.db"), CANARY.as_bytes())? {
        return Err("the store is not plain after `rekey --plain`".into());
    }
    site.config(Some("two"))?;
    site.refuse("two", "is not encrypted, and a key is set")?;
    site.config(None)?;
    site.admin(&["rekey", "--to", &site.path("two")])?;
    site.config(Some("two"))?;
    site.expect_whole()?;
    site.expect_encrypted(&site.data())?;
    println!("files are encrypted whole, go from one key to another, and come back from a backup");
    Ok(())
}

fn build() -> Outcome {
    let mut command = workspace::cargo();
    command.args(["build", "--quiet", "-p", "opencredits-gateway", "-p", "opencredits-admin"]).args(FEATURES);
    succeed(&mut command)?;
    for name in CRATES {
        succeed(workspace::cargo().args(["test", "--quiet", "-p", name, "--features", "sqlcipher"]))?;
    }
    Ok(())
}

fn holds(path: &Path, text: &[u8]) -> Outcome<bool> {
    Ok(fs::read(path)?.windows(text.len()).any(|part| part == text))
}

impl Site {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Writes the config, with the key of this file or none.
    fn config(&self, key: Option<&str>) -> Outcome {
        let port = free_port()?;
        let key = key.map_or_else(String::new, |name| format!("key_file = \"{}\"\n", self.path(name)));
        let data = self.path("data");
        let text = format!("[server]\nlisten = \"127.0.0.1:{port}\"\n[data]\ndir = \"{data}\"\n{key}");
        fs::write(self.folder.join("port"), port.to_string())?;
        Ok(fs::write(self.folder.join("config.toml"), text)?)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        without_settings(&mut command);
        command.arg("--config").arg(self.folder.join("config.toml"));
        command
    }

    /// Starts the gateway and ends it again.
    fn serve(&self, what: &str) -> Outcome {
        let port: u16 = fs::read_to_string(self.folder.join("port"))?.parse()?;
        let mut command = self.command("opencredits-gateway");
        let mut running = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        wait_for_port(port, &mut running, START_MAX)?;
        wait_until_ready(port, START_MAX)?;
        running.stop(END_MAX)?;
        println!("{what}");
        Ok(())
    }

    fn admin(&self, arguments: &[&str]) -> Outcome<String> {
        let output = self.command("opencredits-admin").args(arguments).output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        Err(format!("{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr)).into())
    }

    /// Both programs refuse the files with this key, in these words.
    fn refuse(&self, key: &str, words: &str) -> Outcome {
        self.config(Some(key))?;
        self.refuse_with(words)?;
        self.config(Some("one"))
    }

    fn refuse_without_key(&self) -> Outcome {
        self.refuse_with("is encrypted or damaged, and no key is set")
    }

    fn refuse_with(&self, words: &str) -> Outcome {
        let gateway = self.command("opencredits-gateway").output()?;
        let admin = self.command("opencredits-admin").args(["user", "list"]).output()?;
        for (name, output) in [("gateway", gateway), ("admin", admin)] {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() || !said.contains(words) {
                return Err(format!("the {name} says {said:?}, not {words:?}").into());
            }
        }
        Ok(())
    }

    /// No database in a folder is plain.
    fn expect_encrypted(&self, folder: &Path) -> Outcome {
        for path in DATABASES.map(|name| folder.join(name)).iter().filter(|path| path.exists()) {
            if holds(path, MAGIC)? || holds(path, CANARY.as_bytes())? {
                return Err(format!("{} is not encrypted", path.display()).into());
            }
        }
        Ok(())
    }

    /// The books add up, and the person is there with what they have.
    fn expect_whole(&self) -> Outcome {
        self.admin(&["ledger", "verify"])?;
        let people = self.admin(&["user", "list"])?;
        if people.contains(CANARY) { Ok(()) } else { Err(format!("the person is gone: {people}").into()) }
    }

    fn backup_and_restore(&self) -> Outcome {
        let into = self.path("backups");
        self.admin(&["backup", &into])?;
        let made = fs::read_dir(&into)?.next().ok_or("no backup was made")??.path();
        self.expect_encrypted(&made)?;
        let from = made.display().to_string();
        self.admin(&["restore", &from, "--check"])?;
        self.admin(&["restore", &from, "--replace"])?;
        self.expect_whole()?;
        self.expect_encrypted(&self.data())?;
        println!("a backup is encrypted and comes back whole");
        Ok(())
    }
}
