//! Certificates, and a client that speaks TLS to the gateway.

use crate::fixture::{Fixture, Gateway, PATIENCE};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, version::TLS12,
    version::TLS13,
};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A certificate of its own issuer, and its key.
pub(crate) struct Pair {
    der: CertificateDer<'static>,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pair {
    /// One with this serial number, until the end of 2090.
    pub(crate) fn new(serial: u8) -> Self {
        Self::until(serial, 2091)
    }

    /// One that ends with the beginning of a year.
    pub(crate) fn until(serial: u8, year: i32) -> Self {
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(year, 1, 1);
        Self::of(serial, params)
    }

    /// One that ends so long after the beginning of 1970.
    pub(crate) fn ending(serial: u8, at: Duration) -> Self {
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(1970, 1, 1) + at;
        Self::of(serial, params)
    }

    fn of(serial: u8, ending: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = ending.not_after;
        params.serial_number = Some(vec![serial].into());
        let certificate = params.self_signed(&key).unwrap();
        Self { der: certificate.der().clone(), certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Writes both files, the certificate first.
    pub(crate) fn write(&self, fixture: &Fixture) {
        fixture.file("chain.pem", &self.certificate);
        fixture.file("key.pem", &self.key);
    }
}

/// The settings of TLS with the pair's files, and more settings of the server.
pub(crate) fn config(fixture: &Fixture, more: &str) -> String {
    let [certificate, key] = paths(fixture).map(|path| path.display().to_string());
    format!("[server]\ntls_certificate_file = \"{certificate}\"\ntls_key_file = \"{key}\"\n{more}\n")
}

/// The files of the pair.
pub(crate) fn paths(fixture: &Fixture) -> [PathBuf; 2] {
    ["chain.pem", "key.pem"].map(|name| fixture.data().with_file_name(name))
}

/// How a client speaks.
pub(crate) struct Client {
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
    pub(crate) protocols: &'static [&'static str],
}

impl Default for Client {
    fn default() -> Self {
        Self { versions: &BOTH, protocols: &[] }
    }
}

impl Client {
    /// Speaks TLS with a server that has this certificate.
    pub(crate) fn over(&self, stream: TcpStream, expected: &Pair) -> io::Result<Stream> {
        let mut roots = RootCertStore::empty();
        roots.add(expected.der.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(self.versions).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        assert_eq!(stream.conn.peer_certificates().unwrap(), std::slice::from_ref(&expected.der));
        Ok(stream)
    }

    pub(crate) fn connect(&self, gateway: &Gateway, expected: &Pair) -> io::Result<Stream> {
        self.over(socket(gateway), expected)
    }
}

/// A connection that has said nothing yet.
pub(crate) fn socket(gateway: &Gateway) -> TcpStream {
    let stream = TcpStream::connect(&gateway.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The bytes of a request that closes its connection.
pub(crate) fn request(method: &str, target: &str, (headers, body): (&str, &str)) -> String {
    let head = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}");
    format!("{head}content-length: {}\r\n\r\n{body}", body.len())
}

/// Sends bytes, and reads until the server closes.
pub(crate) fn exchange(mut stream: impl Read + Write, bytes: &str) -> String {
    stream.write_all(bytes.as_bytes()).unwrap();
    rest(stream)
}

pub(crate) fn rest(mut stream: impl Read) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}
