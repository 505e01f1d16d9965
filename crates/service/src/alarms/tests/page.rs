//! The request on the page is one of ours, and the program on the page takes it and refuses another.

use crate::alarms::WebhookSecret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opencredits_units::UnixMs;
use std::process::Command;

const PAGE: &str = include_str!("../../../../../docs/alarms.md");
/// The time of the request on the page.
const AT: UnixMs = UnixMs::new(1_790_000_000_000);

/// The first block of this language.
fn block(language: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// The value of a header of the request.
fn header(name: &str) -> &'static str {
    block("http").lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap()
}

/// The body as it is sent, without the space between its parts.
fn body() -> String {
    let (_, body) = block("http").split_once("\n\n").unwrap();
    let compact: String = body.lines().map(|line| line.trim_start().replacen("\": ", "\":", 1)).collect();
    compact.replace("{ \"vendor\": \"house\" }", "{\"vendor\":\"house\"}")
}

fn secret() -> String {
    format!("{}{}", concat!("whs", "ec_"), STANDARD.encode([7; 32]))
}

#[test]
fn the_request_on_the_page_has_the_signature_of_its_body() {
    assert!(serde_json::from_str::<serde_json::Value>(&body()).is_ok(), "{}", body());
    let signature = WebhookSecret::parse(&secret()).unwrap().signature(header("webhook-id"), AT, &body());
    assert_eq!(header("webhook-signature"), signature);
}

#[test]
fn the_program_on_the_page_takes_the_request_and_no_other() {
    let (program, secret, body) = (block("python"), secret(), body());
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: Vec<String> = names.iter().map(|name| format!("{name:?}: {:?}", header(name))).collect();
    let asked = format!(
        "headers = {{{}}}\nbody = {body:?}.encode()\nat = int(headers['webhook-timestamp'])\n\
         time.time = lambda: at\nassert is_ours({secret:?}, headers, body)\n\
         assert not is_ours({secret:?}, headers, body + b' ')\n\
         time.time = lambda: at + 301\nassert not is_ours({secret:?}, headers, body)\n",
        headers.join(", ")
    );
    match Command::new("python3").args(["-c", &format!("{program}\n{asked}")]).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => println!("skipped: python3 is not there, so the program on the page was not tried"),
    }
}
