//! TLS of the gateway's own: its certificate, exchanged while it serves.

use crate::fixture::{Fixture, Gateway, ask, bearer, eventually, failed};
use crate::metrics;
use crate::tls_client::{Client, Pair, config, exchange, paths, request, rest, socket};
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedProtocolVersion};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::process::Command;

/// The files are not looked at while the test runs.
const NO_WATCH: &str = "tls_check_ms = 3600000";
static NEW: [&SupportedProtocolVersion; 1] = [&TLS13];
static OLD: [&SupportedProtocolVersion; 1] = [&TLS12];
const HEALTHY: &str = "HTTP/1.1 200 OK";

fn started(fixture: &Fixture, pair: &Pair, more: &str) -> Gateway {
    pair.write(fixture);
    let path = fixture.file("config.toml", &config(fixture, more));
    fixture.start(&["--config", &path, "dev"], &[("OPENCREDITS_ADMIN_LISTEN", "127.0.0.1:0")])
}

/// Whether a new connection has this certificate, and is served.
fn serves_by(gateway: &Gateway, pair: &Pair) -> bool {
    let Ok(stream) = Client::default().connect(gateway, pair) else { return false };
    exchange(stream, &request("GET", "/readyz", ("", ""))).starts_with(HEALTHY)
}

fn chat(gateway: &Gateway, text: &str) -> String {
    let body = format!(
        r#"{{"model":"sandbox/gpt","max_tokens":20,"stream":true,"messages":[{{"role":"user","content":"{text}"}}]}}"#
    );
    request("POST", "/v1/chat/completions", (&bearer(&gateway.key()), &body))
}

fn balance(gateway: &Gateway, pair: &Pair) -> f64 {
    let stream = Client::default().connect(gateway, pair).unwrap();
    let answer = exchange(stream, &request("GET", "/v1/credits/balance", (&bearer(&gateway.key()), "")));
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
    serde_json::from_str::<Value>(body).unwrap()["balance"].as_f64().unwrap_or_else(|| panic!("{body}"))
}

#[test]
fn a_request_is_served_and_charged_over_both_versions_of_tls() {
    let (fixture, pair) = (Fixture::new(), Pair::new(1));
    let gateway = started(&fixture, &pair, NO_WATCH);
    assert!(gateway.greeting.contains("https://localhost:"), "{}", gateway.greeting);
    let mut left = balance(&gateway, &pair);
    for (versions, expect) in [(&NEW, ProtocolVersion::TLSv1_3), (&OLD, ProtocolVersion::TLSv1_2)] {
        let client = Client { versions, protocols: &["h2", "http/1.1"] };
        let stream = client.connect(&gateway, &pair).unwrap();
        assert_eq!(stream.conn.protocol_version(), Some(expect));
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = exchange(stream, &chat(&gateway, "Hello"));
        assert!(answer.starts_with(HEALTHY) && answer.contains("data: [DONE]"), "{expect:?}: {answer}");
        let now = balance(&gateway, &pair);
        assert!(now < left, "{expect:?}: {now} of {left}");
        left = now;
    }
    let family = "opencredits_tls_certificate_not_after_seconds";
    assert_eq!(metrics::value(&metrics::scrape(&gateway), family), Some(3_818_448_000.0));
    let path = fixture.file("config.toml", &config(&fixture, NO_WATCH));
    let listens = [("OPENCREDITS_SERVER_LISTEN", &*gateway.address)];
    let asked = fixture.run(&["--config", &path, "--health"], &listens);
    assert!(asked.status.success(), "{asked:?}");
}

#[test]
fn who_speaks_something_else_is_told_and_does_not_wait() {
    let (fixture, pair) = (Fixture::new(), Pair::new(1));
    let gateway = started(&fixture, &pair, NO_WATCH);
    let plain = gateway.send("POST", "/v1/chat/completions", (&bearer(&gateway.key()), "{}"));
    assert!(plain.starts_with("HTTP/1.1 400 ") && plain.contains("https://"), "{plain}");
    assert!(plain.contains("x-request-id: req_"), "{plain}");
    let garbage = exchange(socket(&gateway), "\u{1}\u{2}\u{3}\r\n\r\n");
    assert!(!garbage.contains("HTTP"), "{garbage:?}");
    let client = Client { protocols: &["h2"], ..Client::default() };
    let error = client.connect(&gateway, &pair).unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
    assert!(serves_by(&gateway, &pair), "others are served as before");
}

#[test]
fn a_client_that_says_nothing_is_closed_and_keeps_nobody_waiting() {
    let (fixture, pair) = (Fixture::new(), Pair::new(1));
    let gateway = started(&fixture, &pair, "header_read_ms = 2000\nthreads = 1");
    let silent: Vec<_> = (0..20).map(|_| socket(&gateway)).collect();
    let mut slow = socket(&gateway);
    slow.write_all(b"\x16\x03\x01\x01").unwrap();
    assert!(serves_by(&gateway, &pair), "one thread serves beside handshakes that do not go on");
    for stream in silent.into_iter().chain([slow]) {
        assert_eq!(rest(stream), "");
    }
}

#[test]
fn a_handshake_that_has_not_ended_does_not_hold_the_end_up() {
    let (fixture, pair) = (Fixture::new(), Pair::new(1));
    let gateway = started(&fixture, &pair, "header_read_ms = 600000\nshutdown_ms = 20000");
    let _silent = socket(&gateway);
    // The silent connection was accepted before this one.
    assert!(serves_by(&gateway, &pair));
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success() && log.contains("clean=true"), "{log}");
}

/// What a reload answers.
fn reload(fixture: &Fixture, apply: bool) -> (u16, Value) {
    ask(fixture, &json!({"do": "reload", "apply": apply}))
}

#[test]
fn a_reload_exchanges_the_certificate_and_a_stream_ends_as_it_began() {
    let (fixture, old, new) = (Fixture::new(), Pair::new(1), Pair::new(2));
    let gateway = started(&fixture, &old, NO_WATCH);
    let mut stream = Client::default().connect(&gateway, &old).unwrap();
    stream.write_all(chat(&gateway, "sandbox:slow 50").as_bytes()).unwrap();
    stream.read_exact(&mut [0; 64]).unwrap();
    new.write(&fixture);
    let (status, compared) = reload(&fixture, false);
    assert_eq!(status, 200, "{compared}");
    let change = json!([{
        "setting": "server.tls_certificate",
        "before": "serial 01, valid until 2091-01-01T00:00:00Z",
        "after": "serial 02, valid until 2091-01-01T00:00:00Z",
    }]);
    assert_eq!(compared["reload"]["changes"], change);
    assert!(serves_by(&gateway, &old), "a comparison changes nothing");
    let (_, applied) = reload(&fixture, true);
    assert_eq!(applied["reload"]["changes"], change);
    assert!(serves_by(&gateway, &new) && !serves_by(&gateway, &old));
    let rest = rest(stream);
    assert!(rest.contains("data: [DONE]") && rest.contains("\"generation_id\":\"gen_"), "{rest}");
    let (_, again) = reload(&fixture, true);
    assert_eq!(again["reload"]["changes"], json!([]));
    let (_, audit) = ask(&fixture, &json!({"do": "list_changes", "after": null, "max": 100}));
    assert!(audit.to_string().contains("server.tls_certificate: serial 01"), "{audit}");
}

#[test]
fn a_pair_that_is_wrong_is_refused_by_its_file_with_everything_else_of_the_reload() {
    let (fixture, old, new) = (Fixture::new(), Pair::new(1), Pair::new(2));
    let gateway = started(&fixture, &old, NO_WATCH);
    let path = fixture.file("config.toml", &config(&fixture, &format!("{NO_WATCH}\ncountry = \"PT\"")));
    let [chain, key] = paths(&fixture).map(|path| path.display().to_string());
    let check = |[certificate, private]: [&str; 2], words: &[&str]| {
        fixture.file("chain.pem", certificate);
        fixture.file("key.pem", private);
        let (status, refused) = reload(&fixture, true);
        let said = refused["refused"].as_str().unwrap_or_default();
        assert!(status == 400 && words.iter().all(|words| said.contains(words)), "{words:?}: {status} {refused}");
        let (_, error) = failed(fixture.run(&["--config", &path, "--check"], &[]));
        assert!(error.contains(said), "{error}");
        assert!(serves_by(&gateway, &old), "{words:?}");
    };
    check([&new.certificate, &old.key], &["does not belong", &chain, &key]);
    check([&new.certificate[..200], &new.key], &["has no certificate", &chain]);
    check([&new.certificate, ""], &["has no private key", &key]);
    std::fs::remove_file(&key).unwrap();
    let (_, refused) = reload(&fixture, true);
    assert!(refused.to_string().contains(&format!("cannot read server.tls_key_file {key}")), "{refused}");
    let features = || {
        let stream = Client::default().connect(&gateway, &old).unwrap();
        exchange(stream, &request("GET", "/v1/features", ("", "")))
    };
    assert!(!features().contains("\"PT\""), "nothing of the reload was taken over");
    old.write(&fixture);
    assert_eq!(reload(&fixture, true).0, 200);
    assert!(features().contains("\"PT\""));
}

#[test]
fn a_pair_that_changes_on_disk_is_taken_once_it_is_valid() {
    let (fixture, old, new) = (Fixture::new(), Pair::new(1), Pair::until(2, 2021));
    let gateway = started(&fixture, &old, "tls_check_ms = 20");
    let refused = || gateway.log().matches("are not taken over").count();
    fixture.file("chain.pem", &new.certificate);
    eventually("a pair that does not fit is told of", || refused() == 1);
    assert!(serves_by(&gateway, &old));
    fixture.file("key.pem", &new.key);
    // The client of the test has the time of today, and refuses a certificate that has expired.
    eventually("the new pair is taken", || !serves_by(&gateway, &old));
    let last = Pair::new(3);
    last.write(&fixture);
    eventually("the last pair is taken", || serves_by(&gateway, &last));
    gateway.terminate();
    let (_, log) = gateway.ended();
    assert!(log.contains("has expired at 2021-01-01T00:00:00Z") && log.contains("serial 03"), "{log}");
    assert!(log.contains("key.pem does not belong to the first certificate"), "{log}");
    assert!(!log.contains("PRIVATE KEY"), "{log}");
}

#[test]
fn a_certificate_is_exchanged_where_there_is_no_config_file() {
    let (fixture, old, new) = (Fixture::new(), Pair::new(1), Pair::new(2));
    old.write(&fixture);
    let [chain, key] = paths(&fixture).map(|path| path.display().to_string());
    let variables = [
        ("OPENCREDITS_SERVER_TLS_CERTIFICATE_FILE", &*chain),
        ("OPENCREDITS_SERVER_TLS_KEY_FILE", &*key),
        ("OPENCREDITS_SERVER_TLS_CHECK_MS", "3600000"),
    ];
    let gateway = fixture.start(&["dev"], &variables);
    assert!(serves_by(&gateway, &old));
    new.write(&fixture);
    gateway.signal("-HUP");
    eventually("the new pair is taken", || serves_by(&gateway, &new));
}

#[test]
fn a_certificate_that_has_expired_is_told_with_its_date_and_used() {
    let (fixture, expired) = (Fixture::new(), Pair::until(1, 2021));
    expired.write(&fixture);
    let path = fixture.file("config.toml", &config(&fixture, NO_WATCH));
    let words = "has expired at 2021-01-01T00:00:00Z";
    let checked = fixture.run(&["--config", &path, "--check"], &[]);
    assert!(checked.status.success() && String::from_utf8(checked.stderr).unwrap().contains(words));
    let gateway = fixture.start(&["--config", &path], &[]);
    assert!(gateway.opening.contains(words), "{}", gateway.opening);
    let error = Client::default().connect(&gateway, &expired).unwrap_err().to_string();
    assert!(error.contains("certificate expired"), "{error}");
}

/// Runs a tool in the fixture's folder; `None` where it is not installed.
fn tool(fixture: &Fixture, name: &str, arguments: &str) -> Option<String> {
    let folder = fixture.data().parent().unwrap().to_owned();
    let output = Command::new(name).current_dir(folder).args(arguments.split(' ')).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name} {arguments}: {said}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn keys_in_each_form_that_openssl_writes_are_taken_and_curl_is_served() {
    let fixture = Fixture::new();
    let path = fixture.file("config.toml", &config(&fixture, NO_WATCH));
    let made = "req -x509 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -out chain.pem";
    let check = |asked: &str, rewritten: &str, form: &str| {
        tool(&fixture, "openssl", &format!("{made} {asked} -keyout made.pem"))?;
        tool(&fixture, "openssl", &format!("{rewritten} -in made.pem -out key.pem"))?;
        let [_, key] = paths(&fixture);
        assert!(std::fs::read_to_string(key).unwrap().starts_with(&format!("-----BEGIN {form}-----")), "{form}");
        let gateway = fixture.start(&["--config", &path], &[]);
        let (_, port) = gateway.address.split_once(':').unwrap();
        for version in ["--tlsv1.3", "--tlsv1.2 --tls-max 1.2"] {
            let asked = format!("-sS -4 --cacert chain.pem {version} https://localhost:{port}/readyz");
            match tool(&fixture, "curl", &asked) {
                Some(answer) => assert_eq!(answer, "ready\n", "{form} {version}"),
                None => println!("skipped: there is no curl"),
            }
        }
        Some(())
    };
    let (rsa, ec) = ("-newkey rsa:2048", "-newkey ec -pkeyopt ec_paramgen_curve:P-256");
    let all = check(rsa, "pkey", "PRIVATE KEY")
        .and_then(|()| check(rsa, "rsa -traditional", "RSA PRIVATE KEY"))
        .and_then(|()| check(ec, "ec", "EC PRIVATE KEY"));
    if all.is_none() {
        println!("skipped: there is no openssl");
    }
}
