//! Where clients send requests.

use crate::outcome::Outcome;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// How long a client waits for the next piece of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ports of this machine: nginx's, or those of the gateways where there is no nginx.
#[derive(Debug, Clone)]
pub(super) struct Front {
    ports: Vec<u16>,
}

/// What came for a request.
pub(super) struct Answer {
    pub(super) status: u16,
    /// In lower case.
    pub(super) head: String,
    pub(super) body: String,
}

impl Front {
    pub(super) const fn new(ports: Vec<u16>) -> Self {
        Self { ports }
    }

    /// Where people look.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.first().copied().unwrap_or_default())
    }

    /// Sends one request, and reads the answer to its end. `turn` says which port is tried first.
    pub(super) fn send(&self, turn: usize, (method, path): (&str, &str), (key, body): (&str, &str)) -> Outcome<Answer> {
        let mut stream = self.connect(turn)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let length = body.len();
        // In HTTP/1.0 an answer ends with its connection, and has no chunks.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the connection was closed without an answer")?;
        let status = head.split(' ').nth(1).ok_or("the answer has no status")?.parse()?;
        Ok(Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
    }

    /// A port that refuses the connection is passed over, as nginx does.
    fn connect(&self, turn: usize) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::from(ErrorKind::NotConnected);
        let count = self.ports.len();
        for port in self.ports.iter().cycle().skip(turn % count.max(1)).take(count) {
            match TcpStream::connect(("127.0.0.1", *port)) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
