//! The way of money from a purchase through a request to a partner's payout, as docs/walk.md shows it.

use crate::gateway::{Ack, Gateway, Plan};
use crate::outcome::Outcome;
use serde_json::{Value, json};
use std::time::Duration;

/// Commission can be paid out at once, and a purchase has a fee.
const SETTINGS: &str = "[payments]\nprocessor = \"sandbox\"\nfee_bps = 300\n[billing]\ncommission_matures_days = 0\n";
/// How long the gateway may take to end.
const PATIENCE: Duration = Duration::from_secs(20);
const PERSON: &str = "Ada";
const APP: &str = "Acme Notes";
const EMAIL: &str = "ada@example.org";

pub(crate) fn run() -> Outcome {
    Gateway::build()?;
    let folder = tempfile::tempdir()?;
    let mut plan = Plan::new(&folder.path().join("demo"), Ack::Durable);
    plan.settings(SETTINGS);
    let mut gateway = Gateway::start_empty(&plan)?;

    step("An operator adds an app and a person, and the app gets a key of the person");
    gateway.admin(&["partner", "add", APP, "--share-bps", "5000"])?;
    gateway.admin(&["user", "add", PERSON, "--email", EMAIL])?;
    let added = gateway.admin(&["key", "add", PERSON, "--partner", APP])?;
    gateway.key = text(&added, "/key")?;
    fact("balance", &balance(&gateway)?);

    step("The person buys credits for 25 dollars, and pays 25.75 with the operator's fee of 3 %");
    let order = send(&gateway, "POST", "/v1/credits/checkout", &json!({"amount": 25}))?;
    let id = text(&order, "/id")?;
    fact("order", &order["status"]);
    pay(&gateway, &text(&order, "/checkout_url")?)?;
    let order = send(&gateway, "GET", &format!("/v1/credits/orders/{id}"), &Value::Null)?;
    fact("order", &order["status"]);
    fact("balance", &balance(&gateway)?);

    step("The app asks a model");
    let body =
        json!({"model": "sandbox/gpt", "max_tokens": 400, "messages": [{"role": "user", "content": "Tell a story."}]});
    let answer = send(&gateway, "POST", "/v1/chat/completions", &body)?;
    let generation = text(&answer, "/id")?;
    let bill = send(&gateway, "GET", &format!("/v1/generation?id={generation}"), &Value::Null)?;
    for name in ["cost", "margin", "commission", "total"] {
        fact(name, &bill["data"]["bill"][name]);
    }
    fact("balance", &balance(&gateway)?);
    let checked = gateway.admin(&["bill", "verify", &generation])?;
    fact("the bill adds up", &checked["clean"]);

    step("The operator pays the app what it has earned");
    let statement = gateway.admin(&["partner", "statement", APP, "--month", &month(&bill)?])?;
    fact("commission", &statement["statement"]["commission"]["usd"]);
    let paid = gateway.admin(&["partner", "payout", APP, "--all", "--yes"])?;
    fact("paid out", &paid["earnings"]["paid_out"]["usd"]);

    step("The person gets the rest of the purchase back");
    let refunded = gateway.admin(&["order", "refund", &id, "--reason", "asked for it", "--yes"])?;
    fact("refunded, in cents", &refunded["order"]["refunded_minor"]);
    fact("balance", &balance(&gateway)?);

    step("Both books agree, and everything adds up");
    let reconciled = gateway.admin(&["reconcile"])?;
    fact("reconciled", &reconciled["report"]["agrees"]);
    fact("clearing", &reconciled["report"]["clearing"]);
    let report = gateway.admin(&["ledger", "report"])?;
    fact("difference", &report["difference"]);
    fact("verified", &json!(gateway.verify()?));
    gateway.running.stop(PATIENCE)?;
    Ok(())
}

fn step(text: &str) {
    println!("\n{text}");
}

fn fact(name: &str, value: &Value) {
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    println!("  {name:<22}{value}");
}

fn balance(gateway: &Gateway) -> Outcome<Value> {
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
fn send(gateway: &Gateway, method: &str, path: &str, body: &Value) -> Outcome<Value> {
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
