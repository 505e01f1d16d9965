//! The canary: marked prompts, files, identifiers, addresses and keys go through every route, and no byte of them is left
//! anywhere.

pub(crate) mod requests;

use crate::apis::{GENERATED, MODELS, RESPONSE, VECTORS, VENDORS};
use crate::app::{Answer, TestApp};
use crate::attachments;
use crate::engine::{self, Engine};
use crate::payments::{SECRET, Shop};
use axum::body::{Body, Bytes};
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use opencredits_providers::http::{Client, Settings};
use opencredits_testkit::{Behaviour, Fault, IndexRow, Postgres, Recording, ReplayUpstream};
use requests::{MARK, Outcome, PriceRequest};
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use tracing_subscriber::filter::LevelFilter;

/// Whose requests these are; the network's address of a person stands in the headers that proxies add.
const ADDRESS: &str = "203.0.113.77";
/// The test that flies the canary, in a process of its own.
const FLIGHT: &str = "canary::the_canary_flies";

/// Stands in the folder that it flies in: what searches a machine's own folder finds other programs' files.
const CAGE: &str = "cage";

/// What must be nowhere: the marks, the base64 of the one that files carry, and the key.
pub(crate) fn marks(key: &str) -> Vec<Vec<u8>> {
    let escaped: String = MARK.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
    let plain = [MARK, &requests::file()[..30], &escaped, ADDRESS, key, key.trim_start_matches("oc_sk_")];
    let hex: String = MARK.bytes().map(|byte| format!("{byte:02x}")).collect();
    plain.map(str::to_owned).into_iter().chain([hex]).map(String::into_bytes).collect()
}

/// A request with every header that may say something of a person, each marked.
pub(crate) fn marked(ask: &PriceRequest, key: &str, number: usize) -> Request<Body> {
    let mut request = Request::builder().method(ask.method.clone()).uri(&ask.path);
    for name in [
        "x-session-id",
        "cookie",
        "user-agent",
        "referer",
        "origin",
        "x-client-request-id",
        "thread-id",
        "from",
        "anthropic-beta",
        "openai-organization",
        "x-title",
        "x-opencredits-nothing",
    ] {
        request = request.header(name, MARK);
    }
    for name in ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip"] {
        request = request.header(name, ADDRESS);
    }
    let (key_header, value) = match number % 4 {
        0 => ("authorization", format!("Bearer {key}")),
        1 => ("x-api-key", key.to_owned()),
        2 => ("x-goog-api-key", key.to_owned()),
        _ => ("x-user-key", key.to_owned()),
    };
    let once = ask.again.map_or_else(|| format!("{MARK}-{number}"), str::to_owned);
    let request = request.header(key_header, value).header("idempotency-key", once);
    request.body(Body::from(ask.body.clone())).unwrap()
}

async fn check(app: &TestApp, key: &str, (number, ask): (usize, &PriceRequest)) -> Answer {
    let answer = app.send(marked(ask, key, number)).await;
    assert_eq!(answer.status, ask.status, "{} {} {}: {}", ask.what, ask.method, ask.path, answer.text);
    // One that is refused for its key has the same body.
    let wrong = app.send(marked(ask, &key.replace("oc_sk_", "oc_sk_0"), number)).await;
    assert_ne!(wrong.status, 500, "{}", ask.path);
    answer
}

/// Clients that go away amid an answer, and ones whose body breaks off.
async fn broken_off(app: &TestApp, key: &str) {
    let asks = requests::inference(&Outcome { text: "sandbox:slow 5", whole: 200, streamed: 200 });
    // Each has an idempotency key of its own, or it would be refused.
    for (number, ask) in (100_000..).step_by(4).zip(&asks) {
        let mut left = app.open(marked(ask, key, number)).await;
        assert_eq!(left.status(), 200, "{}", ask.path);
        let _first = left.body_mut().frame().await;
    }
    let part = json!({"model": "sandbox/gpt", "messages": [{"role": "user", "content": MARK}]}).to_string();
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/credits/pricing"] {
        let chunks = [Ok(http_body::Frame::data(Bytes::from(part.clone()))), Err(std::io::Error::other(MARK))];
        let body = Body::new(StreamBody::new(futures_util::stream::iter(chunks)));
        let request = Request::post(path).header("authorization", format!("Bearer {key}")).body(body).unwrap();
        assert_eq!(app.send(request).await.status, 400, "{path}");
    }
}

/// What a provider answers over a real connection: the mark, whole or in events.
fn recording(id: &str, stream: bool) -> Recording {
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12});
    let choice = |said: &str| json!([{"index": 0, "finish_reason": "stop", said: {"content": MARK}}]);
    let body = if stream {
        let first = json!({"id": "c", "choices": [{"index": 0, "delta": {"content": MARK}}]});
        let last = json!({"id": "c", "choices": choice("delta"), "usage": usage});
        format!("data: {first}\n\ndata: {last}\n\ndata: [DONE]\n\n")
    } else {
        json!({"id": "c", "choices": choice("message"), "usage": usage}).to_string()
    };
    let row: IndexRow = serde_json::from_value(json!({
        "id": id, "file": "", "expected": "", "provider": "v", "api": "openai-chat", "stream": stream, "status": 200,
        "model": null, "features": [], "body_exact": true,
    }))
    .unwrap();
    Recording {
        id: id.to_owned(),
        row,
        request_path: String::new(),
        request_body: Value::Null,
        content_type: None,
        body,
        body_base64: None,
        expected: serde_json::from_value(json!({})).unwrap(),
    }
}

/// Pictures that are fetched from an address, which is content too.
async fn by_address() -> (TestApp, String) {
    let answer = attachments::GENERATED.replace("Hi", MARK);
    let app = TestApp::answering(attachments::VENDORS, attachments::MODELS, "application/json", &answer);
    let (_, key) = app.person(10).await;
    for (status, expect) in [("200 OK", 200), ("404 Not Found", 400)] {
        let address = attachments::server(status).await.replace("a.png", MARK);
        for (at, (path, body)) in attachments::asks(&address).into_iter().enumerate() {
            check(&app, &key, (at + usize::from(expect), &PriceRequest::post("by address", path, &body, expect))).await;
        }
    }
    (app, key)
}

/// What passes without translation, through the APIs that the sandbox does not speak.
async fn through_its_own_api() -> (TestApp, String) {
    let mut last = None;
    for (path, body, answer) in [
        ("/v1/embeddings", json!({"model": "a/vectors", "input": [MARK], "user": MARK}), VECTORS),
        ("/v1/responses", json!({"model": "a/model", "input": MARK, "user": MARK}), RESPONSE),
        ("/v1beta/models/a/model:generateContent", json!({"contents": [{"parts": [{"text": MARK}]}]}), GENERATED),
    ] {
        let app = TestApp::answering(VENDORS, MODELS, "application/json", &answer.replace("Hi", MARK));
        let (_, key) = app.person(10).await;
        let answer = check(&app, &key, (0, &PriceRequest::post("its own", path, &body, 200))).await;
        assert!(path.ends_with("embeddings") || answer.text.contains(MARK), "{}", answer.text);
        search(app.folder.path(), &[&key]);
        last = Some((app, key));
    }
    last.unwrap()
}

/// The same over the real client and a real connection.
async fn over_a_socket() -> (TestApp, String) {
    let upstream = ReplayUpstream::start(vec![recording("whole", false), recording("stream", true)]).unwrap();
    let app = TestApp::over(&upstream.base_url(), Client::new(Settings::default()).unwrap());
    let (_, key) = app.person(100).await;
    let faults = [
        (Fault::None, 200, 200),
        (Fault::CutAfter(150), 502, 200),
        (Fault::Status(400), 400, 400),
        (Fault::Status(401), 502, 502),
        (Fault::Status(500), 502, 502),
    ];
    let both = |(fault, whole, streamed)| [(fault, "a/whole", whole), (fault, "a/stream", streamed)];
    for (number, (fault, model, status)) in faults.into_iter().flat_map(both).enumerate() {
        upstream.answer(Behaviour::from(fault));
        let stream = model == "a/stream";
        let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": MARK}]});
        check(&app, &key, (number, &PriceRequest::post("over a socket", "/v1/chat/completions", &body, status))).await;
    }
    assert!(upstream.received().iter().all(|received| received.mentions(MARK) && !received.mentions(&key)));
    (app, key)
}

/// Signed events of the payment processor name the buyer, their address and their card; so does what is read of the payment.
async fn events_of_payments() -> (TestApp, String) {
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    let (_, session) = shop.order(&key).await;
    let payment = shop.stripe.pay(&session);
    let charge = shop.stripe.object(&payment)["latest_charge"].as_str().unwrap().to_owned();
    let address = json!({"line1": MARK, "city": MARK, "postal_code": MARK, "country": "GB"});
    let buyer = json!({"name": MARK, "email": format!("{MARK}@example.org"), "phone": MARK, "address": address});
    shop.stripe.edit(&session, "/customer_details", buyer.clone());
    shop.stripe.edit(&charge, "/billing_details", buyer);
    let card = json!({"type": "card", "card": {"last4": MARK, "fingerprint": MARK}});
    shop.stripe.edit(&charge, "/payment_method_details", card);
    let _plain = shop.stripe.take_events();
    for (kind, id) in
        [("checkout.session.completed", &session), ("charge.failed", &charge), ("charge.refunded", &charge)]
    {
        shop.stripe.emit(kind, id);
        let event = shop.stripe.take_events().remove(0).snapshot;
        assert!(event.contains(MARK), "{event}");
        // One that nobody signed, one that is cut off, and one that is heard.
        assert_eq!(shop.hear(&event, &format!("t=1,v1={MARK}")).await.status, 400);
        assert_eq!(shop.deliver(&event[..event.len() - 1], SECRET).await.status, 400);
        assert_eq!(shop.deliver(&event, SECRET).await.status, 200);
    }
    assert_eq!(shop.dollars(&user), 10, "the events were heard");
    (shop.app, key)
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// Searches bytes.
fn check_bytes(what: &str, bytes: &[u8], keys: &[&str]) {
    for mark in keys.iter().flat_map(|key| marks(key)) {
        let at = memchr::memmem::find(bytes, &mark);
        let near = at.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(300)..bytes.len().min(at + 300)]));
        assert!(at.is_none(), "{what} holds {:?}: {near:?}", String::from_utf8_lossy(&mark));
    }
}

/// Searches all files of a folder, and their names.
fn search(dir: &Path, keys: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(dir, &mut found);
    for file in &found {
        let bytes = std::fs::read(file).unwrap();
        check_bytes(&file.display().to_string(), &[file.as_os_str().as_encoded_bytes(), &bytes].concat(), keys);
    }
    found
}

/// Has PostgreSQL log every statement that it gets, with its values.
fn log_statements() {
    let server = engine::server();
    server.sql("postgres", "ALTER SYSTEM SET log_statement = 'all'");
    server.sql("postgres", "SELECT pg_reload_conf()");
    server.shows("SHOW log_statement", "all");
}

/// Searches what PostgreSQL has of these applications: every row, every statement that it got, and then, as of a server that has ended,
/// its files with the write-ahead log.
fn search_server(apps: &[&TestApp], keys: &[&str]) {
    let has = |bytes: &[u8], text: &str| memchr::memmem::find(bytes, text.as_bytes()).is_some();
    for app in apps {
        let rows = app.place.everything(app.folder.path());
        assert!(has(&rows, "a key") && has(&rows, "ledger_entries"), "the rows were not read");
        check_bytes("a database", &rows, keys);
    }
    let server = engine::server();
    let logged = server.logged();
    assert!(has(&logged, "INSERT INTO") && has(&logged, "parameters: $1 = "), "the statements were not logged");
    check_bytes("the log of the server", &logged, keys);
    server.kill("INT");
    let found = search(server.folder(), keys);
    assert!(found.iter().any(|file| file.parent().is_some_and(|folder| folder.ends_with("pg_wal"))), "{found:?}");
}

/// Only in a process whose temporary files all lie in one folder, see below.
#[tokio::test]
#[ignore = "promise_01_no_byte_of_what_was_said_is_left_on_the_machine runs it"]
async fn the_canary_flies() {
    let temporary = std::env::temp_dir();
    if !temporary.join(CAGE).exists() {
        return;
    }
    let log = File::create(temporary.join("all.log")).unwrap();
    // Everything that any part of the program could log, on any thread, at the finest level.
    let lines =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).json().with_writer(Mutex::new(log)).finish();
    tracing::subscriber::set_global_default(lines).unwrap();
    tracing::info!("the log is written");
    let engine = Engine::of_tests();
    if engine == Engine::Postgres {
        log_statements();
    }
    let app = TestApp::new().await;
    let (user, key) = app.person(1_000).await;
    let asks = requests::all(&key);
    for numbered in asks.iter().enumerate() {
        check(&app, &key, numbered).await;
    }
    let limited = app.key(&user, None, Some(1)).await;
    for ask in requests::inference(&Outcome { text: "Hello", whole: 402, streamed: 402 }) {
        check(&app, &limited, (asks.len(), &ask)).await;
    }
    broken_off(&app, &key).await;
    let others = [by_address().await, through_its_own_api().await, over_a_socket().await, events_of_payments().await];
    let apps: Vec<&TestApp> = others.iter().map(|(app, _)| app).chain([&app]).collect();
    for app in &apps {
        while !app.ledger.holds().is_empty() {
            tokio::task::yield_now().await;
        }
        app.ledger.flush().unwrap();
    }
    let keys: Vec<&str> = others.iter().map(|(_, key)| &**key).chain([&*key, &limited]).collect();
    if engine == Engine::Postgres {
        search_server(&apps, &keys);
    }
    let found = search(&temporary, &keys);
    let has_log = found.iter().any(|file| file.ends_with("ledger.db-wal"));
    assert_eq!(has_log, engine == Engine::Sqlite, "{found:?}");
    let log = std::fs::read_to_string(temporary.join("all.log")).unwrap();
    let access = log.lines().filter(|line| line.contains("\"target\":\"access\"")).count();
    assert!(access > 2 * asks.len(), "the log was not written, so it proves nothing: {access} lines of requests");
}

/// Lets it fly in a process of its own.
fn check_flight(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    File::create(folder.path().join(CAGE)).unwrap();
    let mut flight = Command::new(std::env::current_exe().unwrap());
    flight.args([FLIGHT, "--exact", "--ignored", "--nocapture"]);
    flight.env("TMPDIR", folder.path()).env(engine::VARIABLE, engine.name());
    let output = flight.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert!(folder.path().join("all.log").exists(), "it flew");
    assert!(!said.contains(MARK) && !said.contains(ADDRESS), "{said}");
    search(folder.path(), &["oc_sk_none"]);
}

#[test]
fn promise_01_no_byte_of_what_was_said_is_left_on_the_machine() {
    check_flight(Engine::of_tests());
}

#[test]
fn promise_01_no_byte_of_what_was_said_is_left_in_the_database_its_log_and_its_files() {
    if Engine::of_tests() == Engine::Sqlite && Postgres::is_installed() {
        check_flight(Engine::Postgres);
    }
}
