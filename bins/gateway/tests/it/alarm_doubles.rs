//! A receiver of webhooks, a vendor or another server of HTTP, a way to a server that can be shut, and a mail server, each
//! on a loopback port.

use crate::mails::take_mail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often something is looked at that another thread changes.
const POLL: Duration = Duration::from_millis(5);
const KEY: [u8; 32] = [7; 32];
const VENDOR_ANSWER: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"small","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
const VENDOR_STREAM: &str = r#"data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"small","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}]}

data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"small","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"small","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}

data: [DONE]

"#;
const VENDOR_REFUSAL: &str =
    r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}"#;

/// A request: its headers, by names in lower case, and its body.
type Request = (HashMap<String, String>, Vec<u8>);

fn read_request(stream: &TcpStream) -> Option<Request> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream);
    let mut headers = HashMap::new();
    let mut line = String::new();
    if lines.read_line(&mut line).ok()? == 0 {
        return None;
    }
    loop {
        line.clear();
        lines.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    lines.read_exact(&mut body).ok()?;
    Some((headers, body))
}

fn respond(mut stream: &TcpStream, status: &str, body: &str) {
    let kind = if body.starts_with("data: ") { "text/event-stream" } else { "application/json" };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n");
    let _gone = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
}

/// Answers the requests at a port, each on a connection of its own.
fn serve(listener: TcpListener, answer: impl Fn(&TcpStream, Request) + Send + 'static) -> String {
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            if let Some(request) = read_request(&stream) {
                answer(&stream, request);
            }
        }
    });
    format!("http://{address}")
}

/// The same for many connections at once.
fn serve_at_once(listener: TcpListener, answer: impl Fn(&TcpStream, Request) + Send + Sync + 'static) -> String {
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answer) = (stream.unwrap(), Arc::clone(&answer));
            std::thread::spawn(move || read_request(&stream).map(|request| answer(&stream, request)));
        }
    });
    format!("http://{address}")
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A receiver of webhooks that checks their signatures.
pub(crate) struct Hook {
    pub(crate) url: String,
    told: Receiver<(String, Value)>,
    /// What was told so far.
    seen: RefCell<Vec<Value>>,
    refuses: Arc<AtomicBool>,
}

impl Hook {
    pub(crate) fn start() -> Self {
        let (sender, told) = mpsc::channel();
        let refuses = Arc::new(AtomicBool::new(false));
        let refusing = Arc::clone(&refuses);
        let url = serve(listener(), move |stream, (headers, body)| {
            if refusing.swap(false, Ordering::SeqCst) {
                return respond(stream, "503 Service Unavailable", "");
            }
            let id = headers["webhook-id"].clone();
            let is_signed = headers["webhook-signature"] == signature(&id, &headers["webhook-timestamp"], &body);
            let body = if is_signed { serde_json::from_slice(&body).unwrap() } else { Value::Null };
            respond(stream, "200 OK", "{}");
            // The test may have ended.
            let _gone = sender.send((id, body));
        });
        Self { url: format!("{url}/hook"), told, seen: RefCell::default(), refuses }
    }

    pub(crate) fn secret() -> String {
        format!("{}{}", concat!("whs", "ec_"), STANDARD.encode(KEY))
    }

    /// Refuses the next webhook.
    pub(crate) fn refuse_next(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }

    fn one(&self) -> Value {
        let (id, body) = self.told.recv_timeout(PATIENCE).unwrap();
        assert_ne!(body, Value::Null, "{id} is signed with another secret");
        self.seen.borrow_mut().push(body.clone());
        body
    }

    /// The next webhook about an alarm, which tells this; those about others are left out.
    pub(crate) fn next(&self, alarm: &str, kind: &str) -> Value {
        self.all(&[alarm], kind).remove(0)
    }

    /// The next webhooks about these alarms, which tell this, in any order.
    pub(crate) fn all(&self, alarms: &[&str], kind: &str) -> Vec<Value> {
        let mut awaited = alarms.to_vec();
        let mut found = Vec::new();
        while !awaited.is_empty() {
            let body = self.one();
            if let Some(at) = awaited.iter().position(|alarm| body["data"]["alarm"] == **alarm) {
                assert_eq!(body["type"], kind, "{body}");
                awaited.remove(at);
                found.push(body);
            }
        }
        found
    }

    /// Everything that was told of an alarm, in its order.
    pub(crate) fn told(&self, alarm: &str) -> Vec<String> {
        let mut seen = self.seen.borrow_mut();
        seen.extend(self.told.try_iter().map(|(_, body)| body));
        let of_alarm = seen.iter().filter(|told| told["data"]["alarm"] == alarm);
        of_alarm.map(|told| told["type"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

fn signature(id: &str, at: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// How a server answers.
#[derive(Clone)]
pub(crate) enum Manner {
    /// With this status and body, after so long.
    Answers(&'static str, String, Duration),
    /// Not before it has another manner.
    Hangs,
}

impl Manner {
    /// At once, with what was asked for.
    pub(crate) fn ok(body: &str) -> Self {
        Self::Answers("200 OK", body.to_owned(), Duration::ZERO)
    }

    /// As a vendor does.
    pub(crate) fn vendor() -> Self {
        Self::ok(VENDOR_ANSWER)
    }

    /// As a vendor does that counts so many tokens of input.
    pub(crate) fn counting(input: u64) -> Self {
        let (prompt, total) = (format!("\"prompt_tokens\":{input},"), format!("\"total_tokens\":{}", input + 1));
        Self::ok(&VENDOR_ANSWER.replace("\"prompt_tokens\":3,", &prompt).replace("\"total_tokens\":4", &total))
    }

    /// As a vendor does whose stream begins after so long.
    pub(crate) fn streaming(after: Duration) -> Self {
        Self::Answers("200 OK", VENDOR_STREAM.to_owned(), after)
    }

    /// As a server that is broken.
    pub(crate) fn broken() -> Self {
        Self::Answers("500 Internal Server Error", "{}".to_owned(), Duration::ZERO)
    }
}

/// A server of HTTP, such as a vendor.
pub(crate) struct HttpDouble {
    pub(crate) url: String,
    manner: Arc<Mutex<Manner>>,
    headers: Arc<Mutex<HashMap<String, String>>>,
}

impl HttpDouble {
    pub(crate) fn start(manner: Manner) -> Self {
        let manner = Arc::new(Mutex::new(manner));
        let headers = Arc::new(Mutex::default());
        let (asked, seen) = (Arc::clone(&manner), Arc::clone(&headers));
        let url = serve_at_once(listener(), move |stream, request| {
            *seen.lock().unwrap() = request.0;
            loop {
                let manner = asked.lock().unwrap().clone();
                if let Manner::Answers(status, body, after) = manner {
                    std::thread::sleep(after);
                    return respond(stream, status, &body);
                }
                std::thread::sleep(POLL);
            }
        });
        Self { url, manner, headers }
    }

    /// A vendor that accepts our key.
    pub(crate) fn vendor() -> Self {
        Self::start(Manner::vendor())
    }

    pub(crate) fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// Refuses our key, or accepts it.
    pub(crate) fn refuse(&self, refuses: bool) {
        let refusal = Manner::Answers("401 Unauthorized", VENDOR_REFUSAL.to_owned(), Duration::ZERO);
        self.set(if refuses { refusal } else { Manner::vendor() });
    }

    /// The headers of the last request.
    #[cfg(feature = "otel")]
    pub(crate) fn headers(&self) -> HashMap<String, String> {
        self.headers.lock().unwrap().clone()
    }
}

/// A way to another server. While it is shut, nothing gets there, and nobody is told.
pub(crate) struct Gate {
    pub(crate) address: String,
    is_shut: Arc<AtomicBool>,
}

impl Gate {
    /// One to the server at an address with its port.
    pub(crate) fn to(target: &str) -> Self {
        let (listener, is_shut) = (listener(), Arc::new(AtomicBool::new(false)));
        let (address, target) = (listener.local_addr().unwrap().to_string(), target.to_owned());
        let shut = Arc::clone(&is_shut);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&target).unwrap());
                let (to, from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let shut = Arc::clone(&shut);
                std::thread::spawn(move || pass(from, to, &shut));
                std::thread::spawn(move || pass(server, client, &AtomicBool::new(false)));
            }
        });
        Self { address, is_shut }
    }

    pub(crate) fn shut(&self, is_shut: bool) {
        self.is_shut.store(is_shut, Ordering::SeqCst);
    }
}

/// Passes on what comes, up to the end of either side.
fn pass(mut from: TcpStream, mut to: TcpStream, is_shut: &AtomicBool) {
    let mut bytes = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        while is_shut.load(Ordering::SeqCst) {
            std::thread::sleep(POLL);
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _gone = to.shutdown(std::net::Shutdown::Write);
}

/// A mail server: its port, and the mails that it takes.
pub(crate) fn mail_server() -> (u16, Receiver<String>) {
    of(listener())
}

/// The same at a port that is free.
pub(crate) fn mail_server_at(port: u16) -> (u16, Receiver<String>) {
    of(TcpListener::bind(("127.0.0.1", port)).unwrap())
}

fn of(listener: TcpListener) -> (u16, Receiver<String>) {
    let (sender, mails) = mpsc::channel();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                // The test may have ended.
                let _gone = sender.send(take_mail(stream.unwrap()));
            });
        }
    });
    (port, mails)
}
