//! A database whose certificate is by an authority of the operator's own.

use crate::fixture::{Fixture, failed};
use opencredits_testkit::Postgres;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// No vendor is asked for its models, and no price book is loaded.
const CONFIG: &str = "[catalog]\nrefresh_hours = 0\n[database]\nconnections = 4\n";

/// Writes an authority, and a certificate by it for an address.
fn certificates(folder: &Path, address: &str) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(folder.join("authority.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let (issuer, server) = (Issuer::new(params, key), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new(vec![address.to_owned()]).unwrap().signed_by(&server, &issuer).unwrap();
    std::fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("server.key"), server.serialize_pem()).unwrap();
}

/// A server at this address that speaks TLS; `None` where PostgreSQL is not there.
fn server(folder: &Path, address: &str) -> Option<Postgres> {
    certificates(folder, address);
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let [certificate, key] = ["server.pem", "server.key"].map(|name| folder.join(name));
    mode(folder, 0o755);
    mode(&key, 0o600);
    // A server that is started by root runs as another, who must have the key.
    let _by_others = Command::new("chown").arg("postgres").arg(&key).output();
    let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
    Postgres::start(&[
        ("ssl", "on"),
        ("ssl_cert_file", &certificate),
        ("ssl_key_file", &key),
        ("listen_addresses", address),
    ])
}

#[test]
fn a_database_is_trusted_by_the_authority_that_the_config_names_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    // An address of this process's own: others may have a server on the usual one.
    let [high, low] = [std::process::id() / 250 % 250, std::process::id() % 250];
    let address = format!("127.78.{high}.{}", low + 1);
    let Some(server) = server(folder.path(), &address) else { return };
    let [live, test] = [server.database(), server.database()].map(|url| {
        let name = url.rsplit_once("dbname=").unwrap().1.to_owned();
        (format!("host={address} user=postgres sslmode=require dbname={name}"), name)
    });
    let fixture = Fixture::new();
    let config = fixture.file("config.toml", CONFIG);
    let urls = [
        ("OPENCREDITS_DATABASE_URL", live.0.as_str()),
        ("OPENCREDITS_DATABASE_READ_URL", live.0.as_str()),
        ("OPENCREDITS_DATABASE_TEST_URL", test.0.as_str()),
    ];
    let (_, error) = failed(fixture.run(&["--config", &config], &urls));
    assert!(error.contains("the database of database.url") && error.contains("database.ca_file"), "{error}");

    let authority = folder.path().join("authority.pem").display().to_string();
    let trusting = [urls.as_slice(), &[("OPENCREDITS_DATABASE_CA_FILE", authority.as_str())]].concat();
    let gateway = fixture.start(&["--config", &config], &trusting);
    let ready = gateway.send("GET", "/readyz", ("", ""));
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    for (_, name) in [&live, &test] {
        let connections = format!(
            "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE datname = '{name}' AND backend_type = 'client backend'"
        );
        assert_eq!(server.psql("postgres", &connections), "t\n", "of the ledger, of the store and of who listens");
    }
}
