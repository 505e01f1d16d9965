//! Alarms by their real causes, from the cause to the webhook and the mail, and to their end.

use crate::alarm_doubles::{Hook, HttpDouble, mail_server};
use crate::fixture::{Fixture, Gateway, ask, bearer, config_of, eventually};
use opencredits_service::alarms::RULES;
use opencredits_store::{NewMail, Outbox as _, SqliteStore, Standing, User, UserEmails as _, Users as _};
use opencredits_units::{AccountId, Id, UnixMs, UserId};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

/// A minute of an alarm's waits takes a tenth of a second.
pub(crate) const PACE: u32 = 600;
/// It takes five milliseconds: for waits and windows of hours.
pub(crate) const FAST_PACE: u32 = 12_000;

/// The config of a gateway that tells this hook.
fn alarms_to(hook: &Hook, more: &str) -> String {
    format!("{}{more}\n", alarms_at(PACE, hook))
}

/// The same at a pace of its own.
pub(crate) fn alarms_at(pace: u32, hook: &Hook) -> String {
    format!(
        "[alarms]\nwebhook_url = \"{}\"\nwebhook_secret = \"{}\"\nrunbooks_url = \"https://wiki.example\"\npace = {pace}\n",
        hook.url,
        Hook::secret()
    )
}

pub(crate) fn chat(gateway: &Gateway, key: &str) -> String {
    let body = r#"{"model":"house/small","max_tokens":20,"messages":[{"role":"user","content":"Hi"}]}"#;
    gateway.send("POST", "/v1/chat/completions", (&bearer(key), body))
}

/// The real time, so long ago.
#[expect(clippy::disallowed_methods, reason = "the gateway reads the same clock")]
pub(crate) fn ago(span: Duration) -> UnixMs {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    UnixMs::new(u64::try_from((now - span).as_millis()).unwrap())
}

/// Runs a job, once nobody else runs it; it may fail.
pub(crate) fn run_job(fixture: &Fixture, name: &str) {
    let run = json!({ "do": "jobs", "job": "run", "name": name });
    eventually(name, || ask(fixture, &run).0 == 200);
}

/// Ends a gateway; returns its log.
fn end(gateway: Gateway) -> String {
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success(), "{log}");
    log
}

/// Ends a gateway, and checks that nothing more was told of these alarms.
pub(crate) fn check_end(gateway: Gateway, hook: &Hook, alarms: &[&str]) -> String {
    let log = end(gateway);
    for alarm in alarms {
        let told = hook.told(alarm);
        assert_eq!(told, ["alarm.fired", "alarm.resolved"], "{alarm} is told once when it fires and once when it ends");
    }
    log
}

#[test]
fn each_alarm_has_a_test_in_which_its_cause_raises_and_ends_it() {
    let sources = [
        include_str!("alarms.rs"),
        include_str!("alarms_of_money.rs"),
        include_str!("alarms_of_process.rs"),
        include_str!("alarms_of_requests.rs"),
    ];
    for rule in &RULES {
        let name = format!("\"{}\"", rule.name);
        assert!(sources.iter().any(|source| source.contains(&name)), "{name} has none");
    }
}

#[test]
fn a_vendor_that_refuses_our_account_is_told_by_webhook_and_by_mail_and_so_is_its_end() {
    let (hook, vendor) = (Hook::start(), HttpDouble::vendor());
    let (port, mails) = mail_server();
    let email = format!(
        "[server]\npublic_url = \"https://acme.example\"\n[email]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
         from = \"Acme <mail@acme.example>\"\n"
    );
    let fixture = Fixture::new();
    let alarms = alarms_to(&hook, "mail_to = [\"ops@acme.example\"]");
    let config = fixture.file("config.toml", &format!("{email}{alarms}{}", config_of(&vendor.url)));
    let gateway = fixture.start(&["--config", &config, "dev"], &[("HOUSE_API_KEY", "key-canary")]);
    let key = gateway.key();
    assert!(chat(&gateway, &key).starts_with("HTTP/1.1 200"), "all is well at first");
    vendor.refuse(true);
    assert!(chat(&gateway, &key).starts_with("HTTP/1.1 502"));
    let alarm = "OpenCreditsVendorRefusesAccount";
    let fired = hook.next(alarm, "alarm.fired");
    assert_eq!(fired["data"]["labels"], json!({ "vendor": "house" }));
    assert_eq!(fired["data"]["severity"], "page");
    assert_eq!(fired["data"]["summary"], "house refuses our own account");
    assert_eq!(fired["data"]["runbook_url"], "https://wiki.example/vendor-refuses-account.md");
    vendor.refuse(false);
    assert!(chat(&gateway, &key).starts_with("HTTP/1.1 200"));
    // The receiver is away for a moment: the notice comes again.
    hook.refuse_next();
    hook.next(alarm, "alarm.resolved");
    let of_alarm = |subject: &str| {
        let mail = mails.iter().find(|mail: &String| mail.contains(alarm) && mail.contains(subject)).unwrap();
        for line in ["RCPT TO:<ops@acme.example>\n", "house refuses our own account", "https://wiki.example"] {
            assert!(mail.contains(line), "{line} in {mail}");
        }
    };
    of_alarm("[page]");
    of_alarm("[ended]");
    let (status, tested) = ask(&fixture, &json!({ "do": "alarms", "alarm": "test" }));
    let taken = |channel: &str| json!({ "channel": channel, "taken": true, "error": null });
    assert_eq!((status, &tested["answers"]), (200, &json!([taken("webhook"), taken("mail")])));
    hook.next("OpenCreditsTest", "alarm.test");
    let log = check_end(gateway, &hook, &[alarm]);
    assert!(!log.contains("ops@") && !log.contains("key-canary"), "{log}");
}

/// A file system in memory on a folder, gone with the test.
struct Memory(PathBuf);

impl Memory {
    /// `None` where this process may mount nothing.
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs"]).arg(&at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        let block = vec![7; 4_096];
        while file.write_all(&block).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _told_by_the_tool = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[expect(clippy::print_stdout, reason = "what is left out is told")]
fn skipped(why: &str) {
    println!("skipped: {why}");
}

#[test]
fn a_full_disk_is_told_though_nothing_can_be_written_and_so_is_that_the_ledger_stands() {
    let hook = Hook::start();
    let fixture = Fixture::new();
    let Some(memory) = Memory::mount(fixture.data()) else { return skipped("this user may not mount a tmpfs") };
    let config = fixture.file("config.toml", &alarms_to(&hook, ""));
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    memory.fill();
    let low = hook.next("OpenCreditsDiskLow", "alarm.fired");
    assert!(low["data"]["summary"].as_str().is_some_and(|text| text.contains("0.0 % is free")), "{low}");
    let grant =
        json!({ "do": "grant_credits", "user": "sample person", "amount": { "usd": "1" }, "id": null, "reason": "x" });
    let (status, _) = ask(&fixture, &grant);
    assert_eq!(status, 500, "a full disk takes no credits");
    hook.next("OpenCreditsLedgerNotSound", "alarm.fired");
    memory.free();
    let alarms = ["OpenCreditsDiskLow", "OpenCreditsLedgerNotSound"];
    hook.all(&alarms, "alarm.resolved");
    check_end(gateway, &hook, &alarms);
    drop(memory);
}

/// Runs SQL on the ledger behind the gateway's back.
fn alter(fixture: &Fixture, sql: &str) {
    opencredits_sqlite::open(fixture.data().join("ledger.db")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_changed_entry_is_told_once_over_a_restart_and_so_is_that_it_is_as_it_was() {
    let hook = Hook::start();
    let fixture = Fixture::new();
    let config = fixture.file("config.toml", &alarms_to(&hook, ""));
    let start = || fixture.start(&["--config", &config, "dev"], &[]);
    let verify = || ask(&fixture, &json!({ "do": "ledger_verify" })).1;
    let alarm = "OpenCreditsVerifyFindings";
    let gateway = start();
    assert_eq!(verify()["clean"], true);
    let first = "WHERE id = (SELECT min(id) FROM entries)";
    alter(&fixture, &format!("UPDATE entries SET body = CAST(body || x'00' AS BLOB) {first}"));
    assert_eq!(verify()["clean"], false);
    let fired = hook.next(alarm, "alarm.fired");
    assert_eq!(fired["data"]["labels"], json!({ "mode": "live" }));
    let listed = || ask(&fixture, &json!({ "do": "alarms", "alarm": "list" })).1;
    let is_listed = |reply: &Value| reply["alarms"].as_array().unwrap().iter().any(|row| row["alarm"] == alarm);
    assert!(is_listed(&listed()));
    end(gateway);
    let gateway = start();
    assert!(is_listed(&listed()), "the next process knows that it fires");
    alter(&fixture, &format!("UPDATE entries SET body = substr(body, 1, length(body) - 1) {first}"));
    assert_eq!(verify()["clean"], true);
    hook.next(alarm, "alarm.resolved");
    assert!(!is_listed(&listed()));
    check_end(gateway, &hook, &[alarm]);
}

#[test]
fn channels_are_reloaded_and_an_alarm_that_fires_goes_on() {
    let (hook, other, fixture) = (Hook::start(), Hook::start(), Fixture::new());
    let (port, mails) = mail_server();
    let email = format!(
        "[server]\npublic_url = \"https://acme.example\"\n[email]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\n\
         tls = \"none\"\nfrom = \"Acme <mail@acme.example>\"\n"
    );
    let config = fixture.file("config.toml", &format!("{email}{}", alarms_to(&hook, "")));
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    let (alarm, first) = ("OpenCreditsVerifyFindings", "WHERE id = (SELECT min(id) FROM entries)");
    let verify = || ask(&fixture, &json!({ "do": "ledger_verify" })).1;
    alter(&fixture, &format!("UPDATE entries SET body = CAST(body || x'00' AS BLOB) {first}"));
    assert_eq!(verify()["clean"], false);
    hook.next(alarm, "alarm.fired");
    let secret = fixture.file("secret", &Hook::secret());
    let reload = |secret: &str| {
        let url = &other.url;
        let alarms = format!(
            "[alarms]\nmail_to = [\"ops@acme.example\"]\nwebhook_url = \"{url}\"\nwebhook_secret_file = \"{secret}\"\npace = {PACE}\n"
        );
        fixture.file("config.toml", &format!("{email}{alarms}"));
        ask(&fixture, &json!({ "do": "reload", "apply": true }))
    };
    assert_eq!(reload("/nowhere/secret").0, 400);
    let (status, reloaded) = reload(&secret);
    assert_eq!((status, &reloaded["reload"]["needs_restart"]), (200, &json!([])));
    assert!(!reloaded.to_string().contains("whsec"), "{reloaded}");
    alter(&fixture, &format!("UPDATE entries SET body = substr(body, 1, length(body) - 1) {first}"));
    assert_eq!(verify()["clean"], true);
    other.next(alarm, "alarm.resolved");
    assert!(mails.iter().any(|mail: String| mail.contains("[ended]") && mail.contains(alarm)));
    end(gateway);
    assert_eq!((hook.told(alarm), other.told(alarm)), (vec!["alarm.fired".into()], vec!["alarm.resolved".into()]));
}

#[test]
fn a_lock_on_the_ledger_that_lasts_is_told_as_slow_commits_and_so_is_its_end() {
    let hook = Hook::start();
    let fixture = Fixture::new();
    let config = fixture.file("config.toml", &alarms_to(&hook, ""));
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    let locking = opencredits_sqlite::open(fixture.data().join("ledger.db")).unwrap();
    locking.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let grant = json!({ "do": "grant_credits", "user": "sample person", "amount": { "usd": "1" }, "id": null, "reason": "x" });
        let fixture = &fixture;
        let granted = scope.spawn(move || ask(fixture, &grant).0);
        hook.next("OpenCreditsFsyncSlow", "alarm.fired");
        locking.execute_batch("ROLLBACK").unwrap();
        assert_eq!(granted.join().unwrap(), 200, "it waited");
    });
    hook.next("OpenCreditsFsyncSlow", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsFsyncSlow"]);
}

#[test]
fn a_vendor_whose_name_has_no_address_is_told_and_named_in_the_log() {
    let hook = Hook::start();
    let fixture = Fixture::new();
    // Names below `.invalid` have no address (RFC 6761, section 6.4).
    let config = format!("{}{}", alarms_to(&hook, ""), config_of("http://vendor.invalid"));
    let config = fixture.file("config.toml", &config);
    let gateway = fixture.start(&["--config", &config, "dev"], &[("HOUSE_API_KEY", "key-canary")]);
    assert!(chat(&gateway, &gateway.key()).starts_with("HTTP/1.1 502"));
    let fired = hook.next("OpenCreditsVendorNameUnresolved", "alarm.fired");
    assert_eq!(fired["data"]["labels"], json!({ "vendor": "house" }));
    hook.next("OpenCreditsVendorNameUnresolved", "alarm.resolved");
    let log = check_end(gateway, &hook, &["OpenCreditsVendorNameUnresolved"]);
    assert!(log.contains("cannot be resolved") && log.contains("vendor.invalid"), "{log}");
}

/// A data folder with a mail that has waited for two hours.
async fn with_old_mail(fixture: &Fixture) {
    std::fs::create_dir(fixture.data()).unwrap();
    let store = SqliteStore::open(fixture.data().join("store.db")).unwrap();
    let (id, created_at) = (UserId::from_bits(1), ago(Duration::from_secs(7_200)));
    let label = "Ada".to_owned();
    let user = User { id, wallet: AccountId::from_bits(1_000), label, created_at, standing: Standing::Good };
    store.add_user(&user).await.unwrap();
    store.set_email(id, "ada@example.org").await.unwrap();
    let parameters = r#"{"kind":"low_balance","with":{"balance":"1","threshold":"2"}}"#.to_owned();
    let (kind, cause) = ("low_balance".to_owned(), "cause".to_owned());
    let mail = NewMail { id: Id::from_bits(7), kind, cause, user: id, parameters, created_at };
    assert!(store.enqueue(&mail).await.unwrap());
}

#[test]
fn a_mail_server_that_is_away_is_told_by_webhook_as_a_stuck_outbox_until_mails_leave_again() {
    let hook = Hook::start();
    let fixture = Fixture::new();
    tokio::runtime::Runtime::new().unwrap().block_on(with_old_mail(&fixture));
    // A port that nobody listens at.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "[server]\npublic_url = \"https://acme.example\"\n[email]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
         from = \"Acme <mail@acme.example>\"\n[privacy]\naddress_keys = \"{}\"\n{}",
        "7".repeat(64),
        alarms_to(&hook, "mail_to = [\"ops@acme.example\"]")
    );
    let config = fixture.file("config.toml", &config);
    let gateway = fixture.start(&["--config", &config], &[("OPENCREDITS_CATALOG_SANDBOX", "true")]);
    hook.next("OpenCreditsOutboxStuck", "alarm.fired");
    let (_, mails) = crate::alarm_doubles::mail_server_at(port);
    // The outbox would wait half a minute before it tries again.
    let store = opencredits_sqlite::open(fixture.data().join("store.db")).unwrap();
    store.execute_batch("UPDATE mail_outbox SET next_attempt_at = 0, leased_until = NULL").unwrap();
    assert!(mails.iter().any(|mail: String| mail.contains("RCPT TO:<ada@example.org>")));
    hook.next("OpenCreditsOutboxStuck", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsOutboxStuck"]);
}
