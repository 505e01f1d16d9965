//! The way of money from a purchase through a request to a partner's payout, as docs/walk.md shows it: what is found must be what
//! the page says.

use crate::gateway::{Ack, Gateway, Plan};
use crate::outcome::Outcome;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Commission can be paid out at once, and a purchase has a fee.
const SETTINGS: &str = "[payments]\nprocessor = \"sandbox\"\nfee_bps = 300\n[billing]\ncommission_matures_days = 0\n";
/// A digit of the key for addresses, which lives as long as the walk.
pub(crate) const KEY_DIGIT: &str = "7";
/// How long the gateway may take to end.
const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const PERSON: &str = "Ada";
const APP: &str = "Acme Notes";
const EMAIL: &str = "ada@example.org";

/// The page, with the walk in its first block of text.
const PAGE: &str = include_str!("../../docs/walk.md");
const FENCE: &str = "```text\n";

pub(crate) fn run() -> Outcome {
    Gateway::build()?;
    let folder = tempfile::tempdir()?;
    let (mut gateway, found) = walk(&folder.path().join("demo"))?;
    gateway.running.stop(PATIENCE)?;
    println!("{found}");
    let shown = PAGE.split_once(FENCE).and_then(|(_, rest)| rest.split_once("```")).map(|(shown, _)| shown.trim());
    if shown == Some(found.trim()) { Ok(()) } else { Err("docs/walk.md shows another walk".into()) }
}

/// The walk, in words.
#[derive(Default)]
struct Told(String);

/// Walks, in this folder; the gateway, which still runs, with the person's key, and the walk in words.
pub(crate) fn walk(folder: &Path) -> Outcome<(Gateway, String)> {
    let mut told = Told::default();
    let mut plan = Plan::new(folder, Ack::Durable);
    plan.settings(&format!("{SETTINGS}[privacy]\naddress_keys = \"{}\"\n", KEY_DIGIT.repeat(64)));
    let mut gateway = Gateway::start_empty(&plan)?;

    told.step("An operator adds an app and a person, and the app gets a key of the person");
    gateway.admin(&["partner", "add", APP, "--share-bps", "5000"])?;
    gateway.admin(&["user", "add", PERSON, "--email", EMAIL])?;
    let added = gateway.admin(&["key", "add", PERSON, "--partner", APP])?;
    gateway.key = text(&added, "/key")?;
    told.fact("balance", &balance(&gateway)?);

    told.step("The person buys credits for 25 dollars, and pays 25.75 with the operator's fee of 3 %");
    let order = send(&gateway, "POST", "/v1/credits/checkout", &json!({"amount": 25}))?;
    let id = text(&order, "/id")?;
    told.fact("order", &order["status"]);
    pay(&gateway, &text(&order, "/checkout_url")?)?;
    let order = send(&gateway, "GET", &format!("/v1/credits/orders/{id}"), &Value::Null)?;
    told.fact("order", &order["status"]);
    told.fact("balance", &balance(&gateway)?);

    told.step("The app asks a model");
    let body =
        json!({"model": "sandbox/gpt", "max_tokens": 400, "messages": [{"role": "user", "content": "Tell a story."}]});
    send(&gateway, "POST", "/v1/chat/completions", &body)?;
    let latest = send(&gateway, "GET", "/v1/generations?limit=1", &Value::Null)?;
    let generation = text(&latest, "/data/0/id")?;
    let bill = send(&gateway, "GET", &format!("/v1/generation?id={generation}"), &Value::Null)?;
    for name in ["cost", "margin", "commission", "total"] {
        told.fact(name, &bill["data"]["bill"][name]);
    }
    told.fact("balance", &balance(&gateway)?);
    let checked = gateway.admin(&["bill", "verify", &generation])?;
    told.fact("the bill adds up", &checked["clean"]);

    told.step("The operator pays the app what it has earned");
    let statement = gateway.admin(&["partner", "statement", APP, "--month", &month(&bill)?])?;
    told.fact("commission", &statement["statement"]["commission"]["usd"]);
    let paid = gateway.admin(&["partner", "payout", APP, "--all", "--yes"])?;
    told.fact("paid out", &paid["earnings"]["paid_out"]["usd"]);

    told.step("The person gets the rest of the purchase back");
    let refunded = gateway.admin(&["order", "refund", &id, "--reason", "asked for it", "--yes"])?;
    told.fact("refunded, in cents", &refunded["order"]["refunded_minor"]);
    told.fact("balance", &balance(&gateway)?);

    told.step("Both books agree, and everything adds up");
    let reconciled = gateway.admin(&["reconcile"])?;
    told.fact("reconciled", &reconciled["report"]["agrees"]);
    told.fact("clearing", &reconciled["report"]["clearing"]);
    let report = gateway.admin(&["ledger", "report"])?;
    told.fact("difference", &report["difference_usd"]);
    told.fact("verified", &json!(gateway.verify()?));
    Ok((gateway, told.0))
}

impl Told {
    fn step(&mut self, text: &str) {
        self.0.push_str(&format!("\n{text}\n"));
    }

    fn fact(&mut self, name: &str, value: &Value) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.0.push_str(&format!("  {name:<22}{value}\n"));
    }
}

/// What the person has.
pub(crate) fn balance(gateway: &Gateway) -> Outcome<Value> {
    Ok(send(gateway, "GET", "/v1/credits/balance", &Value::Null)?["balance"].clone())
}

/// What the person does on the page.
fn pay(gateway: &Gateway, url: &str) -> Outcome {
    let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    let path = path.ok_or("the order has no page")?;
    let form = "choice=pay";
    let length = form.len();
    let answer = gateway.exchange(&format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{form}"
    ))?;
    if answer.starts_with("HTTP/1.1 303") {
        Ok(())
    } else {
        Err(format!("the page does not take the payment: {answer}").into())
    }
}

/// One request with the person's key; its answer, which must be a success.
pub(crate) fn send(gateway: &Gateway, method: &str, path: &str, body: &Value) -> Outcome<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (key, length) = (&gateway.key, body.len());
    let answer = gateway.exchange(&format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    ))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no body")?;
    if !head.starts_with("HTTP/1.1 20") {
        return Err(format!("{method} {path}: {answer}").into());
    }
    Ok(serde_json::from_str(body)?)
}

fn text(value: &Value, pointer: &str) -> Outcome<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.ok_or_else(|| format!("there is no {pointer} in {value}"))?.to_owned())
}

/// The month of a request, such as `2026-11`.
fn month(bill: &Value) -> Outcome<String> {
    Ok(text(bill, "/data/created_at")?.chars().take(7).collect())
}
