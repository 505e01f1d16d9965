//! The admin listener: what a used gateway tells, and to whom.

use crate::fixture::{Fixture, Gateway, bearer, failed, rest_of};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

const PAGE: &str = include_str!("../../../../docs/metrics.md");
/// A token that is long enough.
const TOKEN: &str = "a-token-of-sufficient-length";

/// The port of the admin listener, which the log tells.
fn admin_port(gateway: &Gateway) -> String {
    let (_, after) = gateway.opening.split_once("admin_listen").unwrap_or_else(|| panic!("{}", gateway.opening));
    let (_, after) = after.split_once(".0:").or_else(|| after.split_once(".1:")).unwrap();
    after.chars().take_while(char::is_ascii_digit).collect()
}

/// The whole answer of the admin listener.
fn ask(gateway: &Gateway, target: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{}", admin_port(gateway))).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n").unwrap();
    rest_of(stream)
}

pub(crate) fn scrape(gateway: &Gateway) -> String {
    let answer = ask(gateway, "/metrics", "");
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    text.to_owned()
}

/// The families of a scrape with their types.
fn families(scrape: &str) -> BTreeMap<&str, &str> {
    scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect()
}

/// The value of a series.
pub(crate) fn value(scrape: &str, series: &str) -> Option<f64> {
    scrape.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// Sends requests of every API, some of which fail.
fn use_it(gateway: &Gateway) {
    let bearer = bearer(&gateway.key());
    let chat = |text: &str, stream: bool| {
        let body = format!(
            r#"{{"model":"sandbox/gpt","max_tokens":20,"stream":{stream},"messages":[{{"role":"user","content":"{text}"}}]}}"#
        );
        gateway.send("POST", "/v1/chat/completions", (&bearer, &body))
    };
    assert!(chat("sandbox:tokens 9", true).contains("[DONE]"));
    assert!(chat("Hello", false).starts_with("HTTP/1.1 200"));
    assert!(chat("sandbox:error quota", false).starts_with("HTTP/1.1 502"));
    assert!(chat("sandbox:error 400", false).starts_with("HTTP/1.1 400"));
    let rest = [
        ("/v1/messages", r#"{"model":"sandbox/claude","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#),
        ("/v1/responses", r#"{"model":"sandbox/gpt","max_output_tokens":16,"input":"Hi"}"#),
        ("/v1beta/models/sandbox/gpt:generateContent", r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#),
    ];
    for (path, body) in rest {
        let answer = gateway.send("POST", path, (&bearer, body));
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    assert!(gateway.send("POST", "/v1/embeddings", (&bearer, "{}")).starts_with("HTTP/1.1 400"));
}

/// Rows of the page: name, type, and when the family is there.
fn rows() -> Vec<(&'static str, &'static str, &'static str)> {
    let (_, rows) = PAGE.split_once("| family | type |").unwrap();
    let rows = rows.lines().skip(2).map_while(|line| line.strip_prefix("| `"));
    rows.map(|line| {
        let [name, kind, _, when, _] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        (name.trim_end_matches('`'), kind, when)
    })
    .collect()
}

#[test]
fn a_used_gateway_tells_the_families_of_the_page_and_no_others() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&["dev"], &[("OPENCREDITS_ADMIN_LISTEN", "127.0.0.1:0")]);
    use_it(&gateway);
    let text = scrape(&gateway);
    let (told, rows) = (families(&text), rows());
    for (name, kind) in &told {
        assert!(rows.iter().any(|(known, of, _)| known == name && of == kind), "{name} ({kind}) is not on the page");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
    }
    // What dev has: credits are sold and mails are sent.
    let there = ["always", "credits are sold", "mails are sent"];
    let expect: BTreeSet<&str> =
        rows.iter().filter(|(.., when)| there.contains(when)).map(|(name, ..)| *name).collect();
    let missing: Vec<_> = expect.iter().filter(|name| !told.contains_key(**name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not told in {text}");
    let requests =
        |api: &str| value(&text, &format!("opencredits_inference_requests_total{{mode=\"live\",api=\"{api}\"}}"));
    assert_eq!((requests("openai-chat"), requests("openai-embeddings")), (Some(4.0), Some(1.0)));
    let refused = "opencredits_vendor_failures_total{vendor=\"sandbox-chat\",reason=\"own_account\"}";
    assert!(value(&text, refused).is_some_and(|count| count >= 1.0), "{text}");
    let private = [gateway.key(), "user_".to_owned(), "acct_".to_owned(), "key_0".to_owned(), "127.0.0.1".to_owned()];
    for private in private {
        assert!(!text.contains(&private), "{private} is told");
    }
    with_tools(&fixture, &text);
}

/// A variable of the caller.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment which tools it needs")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Prometheus' own tools read the scrape, where they are. `TEST_METRICS_TOOLS=required` makes them needed.
#[expect(clippy::print_stdout, reason = "what is left out is told")]
fn with_tools(fixture: &Fixture, text: &str) {
    let is_required = variable("TEST_METRICS_TOOLS").as_deref() == Some("required");
    let path = fixture.file("scrape.txt", text);
    let input = std::fs::File::open(&path).unwrap();
    let promtool = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::from(input)).output();
    match promtool {
        Ok(output) => {
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success(), "promtool: {said}");
        }
        Err(_) => {
            assert!(!is_required, "there is no promtool; install Debian's package prometheus");
            println!("skipped: there is no promtool");
        }
    }
    match variable("TEST_METRICS_PYTHON") {
        Some(python) => {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/metrics/parse.py");
            let output = Command::new(python).arg(script).arg(path).output().unwrap();
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success(), "prometheus-client: {said}");
        }
        None => println!("skipped: TEST_METRICS_PYTHON names no python with prometheus-client"),
    }
}

#[test]
fn a_listener_that_others_reach_needs_a_token_and_asks_for_it() {
    let fixture = Fixture::new();
    let listen = ("OPENCREDITS_ADMIN_LISTEN", "0.0.0.0:0");
    let (_, error) = failed(fixture.run(&[], &[listen]));
    assert!(error.contains("admin.listen is 0.0.0.0:0") && error.contains("admin.token"), "{error}");
    let gateway = fixture.start(&[], &[listen, ("OPENCREDITS_ADMIN_TOKEN", TOKEN)]);
    assert!(ask(&gateway, "/metrics", "").starts_with("HTTP/1.1 401"));
    assert!(ask(&gateway, "/metrics", &bearer("another-token-of-that-length")).starts_with("HTTP/1.1 401"));
    assert!(ask(&gateway, "/metrics", &bearer(TOKEN)).contains("opencredits_build_info"));
    assert!(ask(&gateway, "/healthz", "").ends_with("ok\n"));
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success() && !log.contains(TOKEN), "{log}");
}

#[test]
fn the_listener_does_not_hold_the_process_up_at_its_end() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&["dev"], &[("OPENCREDITS_ADMIN_LISTEN", "127.0.0.1:0")]);
    let _idle = TcpStream::connect(format!("127.0.0.1:{}", admin_port(&gateway))).unwrap();
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success() && log.contains("clean=true"), "{log}");
}
