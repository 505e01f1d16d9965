//! The replay upstream over a real socket.

use opencredits_testkit::{Behaviour, Fault, Pieces, Recording, ReplayUpstream, recordings};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

fn upstream() -> Option<(ReplayUpstream, Vec<Recording>)> {
    let all = recordings(|row| row.api == "openai-chat" || row.api == "anthropic-messages");
    if all.is_empty() {
        return None;
    }
    Some((ReplayUpstream::start(all.clone()).unwrap(), all))
}

fn connect(upstream: &ReplayUpstream, path: &str, model: &str) -> TcpStream {
    let body = format!(r#"{{"model":"{model}"}}"#);
    let mut stream = TcpStream::connect(upstream.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nx-test: canary\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    stream
}

/// Head and body.
fn post(upstream: &ReplayUpstream, path: &str, model: &str) -> (String, String) {
    let mut answer = Vec::new();
    connect(upstream, path, model).read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if head.contains("transfer-encoding: chunked") {
        return (head.to_owned(), unchunked(body));
    }
    (head.to_owned(), body.to_owned())
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 || rest.len() < size {
            break;
        }
        whole.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    whole
}

fn path_of(recording: &Recording) -> &'static str {
    match recording.row.api.as_str() {
        "openai-chat" => "/v1/chat/completions",
        _ => "/v1/messages",
    }
}

#[test]
fn every_recording_comes_back_as_it_was() {
    let Some((upstream, all)) = upstream() else {
        return;
    };
    for recording in all.iter().filter(|recording| recording.body.is_ascii()) {
        let (head, body) = post(&upstream, path_of(recording), &recording.id);
        let status = format!("HTTP/1.1 {} ", recording.row.status);
        assert!(head.starts_with(&status), "{recording:?}: {head}");
        assert!(body == recording.body, "{recording:?} came back changed");
        assert!(head.contains("content-type: "), "{recording:?}: {head}");
    }
}

#[test]
fn what_was_sent_is_kept() {
    let Some((upstream, _)) = upstream() else {
        return;
    };
    post(&upstream, "/v1/messages?beta=true", "replay/none");
    let received = upstream.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].header("x-test"), Some("canary"));
    assert_eq!(received[0].json()["model"], "replay/none");
    assert!(received[0].mentions("beta=true") && received[0].mentions("canary"));
    assert!(!received[0].mentions("nothing of the sort"));
}

#[test]
fn an_unknown_model_or_a_wrong_path_is_not_found() {
    let Some((upstream, all)) = upstream() else {
        return;
    };
    let chat = all.iter().find(|one| one.row.api == "openai-chat").unwrap();
    let check = |path: &str, model: &str, expected: &str| {
        let (head, body) = post(&upstream, path, model);
        assert!(head.starts_with("HTTP/1.1 404"), "{head}");
        assert!(body.contains(expected), "{body}");
    };
    check("/v1/messages", "nothing", "not_found_error");
    check("/v1/messages", &chat.id, "not_found_error");
    check("/v1/chat/completions", "nothing", "replay_error");
}

#[test]
fn a_fault_is_of_one_request_or_of_all() {
    let Some((upstream, all)) = upstream() else {
        return;
    };
    let one = &all[0];
    let status = || post(&upstream, path_of(one), &one.id).0[9..12].to_owned();
    upstream.answer_next(Fault::Status(503).into());
    assert_eq!([status(), status()], ["503", "200"]);
    let limited = Fault::StatusRetryAfter { status: 429, seconds: 7 };
    upstream.answer(limited.into());
    assert_eq!([status(), status()], ["429", "429"]);
    let (head, _) = post(&upstream, path_of(one), &one.id);
    assert!(head.contains("retry-after: 7"), "{head}");
}

#[test]
fn a_cut_body_ends_without_its_last_chunk() {
    let Some((upstream, all)) = upstream() else {
        return;
    };
    let stream = all.iter().find(|one| one.row.stream).unwrap();
    let behaviour = Behaviour::from(Fault::CutAfter(100)).in_pieces(Pieces::Bytes(7));
    upstream.answer(behaviour);
    let mut answer = Vec::new();
    let outcome = connect(&upstream, path_of(stream), &stream.id).read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.ends_with("0\r\n\r\n"), "{outcome:?}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(stream.body.starts_with(&unchunked(body)));
}

#[test]
fn a_client_that_hangs_up_is_counted() {
    let Some((upstream, all)) = upstream() else {
        return;
    };
    let stream = all.iter().find(|one| one.row.stream).unwrap();
    let model = format!("{}+delay=5+bytes=1", stream.id);
    let mut connection = connect(&upstream, path_of(stream), &model);
    let mut first = [0; 1];
    connection.read_exact(&mut first).unwrap();
    assert_eq!(upstream.abandoned(), 0);
    drop(connection);
    let patience = std::time::Duration::from_millis(5);
    let counted = (0..1_000).any(|_| {
        std::thread::sleep(patience);
        upstream.abandoned() == 1
    });
    assert!(counted);
}
