//! `opencredits-gateway --health`: asks the gateway of the same config whether it serves, for a container's health check.

use crate::error::StartError;
use opencredits_service::config::Server;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The time limit for each step.
const STEP_MAX: Duration = Duration::from_secs(2);
/// The answer is short.
const ANSWER_BYTES_MAX: u64 = 4_096;
const SERVES: &[u8] = b"HTTP/1.1 200 ";

/// What a load balancer begins its own connections with, such as checks of health.
const OWN_CONNECTION: &[u8] = b"PROXY UNKNOWN\r\n";

/// Succeeds if the gateway of this config takes requests.
pub(crate) fn check(server: &Server) -> Result<ExitCode, StartError> {
    let unhealthy = |why: String| StartError::Unhealthy { listen: server.listen.clone(), why };
    let answer = ask(server).map_err(|error| unhealthy(error.to_string()))?;
    if answer.starts_with(SERVES) {
        return Ok(ExitCode::SUCCESS);
    }
    let first = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Err(unhealthy(format!("it answers {:?}", String::from_utf8_lossy(first))))
}

fn ask(server: &Server) -> io::Result<Vec<u8>> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in server.listen.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, STEP_MAX) {
            Ok(stream) => return opened(stream, server),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Speaks what the listener expects before HTTP.
fn opened(mut stream: TcpStream, server: &Server) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(STEP_MAX))?;
    stream.set_write_timeout(Some(STEP_MAX))?;
    let ours = stream.local_addr()?.ip();
    if server.proxy_protocol_from.iter().any(|network| network.contains(ours)) {
        stream.write_all(OWN_CONNECTION)?;
    }
    if server.tls_certificate_file.is_none() {
        return exchange(stream, &server.listen);
    }
    let name = ServerName::from(stream.peer_addr()?.ip());
    let client = tls().and_then(|config| ClientConnection::new(Arc::new(config), name)).map_err(io::Error::other)?;
    exchange(StreamOwned::new(client, stream), &server.listen)
}

fn exchange(mut stream: impl Read + Write, listen: &str) -> io::Result<Vec<u8>> {
    // One write: `write!` would send each part of the head on its own.
    stream.write_all(format!("GET /readyz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

fn tls() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(AnyCertificate(Arc::clone(&provider)));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Takes any certificate. The gateway is asked by the address of its listener, which its certificate does not name, and
/// nothing secret is sent or heard.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    fn server(listen: String) -> Server {
        Server { listen, ..Server::default() }
    }

    fn check_answer(answer: &'static str, expect: Result<(), &str>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let listen = listener.local_addr().expect("an address").to_string();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut head = BufReader::new(&stream).lines().map(|line| line.expect("a request"));
            let first = head.next().expect("a request line");
            // A connection closed with bytes unread is reset, so the whole head is read.
            head.find(String::is_empty).expect("the head's end");
            assert_eq!(first, "GET /readyz HTTP/1.1", "it asks whether requests are taken");
            stream.write_all(answer.as_bytes()).expect("an answer");
        });
        let found = check(&server(listen)).map_err(|error| error.to_string());
        serving.join().expect("the server ends");
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
        let error = check(&server(listen.clone())).expect_err("nobody listens").to_string();
        assert!(error.contains(&listen) && error.contains("refused"), "{error}");
    }
}
