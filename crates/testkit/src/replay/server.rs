//! The server: one thread, one runtime, one task a connection.

use super::behaviour::{Behaviour, Fault};
use super::body::Paced;
use crate::Recording;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A request that the upstream received.
#[derive(Clone)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// The headers, in the order of the wire for each name.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Received {
    /// The model that is asked for, in the body or, where a path names it, there.
    fn model(&self) -> String {
        let in_body = self.json()["model"].as_str().map(str::to_owned);
        let named = self.uri.path().rsplit_once("/models/").and_then(|(_, rest)| rest.split_once(':'));
        in_body.or(named.map(|(model, _)| model.to_owned())).unwrap_or_default()
    }
}

impl Received {
    /// The header's value as text, where there is one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, `null` where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the text occurs in the request: request line, headers or body.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        holds(self.uri.to_string().as_bytes())
            || holds(&self.body)
            || self.headers.iter().any(|(name, value)| holds(name.as_str().as_bytes()) || holds(value.as_bytes()))
    }
}

/// A provider that answers with recordings, on a loopback port of its own, until it is dropped.
///
/// The model's name in the request's body or path selects the recording: its id, after an optional prefix with a slash,
/// and optional options after a plus: `replay/0d1897f1af+delay=20`. The path selects the dialect: `…/chat/completions`,
/// `…/messages`, `…/responses`, `…/embeddings` or `…:generateContent`.
///
/// ```
/// use opencredits_testkit::{Fault, ReplayUpstream, recordings};
///
/// let upstream = ReplayUpstream::start(recordings(|row| row.api == "openai-chat")).unwrap();
/// upstream.answer_next(Fault::Status(503).into());
/// assert!(upstream.base_url().starts_with("http://127.0.0.1:"));
/// assert!(upstream.received().is_empty());
/// ```
pub struct ReplayUpstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
}

struct Shared {
    recordings: HashMap<String, Recording>,
    abandoned: Arc<AtomicUsize>,
    changing: Mutex<Changing>,
}

#[derive(Default)]
struct Changing {
    usual: Behaviour,
    next: VecDeque<Behaviour>,
    received: Vec<Received>,
}

impl ReplayUpstream {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(recordings: Vec<Recording>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        Self::start_on(listener, recordings)
    }

    /// Starts one on an existing listener.
    ///
    /// # Errors
    /// When the listener cannot be used, or no runtime be had.
    pub fn start_on(listener: std::net::TcpListener, recordings: Vec<Recording>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            recordings: recordings.into_iter().map(|recording| (recording.id.clone(), recording)).collect(),
            abandoned: Arc::default(),
            changing: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener for the runtime");
                tokio::select! {
                    () = accept(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { address, shared, stop: Some(stop) })
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end and without `/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the behaviour from now on.
    pub fn answer(&self, behaviour: Behaviour) {
        self.shared.changing().usual = behaviour;
    }

    /// Sets the behaviour for the next request without one; further calls set that of the following requests.
    pub fn answer_next(&self, behaviour: Behaviour) {
        self.shared.changing().next.push_back(behaviour);
    }

    /// All requests so far, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.changing().received.clone()
    }

    /// The number of answers that the client did not read to their end.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        self.shared.abandoned.load(Ordering::SeqCst)
    }
}

impl Drop for ReplayUpstream {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may be gone already.
            let _ = stop.send(());
        }
    }
}

impl Shared {
    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Paced> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        let received =
            Received { method: head.method, uri: head.uri, headers: head.headers, body: body.unwrap_or_default() };
        let behaviour = {
            let mut changing = self.changing();
            changing.received.push(received.clone());
            changing.next.pop_front().unwrap_or_else(|| changing.usual.clone())
        };
        let model = received.model();
        let name = model.rsplit('/').next().unwrap_or("");
        let (id, wishes) = name.split_once('+').unwrap_or((name, ""));
        let behaviour = behaviour.named(wishes);
        match behaviour.fault {
            Fault::Silent => std::future::pending().await,
            Fault::Status(status) => self.refuse(&received.uri, status, None),
            Fault::StatusRetryAfter { status, seconds } => self.refuse(&received.uri, status, Some(seconds)),
            _ => match self.recordings.get(id) {
                Some(recording) if is_dialect_of(&received.uri, &recording.row.api) => {
                    self.replay(recording, &behaviour)
                }
                _ => self.refuse(&received.uri, 404, None),
            },
        }
    }

    fn replay(&self, recording: &Recording, behaviour: &Behaviour) -> Response<Paced> {
        let body = Paced::new(&recording.body, behaviour, Arc::clone(&self.abandoned));
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(recording.row.status).unwrap_or_default();
        // Some sources kept no headers; every provider sends the content type.
        let usual = if recording.row.stream { "text/event-stream" } else { "application/json" };
        let content_type = recording.content_type.as_deref().unwrap_or(usual).parse();
        if let Ok(value) = content_type {
            response.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        response
    }

    fn refuse(&self, uri: &Uri, status: u16, retry_after_s: Option<u32>) -> Response<Paced> {
        let body = refusal(uri, status).to_string();
        let body = Paced::new(&body, &Behaviour::default(), Arc::clone(&self.abandoned));
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Whether the path is that of the recording's dialect.
fn is_dialect_of(uri: &Uri, api: &str) -> bool {
    let path = uri.path();
    (path.ends_with("/messages") && api.ends_with("-messages"))
        || (path.ends_with("/chat/completions") && api.ends_with("-chat"))
        || (path.ends_with("/embeddings") && api.ends_with("-embeddings"))
        || (path.ends_with("/responses") && api.ends_with("-responses"))
        || (path.ends_with("enerateContent") && api.ends_with("-generate"))
}

/// An error as the path's dialect shows it.
fn refusal(uri: &Uri, status: u16) -> Value {
    let message = "refused by the replay upstream";
    if uri.path().ends_with("/messages") {
        let kind = match status {
            401 => "authentication_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            529 => "overloaded_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        };
        json!({"type": "error", "error": {"type": kind, "message": message}})
    } else {
        json!({"error": {"message": message, "type": "replay_error", "param": null, "code": null}})
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        spawn(serve(stream, shared));
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where this server starts tasks")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it a piece would wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(shared.respond(request).await) }
    });
    // Tests include clients that hang up.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
