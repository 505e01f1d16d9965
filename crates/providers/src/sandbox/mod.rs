//! A vendor inside the process, for tests and trials: it has the providers' dialects, no model and no cost.
//!
//! The path selects the dialect: `…/chat/completions`, `…/messages` or `…/embeddings`. The answer depends on the request only, so that
//! a test can expect it byte by byte. `docs/sandbox.md` lists the rules for counts, tool calls and commanded failures.
//!
//! # What it refuses to do
//! The sandbox opens no socket, keeps nothing between requests, and reads neither a clock nor randomness. It validates
//! a request only as far as its answer depends on it.
//!
//! # Example
//! ```
//! use bytes::Bytes;
//! use opencredits_providers::sandbox::Sandbox;
//! use opencredits_providers::{Transport, UpstreamRequest};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let request = UpstreamRequest {
//!     url: http::Uri::from_static("sandbox://local/v1/messages"),
//!     headers: http::HeaderMap::new(),
//!     body: Bytes::from_static(
//!         br#"{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "sandbox:echo Hello"}]}"#,
//!     ),
//! };
//! let answer = Sandbox::new().send(request).await?;
//! let body = answer.body.read_all(1_000).await?;
//! assert!(body.windows(5).any(|text| text == b"Hello"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chat_request;
mod chat_response;
mod command;
mod compose;
mod dialect;
mod embeddings;
mod messages_request;
mod messages_response;
mod pace;
mod problem;
mod request;
mod sample;
mod seed;
mod token_count;

use crate::transport::{Transport, TransportError, UpstreamBody, UpstreamRequest, UpstreamResponse};
use async_trait::async_trait;
use bytes::Bytes;
use dialect::SandboxDialect;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pace::{Pace, PacedBody};
use problem::Problem;
use request::{Delivery, SandboxRequest};
use seed::Seed;
use serde_json::Value;
use std::time::Duration;

/// A vendor inside the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sandbox;

impl Sandbox {
    /// The sandbox.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Transport for Sandbox {
    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamResponse, TransportError> {
        let plan = Plan::of(request.url.path(), &request.body);
        if plan.pace.head > Duration::ZERO {
            tokio::time::sleep(plan.pace.head).await;
        }
        Ok(UpstreamResponse {
            status: plan.status,
            headers: plan.headers,
            body: UpstreamBody::new(PacedBody::new(plan.chunks, plan.pace)),
        })
    }
}

/// An answer before it is sent.
struct Plan {
    status: StatusCode,
    headers: HeaderMap,
    chunks: Vec<Bytes>,
    pace: Pace,
}

impl Plan {
    fn of(path: &str, body: &[u8]) -> Self {
        let seed = Seed::of(body);
        if path.ends_with("/embeddings") {
            let problem = |problem| Self::problem(SandboxDialect::Chat, seed, &problem);
            return Self::embeddings(seed, body).unwrap_or_else(problem);
        }
        let dialect = match path {
            path if path.ends_with("/chat/completions") => SandboxDialect::Chat,
            path if path.ends_with("/messages") => SandboxDialect::Messages,
            _ => return Self::problem(SandboxDialect::Chat, seed, &Problem::no_such_path(path)),
        };
        Self::answer(dialect, seed, body).unwrap_or_else(|problem| Self::problem(dialect, seed, &problem))
    }

    fn answer(dialect: SandboxDialect, seed: Seed, body: &[u8]) -> Result<Self, Problem> {
        let body: Value =
            serde_json::from_slice(body).map_err(|_| Problem::invalid("the request is not valid JSON".to_owned()))?;
        let request = match dialect {
            SandboxDialect::Chat => chat_request::read(&body)?,
            SandboxDialect::Messages => messages_request::read(&body)?,
        };
        if let Some(problem) = &request.commands.problem {
            return Err(problem.clone());
        }
        let content_type = match request.delivery {
            Delivery::Whole => "application/json",
            Delivery::Stream | Delivery::StreamWithUsage => "text/event-stream; charset=utf-8",
        };
        Ok(Self {
            status: StatusCode::OK,
            headers: headers(dialect, seed, content_type),
            chunks: chunks(dialect, seed, &request),
            pace: Pace::of(&request.commands),
        })
    }

    fn embeddings(seed: Seed, body: &[u8]) -> Result<Self, Problem> {
        let body: Value =
            serde_json::from_slice(body).map_err(|_| Problem::invalid("the request is not valid JSON".to_owned()))?;
        let (answer, commands) = embeddings::answer(&body)?;
        Ok(Self {
            status: StatusCode::OK,
            headers: headers(SandboxDialect::Chat, seed, "application/json"),
            chunks: halves(&answer),
            pace: Pace::of(&commands),
        })
    }

    fn problem(dialect: SandboxDialect, seed: Seed, problem: &Problem) -> Self {
        let mut headers = headers(dialect, seed, "application/json");
        if problem.wants_a_retry() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Self {
            status: problem.status,
            headers,
            chunks: vec![problem.body(dialect, seed).to_string().into()],
            pace: Pace::default(),
        }
    }
}

fn chunks(dialect: SandboxDialect, seed: Seed, request: &SandboxRequest) -> Vec<Bytes> {
    let replies = compose::replies(request, seed);
    match (dialect, request.delivery) {
        (SandboxDialect::Chat, Delivery::Whole) => halves(&chat_response::whole(request, seed, &replies)),
        (SandboxDialect::Messages, Delivery::Whole) => halves(&messages_response::whole(request, seed, &replies)),
        (SandboxDialect::Chat, _) => chat_response::stream(request, seed, &replies),
        (SandboxDialect::Messages, _) => messages_response::stream(request, seed, &replies),
    }
}

/// A whole answer comes in two chunks, so that it can break off in the middle.
fn halves(body: &Value) -> Vec<Bytes> {
    let mut first = Bytes::from(body.to_string());
    let second = first.split_off(first.len() / 2);
    vec![first, second]
}

fn headers(dialect: SandboxDialect, seed: Seed, content_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let name = match dialect {
        SandboxDialect::Chat => "x-request-id",
        SandboxDialect::Messages => "request-id",
    };
    if let Ok(id) = HeaderValue::try_from(seed.id("req_")) {
        headers.insert(name, id);
    }
    headers
}
