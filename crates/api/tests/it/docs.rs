//! The pages about the HTTP interface say what it does: examples are sent, and their answers compared.

use crate::app::{Answer, TestApp};
use crate::payments::sandbox_payments;
use axum::body::Body;
use http::Request;
use opencredits_api::errors::{ErrorType, Retryable};
use opencredits_service::GenerationRecord;
use opencredits_units::GenerationId;
use serde_json::Value;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../../../docs/api.md");
/// Where the page's examples send to.
const ORIGIN: &str = "$URL";

/// A block of the page: what its fence calls it, and its text.
struct Block {
    kind: &'static str,
    text: &'static str,
}

fn blocks() -> Vec<Block> {
    let parts = PAGE.split("\n```").enumerate().filter(|(at, _)| at % 2 == 1);
    let block = |part: &'static str| {
        let (kind, text) = part.split_once('\n').unwrap_or((part, ""));
        Block { kind, text }
    };
    parts.map(|(_, part)| block(part)).collect()
}

/// The words of a shell's command line: quotes as a shell heeds them, lines that go on joined.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut letters = command.replace("\\\n", " ").trim().chars().collect::<Vec<_>>();
    letters.push(' ');
    for letter in letters {
        match quote {
            Some(mark) if letter == mark => quote = None,
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            Some(_) | None => word.push(letter),
        }
    }
    words
}

/// The request that a line with curl sends.
pub(crate) fn request_of(command: &str, known: &[(&str, &str)]) -> Request<Body> {
    let mut command = command.to_owned();
    for (name, value) in known {
        command = command.replace(name, value);
    }
    let words = words(&command);
    assert_eq!(words[0], "curl", "{command}");
    let mut request = Request::builder();
    let (mut method, mut body) = ("GET", String::new());
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-H" => {
                let (name, value) = rest.next().unwrap().split_once(": ").unwrap();
                request = request.header(name, value);
            }
            "-d" => {
                body.clone_from(rest.next().unwrap());
                method = if method == "GET" { "POST" } else { method };
            }
            "-X" => method = rest.next().unwrap(),
            "-I" => method = "HEAD",
            "-N" | "-i" => {}
            url => request = request.uri(url.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("{url} in {command}"))),
        }
    }
    request.method(method).body(Body::from(body)).unwrap()
}

/// Whether a text is as the page shows it, where `…` stands for anything.
fn text_fits(shown: &str, found: &str) -> bool {
    match shown.split_once('…') {
        None => shown == found,
        Some((start, end)) => found.starts_with(start) && found[start.len()..].ends_with(end),
    }
}

/// Whether an answer is as the page shows it: the same members, the same values, `…` in a string for anything.
fn fits(shown: &Value, found: &Value) -> bool {
    match (shown, found) {
        (Value::Object(shown), Value::Object(found)) => {
            shown.len() == found.len()
                && shown.iter().all(|(name, value)| found.get(name).is_some_and(|other| fits(value, other)))
        }
        (Value::Array(shown), Value::Array(found)) => {
            shown.len() == found.len() && shown.iter().zip(found).all(|(shown, found)| fits(shown, found))
        }
        (Value::String(shown), Value::String(found)) => text_fits(shown, found),
        (shown, found) => shown == found,
    }
}

fn check_json(command: &str, shown: &str, answer: &Answer) {
    let shown: Value = serde_json::from_str(shown).unwrap_or_else(|error| panic!("{error} in the answer to {command}"));
    let found = answer.json();
    assert!(fits(&shown, &found), "{command}\nshown: {shown:#}\nfound: {found:#}");
}

/// Status and headers in full; lengths and dates are the server's, not the application's.
fn check_head(command: &str, shown: &str, answer: &Answer) {
    let mut lines = shown.lines();
    let status = answer.status;
    assert_eq!(lines.next().unwrap(), format!("HTTP/1.1 {status}"), "{command}");
    let mut shown: Vec<(&str, &str)> = lines.map(|line| line.split_once(": ").unwrap()).collect();
    shown.sort_unstable();
    let mut found: Vec<(&str, &str)> =
        answer.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    found.sort_unstable();
    let same = shown.len() == found.len()
        && shown.iter().zip(&found).all(|(shown, found)| shown.0 == found.0 && text_fits(shown.1, found.1));
    assert!(same, "{command}\nshown: {shown:#?}\nfound: {found:#?}");
}

/// The lines of a stream, where a line with `…` alone stands for any number of them.
fn check_stream(command: &str, shown: &str, answer: &Answer) {
    let is_line = |line: &&str| !line.is_empty();
    let mut found = answer.text.lines().filter(is_line);
    let mut skips = false;
    for line in shown.lines().filter(is_line) {
        if line == "…" {
            skips = true;
            continue;
        }
        let here = |found: &str| match (line.strip_prefix("data: {"), found.strip_prefix("data: {")) {
            (Some(line), Some(found)) => {
                let read = |text: &str| serde_json::from_str::<Value>(&format!("{{{text}")).unwrap();
                fits(&read(line), &read(found))
            }
            _ => line == found,
        };
        let fitting = if skips { found.find(|found| here(found)) } else { found.next().filter(|found| here(found)) };
        assert!(fitting.is_some(), "{command}\nhas no line {line}\nfound: {}", answer.text);
        skips = false;
    }
}

#[tokio::test]
async fn every_example_on_the_page_answers_as_the_page_says() {
    let app = TestApp::new().await;
    let payments = sandbox_payments(&app);
    let app = app.with_payments(payments);
    let (user, key) = app.person(10).await;
    let partner = app.partner().await;
    let poor = app.key(&user, None, Some(4_000_000)).await;
    let reading = app.accounts.add_partner_key(&partner.name, "reports".to_owned()).await.unwrap().1;
    let managing = app.accounts.add_management_key(user.id, "console".to_owned()).await.unwrap().1;
    let (mut command, mut answer, mut generation) = ("", None, String::from("gen_"));
    let mut made = String::from("key_");
    let mut checked = 0;
    for Block { kind, text } in blocks() {
        let answered = || answer.as_ref().unwrap();
        match kind {
            "sh" => {
                let known = [
                    ("$KEY", key.as_str()),
                    ("$LIMITED_KEY", &poor),
                    ("$PUBLISHABLE_KEY", &partner.publishable_key),
                    ("$MANAGEMENT_KEY", managing.reveal()),
                    ("$PARTNER_KEY", reading.reveal()),
                    ("gen_…", &generation),
                    ("key_…", &made),
                ];
                let latest = app.send(request_of(text, &known)).await;
                if !latest.header("x-generation-id").is_empty() {
                    generation = latest.header("x-generation-id").to_owned();
                }
                if latest.status == 201 {
                    made = latest.json()["data"]["id"].as_str().map_or(made, str::to_owned);
                }
                (command, answer) = (text, Some(latest));
                continue;
            }
            "json" => check_json(command, text, answered()),
            "http" => check_head(command, text, answered()),
            "text" => check_stream(command, text, answered()),
            _ => continue,
        }
        checked += 1;
    }
    assert!(checked >= 10, "only {checked} answers were found on the page");
    app.settled();
}

/// The cells of the table rows whose first cell is a status.
fn error_rows() -> Vec<Vec<&'static str>> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    cells.filter(|cells| cells.len() == 6 && cells[0].parse::<u16>().is_ok()).collect()
}

#[test]
fn the_table_of_errors_on_the_page_is_that_of_the_code() {
    let shown: Vec<String> = error_rows().iter().map(|cells| cells[..5].join(" | ")).collect();
    let rows = ErrorType::ALL.map(|kind| {
        let row = kind.row();
        let retry = if row.retryable == Retryable::Yes { "yes" } else { "no" };
        let (status, rpc) = (row.status.as_u16(), row.rpc_status);
        format!("{status} | `{}` | `{}` | `{rpc}` | {retry}", row.error_type, row.messages_type)
    });
    assert_eq!(shown, rows);
}

const ARCHITECTURE: &str = include_str!("../../../../docs/ARCHITECTURE.md");

/// Where a name on the page may stand: `crate/file` in the walk, `file` in a row of the code map.
fn places(part: &str, file: &str) -> [PathBuf; 2] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = if part == "xtask" || part.starts_with("bins/") { root } else { root.join("crates") }.join(part);
    [folder.join("src").join(file), folder.join(file)]
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_file_that_the_architecture_names_is_there() {
    let mut named = 0;
    for line in ARCHITECTURE.lines() {
        let is_file = |name: &&str| [".rs", ".toml", ".sql", ".jsonl"].iter().any(|end| name.ends_with(end));
        let row = line.strip_prefix("| `").and_then(|row| row.split_once("` |"));
        for name in quoted(line).filter(is_file) {
            let (part, file) = row.map_or_else(|| name.split_once('/').unwrap(), |(part, _)| (part, name));
            assert!(places(part, file).iter().any(|place| place.is_file()), "there is no {file} in {part}");
            named += 1;
        }
    }
    assert!(named > 40, "only {named} names were found");
}

const PRIVACY: &str = include_str!("../../../../docs/privacy.md");

#[tokio::test]
async fn promise_02_what_is_kept_of_a_request_is_what_the_page_on_privacy_lists() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let body = serde_json::json!({"model": "sandbox/gpt", "messages": [{"role": "user", "content": "Hello"}]});
    let answer = app.post("/v1/chat/completions", &key, &body).await;
    let generation: GenerationId = answer.header("x-generation-id").parse().unwrap();
    let entry = app.ledger.entry(generation.cast()).unwrap().unwrap();
    let record = serde_json::to_value(GenerationRecord::from_memo(&entry.memo).unwrap()).unwrap();
    let mut kept: Vec<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
    kept.sort_unstable();
    let (_, table) = PRIVACY.split_once("| field | meaning |\n| --- | --- |\n").unwrap();
    let rows = table.lines().map_while(|line| line.strip_prefix("| `")?.split_once('`'));
    let mut shown: Vec<&str> = rows.map(|(field, _)| field).collect();
    shown.sort_unstable();
    assert_eq!(shown, kept);
}

/// The Rust files below a folder.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn each_promise_has_a_test_that_bears_its_number() {
    let mut files = Vec::new();
    for part in ["crates", "bins"] {
        rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(part), &mut files);
    }
    let code: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for number in 1..=14 {
        let row = PRIVACY.lines().find(|line| line.starts_with(&format!("| {number}. "))).unwrap();
        let named: Vec<&str> = quoted(row).filter(|name| name.starts_with("promise_")).collect();
        assert!(!named.is_empty(), "promise {number} has no test");
        for name in named {
            assert!(name.starts_with(&format!("promise_{number:02}_")), "{name} is not of promise {number}");
            assert!(code.contains(&format!("fn {name}(")), "there is no test {name}");
        }
    }
}
