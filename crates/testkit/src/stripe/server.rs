//! The HTTP side: keys, versions, idempotency, faults, and the log.

use super::books::{Books, Handled, Refusal, invalid};
use super::form;
use super::permissions::Permissions;
use super::routes::Manners;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StripeFault {
    /// A 500 that made nothing, and that its idempotency key gives from then on.
    StoredFailure,
    /// A 500 that its idempotency key gives from then on, although what was asked was done.
    StoredFailureAfterEffect,
    /// What was asked is done, and no answer ever comes.
    TimeOut,
    /// What was asked is done, and the connection is closed.
    LostAnswer,
    /// A 429 that asks to come again after so many seconds.
    TooMany {
        /// The value of `Retry-After`.
        retry_after_s: u32,
    },
    /// A 503 without Stripe's form, as from before the API.
    Unavailable,
}

/// What a bank says to a charge of a saved method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charging {
    /// Yes.
    Succeed,
    /// It takes days.
    Process,
    /// No, with this code.
    Decline(String),
    /// The buyer must confirm.
    AskForAuthentication,
}

/// A request that the double received.
#[derive(Debug, Clone)]
pub struct StripeRequest {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The parameters of query and body, in their order.
    pub params: Vec<(String, String)>,
    /// The version of the API that it names.
    pub version: Option<String>,
    /// Its idempotency key.
    pub key: Option<String>,
    /// The status of the answer; 0 where none came.
    pub status: u16,
}

impl StripeRequest {
    /// The value of a parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A stored answer, with what it was an answer to.
struct Stored {
    asked: String,
    status: u16,
    body: Value,
}

pub(super) struct Changing {
    pub(super) books: Books,
    pub(super) manners: Manners,
    /// `None` lets a request through.
    pub(super) faults: VecDeque<Option<StripeFault>>,
    pub(super) requests: Vec<StripeRequest>,
    pub(super) log: Option<File>,
    /// What restricted keys may do; everything where `None`.
    pub(super) permissions: Option<Permissions>,
    stored: HashMap<String, Stored>,
}

pub(super) struct Shared(Mutex<Changing>);

/// What is to be written to a connection.
enum Reply {
    Answer { status: u16, body: Value, replayed: bool, retry_after_s: Option<u32> },
    Silence,
    Close,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Changing {
            books: Books::new(),
            manners: Manners { charging: Charging::Succeed, refund_status: "succeeded".to_owned() },
            faults: VecDeque::new(),
            requests: Vec::new(),
            log: None,
            permissions: None,
            stored: HashMap::new(),
        }))
    }

    pub(super) fn changing(&self) -> MutexGuard<'_, Changing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changing {
    fn respond(&mut self, mut request: StripeRequest, bearer: Option<&str>) -> Reply {
        let reply = self.decide(&request, bearer);
        if let Reply::Answer { status, body, .. } = &reply {
            request.status = *status;
            self.write_log(&json!({"kind": "exchange", "method": request.method, "path": request.path,
                "params": form::to_json(&request.params), "status": status, "body": body}));
        }
        self.requests.push(request);
        reply
    }

    fn decide(&mut self, request: &StripeRequest, bearer: Option<&str>) -> Reply {
        let mode = if self.books.livemode { "_live_" } else { "_test_" };
        if !bearer.is_some_and(|key| key.contains(mode) && (key.starts_with("sk_") || key.starts_with("rk_"))) {
            let refusal = Refusal { status: 401, ..invalid("", "", "Invalid API Key provided.") };
            return answer(Err(refusal));
        }
        let allowed = |permissions: &Permissions| permissions.check(&request.method, &request.path, &request.params);
        let is_restricted = bearer.is_some_and(|key| key.starts_with("rk_"));
        if let Some(Err(refusal)) = self.permissions.as_ref().filter(|_| is_restricted).map(allowed) {
            return answer(Err(refusal));
        }
        let asked = format!("{} {} {}", request.method, request.path, form::to_json(&request.params));
        if let Some(stored) = request.key.as_ref().and_then(|key| self.stored.get(key)) {
            return replay(stored, &asked);
        }
        let fault = self.faults.pop_front().flatten();
        match fault {
            Some(StripeFault::TooMany { retry_after_s }) => {
                let error = json!({"type": "invalid_request_error", "code": "rate_limit", "message": "Too many."});
                let body = json!({"error": error});
                return Reply::Answer { status: 429, body, replayed: false, retry_after_s: Some(retry_after_s) };
            }
            Some(StripeFault::Unavailable) => {
                let body = json!("service unavailable");
                return Reply::Answer { status: 503, body, replayed: false, retry_after_s: None };
            }
            _ => {}
        }
        let done = match fault {
            Some(StripeFault::StoredFailure) => Err(failure()),
            _ => self.books.handle(&request.method, &request.path, &request.params, &self.manners),
        };
        let done = if fault == Some(StripeFault::StoredFailureAfterEffect) { Err(failure()) } else { done };
        let reply = answer(done);
        if let (Some(key), Reply::Answer { status, body, .. }) = (&request.key, &reply) {
            self.stored.insert(key.clone(), Stored { asked, status: *status, body: body.clone() });
        }
        match fault {
            Some(StripeFault::TimeOut) => Reply::Silence,
            Some(StripeFault::LostAnswer) => Reply::Close,
            _ => reply,
        }
    }

    pub(super) fn write_log(&mut self, line: &Value) {
        if let Some(log) = &mut self.log {
            writeln!(log, "{line}").expect("a log that can be written");
        }
    }
}

fn failure() -> Refusal {
    Refusal { status: 500, error: json!({"type": "api_error", "message": "Something went wrong on our end."}) }
}

fn answer(handled: Handled) -> Reply {
    let (status, body) = match handled {
        Ok(body) => (200, body),
        Err(refusal) => (refusal.status, json!({"error": refusal.error})),
    };
    Reply::Answer { status, body, replayed: false, retry_after_s: None }
}

fn replay(stored: &Stored, asked: &str) -> Reply {
    if stored.asked != asked {
        let message = "Keys for idempotent requests can only be used with the same parameters.";
        let error = json!({"type": "idempotency_error", "message": message});
        return answer(Err(Refusal { status: 400, error }));
    }
    Reply::Answer { status: stored.status, body: stored.body.clone(), replayed: true, retry_after_s: None }
}

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        spawn(serve(stream, Arc::clone(&shared)));
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where this server starts tasks")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| respond(request, Arc::clone(&shared)));
    // Tests include connections that end early.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(request: Request<Incoming>, shared: Arc<Shared>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let mut params = form::pairs(head.uri.query().unwrap_or_default().as_bytes());
    params.extend(form::pairs(&body));
    let request = StripeRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        params,
        version: text(&head.headers, "stripe-version"),
        key: text(&head.headers, "idempotency-key"),
        status: 0,
    };
    let bearer = text(&head.headers, "authorization");
    let bearer = bearer.as_deref().and_then(|value| value.strip_prefix("Bearer "));
    let reply = shared.changing().respond(request, bearer);
    match reply {
        Reply::Silence => std::future::pending().await,
        Reply::Close => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        Reply::Answer { status, body, replayed, retry_after_s } => {
            let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
            headers.insert("request-id", header::HeaderValue::from_static("req_double"));
            if replayed {
                headers.insert("idempotent-replayed", header::HeaderValue::from_static("true"));
            }
            if let Some(seconds) = retry_after_s {
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            Ok(response)
        }
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
