//! docs/first-hour.md in a fresh Debian, with a double in the place of the payment processor: from the installed package to the first
//! sale, the first request, the first partner and the first alarm.

use super::debian::{CONFIG, Debian, START_MAX};
use crate::outcome::Outcome;
use crate::process::{Running, exchange, free_port, is_on_path, wait_for_port};
use crate::workspace;
use opencredits_testkit::stripe::{Permissions, StripeDouble};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use toml::Table;

const PAGE: &str = include_str!("../../../docs/first-hour.md");
const PAYMENTS: &str = include_str!("../../../docs/payments.md");
const EMAIL: &str = "ada@example.org";
/// How long a purchase, a mail or an alarm may take to be seen.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A gateway of the package that runs.
struct Gateway<'a> {
    debian: &'a Debian,
    port: u16,
}

/// Walks the page. What it starts outlives it no longer than the double, which the config of the machine names from then on.
pub(super) fn walk(debian: &Debian, stripe: &StripeDouble) -> Outcome {
    stripe.permit(Permissions::of_page(PAYMENTS));
    stripe.set_now_s(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    configure(debian, stripe)?;
    let checked = debian.admin(&["config", "check", CONFIG])?;
    if !checked.contains("sandbox-chat") {
        return Err(format!("the sandbox is not on sale:\n{checked}").into());
    }
    debian.serve("walked", |debian, port| {
        let gateway = Gateway { debian, port };
        let session = gateway.sign_in()?;
        gateway.become_operator(&session)?;
        gateway.buy(&session, stripe)?;
        gateway.spend(&session)?;
        gateway.partner()
    })?;
    be_alarmed(debian)?;
    println!("the first hour was walked: a sale, a request, a partner, an alarm");
    Ok(())
}

/// Steps 3 and 7: the key of the processor, and what the page adds to the config.
fn configure(debian: &Debian, stripe: &StripeDouble) -> Outcome {
    let key = "/etc/opencredits/keys/stripe";
    debian.run(&["install", "-m", "0640", "-o", "root", "-g", "opencredits", "/dev/null", key])?;
    fs::write(debian.path(key), "rk_test_firsthour")?;
    let mut config: Table = debian.read(CONFIG)?.parse()?;
    for block in blocks("toml") {
        merge(&mut config, block.parse()?);
    }
    let double: Table = format!("[payments]\napi_url = \"{}\"", stripe.base_url()).parse()?;
    merge(&mut config, double);
    Ok(fs::write(debian.path(CONFIG), config.to_string())?)
}

/// The code blocks of the page in this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let parts = PAGE.split(&*fence).skip(1);
    parts.filter_map(|rest| rest.split_once("```").map(|(block, _)| block)).collect()
}

fn merge(config: &mut Table, more: Table) {
    for (name, value) in more {
        match (config.get_mut(&name), value) {
            (Some(toml::Value::Table(section)), toml::Value::Table(more)) => merge(section, more),
            (_, value) => drop(config.insert(name, value)),
        }
    }
}

impl Gateway<'_> {
    /// One request; its status, its head and its JSON.
    fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> Outcome<(u16, String, Value)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let answer = exchange(
            self.port,
            &format!(
                "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
            PATIENCE,
        )?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no body")?;
        let status = head.split(' ').nth(1).ok_or("the answer has no status")?.parse()?;
        Ok((status, head.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    fn done(&self, method: &str, path: &str, token: &str, body: &Value) -> Outcome<Value> {
        match self.call(method, path, token, body)? {
            (200..=299, _, answer) => Ok(answer),
            (status, _, answer) => Err(format!("{method} {path}: {status} {answer}").into()),
        }
    }

    /// Step 5: the code is in the log.
    fn sign_in(&self) -> Outcome<String> {
        let asked = self.done("POST", "/v1/auth/code", "", &json!({"email": EMAIL}))?;
        let log = self.debian.path("/tmp/gateway.log");
        let code = until("a code in the log", || Ok(code_in(&fs::read_to_string(&log)?)))?;
        let mut given = json!({"challenge": asked["challenge"], "code": code});
        let (_, _, refused) = self.call("POST", "/v1/auth/session", "", &given)?;
        given["accept"] = json!({"terms": refused["error"]["metadata"]["terms_version"], "age_16": true});
        text(&self.done("POST", "/v1/auth/session", "", &given)?, "/session_token")
    }

    /// Step 6.
    fn become_operator(&self, session: &str) -> Outcome {
        let users: Value = serde_json::from_str(&self.debian.admin(&["--json", "user", "list"])?)?;
        let id = text(&users, "/users/0/id")?;
        self.debian.admin(&["user", "rename", &id, "Ada"])?;
        self.debian.admin(&["user", "role", "Ada", "operator"])?;
        let own = self.done("GET", "/v1/auth/session", session, &Value::Null)?;
        expect("the person is the operator", own["user"]["role"] == "operator", &own)
    }

    /// Step 7: 25 dollars, paid on the processor's page.
    fn buy(&self, session: &str, stripe: &StripeDouble) -> Outcome {
        let order = self.done("POST", "/v1/credits/checkout", session, &json!({"amount": 25}))?;
        let page = stripe.objects("checkout.session");
        stripe.pay(&text(page.last().ok_or("the processor has no page")?, "/id")?);
        let path = format!("/v1/credits/orders/{}", text(&order, "/id")?);
        until("a paid order", || {
            let order = self.done("GET", &path, session, &Value::Null)?;
            Ok((order["status"] == "paid").then_some(()))
        })?;
        let balance = self.done("GET", "/v1/credits/balance", session, &Value::Null)?;
        expect("25 dollars are 2,500 credits", balance["balance"] == 2_500, &balance)?;
        let orders = self.debian.admin(&["order", "list"])?;
        expect("the order is listed as paid", orders.contains("paid"), &json!(orders))?;
        let report = self.debian.admin(&["ledger", "report"])?;
        let is_booked = ["payments received", "people's credits, paid"].iter().all(|line| report.contains(line));
        expect("the sale is in the books", is_booked, &json!(report))
    }

    /// Step 8.
    fn spend(&self, session: &str) -> Outcome {
        let made = self.done("POST", "/v1/keys", session, &json!({"name": "laptop"}))?;
        self.ask(&text(&made, "/key")?)?;
        let usage = self.debian.admin(&["usage"])?;
        let requests = usage.lines().nth(1).and_then(|day| day.split_whitespace().nth(1));
        expect("usage has the request", requests == Some("1"), &json!(usage))
    }

    /// A charged request with this key.
    fn ask(&self, key: &str) -> Outcome {
        let body = json!({"model": "sandbox/gpt", "messages": [{"role": "user", "content": "Hello"}]});
        let (status, head, answer) = self.call("POST", "/v1/chat/completions", key, &body)?;
        let header = |name: &str| head.to_ascii_lowercase().contains(name);
        let is_charged = status == 200 && header("x-credits-charged:") && header("x-credits-remaining:");
        expect("a request is answered and charged", is_charged, &answer)
    }

    /// Step 9.
    fn partner(&self) -> Outcome {
        let admin = |words: &[&str]| self.debian.admin(words);
        admin(&["partner", "add", "Editor", "--share-bps", "4000"])?;
        admin(&["user", "add", "Grace"])?;
        admin(&["credits", "grant", "--user", "Grace", "--credits", "500", "--reason", "a trial"])?;
        let words = ["--json", "key", "add", "Grace", "--name", "editor", "--partner", "Editor"];
        let made: Value = serde_json::from_str(&admin(&words)?)?;
        self.ask(&text(&made, "/key")?)?;
        let shown: Value = serde_json::from_str(&admin(&["--json", "partner", "show", "Editor"])?)?;
        let accrued = text(&shown, "/earnings/accrued/usd")?;
        expect("the partner has earned", accrued != "0", &shown)
    }
}

/// Step 10, with a Prometheus that looks every second: the alarm is there once the gateway has stopped.
fn be_alarmed(debian: &Debian) -> Outcome {
    if !is_on_path("prometheus") {
        println!("skipped: nobody is alarmed, as there is no prometheus");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (_prometheus, port) = watching(debian.admin_port, folder.path())?;
    let sees = |path: &str, what: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        Ok(exchange(port, &request, PATIENCE)?.contains(what).then_some(()))
    };
    debian.serve("watched", |_, _| until("a scrape", || sees("/api/v1/query?query=up", "\"1\"]")))?;
    until("an alarm", || sees("/api/v1/alerts", "OpenCreditsDown"))
}

/// Prometheus with the page's config, and its port.
fn watching(admin_port: u16, folder: &Path) -> Outcome<(Running, u16)> {
    let page = blocks("yaml").first().copied().ok_or("the page has no config of Prometheus")?;
    let rules = workspace::root().join("ops/prometheus/rules.yml");
    let config = page
        .replace("/etc/prometheus/opencredits/rules.yml", &rules.to_string_lossy())
        .replace("127.0.0.1:8788", &format!("127.0.0.1:{admin_port}"))
        .replace("scrape_interval: 15s", "scrape_interval: 1s");
    let file = folder.join("prometheus.yml");
    fs::write(&file, format!("global: {{ evaluation_interval: 1s }}\n{config}"))?;
    let port = free_port()?;
    let mut prometheus = Command::new("prometheus");
    prometheus.arg(format!("--config.file={}", file.display()));
    prometheus.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
    prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let mut running = Running::start(prometheus.stdout(Stdio::null()).stderr(Stdio::null()))?;
    wait_for_port(port, &mut running, START_MAX)?;
    Ok((running, port))
}

/// The code of the latest mail in a log, which has it on a line of its own, in two groups.
fn code_in(log: &str) -> Option<String> {
    let (_, mail) = log.rsplit_once("Subject: Your code")?;
    let mut lines = mail.lines().map(|line| line.replace(' ', ""));
    lines.find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()))
}

fn until<T>(what: &str, mut found: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = found()? {
            return Ok(found);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Err(format!("there is no {what} after {PATIENCE:?}").into())
}

fn expect(what: &str, holds: bool, seen: &Value) -> Outcome {
    if holds { Ok(()) } else { Err(format!("does not hold: {what}: {seen}").into()) }
}

fn text(value: &Value, pointer: &str) -> Outcome<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.ok_or_else(|| format!("there is no {pointer} in {value}"))?.to_owned())
}
