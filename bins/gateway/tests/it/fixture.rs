//! A folder, and the binary run on it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// A test that waits longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A folder for data and config, gone with the test.
pub(crate) struct Fixture {
    folder: tempfile::TempDir,
}

/// A gateway that serves. Dropped, it is killed.
pub(crate) struct Gateway {
    child: Child,
    /// What it printed up to the last `curl` line.
    pub(crate) greeting: String,
    /// Its log up to the line that says that it serves.
    pub(crate) opening: String,
    /// Address and port.
    pub(crate) address: String,
    /// The rest of its log, and who reads it at all times: a full pipe would keep the process.
    log: (Arc<Mutex<String>>, Option<JoinHandle<()>>),
    /// Locked while nobody reads its log.
    reading: Arc<Mutex<()>>,
    /// What `dev` prints after its greeting.
    printed: Option<BufReader<std::process::ChildStdout>>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file beside the data.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The binary on this folder, with none of the caller's own settings.
    pub(crate) fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opencredits-gateway"));
        command
            .env_clear()
            .env("OPENCREDITS_SERVER_LISTEN", "127.0.0.1:0")
            .env("OPENCREDITS_ADMIN_LISTEN", "")
            .envs(variables.iter().copied());
        command.arg("--data").arg(self.data()).args(arguments);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        self.command(arguments, variables).output().unwrap()
    }

    /// Starts it, and waits until it says that it serves.
    pub(crate) fn start(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Gateway {
        started(self.command(arguments, variables), arguments.contains(&"dev"))
    }
}

/// Starts a command that runs a gateway, and waits until it says that it serves.
pub(crate) fn started(mut command: Command, greets: bool) -> Gateway {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("serving") {
        let read = log.read_line(&mut seen).unwrap();
        assert!(read > 0, "it ended before it served: {seen}");
    }
    let plain: String = seen.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').collect();
    let (_, after) = plain.rsplit_once("127.0.0.1:").unwrap_or_else(|| panic!("no address in {plain}"));
    let port: String = after.chars().take_while(char::is_ascii_digit).collect();
    let address = format!("127.0.0.1:{port}");
    let rest = Arc::new(Mutex::new(String::new()));
    let reading = Arc::new(Mutex::new(()));
    let (heard, may_read) = (Arc::clone(&rest), Arc::clone(&reading));
    let reader = std::thread::spawn(move || {
        for line in log.lines() {
            let _goes_on = may_read.lock().unwrap();
            *heard.lock().unwrap() += &(line.unwrap() + "\n");
        }
    });
    let log = (rest, Some(reader));
    let mut gateway = Gateway { child, greeting: String::new(), opening: seen, address, log, reading, printed: None };
    if greets {
        gateway.hear_greeting();
    }
    gateway
}

impl Gateway {
    /// It was printed before the line in the log; a pipe gives what is in it.
    fn hear_greeting(&mut self) {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap());
        while !self.greeting.contains("/v1/credits/balance") && !self.greeting.contains("key add") {
            assert!(lines.read_line(&mut self.greeting).unwrap() > 0, "{}", self.greeting);
        }
        self.printed = Some(lines);
    }

    /// The URL that `dev` names.
    pub(crate) fn local_url(&self) -> String {
        self.address.replace("127.0.0.1", "http://localhost")
    }

    /// The next code to sign in that `dev` prints.
    pub(crate) fn printed_code(&mut self) -> String {
        let lines = self.printed.as_mut().unwrap();
        loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before it printed a code");
            let is_code = |byte: u8| byte == b' ' || byte.is_ascii_digit();
            if line.trim_end().len() == 7 && line.trim_end().bytes().all(is_code) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// The key that the greeting shows.
    pub(crate) fn key(&self) -> String {
        let (_, rest) = self.greeting.split_once("    oc_sk_").unwrap();
        format!("oc_sk_{}", rest.lines().next().unwrap())
    }

    /// Sends a request, and leaves its answer to be read.
    pub(crate) fn open(&self, method: &str, target: &str, (headers, body): (&str, &str)) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let head = format!("{method} {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}");
        write!(stream, "{head}content-length: {length}\r\n\r\n{body}").unwrap();
        stream
    }

    /// The whole answer, head and body.
    pub(crate) fn send(&self, method: &str, target: &str, request: (&str, &str)) -> String {
        rest_of(self.open(method, target, request))
    }

    pub(crate) fn get(&self, target: &str, key: &str) -> String {
        self.send("GET", target, (&bearer(key), ""))
    }

    /// Tells it to end, as an operator's system does.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end: how it ended, and the rest of its log.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.log.1.take().unwrap().join().unwrap();
        (status, self.log())
    }

    /// Lets nobody read its log until what is returned is dropped.
    pub(crate) fn unread(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().unwrap()
    }

    /// What it has logged so far since it serves.
    pub(crate) fn log(&self) -> String {
        self.log.0.lock().unwrap().clone()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _reaped_before = self.child.wait();
    }
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let holds = || {
        std::thread::sleep(Duration::from_millis(20));
        holds()
    };
    assert!((0..500).any(|_| holds()), "{what}");
}

/// Sends a request of an operator; the status and the answer.
pub(crate) fn ask(fixture: &Fixture, request: &Value) -> (u16, Value) {
    let mut stream = UnixStream::connect(fixture.data().join("admin.sock")).unwrap();
    let body = request.to_string();
    let head = "POST /admin HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ";
    write!(stream, "{head}{}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body = if head.contains("chunked") { body.split_once("\r\n").unwrap().1 } else { body };
    let json = serde_json::Deserializer::from_str(body).into_iter::<Value>().next().unwrap().unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), json)
}

pub(crate) fn rest_of(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

pub(crate) fn bearer(key: &str) -> String {
    format!("authorization: Bearer {key}\r\n")
}

/// What a command that ended said, and that it did not succeed.
pub(crate) fn failed(output: Output) -> (String, String) {
    assert!(!output.status.success());
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A config whose vendor is at this address.
pub(crate) fn config_of(base_url: &str) -> String {
    format!(
        r#"
[[vendor]]
id = "house"
dialect = "openai-chat"
base_url = "{base_url}/v1"
key_env = "HOUSE_API_KEY"
headers = {{ x-secret = "header-canary" }}

[[model]]
id = "house/small"
vendor = "house"
upstream_model = "small"
context_window = 8000
max_output_tokens = 1000
prices = {{ input = "1", output = "2" }}
"#
    )
}

pub(crate) fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none())
}
