//! `opencredits-gateway --health`: asks the gateway of the same config whether it serves, for a container's health check.

use crate::error::StartError;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

/// The time limit for each step.
const STEP_MAX: Duration = Duration::from_secs(2);
/// The answer is short.
const ANSWER_BYTES_MAX: u64 = 4_096;
const SERVES: &[u8] = b"HTTP/1.1 200 ";

/// Succeeds if the gateway that listens on `listen` takes requests.
pub(crate) fn check(listen: &str) -> Result<ExitCode, StartError> {
    let unhealthy = |why: String| StartError::Unhealthy { listen: listen.to_owned(), why };
    let answer = ask(listen).map_err(|error| unhealthy(error.to_string()))?;
    if answer.starts_with(SERVES) {
        return Ok(ExitCode::SUCCESS);
    }
    let first = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Err(unhealthy(format!("it answers {:?}", String::from_utf8_lossy(first))))
}

fn ask(listen: &str) -> std::io::Result<Vec<u8>> {
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in listen.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, STEP_MAX) {
            Ok(stream) => return exchange(stream, listen),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn exchange(mut stream: TcpStream, listen: &str) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(STEP_MAX))?;
    stream.set_write_timeout(Some(STEP_MAX))?;
    // One write: `write!` would send each part of the head on its own.
    stream.write_all(format!("GET /readyz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    fn check_answer(answer: &'static str, expect: Result<(), &str>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let listen = listener.local_addr().expect("an address").to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut head = BufReader::new(&stream).lines().map(|line| line.expect("a request"));
            let first = head.next().expect("a request line");
            // A connection closed with bytes unread is reset, so the whole head is read.
            head.find(String::is_empty).expect("the head's end");
            assert_eq!(first, "GET /readyz HTTP/1.1", "it asks whether requests are taken");
            stream.write_all(answer.as_bytes()).expect("an answer");
        });
        let found = check(&listen).map_err(|error| error.to_string());
        server.join().expect("the server ends");
        match expect {
            Ok(()) => assert!(found.is_ok(), "{found:?}"),
            Err(part) => assert!(found.as_ref().is_err_and(|error| error.contains(part)), "{found:?}"),
        }
    }

    #[test]
    fn a_gateway_is_healthy_when_it_takes_requests() {
        check_answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Ok(()));
        check_answer("HTTP/1.1 503 Service Unavailable\r\n\r\n", Err("HTTP/1.1 503 Service Unavailable"));
        check_answer("", Err("it answers \"\""));
    }

    #[test]
    fn a_port_without_a_gateway_is_named() {
        let listen = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address").to_string()
        };
        let error = check(&listen).expect_err("nobody listens").to_string();
        assert!(error.contains(&listen) && error.contains("refused"), "{error}");
    }
}
