//! A receiver of webhooks, a vendor and a mail server, each on a loopback port.

use crate::mails::take_mail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const KEY: [u8; 32] = [7; 32];
const VENDOR_ANSWER: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"small","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
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
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n");
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

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A receiver of webhooks that checks their signatures.
pub(crate) struct Hook {
    pub(crate) url: String,
    told: Receiver<(String, Value)>,
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
        Self { url: format!("{url}/hook"), told, refuses }
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
        body
    }

    /// The next webhook about an alarm, which tells this; those about others are left out.
    pub(crate) fn next(&self, alarm: &str, kind: &str) -> Value {
        loop {
            let body = self.one();
            if body["data"]["alarm"] == alarm {
                assert_eq!(body["type"], kind, "{body}");
                return body;
            }
        }
    }

    /// The next webhooks about two alarms, which tell this, in either order.
    pub(crate) fn next_two(&self, mut alarms: [&str; 2], kind: &str) -> Vec<Value> {
        let mut found = Vec::new();
        while found.len() < alarms.len() {
            let body = self.one();
            if let Some(alarm) = alarms.iter_mut().find(|alarm| body["data"]["alarm"] == **alarm) {
                assert_eq!(body["type"], kind, "{body}");
                *alarm = "";
                found.push(body);
            }
        }
        found
    }

    /// The webhooks that came and were not looked at.
    pub(crate) fn rest(&self) -> Vec<Value> {
        self.told.try_iter().map(|(_, body)| body).collect()
    }
}

fn signature(id: &str, at: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// A vendor that accepts our key, or refuses it.
pub(crate) struct VendorDouble {
    pub(crate) url: String,
    refuses: Arc<AtomicBool>,
    headers: Arc<Mutex<HashMap<String, String>>>,
}

impl VendorDouble {
    pub(crate) fn start() -> Self {
        let refuses = Arc::new(AtomicBool::new(false));
        let refusing = Arc::clone(&refuses);
        let headers = Arc::new(Mutex::default());
        let seen = Arc::clone(&headers);
        let url = serve(listener(), move |stream, request| {
            *seen.lock().unwrap() = request.0;
            if refusing.load(Ordering::SeqCst) {
                respond(stream, "401 Unauthorized", VENDOR_REFUSAL);
            } else {
                respond(stream, "200 OK", VENDOR_ANSWER);
            }
        });
        Self { url, refuses, headers }
    }

    pub(crate) fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// The headers of the last request.
    #[cfg(feature = "otel")]
    pub(crate) fn headers(&self) -> HashMap<String, String> {
        self.headers.lock().unwrap().clone()
    }
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
