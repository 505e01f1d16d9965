//! The access log: one line for each request, however it ends, with the charge that the ledger has and without a byte of
//! content, a key or an address.

use crate::app::{Scripted, TestApp, request};
use crate::canary::requests::{self, MARK, Outcome};
use crate::canary::{marked, marks};
use axum::body::{Body, Bytes};
use http::{Method, Request};
use http_body_util::{BodyExt, StreamBody};
use opencredits_service::access::{AccessOutcome, AccessRecord, Followed, Follower};
use opencredits_units::NanoUsd;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const VENDORS: &str = r#"
    [[vendor]]
    id = "here"
    dialect = "openai-chat"
    base_url = "http://here.example/v1"

    [[vendor]]
    id = "there"
    dialect = "openai-chat"
    base_url = "http://there.example/v1"
"#;
const MODELS: &str = r#"
    [[model]]
    id = "a/plain"
    vendor = "here"
    upstream_model = "plain-1"
    aliases = ["plain"]
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "10", cache_read = "0.1" }

    [[model.route]]
    vendor = "there"
    upstream_model = "plain-there"
    prices = { input = "2", output = "20", cache_read = "0.2" }
"#;

/// The records so far.
fn records(follower: &mut Follower) -> Vec<AccessRecord> {
    let mut records = Vec::new();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        let next = std::pin::pin!(tokio::task::unconstrained(follower.next()));
        match next.poll(&mut context) {
            std::task::Poll::Ready(Some(Followed::Record(record))) => records.push((*record).clone()),
            other => {
                assert!(other.is_pending(), "the follower lost records or was ended");
                return records;
            }
        }
    }
}

fn charged(records: &[AccessRecord]) -> i64 {
    records.iter().filter_map(|record| record.call.charge_usd).map(NanoUsd::get).sum()
}

fn follow(app: &TestApp) -> Follower {
    app.gateway().access().follow()
}

fn chat(model: &str, text: &str, stream: bool) -> Value {
    json!({"model": model, "max_tokens": 50, "stream": stream, "messages": [{"role": "user", "content": text}]})
}

/// Requests whose clients go away: amid a stream, before the head, and amid the body. How many there were.
async fn broken_off(app: &TestApp, key: &str) -> usize {
    let mut count = 0;
    for ask in requests::inference(&Outcome { text: "sandbox:slow 5", whole: 200, streamed: 200 }) {
        let mut left = app.open(marked(&ask, key, 10_000 + count)).await;
        let _first = left.body_mut().frame().await;
        count += 1;
    }
    for ask in requests::inference(&Outcome { text: "sandbox:wait 30", whole: 200, streamed: 200 }) {
        let _left = tokio::time::timeout(Duration::from_millis(2), app.open(marked(&ask, key, 10_000 + count))).await;
        count += 1;
    }
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/credits/pricing"] {
        let chunks = [Ok(http_body::Frame::data(Bytes::from("{\"model\":"))), Err(std::io::Error::other(MARK))];
        let body = Body::new(StreamBody::new(futures_util::stream::iter(chunks)));
        let request = Request::post(path).header("authorization", format!("Bearer {key}")).body(body).unwrap();
        app.send(request).await;
        count += 1;
    }
    count
}

#[tokio::test]
async fn each_of_a_thousand_requests_has_one_line_and_their_charges_are_the_ledgers() {
    let app = TestApp::new().await;
    let (user, key) = app.person(1_000).await;
    let mut follower = follow(&app);
    let (mut lines, mut count) = (Vec::new(), 0);
    for (number, ask) in requests::all(&key).iter().enumerate() {
        for key in [key.clone(), key.replace("oc_sk_", "oc_sk_0")] {
            let answer = app.send(marked(ask, &key, number)).await;
            let is_probe =
                (ask.path.starts_with("/healthz") || ask.path.starts_with("/readyz")) && answer.status == 200;
            count += usize::from(!is_probe);
        }
        lines.append(&mut records(&mut follower));
    }
    assert_eq!(lines.len(), count, "a line for each");
    count += broken_off(&app, &key).await;
    app.drained().await;
    lines.append(&mut records(&mut follower));
    assert!(count >= 500 && lines.len() == count, "{} lines of {count} requests", lines.len());
    let mut ids: Vec<_> = lines.iter().map(|line| line.request_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "no request has two");
    assert_eq!(charged(&lines), 1_000_000_000_000 - app.available(&user));
    for outcome in AccessOutcome::ALL {
        let found = lines.iter().filter(|line| line.outcome == outcome).count();
        assert!(found >= 10, "{outcome:?}: {found}");
    }
    let open = app.gateway().access().open();
    assert_eq!((open.requests, open.streams), (0, 0));
    let text: Vec<u8> = lines.iter().flat_map(|line| serde_json::to_vec(line).unwrap()).collect();
    for mark in marks(&key) {
        assert!(memchr::memmem::find(&text, &mark).is_none(), "a line has {:?}", String::from_utf8_lossy(&mark));
    }
}

/// A request, and what its line has.
async fn check(app: &TestApp, ask: Request<Body>, expect: Value) {
    let mut follower = follow(app);
    app.send(ask).await;
    let lines = records(&mut follower);
    let [line] = &lines[..] else { panic!("{} lines", lines.len()) };
    let line = serde_json::to_value(line).unwrap();
    for (name, value) in expect.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name} in {line}");
    }
}

#[tokio::test]
async fn a_line_tells_what_was_asked_what_served_it_and_what_it_cost() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", crate::apis::CHAT);
    let (user, _) = app.person(10).await;
    let partner = app.partner().await;
    let key = app.key(&user, Some(&partner), None).await;
    let post = |body: Value| request(Method::POST, "/v1/chat/completions", &key, body.to_string());
    let expect = json!({
        "method": "POST", "path": "/v1/chat/completions", "status": 200, "outcome": "served", "api": "openai-chat",
        "asked": "a/plain", "model": "a/plain", "vendor": "here", "upstream_model": "plain-1", "attempts": 1,
        "user": user.id, "partner": partner.id, "input_tokens": 15, "cache_read_tokens": 5, "output_tokens": 7,
        "cost_usd": "0.0000855", "charge_usd": "0.000106875", "credits": "0.0106875", "streamed": false,
        "estimated": false, "error": null,
    });
    check(&app, post(chat("plain", "Hello", false)), expect).await;
    // The first provider fails: the second one serves.
    app.script("here.example", &[Scripted::Answer(500, None, "{}".to_owned())]);
    let second = json!({"outcome": "served", "vendor": "there", "upstream_model": "plain-there", "attempts": 2});
    check(&app, post(chat("a/plain", "Hello", false)), second).await;
    app.script("there.example", &[Scripted::Answer(503, None, "{}".to_owned())]);
    let failed = json!({"outcome": "failed", "attempts": 3, "charge_usd": null, "asked": "a/plain", "streamed": false});
    check(&app, post(chat("a/plain", "Hello", false)), failed).await;
    let unknown = json!({"outcome": "refused", "status": 404, "error": "not_found", "asked": null, "attempts": 0});
    check(&app, post(chat("my secret", "Hello", false)), unknown).await;
    let poor = app.key(&user, None, Some(1)).await;
    let short = json!({"outcome": "refused", "status": 402, "asked": "a/plain", "partner": null});
    let ask = request(Method::POST, "/v1/chat/completions", &poor, chat("a/plain", "Hello", false).to_string());
    check(&app, ask, short).await;
    let in_query = request(Method::POST, "/v1/messages?key=abc", "", String::new());
    check(&app, in_query, json!({"outcome": "refused", "status": 400, "path": "/v1/messages"})).await;
}

#[tokio::test]
async fn other_routes_have_a_short_line_with_their_template() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let get = |path: &str| request(Method::GET, path, &key, String::new());
    let served = |path: &str| json!({"method": "GET", "path": path, "status": 200, "outcome": "served", "api": null});
    check(&app, get("/v1/credits/balance?a=b"), served("/v1/credits/balance")).await;
    check(&app, get("/v1/models/sandbox/gpt"), served("/v1/models/{*id}")).await;
    let nowhere = json!({"path": null, "status": 404, "outcome": "refused", "error": "not_found"});
    check(&app, get("/v1/secret"), nowhere).await;
    let strange = request(Method::from_bytes(b"SECRET").unwrap(), "/v1/key", &key, String::new());
    check(&app, strange, json!({"method": "OTHER", "status": 405})).await;
    let mut follower = follow(&app);
    app.send(get("/healthz")).await;
    assert_eq!(records(&mut follower), [], "a process that is well says nothing of it");
}

#[tokio::test]
async fn a_line_tells_how_long_a_request_waited_and_how_long_its_provider_took() {
    let app = TestApp::answering(VENDORS, MODELS, "application/json", crate::apis::CHAT);
    let (_, key) = app.person(10).await;
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let answer = Scripted::Answer(200, None, crate::apis::CHAT.to_owned());
    app.script("here.example", &[Scripted::Gated(gate.clone(), Box::new(answer))]);
    let mut follower = follow(&app);
    let ask = request(Method::POST, "/v1/chat/completions", &key, chat("a/plain", "Hello", false).to_string());
    let open = async {
        while app.asked().is_empty() {
            assert_eq!(app.gateway().access().open().requests, 1);
            tokio::task::yield_now().await;
        }
        app.pass(Duration::from_millis(250));
        gate.add_permits(1);
    };
    tokio::join!(app.send(ask), open);
    let [line] = &records(&mut follower)[..] else { panic!("one line") };
    let of_call = (line.call.queue_ms, line.call.first_byte_ms);
    assert_eq!((of_call, line.duration_ms), ((Some(0), Some(250)), 250));
}

/// A log in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_line_of_the_log_has_the_members_of_the_record_and_no_other() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
    let _logged = tracing::subscriber::set_default(log);
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    // A test on another thread, where nothing is logged, may be the first to come by the line, which switches it off.
    app.post("/none", &key, &json!(1)).await;
    tracing::callsite::rebuild_interest_cache();
    lines.0.lock().unwrap().clear();
    let mut follower = follow(&app);
    for (path, body) in
        [("/v1/chat/completions", chat("sandbox/gpt", "Hello", true)), ("/v1/messages", json!(1)), ("/none", json!(1))]
    {
        app.post(path, &key, &body).await;
    }
    let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let written = written.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let written: Vec<Value> = written
        .filter(|line| line["target"] == "access")
        .map(|mut line| {
            for ours in ["timestamp", "level", "target", "message"] {
                assert!(line.as_object_mut().unwrap().remove(ours).is_some(), "{ours}");
            }
            line
        })
        .collect();
    let followed: Vec<Value> =
        records(&mut follower).iter().map(|record| serde_json::to_value(record).unwrap()).collect();
    assert_eq!((written.len(), &written), (3, &followed));
}
