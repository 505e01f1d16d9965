//! The vendor of a cluster: a port on loopback whose answers a test delays, or stops and lets go on.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A vendor that answers every chat, each with the same usage.
pub(crate) struct Upstream {
    pub(crate) url: String,
    manner: Arc<Manner>,
}

/// How it answers.
struct Manner {
    delay_ms: AtomicU64,
    answered: AtomicUsize,
    goes_on: Mutex<bool>,
    may_go_on: Condvar,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let manner = Arc::new(Manner {
            delay_ms: AtomicU64::new(0),
            answered: AtomicUsize::new(0),
            goes_on: Mutex::new(true),
            may_go_on: Condvar::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (url, of_each) = (format!("http://{}", listener.local_addr().unwrap()), Arc::clone(&manner));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, manner) = (stream.unwrap(), Arc::clone(&of_each));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(&stream);
                    while answer_one(&mut reader, &stream, &manner).is_some() {}
                });
            }
        });
        Self { url, manner }
    }

    /// Waits so long before each answer from now on.
    pub(crate) fn delay(&self, ms: u64) {
        self.manner.delay_ms.store(ms, Ordering::SeqCst);
    }

    /// From now on each stream stops after its first word,
    pub(crate) fn hold_streams(&self) {
        *self.manner.goes_on.lock().unwrap() = false;
    }

    /// until this lets all of them go on.
    pub(crate) fn release_streams(&self) {
        *self.manner.goes_on.lock().unwrap() = true;
        self.manner.may_go_on.notify_all();
    }

    /// The number of answers that came to their end.
    pub(crate) fn answered(&self) -> usize {
        self.manner.answered.load(Ordering::SeqCst)
    }
}

/// Answers the next request of a connection; `None` at its end.
fn answer_one(reader: &mut BufReader<&TcpStream>, stream: &TcpStream, manner: &Manner) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim().to_ascii_lowercase();
        length = line.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let asked: Value = serde_json::from_slice(&body).ok()?;
    std::thread::sleep(Duration::from_millis(manner.delay_ms.load(Ordering::SeqCst)));
    if asked["stream"] == true { stream_to(stream, manner) } else { whole_to(stream, manner) }
}

fn usage() -> Value {
    json!({"prompt_tokens": 10, "completion_tokens": 164, "total_tokens": 174})
}

fn whole_to(mut to: &TcpStream, manner: &Manner) -> Option<()> {
    let message = json!({"role": "assistant", "content": "Hello."});
    let body = json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "small", "usage": usage(),
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    });
    let body = body.to_string();
    manner.answered.fetch_add(1, Ordering::SeqCst);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
    to.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).ok()
}

/// A stream ends with its connection.
fn stream_to(mut to: &TcpStream, manner: &Manner) -> Option<()> {
    let piece = |choices: Value, usage: Value| {
        let piece = json!({
            "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "small", "choices": choices,
            "usage": usage,
        });
        format!("data: {piece}\n\n")
    };
    let choice = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
    let first = piece(choice(json!({"role": "assistant", "content": "Hello"}), Value::Null), Value::Null);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    to.write_all(format!("{head}{first}").as_bytes()).ok()?;
    drop(manner.may_go_on.wait_while(manner.goes_on.lock().unwrap(), |goes_on| !*goes_on).unwrap());
    manner.answered.fetch_add(1, Ordering::SeqCst);
    let last = [piece(choice(json!({}), json!("stop")), Value::Null), piece(json!([]), usage())].concat();
    to.write_all(format!("{last}data: [DONE]\n\n").as_bytes()).ok()?;
    None
}
