//! A provider whose answers take their time, so that requests are on their way whenever something fails.

use crate::outcome::Outcome;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Words of an answer.
const WORDS: usize = 16;
/// The wait before each event of a stream.
const BETWEEN: Duration = Duration::from_millis(25);
/// The wait before an answer that is not streamed.
const WHOLE_AFTER: Duration = Duration::from_millis(100);
/// The mark of a request for a stream, with and without the space that some clients write.
const STREAM_MARKS: [&str; 2] = ["\"stream\":true", "\"stream\": true"];
const USAGE: &str = r#"{"prompt_tokens":12,"completion_tokens":16,"total_tokens":28}"#;

/// Serves for as long as this process lives, and returns the port.
pub(super) fn start() -> Outcome<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            thread::spawn(move || {
                // Whoever hangs up ends its own exchange only.
                let _ended = answer(&stream);
            });
        }
    });
    Ok(port)
}

fn answer(mut stream: &TcpStream) -> Outcome {
    let body = request(stream)?;
    stream.set_nodelay(true)?;
    if STREAM_MARKS.iter().any(|mark| body.contains(mark)) {
        stream.write_all(head("text/event-stream").as_bytes())?;
        for event in events() {
            thread::sleep(BETWEEN);
            stream.write_all(event.as_bytes())?;
        }
    } else {
        thread::sleep(WHOLE_AFTER);
        stream.write_all(head("application/json").as_bytes())?;
        stream.write_all(whole().as_bytes())?;
    }
    Ok(())
}

/// Reads a request, and gives its body.
fn request(stream: &TcpStream) -> Outcome<String> {
    let mut reader = BufReader::new(stream);
    let mut length: usize = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let field = line.trim_end().to_ascii_lowercase();
        if field.is_empty() {
            break;
        }
        if let Some(value) = field.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut body: Vec<u8> = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}

/// The answer ends with its connection.
fn head(kind: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n")
}

fn whole() -> String {
    let text = " word".repeat(WORDS);
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1741569952,"model":"model","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{USAGE}}}"#
    )
}

fn events() -> Vec<String> {
    let event = |choices: &str, usage: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1741569952,\"model\":\"model\",\"choices\":[{choices}],\"usage\":{usage}}}\n\n"
        )
    };
    let choice = |delta: &str, finish: &str| format!(r#"{{"index":0,"delta":{delta},"finish_reason":{finish}}}"#);
    let word = event(&choice(r#"{"content":" word"}"#, "null"), "null");
    let mut events = vec![word; WORDS];
    events.push(event(&choice("{}", "\"stop\""), "null"));
    events.push(event("", USAGE));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_what_the_dialect_says() {
        let parsed: serde_json::Value = serde_json::from_str(&whole()).unwrap();
        assert_eq!(parsed["usage"]["total_tokens"], 28);
        let events = events();
        let (last, others) = events.split_last().unwrap();
        assert_eq!((last.as_str(), others.len()), ("data: [DONE]\n\n", WORDS + 2));
        for event in others {
            serde_json::from_str::<serde_json::Value>(event.strip_prefix("data: ").unwrap()).unwrap();
        }
    }
}
