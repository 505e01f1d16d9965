//! Every recorded stream, cut anywhere: what is charged never exceeds what was held, and the books add up.

use crate::app::{Scripted, TestApp, request};
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use opencredits_providers::TransportError;
use opencredits_testkit::{Recording, recordings};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const DIALECTS: [(&str, &str); 4] = [
    ("openai-chat", "-chat"),
    ("anthropic-messages", "-messages"),
    ("openai-responses", "-responses"),
    ("gemini-generate", "-generate"),
];
/// Cut at every byte up to this size, beyond it at so many places: `TEST_CUTS`, or a few.
const SMALL_BYTES: usize = 64;
const CUTS: usize = 8;
pub(crate) const CUTS_VARIABLE: &str = "TEST_CUTS";

/// What becomes of the stream at the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The connection breaks.
    Broken,
    /// The provider ends it there, in order.
    Ended,
    /// The client leaves; the provider would have gone on.
    Left,
}

/// Two vendors for each dialect, one of which stops its bill with its stream, and a model of each that thinks. Whatever input costs most elsewhere costs the same here.
fn app() -> TestApp {
    let (mut vendors, mut models) = (String::new(), String::new());
    for (dialect, stop) in DIALECTS.iter().flat_map(|(dialect, _)| [(dialect, "goes-on"), (dialect, "ends")]) {
        let id = format!("{dialect}-{stop}");
        vendors.push_str(&format!(
            "[[vendor]]\nid = \"{id}\"\ndialect = \"{dialect}\"\nbase_url = \"http://{dialect}.example/v1\"\nauth = \"none\"\nstop_billing = \"{stop}\"\n"
        ));
        models.push_str(&format!(
            "[[model]]\nid = \"a/{id}\"\nvendor = \"{id}\"\ncontext_window = 4000000\nmax_output_tokens = 1000000\nsupports = [\"reasoning\", \"temperature\"]\nprices = {{ input = \"1\", output = \"10\" }}\n"
        ));
    }
    TestApp::answering(&vendors, &models, "application/json", "{}")
}

/// A request that would have had this answer: its input is as long, and its cap covers the output.
fn asked(dialect: &str, place: usize, recording: &Recording) -> (String, Value) {
    let text = "x".repeat(usize::try_from(recording.expected.input_tokens.unwrap_or(5_000)).unwrap());
    let cap = recording.expected.output_tokens.unwrap_or(5_000).max(16);
    let messages = json!([{"role": "user", "content": text}]);
    let model = format!("a/{dialect}-{}", if place.is_multiple_of(2) { "goes-on" } else { "ends" });
    match dialect {
        "openai-responses" => (
            "/v1/responses".to_owned(),
            json!({"model": model, "max_output_tokens": cap, "stream": true, "input": text}),
        ),
        "gemini-generate" => (
            format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            json!({"contents": [{"parts": [{"text": text}]}], "generationConfig": {"maxOutputTokens": cap}}),
        ),
        _ => {
            let path = if dialect == "openai-chat" { "/v1/chat/completions" } else { "/v1/messages" };
            (path.to_owned(), json!({"model": model, "max_tokens": cap, "stream": true, "messages": messages}))
        }
    }
}

/// Where a stream is cut: everywhere if it is small, else spread over it, at the ends of events and beside them.
fn places(body: &[u8], cuts: usize) -> BTreeSet<usize> {
    let all = body.len();
    if all <= SMALL_BYTES {
        return (0..=all).collect();
    }
    let spread = (0..=cuts).map(|part| all * part / cuts);
    spread.chain([1, all - 1]).collect()
}

/// Whether a client is told anything of a stream that was cut here: its first event of an answer must be whole, but for the
/// blank line that some servers leave out at the end.
fn began(dialect: &str, head: &[u8], how: Cut) -> bool {
    let head = String::from_utf8_lossy(head).replace("\r\n", "\n");
    let has_items = |list: &Value| list.as_array().is_some_and(|items| !items.is_empty());
    // Where an event is cut in the middle, it is no JSON. Some hosts begin with an event without content.
    let begins = |line: &str| {
        let event: Option<Value> = line.strip_prefix("data:").and_then(|data| serde_json::from_str(data).ok());
        event.is_some_and(|event| match dialect {
            "openai-chat" => has_items(&event["choices"]),
            "gemini-generate" => has_items(&event["candidates"]) || !event["promptFeedback"]["blockReason"].is_null(),
            _ => true,
        })
    };
    let says = |events: &str| events.split("\n\n").any(|event| event.lines().any(begins));
    match how {
        Cut::Ended => says(&head),
        Cut::Broken | Cut::Left => head.rsplit_once("\n\n").is_some_and(|(whole, _)| says(whole)),
    }
}

/// What was charged.
async fn cut(app: &TestApp, dialect: &str, recording: &Recording, (place, how): (usize, Cut)) -> i64 {
    let name = format!("{} at {place}, {how:?}", recording.row.file);
    let (head, rest) = recording.body.as_bytes().split_at(place);
    let mut chunks = vec![Ok(Bytes::copy_from_slice(head))];
    match how {
        Cut::Broken => chunks.push(Err(TransportError::Broken)),
        Cut::Ended => {}
        Cut::Left => chunks.push(Ok(Bytes::copy_from_slice(rest))),
    }
    app.script(&format!("{dialect}.example"), &[Scripted::Stream(chunks)]);
    let (user, key) = app.person(100_000).await;
    let before = app.available(&user);
    let (path, body) = asked(dialect, place, recording);
    let response = app.open(request(Method::POST, &path, &key, body.to_string())).await;
    if response.status() != 200 {
        // It never began: another provider would have been asked, and the client is told so.
        let began = began(dialect, &recording.body.as_bytes()[..place], how);
        assert!(response.status() == 502 && !began && how != Cut::Left, "{name}: {}", response.status());
        assert_eq!(app.available(&user), before, "{name}");
        return 0;
    }
    let held = before - app.available(&user);
    let mut body = response.into_body();
    if how == Cut::Left {
        let _first = body.frame().await;
        drop(body);
    } else {
        let _all = body.collect().await.unwrap();
    }
    for _ in 0..1_000 {
        if app.ledger.holds().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let charged = before - app.available(&user);
    assert!((0..=held).contains(&charged), "{name}: charged {charged}, held {held}");
    charged
}

async fn check(dialect: &str, form: &str) {
    #[expect(clippy::disallowed_methods, reason = "the environment says how long a test may take")]
    let places_of_each = std::env::var(CUTS_VARIABLE).ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(CUTS);
    let app = app();
    let (mut cuts, mut charges) = (0, 0);
    for recording in recordings(|row| row.stream && row.status == 200 && row.api.ends_with(form)) {
        if !recording.body.contains("data:") {
            continue;
        }
        for place in places(recording.body.as_bytes(), places_of_each) {
            for how in [Cut::Broken, Cut::Ended, Cut::Left] {
                let charged = cut(&app, dialect, &recording, (place, how)).await;
                cuts += 1;
                charges += u32::from(charged > 0);
            }
        }
    }
    app.settled();
    assert!(cuts == 0 || charges * 2 > cuts, "{charges} of {cuts} were charged at all");
}

#[tokio::test]
async fn a_stream_of_chat_completions_is_never_charged_above_its_hold_wherever_it_is_cut() {
    check(DIALECTS[0].0, DIALECTS[0].1).await;
}

#[tokio::test]
async fn a_stream_of_messages_is_never_charged_above_its_hold_wherever_it_is_cut() {
    check(DIALECTS[1].0, DIALECTS[1].1).await;
}

#[tokio::test]
async fn a_stream_of_responses_is_never_charged_above_its_hold_wherever_it_is_cut() {
    check(DIALECTS[2].0, DIALECTS[2].1).await;
}

#[tokio::test]
async fn a_stream_of_generate_content_is_never_charged_above_its_hold_wherever_it_is_cut() {
    check(DIALECTS[3].0, DIALECTS[3].1).await;
}
