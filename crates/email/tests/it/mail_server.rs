//! A real mail server, `aiosmtpd` from PyPI, in a process of its own.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/mail_server.py");
const PINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/requirements.txt");
/// Tests run at once; one of them makes the environment.
static MAKING: Mutex<()> = Mutex::new(());

/// The server, its certificate, and what it got. It ends with this value.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    pub(crate) certificate_pem: String,
    child: Child,
    got: BufReader<ChildStdout>,
    _folder: tempfile::TempDir,
}

impl MailServer {
    /// Starts a server with a certificate for `localhost` that it signed itself; none where Python or its package cannot
    /// be had, which is said on standard error.
    pub(crate) fn start(mode: &str) -> Option<Self> {
        let python = match python() {
            Ok(python) => python,
            Err(problem) => {
                eprintln!("SKIPPED: no aiosmtpd to send mails to: {problem}");
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut command = Command::new(python);
        command.arg(SCRIPT).args([&certificate, &key]).arg(mode).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut got = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        got.read_line(&mut port).unwrap();
        let port = port.trim().parse().unwrap();
        Some(Self { port, certificate_pem: made.cert.pem(), child, got, _folder: folder })
    }

    /// The next mail that was taken.
    pub(crate) fn next(&mut self) -> Value {
        let mut line = String::new();
        self.got.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Ends the server, and says how many mails were taken that nobody has looked at.
    pub(crate) fn end(mut self) -> usize {
        self.child.stdin.take().unwrap().flush().unwrap();
        self.child.kill().unwrap();
        std::io::read_to_string(&mut self.got).unwrap().lines().count()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A virtual environment with the pinned package, made once.
fn python() -> Result<PathBuf, String> {
    let _one = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aiosmtpd");
    let (python, stamp) = (folder.join("bin/python"), folder.join("stamp"));
    let pins = fs::read_to_string(PINS).unwrap();
    if fs::read_to_string(&stamp).is_ok_and(|found| found == pins) {
        return Ok(python);
    }
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let flags = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--requirement"];
    call(Command::new(&python).args(flags).arg(PINS))?;
    fs::write(&stamp, pins).unwrap();
    Ok(python)
}

fn call(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} ended with {status}")),
        Err(error) => Err(format!("cannot start {name}: {error}")),
    }
}
