//! Reads request bodies.

use crate::errors::{ErrorType, Problem};
use crate::faults;
use crate::state::App;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body as _;
use http_body_util::BodyExt;
use opencredits_providers::{Coding, SourceError};
use opencredits_service::Reservation;

/// A body grows in a buffer that is copied as it grows.
const COPIES: usize = 2;

/// Reads a body of at most `limit` bytes, within the time limit of bodies and within the memory budget.
pub(crate) async fn read(
    app: &App,
    (headers, body): (&HeaderMap, Body),
    limit: usize,
    memory: &mut Reservation,
) -> Result<Bytes, Problem> {
    // As `Content-Length` says: nothing of it needs to be read.
    if usize::try_from(body.size_hint().lower()).is_ok_and(|announced| announced > limit) {
        return Err(too_large(limit));
    }
    let coding = Coding::of(headers).map_err(|_| {
        let message = format!("the body has a content-encoding that is none of {}; send it plain", Coding::NAMES);
        Problem::new(ErrorType::UnsupportedMediaType, message).with("param", "Content-Encoding")
    })?;
    let body = match coding {
        Some(coding) => Body::new(coding.decoded(body)),
        None => body,
    };
    match tokio::time::timeout(app.settings.body_read, collected(body, limit, memory)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(ErrorType::ClientTimeout, "the body took too long to arrive; send it again")),
    }
}

async fn collected(mut body: Body, limit: usize, memory: &mut Reservation) -> Result<Bytes, Problem> {
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = first.len().saturating_add(all.len()).saturating_add(data.len());
        if length > limit {
            return Err(too_large(limit));
        }
        memory.grow_to(length.saturating_mul(COPIES)).map_err(|_| faults::no_memory())?;
        // A body in one piece, the usual case, is not copied.
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn broken(error: &axum::Error) -> Problem {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    let message = match cause {
        Some(error) if SourceError::in_error(error).is_none() => {
            "the body cannot be decoded as its content-encoding says; send it plain"
        }
        _ => "the body broke off; send it again",
    };
    Problem::new(ErrorType::InvalidRequest, message)
}

fn too_large(limit: usize) -> Problem {
    let message = format!("the body is larger than {limit} bytes; make it shorter");
    Problem::new(ErrorType::PayloadTooLarge, message)
}
