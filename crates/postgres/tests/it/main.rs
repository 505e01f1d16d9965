//! Connections to a server, and what is told of them.

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
