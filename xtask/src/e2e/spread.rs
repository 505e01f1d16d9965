//! What spreads requests where nginx is not installed: each goes to the next gateway, whoever sends it.
//!
//! A connection is for one request. The gateway is told to close it after its answer, and the client reads so in the answer's head.

use crate::outcome::Outcome;
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// The field of a head that says whether its connection goes on.
const CONNECTION: &[u8] = b"connection:";
const CLOSE: &[u8] = b"connection: close\r\n";

/// Serves for as long as this process lives, and returns the port.
pub(super) fn start(gateways: Vec<u16>) -> Outcome<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for gateway in gateways.into_iter().cycle() {
            let Ok((client, _)) = listener.accept() else { return };
            thread::spawn(move || {
                // Whoever hangs up ends its own exchange only.
                let _ended = carry(&client, gateway);
            });
        }
    });
    Ok(port)
}

/// Carries a request to a gateway, and what comes back. The end of one side ends the other.
fn carry(client: &TcpStream, gateway: u16) -> io::Result<()> {
    let mut request = BufReader::new(client);
    let head = head(&mut request)?;
    let upstream = TcpStream::connect(("127.0.0.1", gateway))?;
    for stream in [client, &upstream] {
        stream.set_nodelay(true)?;
    }
    (&upstream).write_all(&head)?;
    thread::scope(|scope| {
        scope.spawn(|| {
            let _left = io::copy(&mut request, &mut &upstream);
            let _ended_before = upstream.shutdown(Shutdown::Both);
        });
        let answered = io::copy(&mut &upstream, &mut &*client);
        let _left_before = client.shutdown(Shutdown::Both);
        answered.map(drop)
    })
}

/// The head of a request, which asks for the connection to be closed after the answer.
fn head(request: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let mut line = Vec::new();
        if request.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if matches!(line.as_slice(), b"\r\n" | b"\n") {
            head.extend_from_slice(CLOSE);
            head.append(&mut line);
            return Ok(head);
        }
        let is_connection = line.get(..CONNECTION.len()).is_some_and(|name| name.eq_ignore_ascii_case(CONNECTION));
        if !is_connection {
            head.append(&mut line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    /// A gateway that answers each connection with its name and what it was sent; its port.
    fn gateway(name: &'static str) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut seen, mut some) = (Vec::new(), [0; 256]);
                while !seen.ends_with(b"body") {
                    let count = stream.read(&mut some).unwrap();
                    assert!(count > 0, "it was cut off");
                    seen.extend_from_slice(&some[..count]);
                }
                write!(stream, "{name}|{}", String::from_utf8(seen).unwrap()).unwrap();
            }
        });
        port
    }

    #[test]
    fn each_request_goes_to_the_next_gateway_on_a_connection_of_its_own() {
        let port = start(vec![gateway("one"), gateway("two"), gateway("three")]).unwrap();
        for expect in ["one", "two", "three", "one"] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let head = "POST / HTTP/1.1\r\nConnection: keep-alive\r\ncontent-length: 4\r\n\r\n";
            write!(stream, "{head}body").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let sent = "POST / HTTP/1.1\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody";
            assert_eq!(answer, format!("{expect}|{sent}"));
        }
    }
}
