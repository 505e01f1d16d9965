//! Traces, as a collector reads them that was written with OpenTelemetry's own protocol files.

use crate::alarm_doubles::HttpDouble;
use crate::fixture::{Fixture, Gateway, bearer, config_of};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A collector, which prints the spans that it takes.
struct Collector {
    child: Child,
    lines: BufReader<ChildStdout>,
    endpoint: String,
}

impl Collector {
    /// `None`, and a word, where no Python has the protocol's package.
    #[expect(
        clippy::print_stdout,
        clippy::disallowed_methods,
        reason = "a test is told by the environment what is there"
    )]
    fn start() -> Option<Self> {
        let Ok(python) = std::env::var("TEST_METRICS_PYTHON") else {
            println!("skipped: TEST_METRICS_PYTHON names no python with opentelemetry-proto");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/metrics/collector.py");
        let mut collector = Command::new(python);
        let mut child = collector.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        lines.read_line(&mut port).unwrap();
        Some(Self { child, lines, endpoint: format!("http://127.0.0.1:{}", port.trim()) })
    }

    /// All spans that it took; it ends.
    fn spans(mut self) -> Vec<Value> {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.lines.read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn chat(gateway: &Gateway, flags: &str) -> String {
    let body = r#"{"model":"house/small","max_tokens":20,"messages":[{"role":"user","content":"content-canary"}]}"#;
    let parent = format!("traceparent: 00-{TRACE}-{CALLER}-{flags}\r\ntracestate: canary=1\r\n");
    let answer = gateway.send("POST", "/v1/chat/completions", (&format!("{}{parent}", bearer(&gateway.key())), body));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, id) = answer.split_once("x-request-id: ").unwrap();
    id.lines().next().unwrap().to_owned()
}

#[test]
fn a_request_is_a_trace_that_goes_on_from_the_callers_and_ends_before_the_provider() {
    let Some(collector) = Collector::start() else { return };
    let (fixture, vendor) = (Fixture::new(), HttpDouble::vendor());
    let traces = format!("[traces]\nendpoint = \"{}\"\n", collector.endpoint);
    let config = fixture.file("config.toml", &format!("{traces}{}", config_of(&vendor.url)));
    let gateway = fixture.start(&["--config", &config, "dev"], &[("HOUSE_API_KEY", "key-canary")]);
    let (key, request) = (gateway.key(), chat(&gateway, "01"));
    chat(&gateway, "00");
    for (name, _) in vendor.headers() {
        assert!(!name.starts_with("trace"), "{name} goes to the provider");
    }
    gateway.terminate();
    assert!(gateway.ended().0.success());
    let spans: Vec<Value> = collector.spans();
    let of_request: Vec<&Value> = spans.iter().filter(|span| span["trace"] == TRACE).collect();
    let named = |name: &str| {
        let mut found = of_request.iter().filter(|span| span["name"] == name);
        let only = found.next().unwrap_or_else(|| panic!("no {name} in {spans:?}"));
        assert!(found.next().is_none(), "a caller that records nothing gets no trace");
        only
    };
    let whole = named("POST /v1/chat/completions");
    assert_eq!((&whole["parent"], &whole["kind"], &whole["status"]), (&CALLER.into(), &2.into(), &0.into()));
    let attributes = &whole["attributes"];
    assert_eq!(attributes["opencredits.request_id"], request);
    for (name, expect) in [
        ("http.response.status_code", Value::from(200)),
        ("http.route", "/v1/chat/completions".into()),
        ("gen_ai.request.model", "house/small".into()),
        ("gen_ai.provider.name", "house".into()),
        ("gen_ai.usage.input_tokens", 3.into()),
        ("gen_ai.usage.output_tokens", 1.into()),
    ] {
        assert_eq!(attributes[name], expect, "{name}");
    }
    let mut last = whole["began"].as_u64();
    for name in ["admission", "attempt", "settle"] {
        let part = named(name);
        assert_eq!(part["parent"], whole["span"], "{name}");
        let times = [&part["began"], &part["ended"]].map(Value::as_u64);
        assert!(times[0] <= times[1] && times[1] <= whole["ended"].as_u64(), "{name}");
        assert!(name == "admission" || last <= times[0], "{name} comes after what is before it");
        last = times[0];
    }
    assert_eq!(whole["resource"]["service.name"], "opencredits-gateway");
    let text = serde_json::to_string(&spans).unwrap();
    for secret in [key.as_str(), "canary", "user_", "key_"] {
        assert!(!text.contains(secret), "{secret} is in a trace");
    }
}

#[test]
fn a_collector_that_is_away_stops_nothing() {
    let (fixture, vendor) = (Fixture::new(), HttpDouble::vendor());
    let config = fixture
        .file("config.toml", &format!("[traces]\nendpoint = \"http://127.0.0.1:9\"\n{}", config_of(&vendor.url)));
    let gateway = fixture.start(&["--config", &config, "dev"], &[("HOUSE_API_KEY", "k")]);
    chat(&gateway, "01");
    gateway.terminate();
    assert!(gateway.ended().0.success());
}
