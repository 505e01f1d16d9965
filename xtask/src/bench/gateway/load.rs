//! A client that sends requests as fast as they are answered, on several connections: `xtask load`.

use crate::outcome::Outcome;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

/// Requests of each connection before the measurement.
const WARM_UP: usize = 5;
/// The time limit for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// The length of the end of an answer that is looked at, and shown where it is wrong, in bytes.
const SHOWN_MAX: usize = 300;

/// The target and the load.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Port on 127.0.0.1
    #[arg(long)]
    pub(super) port: u16,
    /// Connections at once, each with one request at a time
    #[arg(long, default_value_t = 1)]
    pub(super) connections: usize,
    /// How long to measure, in ms
    #[arg(long, default_value_t = 1_000)]
    pub(super) ms: u64,
    /// What to send as the bearer token
    #[arg(long, default_value = "none")]
    pub(super) key: String,
    /// The model to ask for
    #[arg(long, default_value = "bench")]
    pub(super) model: String,
    /// Whether to ask for streams
    #[arg(long)]
    pub(super) stream: bool,
    /// Whether to ask through the API for messages
    #[arg(long)]
    pub(super) messages: bool,
}

/// The result.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outcomes {
    /// Requests answered, warm-up included: each of them cost CPU time.
    pub(super) requests_all: u64,
    /// Requests answered during the measurement.
    pub(super) requests: u64,
    /// Events of streams during the measurement.
    pub(super) events: u64,
    /// The duration.
    pub(super) seconds: f64,
    /// The median time to the last byte.
    pub(super) p50_us: f64,
    /// The 99th percentile.
    pub(super) p99_us: f64,
}

/// Measures, and prints the outcome as one line of JSON.
pub(crate) fn run(args: &Args) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcomes = LocalSet::new().block_on(&runtime, measure(args))?;
    println!("{}", serde_json::to_string(&outcomes)?);
    Ok(())
}

async fn measure(args: &Args) -> Outcome<Outcomes> {
    let answered = Rc::new(Cell::new(0));
    let ready = Rc::new(tokio::sync::Barrier::new(args.connections));
    let mut clients = JoinSet::new();
    for _ in 0..args.connections {
        let client = Client::connect(args, Rc::clone(&answered)).await?;
        let length = Duration::from_millis(args.ms);
        clients.spawn_local(client.ask_until(Rc::clone(&ready), length));
    }
    let mut all = Sample::default();
    while let Some(sample) = clients.join_next().await {
        all.add(sample??);
    }
    Ok(all.summary(answered.get()))
}

/// What one connection saw.
#[derive(Default)]
struct Sample {
    times_us: Vec<f64>,
    events: u64,
    seconds: f64,
}

impl Sample {
    fn add(&mut self, other: Self) {
        self.times_us.extend(other.times_us);
        self.events += other.events;
        self.seconds = self.seconds.max(other.seconds);
    }

    fn summary(mut self, requests_all: u64) -> Outcomes {
        self.times_us.sort_by(f64::total_cmp);
        let at = |hundredth: usize| {
            let index = self.times_us.len() * hundredth / 100;
            self.times_us.get(index).copied().unwrap_or(f64::NAN)
        };
        Outcomes {
            requests_all,
            requests: self.times_us.len() as u64,
            events: self.events,
            seconds: self.seconds,
            p50_us: at(50),
            p99_us: at(99),
        }
    }
}

struct Client {
    sender: SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    streams: bool,
    answered: Rc<Cell<u64>>,
}

impl Client {
    async fn connect(args: &Args, answered: Rc<Cell<u64>>) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", args.port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(async move {
            // The request in progress reports how it ended.
            let _ = connection.await;
        });
        Ok(Self { sender, request: request(args)?, streams: args.stream, answered })
    }

    /// Warms up, waits for the others, and asks for so long.
    async fn ask_until(mut self, ready: Rc<tokio::sync::Barrier>, length: Duration) -> Outcome<Sample> {
        for _ in 0..WARM_UP {
            self.ask().await?;
        }
        ready.wait().await;
        let mut sample = Sample::default();
        let start = Instant::now();
        let mut before = start;
        while before.duration_since(start) < length {
            sample.events += self.ask().await?;
            let now = Instant::now();
            let time = now.duration_since(before);
            sample.times_us.push(time.as_secs_f64() * 1e6);
            before = now;
        }
        sample.seconds = start.elapsed().as_secs_f64();
        Ok(sample)
    }

    /// Sends one request and reads it to its last byte; returns the number of events.
    async fn ask(&mut self) -> Outcome<u64> {
        tokio::time::timeout(ANSWER_MAX, self.exchange()).await.map_err(|_| "no answer in 20 s")?
    }

    async fn exchange(&mut self) -> Outcome<u64> {
        self.sender.ready().await?;
        let response = self.sender.send_request(self.request.clone()).await?;
        let status = response.status();
        let mut body = response.into_body();
        let (mut events, mut bytes) = (Events::default(), 0);
        let mut end = Vec::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                events.feed(&data);
                bytes += data.len();
                // The last piece alone may be a part of the last word.
                end.extend_from_slice(&data);
                end.drain(..end.len().saturating_sub(SHOWN_MAX));
            }
        }
        let whole = if self.streams {
            events.count > 3 && end.trim_ascii_end().ends_with(b"[DONE]")
        } else {
            bytes > 500 && end.trim_ascii_end().ends_with(b"}")
        };
        if !status.is_success() || !whole {
            let text = String::from_utf8_lossy(&end);
            return Err(format!("a wrong answer: {status}, {bytes} bytes, at its end: {text}").into());
        }
        self.answered.set(self.answered.get() + 1);
        Ok(events.count)
    }
}

/// Counts blank lines, wherever the pieces are cut.
#[derive(Default)]
struct Events {
    count: u64,
    at_line_start: bool,
}

impl Events {
    fn feed(&mut self, data: &[u8]) {
        for byte in data {
            if *byte == b'\n' {
                self.count += u64::from(self.at_line_start);
                self.at_line_start = !self.at_line_start;
            } else {
                self.at_line_start = false;
            }
        }
    }
}

/// A chat of some turns, about two kilobytes.
fn request(args: &Args) -> Outcome<Request<Full<Bytes>>> {
    let question = "What do you know about the history of double-entry bookkeeping, and who wrote it down first? ";
    let mut body = serde_json::json!({
        "model": args.model,
        "messages": [
            {"role": "system", "content": "You are a helpful bench. Answer briefly and to the point."},
            {"role": "user", "content": question.repeat(6)},
            {"role": "assistant", "content": "It was described in print in Venice in 1494."},
            {"role": "user", "content": question.repeat(10)},
        ],
        "max_tokens": 256,
        "temperature": 0.7,
        "stream": args.stream,
    });
    if args.messages {
        // In that API instructions are outside of the turns.
        let system = body["messages"].as_array_mut().map(|turns| turns.remove(0)["content"].take());
        body["system"] = system.unwrap_or_default();
    }
    let request = Request::post(if args.messages { "/v1/messages" } else { "/v1/chat/completions" })
        .header(HOST, "127.0.0.1")
        .header(AUTHORIZATION, format!("Bearer {}", args.key))
        .header(CONTENT_TYPE, "application/json")
        .header("accept", "application/json")
        .header("user-agent", "bench/1")
        .body(Full::new(Bytes::from(body.to_string())))?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_however_they_are_cut() {
        let stream = b"data: a\n\ndata: b\n\ndata: [DONE]\n\n";
        for size in 1..stream.len() {
            let mut events = Events::default();
            stream.chunks(size).for_each(|piece| events.feed(piece));
            assert_eq!(events.count, 3, "pieces of {size}");
        }
    }

    #[test]
    fn a_summary_is_of_all_connections() {
        let sample = |times_us: &[f64], seconds| Sample { times_us: times_us.to_vec(), events: 2, seconds };
        let mut all = sample(&[3.0, 1.0], 1.0);
        all.add(sample(&[2.0], 2.0));
        let summary = all.summary(7);
        assert_eq!(summary.requests, 3);
        assert_eq!((summary.events, summary.requests_all), (4, 7));
        assert!((summary.p50_us - 2.0).abs() < f64::EPSILON);
    }
}
