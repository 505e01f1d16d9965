//! `POST /v1/chat/completions` and `POST /v1/messages`.

use crate::app::{App, InferenceRoute, RequestId, surface_of_api};
use crate::auth::key_digest;
use crate::errors::{ApiSurface, ErrorType, Problem};
use crate::framing::Framing;
use crate::streams::{Source, StreamBody};
use crate::{faults, json, usage};
use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use opencredits_providers::splice_usage;
use opencredits_sanitizer::{Api, Strictness};
use opencredits_service::{Admitted, Call, Counted, Fault, Reply, Whole, name_of_peer};
use opencredits_units::GenerationId;
use serde_json::json;
use std::fmt::Write;
use std::sync::Arc;

/// Asks for fields that are not passed on to be refused.
const STRICT_HEADER: &str = "x-opencredits-strict";
/// Names the conversation that a request belongs to; it is read here and goes no further.
const SESSION_HEADER: &str = "x-session-id";
/// Under one of these a request is charged once.
const IDEMPOTENCY_HEADER: &str = "idempotency-key";
/// Names the fields that were dropped.
const DROPPED_HEADER: &str = "x-opencredits-dropped";

/// The list of them takes one name beyond so many bytes, and says then how many follow.
const DROPPED_BYTES_MAX: usize = 1_024;

/// Answers a request for inference, whatever becomes of it.
pub(crate) async fn answer(
    app: Arc<App>,
    id: RequestId,
    asked: InferenceRoute,
    request: (HeaderMap, Body),
) -> Response<Body> {
    let surface = surface_of_api(asked.api);
    match serve(&app, id, (asked, surface), request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(surface, &id.text()),
    }
}

async fn serve(
    app: &Arc<App>,
    id: RequestId,
    (asked, surface): (InferenceRoute, ApiSurface),
    (headers, body): (HeaderMap, Body),
) -> Result<Response<Body>, Problem> {
    let dress = |fault: Fault| faults::problem(&fault, &app.settings);
    let InferenceRoute { api, named, counts, framing } = asked;
    let idempotency_key = idempotency_key(&headers)?;
    let digest = key_digest(&headers).map_err(|fault| dress(fault.into()))?;
    let spender = app.gateway.keyring().spender(&digest).await.map_err(dress)?;
    let body = read(app, body, app.settings.body_bytes_max).await?;
    let mut dropped = Vec::new();
    let call = Call {
        api,
        spender,
        body,
        headers: passing(app, api, &headers, &mut dropped),
        generation: id.0,
        session: text(&headers, SESSION_HEADER).map(str::to_owned),
        idempotency_key,
        strictness: strictness(app, &headers),
        named,
    };
    if counts {
        return app.gateway.count(&call).await.map(|counted| count_response(api, counted)).map_err(dress);
    }
    let Admitted { mut pending, dropped: scrubbed, dropped_first, is_streamed } =
        app.gateway.admit(call).await.map_err(dress)?;
    dropped.extend(scrubbed);
    let reply = match is_streamed {
        // The client of a stream that waits is told that somebody is there, by the head and comments.
        true => tokio::time::timeout(app.settings.keep_alive, &mut pending).await.ok(),
        false => Some((&mut pending).await),
    };
    let streaming = |headers, source| {
        stream_response(headers, framing, StreamBody::new(source, Arc::clone(app), (surface, framing), id.text()))
    };
    let mut response = match reply.transpose().map_err(dress)? {
        Some(Reply::Whole(mut whole)) => {
            dropped.append(&mut whole.dropped);
            whole_response(app, *whole)
        }
        Some(Reply::Stream { headers, dropped: more, stream }) => {
            dropped.extend(more);
            streaming(headers, Source::Flowing(Box::new(stream)))
        }
        None => {
            dropped.extend(dropped_first);
            streaming(HeaderMap::new(), Source::Waiting(pending))
        }
    };
    name(&mut response, "x-generation-id", &GenerationId::to_string(&id.0));
    if !dropped.is_empty() {
        name(&mut response, DROPPED_HEADER, &listed(&dropped));
    }
    Ok(response)
}

/// Names as a header can carry them: each cut, what is no plain letter in percent, and no more than fit.
fn listed(names: &[String]) -> String {
    let mut list = String::new();
    for (at, name) in names.iter().enumerate() {
        if list.len() > DROPPED_BYTES_MAX {
            // Writing into a string cannot fail.
            let _ok = write!(list, ", +{} more", names.len().saturating_sub(at));
            break;
        }
        list.push_str(if at == 0 { "" } else { ", " });
        for byte in name_of_peer(name).bytes() {
            if byte.is_ascii_graphic() && !b",%".contains(&byte) {
                list.push(char::from(byte));
            } else {
                let _ok = write!(list, "%{byte:02X}");
            }
        }
    }
    list
}

/// A count in the words of its API; an estimate says that it is one.
fn count_response(api: Api, counted: Counted) -> Response<Body> {
    let Counted { input_tokens, is_estimated } = counted;
    json::ok(&match api {
        Api::GeminiGenerate => json!({"totalTokens": input_tokens, "estimated": is_estimated}),
        _ => json!({"input_tokens": input_tokens, "estimated": is_estimated}),
    })
}

/// A whole answer with what it was charged.
pub(crate) fn whole_body(app: &App, whole: &Whole) -> Vec<u8> {
    splice_usage(whole.receipt.record.api, &whole.body, &usage::extras(&whole.receipt, &app.settings))
}

fn whole_response(app: &App, whole: Whole) -> Response<Body> {
    let receipt = &whole.receipt;
    let body = whole_body(app, &whole);
    let mut response = Response::new(Body::from(body));
    *response.headers_mut() = whole.headers;
    name(&mut response, "x-credits-charged", &app.settings.credit_price.show(receipt.charged).to_string());
    name(&mut response, "x-credits-remaining", &app.settings.credit_price.show(receipt.remaining).to_string());
    response
}

fn stream_response(headers: HeaderMap, framing: Framing, body: StreamBody) -> Response<Body> {
    let mut response = Response::new(Body::new(body));
    *response.headers_mut() = headers;
    let set = [
        (CONTENT_TYPE, framing.content_type()),
        (CACHE_CONTROL, "no-cache"),
        // Tells a reverse proxy to pass events on as they come.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    for (header, value) in set {
        response.headers_mut().insert(header, HeaderValue::from_static(value));
    }
    response
}

fn name(response: &mut Response<Body>, header: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(header), value);
    }
}

/// The whole body, within the time that bodies have and `limit` bytes.
pub(crate) async fn read(app: &App, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(app.settings.body_read, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than {limit} bytes; make it shorter");
            Err(Problem::new(ErrorType::PayloadTooLarge, message))
        }
        Ok(Err(_)) => Err(Problem::new(ErrorType::InvalidRequest, "the body broke off; send it again")),
        Err(_) => Err(Problem::new(ErrorType::ClientTimeout, "the body took too long to arrive; send it again")),
    }
}

fn strictness(app: &App, headers: &HeaderMap) -> Strictness {
    let asked = text(headers, STRICT_HEADER).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1");
    if app.settings.strict || asked { Strictness::Strict } else { Strictness::Lax }
}

/// A key that cannot be read would not count, and its request would be charged twice.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_HEADER) else { return Ok(None) };
    let wrong = match value.to_str().map(str::trim) {
        Ok(key) if !key.is_empty() => return Ok(Some(key.to_owned())),
        Ok(_) => "the Idempotency-Key is empty; send one that no other request has, or leave it out",
        Err(_) => "the Idempotency-Key has characters beyond ASCII; send letters, digits and punctuation",
    };
    Err(Problem::new(ErrorType::InvalidRequest, wrong).with("param", "Idempotency-Key"))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The client's headers that go upstream, made anew.
fn passing(app: &App, api: Api, headers: &HeaderMap, dropped: &mut Vec<String>) -> HeaderMap {
    let lists = app.gateway.headers();
    let mut passing = HeaderMap::new();
    for name in lists.request(api) {
        let sent: Vec<&str> = headers.get_all(name.as_str()).iter().filter_map(|value| value.to_str().ok()).collect();
        if sent.is_empty() {
            continue;
        }
        let value = lists.request_value(name, &sent.join(","), dropped);
        let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name.as_str()), value) {
            passing.insert(name, value);
        }
    }
    passing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expect: &str) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(listed(&names), expect);
    }

    #[test]
    fn the_names_of_dropped_fields_fit_a_header_whatever_they_are() {
        check(&["user", "metadata.id"], "user, metadata.id");
        check(&["größe", "a, b\r\n%"], "gr%C3%B6%C3%9Fe, a%2C%20b%0D%0A%25");
        check(&[&"x".repeat(200_000)], &"x".repeat(64));
        let list = listed(&vec!["\u{1}".repeat(64); 10_000]);
        assert!(list.ends_with(", +9994 more") && list.len() < 1_400, "{} bytes", list.len());
    }
}
