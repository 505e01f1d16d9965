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
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// The segments of a body and the body that they are joined to.
const COPIES: usize = 2;
/// A body grows in segments of so many bytes. One buffer would be copied as a whole each time that it is full, and hold up
/// the other requests of the thread.
const SEGMENT_BYTES: usize = 256 << 10;
/// The largest body that `read_json` reads: an answer of an authenticator is the longest.
const JSON_BYTES_MAX: usize = 64 << 10;

/// Reads a body of at most `limit` bytes, within the time limit of bodies and within the memory budget.
pub(crate) async fn read(
    app: &App,
    headed: (&HeaderMap, Body),
    limit: usize,
    memory: &mut Reservation,
) -> Result<Bytes, Problem> {
    read_within(app, headed, (limit, app.settings.front.now().body_read), memory).await
}

/// Reads a body of at most so many bytes, within this time and within the memory budget.
pub(crate) async fn read_within(
    app: &App,
    (headers, body): (&HeaderMap, Body),
    (limit, time): (usize, Duration),
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
    let Ok(read) = tokio::time::timeout(time, collected(body, limit, memory)).await else {
        return Err(Problem::new(ErrorType::ClientTimeout, "the body took too long to arrive; send it again"));
    };
    let segments = read?;
    let length = segments.iter().map(Bytes::len).sum();
    let joined = app.gateway.large().run(length, move || joined(segments, length)).await;
    joined.map_err(|fault| faults::problem(&fault, &app.settings))
}

/// Reads a body that is too small to count against the memory budget.
pub(crate) async fn read_small(app: &App, (headers, body): (&HeaderMap, Body), limit: usize) -> Result<Bytes, Problem> {
    let mut memory = Arc::clone(app.gateway.memory()).reservation([None; 2]);
    read(app, (headers, body), limit, &mut memory).await
}

/// Reads a body as JSON of this form.
pub(crate) async fn read_json<T: DeserializeOwned>(app: &App, headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let body = read_small(app, (headers, body), JSON_BYTES_MAX).await?;
    serde_json::from_slice(&body).map_err(|error| {
        // The error's own text would repeat values.
        let (line, column) = (error.line(), error.column());
        let message = format!("the body is not the JSON that belongs here (line {line}, column {column})");
        Problem::new(ErrorType::InvalidRequest, message)
    })
}

/// The body of these segments. One alone, the usual case, is not copied.
fn joined(segments: Vec<Bytes>, length: usize) -> Bytes {
    match <[Bytes; 1]>::try_from(segments) {
        Ok([only]) => only,
        Err(segments) => {
            let mut all = BytesMut::with_capacity(length);
            segments.iter().for_each(|segment| all.extend_from_slice(segment));
            all.freeze()
        }
    }
}

/// The segments of a body.
async fn collected(mut body: Body, limit: usize, memory: &mut Reservation) -> Result<Vec<Bytes>, Problem> {
    let (mut first, mut length, mut segments) = (Bytes::new(), 0_usize, Segments::default());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        let is_first = length == 0;
        length = length.saturating_add(data.len());
        if length > limit {
            return Err(too_large(limit));
        }
        memory.grow_to(length.saturating_mul(COPIES)).map_err(|_| faults::no_memory())?;
        // A body in one piece, the usual case, is not copied.
        if is_first {
            first = data;
        } else {
            segments.add(&std::mem::take(&mut first));
            segments.add(&data);
        }
    }
    Ok(if first.is_empty() { segments.end() } else { vec![first] })
}

/// Bytes in segments of one size; the last one is shorter.
#[derive(Default)]
struct Segments {
    full: Vec<Bytes>,
    last: BytesMut,
}

impl Segments {
    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = SEGMENT_BYTES.saturating_sub(self.last.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.last.extend_from_slice(now);
            bytes = later;
            if self.last.len() >= SEGMENT_BYTES {
                self.full.push(std::mem::take(&mut self.last).freeze());
            }
        }
    }

    fn end(mut self) -> Vec<Bytes> {
        self.full.push(self.last.freeze());
        self.full
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_pieces_of_any_size_is_whole_again() {
        let check = |pieces: &[usize], segments: usize| {
            let mut all = Segments::default();
            let bytes: Vec<u8> = (0..pieces.iter().sum()).map(|at: usize| at.to_le_bytes()[0]).collect();
            let mut rest = bytes.as_slice();
            for piece in pieces {
                let (now, later) = rest.split_at(*piece);
                all.add(now);
                rest = later;
            }
            let all = all.end();
            assert_eq!(all.len(), segments, "{pieces:?}");
            assert_eq!(joined(all, bytes.len()), bytes, "{pieces:?}");
        };
        check(&[], 1);
        check(&[1, 0, 2], 1);
        check(&[SEGMENT_BYTES - 1, 1], 2);
        check(&[SEGMENT_BYTES - 1, 2], 2);
        check(&[3 * SEGMENT_BYTES, 5, SEGMENT_BYTES], 5);
    }
}
