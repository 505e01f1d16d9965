//! Connections to a server, and what is told of them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use opencredits_postgres::{PostgresError, Settings, connect, pool};
use opencredits_testkit::Postgres;
use std::path::Path;

const SECRET: &str = "hunter2";

#[test]
fn a_password_is_in_no_debug_and_in_no_error() {
    let check = |text: &str, expect: &str| {
        let read = Settings::parse(text);
        let told = read.as_ref().map_or_else(|error| format!("{error} {error:?}"), |settings| format!("{settings:?}"));
        assert!(told.contains(expect), "{text}: {told}");
        assert!(!told.contains(SECRET), "{text}: {told}");
    };
    check("postgres://app:hunter2@db.example.org/books", "books");
    check("host=db.example.org user=app password=hunter2 dbname=books", "db.example.org");
    check("host=db.example.org password=my hunter2=x", "cannot be read");
    check("postgres://app:hunter2@db.example.org:port/books", "port");
    check("postgres://app:hunter2@db.example.org/books?sslmode=verify-full", "sslmode");
    check("hunter2", "cannot be read");
}

#[tokio::test]
async fn a_client_and_a_pool_connect_and_a_refusal_tells_no_values() {
    let Some(server) = Postgres::shared() else { return };
    let settings = Settings::parse(&server.database()).unwrap();
    let client = connect(&settings).await.unwrap();
    client.batch_execute("CREATE TABLE t (name text PRIMARY KEY); INSERT INTO t VALUES ('Ada')").await.unwrap();
    let pool = pool(&settings, 2).unwrap();
    let object = pool.get().await.unwrap();
    let refused = object.execute("INSERT INTO t VALUES ($1)", &[&"Ada"]).await.unwrap_err();
    let refused = PostgresError::from(refused);
    let told = format!("{refused} {refused:?}");
    assert!(told.contains("23505") && !told.contains("Ada"), "{told}");
}

#[tokio::test]
async fn of_two_transactions_that_wait_for_each_other_one_may_be_repeated() {
    let Some(server) = Postgres::shared() else { return };
    let settings = Settings::parse(&server.database()).unwrap();
    let (first, second) = (connect(&settings).await.unwrap(), connect(&settings).await.unwrap());
    first.batch_execute("CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1), (2)").await.unwrap();
    first.batch_execute("BEGIN; SELECT n FROM t WHERE n = 1 FOR UPDATE").await.unwrap();
    second.batch_execute("BEGIN; SELECT n FROM t WHERE n = 2 FOR UPDATE").await.unwrap();
    let (one, other) = tokio::join!(
        first.batch_execute("SELECT n FROM t WHERE n = 2 FOR UPDATE; COMMIT"),
        second.batch_execute("SELECT n FROM t WHERE n = 1 FOR UPDATE; COMMIT"),
    );
    let failed: Vec<_> = [one, other].into_iter().filter_map(Result::err).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed.iter().all(opencredits_postgres::is_repeatable));
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authorities.pem");
    let with = |path: &Path| Settings::parse("host=db").unwrap().with_authorities(path);
    assert!(matches!(with(&path), Err(PostgresError::Authorities { .. })));
    std::fs::write(&path, "none").unwrap();
    assert!(matches!(with(&path), Err(PostgresError::NoAuthorities { .. })));
}

/// An authority, and a server's certificate for an address by it.
#[cfg(target_os = "linux")]
fn certificates(folder: &Path, address: &str) -> Result<(), rcgen::Error> {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(folder.join("authority.pem"), params.self_signed(&key)?.pem()).unwrap();
    let (issuer, server) = (Issuer::new(params, key), KeyPair::generate()?);
    let certificate = CertificateParams::new(vec![address.to_owned()])?.signed_by(&server, &issuer)?;
    std::fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("server.key"), server.serialize_pem()).unwrap();
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_is_spoken_to_by_tls_where_its_authority_is_known() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (of, open) = (|name: &str| folder.path().join(name), |mode| std::fs::Permissions::from_mode(mode));
    // An address of this process's own: others may have a server on the usual one.
    let [high, low] = [std::process::id() / 250 % 250, std::process::id() % 250];
    let address = format!("127.77.{high}.{}", low + 1);
    certificates(folder.path(), &address).unwrap();
    std::fs::set_permissions(folder.path(), open(0o755)).unwrap();
    std::fs::set_permissions(of("server.key"), open(0o600)).unwrap();
    // A server that is started by root runs as another, who must have the key.
    let _by_others = std::process::Command::new("chown").arg("postgres").arg(of("server.key")).output();
    let [certificate, key] = ["server.pem", "server.key"].map(|name| of(name).display().to_string());
    let settings =
        [("ssl", "on"), ("ssl_cert_file", &certificate), ("ssl_key_file", &key), ("listen_addresses", &address)];
    let Some(_server) = Postgres::start(&settings) else { return };
    let by = |mode: &str| Settings::parse(&format!("host={address} user=postgres sslmode={mode}")).unwrap();
    let asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let is_private = async |settings: &Settings| -> Result<bool, PostgresError> {
        Ok(connect(settings).await?.query_one(asked, &[]).await?.get(0))
    };
    let known = by("require").with_authorities(&of("authority.pem")).unwrap();
    assert!(is_private(&known).await.unwrap());
    assert!(is_private(&by("prefer").with_authorities(&of("authority.pem")).unwrap()).await.unwrap());
    assert!(!is_private(&by("disable")).await.unwrap());
    let refused = is_private(&by("require")).await.unwrap_err();
    assert!(matches!(&refused, PostgresError::Database(error) if error.is_of_tls()), "{refused}");
    assert!(refused.to_string().contains("TLS"), "{refused}");
}
