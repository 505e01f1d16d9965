//! Clients that send requests at a bounded rate, some for streams and some for whole answers, and what became of each.

use super::front::{Answer, Front};
use super::stage::MODEL;
use crate::outcome::Outcome;
use opencredits_units::GenerationId;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The time from one request to the next.
const PACE: Duration = Duration::from_millis(20);
/// Requests at once at most: enough for those that wait while a server is away.
const CLIENTS: usize = 48;
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A request that is over.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) key: String,
    pub(super) end: End,
}

/// What its client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// A whole answer with the status 200.
    Answered(GenerationId),
    /// Another status.
    Refused(u16),
    /// No answer, or one that broke off.
    Cut(String),
}

/// Clients at work.
pub(super) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    front: Front,
    keys: Vec<String>,
    /// When the next request is due, and its number.
    next: Mutex<(Instant, usize)>,
    asked: Mutex<Vec<Asked>>,
    is_over: AtomicBool,
}

impl Asked {
    pub(super) const fn is_answered(&self) -> bool {
        matches!(self.end, End::Answered(_))
    }
}

impl Load {
    /// Begins.
    pub(super) fn start(front: &Front, keys: &[String]) -> Self {
        let shared = Arc::new(Shared {
            front: front.clone(),
            keys: keys.to_vec(),
            next: Mutex::new((Instant::now(), 0)),
            asked: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let mut clients = Vec::with_capacity(CLIENTS);
        for _ in 0..CLIENTS {
            let shared = Arc::clone(&shared);
            clients.push(thread::spawn(move || shared.work()));
        }
        Self { shared, clients }
    }

    /// The requests in a second.
    pub(super) fn rate() -> f64 {
        PACE.as_secs_f64().recip()
    }

    /// Waits for the first whole answer to a request that began after a moment; when it was there.
    pub(super) fn answered_after(&self, moment: Instant, patience: Duration) -> Outcome<Instant> {
        loop {
            let is_it = |asked: &&Asked| asked.began >= moment && asked.is_answered();
            if let Some(first) = locked(&self.shared.asked).iter().find(is_it) {
                return Ok(first.ended);
            }
            if moment.elapsed() > patience {
                return Err(format!("no request was answered within {} s", patience.as_secs()).into());
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Ends once every request is over, and gives all of them.
    pub(super) fn end(self) -> Outcome<Vec<Asked>> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().map_err(|_| "a client has panicked")?;
        }
        let asked = std::mem::take(&mut *locked(&self.shared.asked));
        Ok(asked)
    }
}

impl Shared {
    fn work(&self) {
        while let Some(turn) = self.turn() {
            let asked = self.ask(turn);
            locked(&self.asked).push(asked);
        }
    }

    /// Waits until the next request is due; its number. None is due once the load is over.
    fn turn(&self) -> Option<usize> {
        let (due, turn) = {
            let mut next = locked(&self.next);
            let (due, turn) = (next.0.max(Instant::now()), next.1);
            *next = (due + PACE, turn + 1);
            (due, turn)
        };
        thread::sleep(due.saturating_duration_since(Instant::now()));
        (!self.is_over.load(Ordering::Relaxed)).then_some(turn)
    }

    fn ask(&self, turn: usize) -> Asked {
        let people = self.keys.len().max(1);
        let (key, streams) =
            (self.keys.get(turn % people).cloned().unwrap_or_default(), (turn / people).is_multiple_of(2));
        let began = Instant::now();
        let answer = self.front.send(turn, ("POST", "/v1/chat/completions"), (&key, &body(streams)));
        let ended = Instant::now();
        let end = answer.map_or_else(|error| End::Cut(error.to_string()), |answer| end(&answer, streams));
        Asked { began, ended, key, end }
    }
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn body(streams: bool) -> String {
    let question = "Who described double-entry bookkeeping first, and where?";
    let messages = json!([{"role": "user", "content": question}]);
    json!({"model": MODEL, "max_tokens": 64, "stream": streams, "messages": messages}).to_string()
}

/// What an answer tells its client.
fn end(answer: &Answer, streams: bool) -> End {
    if answer.status != 200 {
        return End::Refused(answer.status);
    }
    let is_whole = match streams {
        true => answer.body.contains("data: [DONE]") && !answer.body.contains("\"error\""),
        false => serde_json::from_str::<Value>(&answer.body).is_ok(),
    };
    let named = answer.head.lines().find_map(|line| line.strip_prefix("x-generation-id: "));
    match named.and_then(|id| id.trim().parse().ok()) {
        Some(generation) if is_whole => End::Answered(generation),
        _ => End::Cut("the answer breaks off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_answer_counts_as_one() {
        let generation = GenerationId::from_bits(7);
        let check = |status: u16, streams: bool, body: &str, expect: &str| {
            let head = format!("http/1.1 {status} ok\r\nx-generation-id: {generation}");
            let found = match end(&Answer { status, head, body: body.to_owned() }, streams) {
                End::Answered(found) if found == generation => "answered",
                End::Answered(_) => "another",
                End::Refused(_) => "refused",
                End::Cut(_) => "cut",
            };
            assert_eq!(found, expect, "{body}");
        };
        check(200, false, "{\"id\":1}", "answered");
        check(200, false, "{\"id\":", "cut");
        check(200, true, "data: {}\n\ndata: [DONE]\n\n", "answered");
        check(200, true, "data: {}\n\n", "cut");
        check(200, true, "data: {\"error\":{}}\n\ndata: [DONE]\n\n", "cut");
        check(503, true, "{\"error\":{}}", "refused");
    }
}
