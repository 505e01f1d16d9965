//! `tail` and `top`, which follow the gateway at work.

use crate::fixture::{Access, Fixture};
use opencredits_service::access::{AccessLog, AccessRecord};
use opencredits_testkit::Terminal;
use opencredits_units::{RequestId, UnixMs};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A test that waits longer has failed.
const POLLS: usize = 3_000;
const POLL: Duration = Duration::from_millis(20);

fn is_within_its_time(mut is_so: impl FnMut() -> bool) -> bool {
    (0..POLLS).any(|_| {
        let so = is_so();
        if !so {
            std::thread::sleep(POLL);
        }
        so
    })
}

fn until(what: &str, is_so: impl FnMut() -> bool) {
    assert!(is_within_its_time(is_so), "not within its time: {what}");
}

fn record(number: u128, more: &Value) -> AccessRecord {
    let began = UnixMs::new(1_790_000_000_000);
    let mut record = json!({"request_id": RequestId::from_bits(number), "began_ms": began, "method": "POST",
        "path": "/v1/chat/completions", "outcome": "served", "status": 200, "duration_ms": 100, "api": "openai-chat",
        "asked": "a/m", "model": "a/m", "vendor": "v", "attempts": 1, "input_tokens": 20, "output_tokens": 7,
        "charge_usd": "0.0042", "credits": "0.42", "streamed": true, "estimated": false});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(record).unwrap()
}

/// The tool, following.
struct Following(Child);

impl Following {
    fn start(fixture: &Fixture, arguments: &[&str]) -> Self {
        // The one before may have ended before the gateway knows it.
        until("nobody follows", || !fixture.access.is_followed());
        let mut command = fixture.command(arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("it follows", || fixture.access.is_followed());
        Self(child)
    }

    /// The rest of what it prints, and what it says on standard error, once it has ended well.
    fn ended(mut self) -> (String, String) {
        let (mut printed, mut said) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.0.wait().unwrap().success(), "{said}");
        (printed, said)
    }
}

/// Whoever fails leaves no process behind.
impl Drop for Following {
    fn drop(&mut self) {
        let _ended_before = self.0.kill();
    }
}

#[test]
fn a_tail_shows_what_was_asked_for_and_ends_with_the_gateway() {
    let mut fixture = Fixture::new(Access::Socket);
    fixture.text(&["partner", "add", "Editor"]);
    let partner = fixture.json(&["partner", "show", "Editor"])["partner"]["id"].clone();
    assert!(partner.is_string(), "{partner}");
    let all = Following::start(&fixture, &["tail", "--json"]);
    let take = |number, more: Value| fixture.access.take(record(number, &more));
    take(1, json!({}));
    drop_after_reading(all, 1);
    let some = Following::start(&fixture, &["tail", "--partner", "Editor", "--min-ms", "200", "--model", "a/m"]);
    take(2, json!({"partner": partner}));
    take(3, json!({"duration_ms": 200}));
    take(4, json!({"partner": partner, "duration_ms": 1_234, "outcome": "failed", "error": "provider_timeout"}));
    fixture.stop_gateway();
    let (printed, said) = some.ended();
    assert_eq!(
        printed,
        "14:13:21.234 200 failed       1234 ms  a/m by v  20→7 tokens  $0.0042  provider_timeout  req_00000000000000000000000004\n"
    );
    assert_eq!(said, "opencredits-admin: the gateway has ended\n");
}

/// Reads so many records, and leaves.
fn drop_after_reading(mut following: Following, count: usize) {
    let lines = BufReader::new(following.0.stdout.take().unwrap()).lines().take(count);
    let read: Vec<AccessRecord> = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(read, [record(1, &json!({}))]);
}

#[test]
fn ctrl_c_ends_a_tail_and_is_no_failure() {
    let fixture = Fixture::new(Access::Socket);
    let tail = Following::start(&fixture, &["tail"]);
    let number = tail.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &number]).status().unwrap().success());
    assert_eq!(tail.ended(), (String::new(), String::new()));
}

#[test]
fn a_tail_of_nothing_says_what_is_wrong() {
    let fixture = Fixture::new(Access::Files);
    let error = fixture.error(&["tail"]);
    assert!(error.contains("no gateway runs on ") && error.contains("start it"), "{error}");
    let fixture = Fixture::new(Access::Socket);
    let error = fixture.error(&["tail", "--partner", "Nobody"]);
    assert!(error.contains("no partner Nobody"), "{error}");
    let error = fixture.error(&["--test", "tail"]);
    assert!(error.contains("no gateway runs here"), "{error}");
}

#[test]
fn a_tail_that_does_not_read_loses_lines_and_is_told_how_many() {
    let fixture = Fixture::new(Access::Socket);
    let mut tail = Following::start(&fixture, &["tail", "--json"]);
    // More than all pipes and buffers on the way hold.
    const ALL: u128 = 40_000;
    for number in 0..ALL {
        fixture.access.take(record(number, &json!({})));
    }
    let (mut seen, mut missed, mut last) = (0, 0, String::new());
    let mut lines = BufReader::new(tail.0.stdout.take().unwrap()).lines();
    while u128::from(seen + missed) < ALL {
        last = lines.next().unwrap().unwrap();
        let line: Value = serde_json::from_str(&last).unwrap();
        match line["missed"].as_u64() {
            Some(lines) => missed += lines,
            None => seen += 1,
        }
    }
    assert!(missed > 1_000 && seen > 4_000, "{seen} seen, {missed} missed");
    assert!(last.contains(&RequestId::from_bits(ALL - 1).to_string()), "{last}");
}

/// Requests of one model, for as long as the tool watches.
fn busy(log: &AccessLog) {
    for number in 0..20 {
        log.take(record(number, &json!({"duration_ms": 100 + u64::try_from(number).unwrap()})));
    }
    log.take(record(20, &json!({"outcome": "refused", "status": 402, "error": "payment_required", "vendor": null})));
}

#[test]
fn one_screen_of_top_is_printed_as_text_and_as_json() {
    let fixture = Fixture::new(Access::Socket);
    let top = Following::start(&fixture, &["top", "--once", "--seconds", "2"]);
    busy(&fixture.access);
    let (printed, _) = top.ended();
    for part in
        ["requests/s", "MODEL", "a/m", "payment_required", "119 ms  served    a/m by v", "21 requests, 1 errors"]
    {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    let top = Following::start(&fixture, &["--json", "top", "--once", "--seconds", "1", "--by", "vendor"]);
    busy(&fixture.access);
    let view: Value = serde_json::from_str(&top.ended().0).unwrap();
    assert_eq!((&view["grouping"], &view["total"]["requests"]), (&json!("vendor"), &json!(21)));
    assert_eq!(view["groups"][0]["name"], "v");
}

#[test]
fn at_a_terminal_keys_change_what_top_shows_and_end_it() {
    let fixture = Fixture::new(Access::Socket);
    let Some(terminal) = Terminal::of(&fixture.command(&["top"]), &fixture.dir) else { return };
    terminal.until("it follows", || fixture.access.is_followed());
    busy(&fixture.access);
    for (key, shown) in [("m", "MODEL"), ("v", "VENDOR"), ("p", "PARTNER")] {
        terminal.press(key);
        terminal.shows(shown);
    }
    terminal.shows("(no partner)");
    terminal.shows("payment_required");
    terminal.shows("q quit");
    terminal.press("q");
    terminal.shows("it ended with 0");
    assert!(!terminal.screen().contains("requests/s"), "the terminal is as it was");
    until("it is gone", || !fixture.access.is_followed());
}
