//! Mails, from the data folder to a mail server.

use crate::fixture::Fixture;
use opencredits_ledger::{Ledger, Transfer};
use opencredits_service::accounts::{Accounts, NewKey, NewLimit, NewUser, Tables};
use opencredits_service::{Clock, Entropy, books};
use opencredits_store::{MailCounts, Outbox, Rates, SqliteStore};
use opencredits_units::{EntryId, NanoUsd, UnixMs};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

struct Fixed(AtomicU8);

impl Clock for Fixed {
    fn now(&self) -> UnixMs {
        UnixMs::new(1_790_000_000_000)
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

/// A data folder with a person whose key has spent its limit.
async fn prepare(dir: &Path) {
    std::fs::create_dir(dir).unwrap();
    let ledger = Ledger::open(dir.join("ledger.db")).unwrap();
    let store = SqliteStore::open(dir.join("store.db")).unwrap();
    let fixed = Arc::new(Fixed(AtomicU8::new(1)));
    let accounts = Accounts::new(ledger.clone(), Tables::of(store), fixed.clone(), fixed.clone());
    accounts.ensure_system_accounts().await.unwrap();
    let user = accounts.add_user(NewUser { id: None, label: "Ada".to_owned() }).await.unwrap();
    accounts.set_email(user.id, "ada@example.org").await.unwrap();
    let (name, amount) = ("laptop".to_owned(), NanoUsd::new(5_000_000_000));
    let limit = Some(NewLimit { amount, reset: None });
    let new = NewKey {
        user: user.id,
        partner: None,
        name,
        limit,
        expires_at: None,
        allowed_models: None,
        rates: Rates::default(),
    };
    let (key, _) = accounts.add_key(new).await.unwrap();
    let (id, from, to) = (EntryId::from_bits(99), key.limit.unwrap().account, books::LIMITS);
    ledger.transfer(Transfer { id, from, to, amount, memo: b"spent" }, fixed.now()).unwrap().accepted();
    ledger.flush().unwrap();
}

/// Takes one mail, as a mail server does, and returns what the client said.
pub(crate) fn take_mail(stream: TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (mut out, mut lines) = (stream.try_clone().unwrap(), BufReader::new(stream).lines());
    let (mut said, mut is_data) = (String::new(), false);
    out.write_all(b"220 double\r\n").unwrap();
    while let Some(line) = lines.next().transpose().unwrap() {
        said.push_str(&line);
        said.push('\n');
        let answer = match line.as_str() {
            "." => "250 taken",
            _ if is_data => continue,
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        is_data = line == "DATA";
        out.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
        if line == "QUIT" {
            break;
        }
    }
    said
}

#[test]
fn a_spent_limit_is_mailed_once_over_the_life_of_two_processes() {
    let fixture = Fixture::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    tokio::runtime::Runtime::new().unwrap().block_on(prepare(&fixture.data()));
    let config = format!(
        "[server]\npublic_url = \"https://acme.example\"\n[email]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\n\
         port = {port}\ntls = \"none\"\nfrom = \"Acme <mail@acme.example>\"\n[catalog]\nsandbox = true\n\
         [privacy]\naddress_keys = \"{}\"\n",
        "7".repeat(64)
    );
    let file = fixture.file("config.toml", &config);
    let gateway = fixture.start(&["--config", &file], &[]);
    let said = take_mail(server.accept().unwrap().0);
    for line in [
        "EHLO acme.example\n",
        "MAIL FROM:<mail@acme.example>",
        "RCPT TO:<ada@example.org>\n",
        "From: Acme <mail@acme.example>\n",
        "Message-ID: <mail_",
        "Limit: 500 credits ($5.00)\n",
        "https://acme.example",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    // A process that is told to end marks what it has sent.
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success() && log.contains("sent a mail"), "{log}");
    assert!(!log.contains("ada@"), "{log}");
    let again = fixture.start(&["--config", &file], &[]);
    server.set_nonblocking(true).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert!(server.accept().is_err(), "nothing is sent a second time");
    again.terminate();
    again.ended();
    let store = SqliteStore::open(fixture.data().join("store.db")).unwrap();
    let counts = tokio::runtime::Runtime::new().unwrap().block_on(store.counts(UnixMs::new(0))).unwrap();
    assert_eq!(counts, MailCounts { sent: 1, ..MailCounts::default() }, "and nothing is put in a second time");
}

#[test]
fn a_webhook_about_mails_has_a_route_only_with_a_secret() {
    let fixture = Fixture::new();
    let secret = "Y2FuYXJ5LWNhbmFyeS1jYW5hcnk=";
    let check = |variables: &[(&str, &str)], expect: &str| {
        let variables = [&[("OPENCREDITS_CATALOG_SANDBOX", "true")], variables].concat();
        let gateway = fixture.start(&[], &variables);
        let answer = gateway.send("POST", "/webhooks/resend", ("", "{}"));
        assert!(answer.starts_with(expect), "{answer}");
    };
    check(&[], "HTTP/1.1 404");
    check(&[("OPENCREDITS_EMAIL_WEBHOOK_SECRET", secret)], "HTTP/1.1 400");
}
