//! `doctor`, on an installation whose peers are doubles.

use crate::fixture::{Access, Fixture};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;

/// In the form of one.
const WEBHOOK_SECRET: &str = concat!("whsec", "_0123456789abcdef0123456789abcdef");
const DATE: &str = "Mon, 30 Nov 2026 00:00:00 GMT";

/// A peer that answers each path with a status, and greets who says nothing.
fn peer(statuses: &'static [(&'static str, u16)]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _whoever_left = answer(&stream.unwrap(), statuses);
        }
    });
    port
}

fn answer(mut stream: &TcpStream, statuses: &[(&str, u16)]) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let target = lines.next().unwrap()?.split(' ').nth(1).unwrap_or_default().to_owned();
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let status = statuses.iter().find(|(path, _)| *path == target).map_or(404, |(_, status)| *status);
    write!(stream, "HTTP/1.1 {status} X\r\ndate: {DATE}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// A mail server that greets so, takes one login, and no mails.
fn mail_server(greeting: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _whoever_left = converse(&stream.unwrap(), greeting);
        }
    });
    port
}

/// `AUTH PLAIN` with the user `acme` and the password `right` (RFC 4616).
const LOGIN: &str = "AUTH PLAIN AGFjbWUAcmlnaHQ=";

fn converse(mut stream: &TcpStream, greeting: &str) -> std::io::Result<()> {
    stream.write_all(greeting.as_bytes())?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let reply = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-mail.example\r\n250 AUTH PLAIN\r\n",
            "AUTH" if line == LOGIN => "235 2.7.0 welcome\r\n",
            "AUTH" => "535 5.7.8 acme@example.org is not welcome\r\n",
            "NOOP" => "250 fine\r\n",
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => panic!("{line} is no check"),
        };
        stream.write_all(reply.as_bytes())?;
    }
    Ok(())
}

/// The health of each thing, and what to do, with these peers.
fn check(fixture: &Fixture, peers: (u16, u16), expect: &[(&str, &str, &str)]) -> bool {
    check_with(fixture, &format!("webhook_secret = \"{WEBHOOK_SECRET}\""), peers, expect)
}

/// The same with this setting of `[payments]`.
fn check_with(fixture: &Fixture, setting: &str, peers: (u16, u16), expect: &[(&str, &str, &str)]) -> bool {
    check_all(fixture, (setting, ""), peers, expect)
}

/// The same with these settings of `[payments]` and of `[email]`.
fn check_all(
    fixture: &Fixture,
    (setting, email): (&str, &str),
    (service, mail): (u16, u16),
    expect: &[(&str, &str, &str)],
) -> bool {
    let config = fixture.dir.join("doctor.toml");
    let text = format!(
        "[server]\npublic_url = \"http://127.0.0.1:{service}\"\n[email]\n{email}transport = \"smtp\"\nhost = \"127.0.0.1\"\n\
         port = {mail}\ntls = \"none\"\nfrom = \"A <a@acme.example>\"\n[payments]\nprocessor = \"stripe\"\n\
         key = \"rk_test_1\"\n{setting}\n\
         [[vendor]]\nid = \"peer\"\ndialect = \"openai-chat\"\nbase_url = \"http://127.0.0.1:{service}/v1\"\nkey_env = \"PEER_KEY\"\ndiscover = true\n\
         [[model]]\nid = \"peer/m\"\nvendor = \"peer\"\nupstream_model = \"m\"\ncontext_window = 4000\nmax_output_tokens = 1000\n\
         prices = {{ input = \"1\", output = \"2\" }}\n",
    );
    std::fs::write(&config, text).unwrap();
    let backups = fixture.dir.join("backups");
    let mut command = fixture.command(&["--json", "--config"]);
    command.arg(&config).arg("doctor").arg("--backups").arg(&backups).env("PEER_KEY", "k");
    let output = command.output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(told["healthy"].as_bool(), Some(output.status.success()));
    for (what, health, part) in expect {
        let findings = told["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["what"] == *what);
        let finding = finding.unwrap_or_else(|| panic!("{what}: {told:#}"));
        assert!(
            finding["health"] == *health && finding.to_string().contains(part),
            "{what} {health} {part}: {finding}"
        );
    }
    output.status.success()
}

#[test]
fn a_healthy_installation_is_told_so_and_a_wrong_clock_is_found() {
    let fixture = Fixture::new(Access::Socket);
    std::fs::create_dir_all(fixture.dir.join("backups/opencredits-20250929T000000Z")).unwrap();
    std::fs::create_dir_all(fixture.dir.join("backups/opencredits-20250901T000000Z")).unwrap();
    let service = peer(&[("/healthz", 200), ("/webhooks/stripe", 405), ("/v1/models", 200)]);
    check(
        &fixture,
        (service, mail_server("220 mail ESMTP\r\n")),
        &[
            ("config", "good", "valid"),
            ("offer", "good", "models are on sale"),
            ("gateway", "good", "its admin socket answers"),
            ("flush", "good", "ms to the disk"),
            ("provider peer", "good", "takes our key"),
            ("public address", "good", "reaches the gateway"),
            ("webhook", "good", "is there"),
            ("mail", "good", "there is no login"),
            // The double has stopped at one moment.
            ("clock", "bad", "chrony"),
            ("backups", "bad", "opencredits-20250929T000000Z is the newest"),
        ],
    );
}

#[test]
fn what_does_not_work_is_named_with_what_to_do() {
    let fixture = Fixture::new(Access::Files);
    let service = peer(&[("/healthz", 502), ("/v1/models", 401)]);
    let is_healthy = check(
        &fixture,
        (service, mail_server("554 no\r\n")),
        &[
            ("gateway", "warning", "start it"),
            ("provider peer", "bad", "put a valid key into PEER_KEY"),
            ("public address", "bad", "answers 502"),
            ("webhook", "bad", "payments.webhook_secret_file"),
            ("mail", "bad", "refuses us with 554"),
            ("backups", "bad", "opencredits-admin backup DIR"),
        ],
    );
    assert!(!is_healthy);
}

#[test]
fn a_login_at_the_mail_server_is_tried_and_no_mail_is_sent() {
    let fixture = Fixture::new(Access::Socket);
    let service = peer(&[("/healthz", 200), ("/webhooks/stripe", 405), ("/v1/models", 200)]);
    let check = |password: &str, expect: (&str, &str, &str)| {
        let file = fixture.dir.join("password");
        std::fs::write(&file, password).unwrap();
        let more = format!("username = \"acme\"\npassword_file = \"{}\"\n", file.display());
        check_all(&fixture, ("", &more), (service, mail_server("220 mail ESMTP\r\n")), &[expect]);
    };
    check("right\n", ("mail", "good", "takes our login"));
    check("wrong\n", ("mail", "bad", "the server refuses the login"));
    check("wrong\n", ("mail", "bad", "email.password_file"));
    let more = "username = \"acme\"\npassword_file = \"/nowhere/password\"\n";
    let expect = [("mail", "bad", "cannot read email.password_file /nowhere/password")];
    check_all(&fixture, ("", more), (service, 1), &expect);
}

#[test]
fn a_service_without_a_webhook_is_told_that_payments_are_polled() {
    let fixture = Fixture::new(Access::Socket);
    let service = peer(&[("/healthz", 200), ("/webhooks/stripe", 405), ("/v1/models", 200)]);
    let expect = [("webhook", "warning", "found by polling"), ("webhook", "warning", "payments.webhook_secret_file")];
    check_with(&fixture, "", (service, mail_server("220 mail ESMTP\r\n")), &expect);
}

#[test]
fn without_a_network_the_folder_alone_is_looked_at() {
    let fixture = Fixture::new(Access::Files);
    let output = fixture.command(&["doctor", "--offline"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for part in ["data folder", "GB free", "name their folder with --backups", "to look at"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains("\nprovider ") && !said.contains("public address"), "{said}");
}

/// A certificate that ends with this year, and its key, in PEM.
fn made(until: i32) -> [String; 2] {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    [params.self_signed(&key).unwrap().pem(), key.serialize_pem()]
}

#[test]
fn a_certificate_is_looked_at_where_there_is_one() {
    let fixture = Fixture::new(Access::Files);
    let path = |name: &str| fixture.dir.join(name);
    let config = path("tls.toml");
    let text = format!(
        "[server]\ntls_certificate_file = \"{}\"\ntls_key_file = \"{}\"\n[catalog]\nsandbox = true\n",
        path("chain.pem").display(),
        path("key.pem").display()
    );
    std::fs::write(&config, text).unwrap();
    let check = |[certificate, key]: [&str; 2], mode: u32, expect: &[&str]| {
        std::fs::write(path("chain.pem"), certificate).unwrap();
        std::fs::write(path("key.pem"), key).unwrap();
        std::fs::set_permissions(path("key.pem"), std::fs::Permissions::from_mode(mode)).unwrap();
        let output = fixture.command(&["--config"]).arg(&config).args(["doctor", "--offline"]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(expect.iter().all(|part| said.contains(part)), "{expect:?}: {said}");
        assert!(said.contains("certificate key") == (mode == 0o644), "{said}");
    };
    let ([good, key], [expired, old_key], [_, other_key]) = (made(2090), made(2021), made(2090));
    check([&good, &key], 0o640, &["certificate", "valid until 2090-01-01T00:00:00Z, and its key belongs to it"]);
    check([&good, &key], 0o644, &["is open to all users (mode 644)", "chmod o= "]);
    check([&expired, &old_key], 0o600, &["BAD", "valid until 2021-01-01T00:00:00Z: it has expired", "renew it"]);
    check([&good, &other_key], 0o600, &["BAD", "does not belong to the first certificate"]);
    check(["", &key], 0o600, &["BAD", "has no certificate"]);
}

#[test]
fn the_settings_of_a_database_are_looked_at_where_there_is_one_and_it_is_not_asked() {
    let fixture = Fixture::new(Access::Files);
    let path = |name: &str| fixture.dir.join(name).display().to_string();
    let check = |database: &str, expect: &[&str]| {
        std::fs::write(path("database.toml"), format!("[catalog]\nsandbox = true\n[database]\n{database}")).unwrap();
        let config = path("database.toml");
        let output = fixture.command(&["--config", &config, "doctor", "--offline"]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(expect.iter().all(|part| said.contains(part)) && !said.contains("canary"), "{expect:?}: {said}");
    };
    let url = "url = \"postgres://app:canary@127.0.0.1:1/app\"";
    let [authority, _] = made(2090);
    std::fs::write(path("ca.pem"), authority).unwrap();
    check(url, &["its URLs can be read", "the authorities of browsers"]);
    check(&format!("{url}\nca_file = \"{}\"", path("ca.pem")), &["the authorities of database.ca_file"]);
    check(&format!("{url}\nca_file = \"/nowhere/ca\""), &["BAD", "cannot read the certificates in /nowhere/ca"]);
    check("url_file = \"/nowhere/url\"", &["BAD", "database.url: cannot use /nowhere/url"]);
    check("url = \"postgres://app:canary@db:port/a\"", &["BAD", "database.url: cannot use the database"]);
}
