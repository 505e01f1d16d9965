//! A request for inference, as the gateway takes it.

use crate::access::RequestTrace;
use crate::keyring::Spender;
use crate::memory::Reservation;
use crate::rates::RatePermit;
use bytes::Bytes;
use http::HeaderMap;
use opencredits_sanitizer::{Api, Scrubbed, Strictness};
use opencredits_units::GenerationId;
use std::sync::Arc;

/// A request as it came in. It holds content, so it cannot be printed.
pub struct InferenceRequest {
    /// The API it came through.
    pub api: Api,
    /// Who pays.
    pub spender: Arc<Spender>,
    /// Its body.
    pub body: Bytes,
    /// Its headers that may go upstream, made anew.
    pub headers: HeaderMap,
    /// Its id.
    pub generation: GenerationId,
    /// The client's word for the conversation that it belongs to.
    pub session: Option<String>,
    /// Its idempotency key.
    pub idempotency_key: Option<String>,
    /// Whether its output cap may be lowered to one that the balance covers.
    pub lowers_cap: bool,
    /// What becomes of fields that are not passed on.
    pub strictness: Strictness,
    /// The parameters in the path, in APIs that have them there.
    pub path: Option<PathParameters>,
    /// Its place among the requests of its key, where these are bounded.
    pub permit: Option<RatePermit>,
    /// The memory that it takes.
    pub memory: Reservation,
    /// Collects what the access log tells of it.
    pub trace: Arc<RequestTrace>,
}

/// What a path says that is elsewhere in the body.
pub struct PathParameters {
    /// The model, as raw JSON.
    pub model: String,
    /// Whether the answer is to be streamed, as raw JSON.
    pub stream: &'static str,
}

/// The fields of a request: those of its path, then those of its body.
pub(super) fn request_fields<'a>(
    path: Option<&'a PathParameters>,
    scrubbed: &'a Scrubbed<'_>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let path = path.map(|path| [("model", path.model.as_str()), ("stream", path.stream)]);
    path.into_iter().flatten().chain(scrubbed.fields())
}
