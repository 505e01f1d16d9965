//! A service manager that hands the listening socket over, and is told of the state of the process.

use crate::fixture::{Fixture, Gateway, started};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Makes standard input descriptor 3, which is the first one that a service manager hands over.
const HAND_OVER: &str =
    r#"exec 3<&0 </dev/null; LISTEN_PID=$$; LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec "$0" "$@""#;
const PATIENCE: Duration = Duration::from_secs(30);

/// The gateway as the service manager starts it, on this socket.
fn handed_over(fixture: &Fixture, socket: &TcpListener, variables: &[(&str, &str)]) -> Gateway {
    let plain = fixture.command(&[], variables);
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(HAND_OVER).arg(plain.get_program()).args(plain.get_args()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
    started(command, false)
}

/// One request on a connection of its own; the first line of its answer.
fn asked(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn no_connection_is_refused_while_the_gateway_restarts_on_the_socket_of_the_service_manager() {
    let fixture = Fixture::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let first = handed_over(&fixture, &socket, &[("OPENCREDITS_SERVER_LISTEN", "127.0.0.1:1")]);
    assert!(first.opening.contains(&address.to_string()), "the socket's address holds: {}", first.opening);
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let answers = thread::scope(|scope| {
        let clients = [(); 4].map(|()| {
            scope.spawn(|| {
                let mut answers = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    answers.push(asked(address));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                answers
            })
        });
        first.terminate();
        let (status, log) = first.ended();
        assert!(status.success() && log.contains("\"clean\":true"), "{log}");
        let second = handed_over(&fixture, &socket, &[]);
        let wait = || thread::sleep(Duration::from_millis(20));
        let has_enough = (0..500).any(|_| {
            answered.load(Ordering::Relaxed) > 8 || {
                wait();
                false
            }
        });
        is_over.store(true, Ordering::Relaxed);
        let answers: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        second.terminate();
        assert!(has_enough, "{} requests", answers.len());
        answers
    });
    assert!(answers.iter().all(|answer| answer == "HTTP/1.1 200 OK"), "{answers:?}");
}

#[test]
fn the_service_manager_hears_when_requests_are_served_and_when_the_process_ends() {
    let fixture = Fixture::new();
    let path = fixture.file("notify", "");
    std::fs::remove_file(&path).unwrap();
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = || {
        let mut message = [0; 256];
        let length = manager.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let gateway = fixture.start(&[], &[("NOTIFY_SOCKET", &path)]);
    assert!(heard().starts_with("READY=1\n"));
    gateway.terminate();
    assert!(heard().starts_with("STOPPING=1\n"));
    assert!(gateway.ended().0.success());
}

#[test]
fn more_sockets_than_one_are_refused_with_the_remedy() {
    let fixture = Fixture::new();
    let plain = fixture.command(&[], &[]);
    let shell = r#"LISTEN_PID=$$; LISTEN_FDS=2; export LISTEN_PID LISTEN_FDS; exec "$0""#;
    let output = Command::new("/bin/sh").args(["-c", shell]).arg(plain.get_program()).env_clear().output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("leave one ListenStream="), "{error}");
}

#[test]
fn health_is_what_the_gateway_of_the_config_says() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&[], &[]);
    let address = gateway.address.clone();
    let health = || fixture.run(&["--health"], &[("OPENCREDITS_SERVER_LISTEN", &address)]);
    assert!(health().status.success());
    gateway.terminate();
    assert!(gateway.ended().0.success());
    let output = health();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains(&address), "{error}");
}
