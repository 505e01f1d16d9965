//! The HTTP side: faults and the record of requests.

use super::answer;
use super::double::{BillFault, BillRequest, State};
use super::query;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};

pub(super) struct Shared(Mutex<State>);

impl Shared {
    pub(super) const fn new(state: State) -> Self {
        Self(Mutex::new(state))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    let service = service_fn(move |request| {
        let answer = respond(&request, &mut shared.state());
        async move { answer }
    });
    // Tests include connections that end early.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A status, `Retry-After`, a body; `None` closes the connection.
type Reply = Option<(u16, Option<u64>, String)>;

fn respond(request: &Request<Incoming>, state: &mut State) -> io::Result<Response<Full<Bytes>>> {
    let query = request.uri().query().unwrap_or_default();
    let params: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let path = request.uri().path().to_owned();
    let reply = decide(request, &params, state);
    let status = reply.as_ref().map_or(0, |(status, ..)| *status);
    state.requests.push(BillRequest { path, params, status });
    let Some((status, retry_after_s, body)) = reply else {
        return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

fn decide(request: &Request<Incoming>, params: &[(String, String)], state: &mut State) -> Reply {
    let at = (request.method().as_str(), request.uri().path());
    let refused = |status: u16, problem: &str| Some((status, None, json!({"error": {"message": problem}}).to_string()));
    let asked = match query::read(state.form, at, params, request.headers()) {
        Ok(asked) => asked,
        Err((status, problem)) => return refused(status, problem),
    };
    let fault = state.faults.pop_front();
    match fault {
        Some(BillFault::TooMany { retry_after_s }) => return Some((429, Some(retry_after_s), "{}".to_owned())),
        Some(BillFault::Unavailable) => return Some((503, None, "upstream connect error".to_owned())),
        Some(BillFault::Closed) => return None,
        _ => {}
    }
    let page = match answer::page(state, &asked) {
        Ok(page) => page,
        Err((status, problem)) => return refused(status, problem),
    };
    Some((200, None, spoilt(page, fault)))
}

fn spoilt(page: String, fault: Option<BillFault>) -> String {
    let value = || serde_json::from_str::<serde_json::Value>(&page).expect("a page of our own");
    match fault {
        Some(BillFault::Broken) => page.chars().take(page.len() / 2).collect(),
        Some(BillFault::NoCursor) => {
            let mut page = value();
            page["has_more"] = json!(true);
            page["next_page"] = json!(null);
            page.to_string()
        }
        Some(BillFault::DayMissing) => {
            let mut page = value();
            page["data"].as_array_mut().expect("a list of buckets").pop();
            page.to_string()
        }
        Some(BillFault::Euro) => page.replace("\"usd\"", "\"eur\"").replace("\"USD\"", "\"EUR\""),
        _ => page,
    }
}
