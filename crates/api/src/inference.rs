//! Requests for inference: chat completions, messages, responses, embeddings, `generateContent`, and counts of tokens.

use crate::auth::key_digest;
use crate::errors::{ErrorType, Problem};
use crate::framing::Framing;
use crate::front::FrontSettings;
use crate::inference_route::InferenceRoute;
use crate::peer::Peer;
use crate::places::Place;
use crate::query::asks_strictness;
use crate::redact::without_keys;
use crate::state::{App, RequestId};
use crate::streams::{Source, StreamBody, StreamForm};
use crate::surface::surface_of_api;
use crate::usage::Charged;
use crate::{body, faults, json, rates};
use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use opencredits_sanitizer::{Api, Strictness};
use opencredits_service::access::RequestTrace;
use opencredits_service::{Admitted, Counted, Fault, InferenceRequest, Reply, WholeAnswer, name_of_peer};
use opencredits_service::{KeyRates, MemoryOwner, RatePermit, Spender};
use opencredits_units::GenerationId;
use serde_json::json;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

/// `false` refuses a request whose output cap is not covered, instead of lowering the cap.
static LOWER_CAP_HEADER: HeaderName = HeaderName::from_static("x-opencredits-lower-cap");
/// The output cap that the gateway has set.
static OUTPUT_CAP_HEADER: HeaderName = HeaderName::from_static("x-opencredits-output-cap");
/// Names the conversation of a request. It does not go upstream.
static SESSION_HEADER: HeaderName = HeaderName::from_static("x-session-id");
/// Requests with the same key are charged once.
static IDEMPOTENCY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// What a request has cost, and what is left, in credits.
static CHARGED_HEADER: HeaderName = HeaderName::from_static("x-credits-charged");
static REMAINING_HEADER: HeaderName = HeaderName::from_static("x-credits-remaining");
/// The id of the generation.
static GENERATION_HEADER: HeaderName = HeaderName::from_static("x-generation-id");
/// Names the fields that were dropped.
static DROPPED_HEADER: HeaderName = HeaderName::from_static("x-opencredits-dropped");

/// The list of dropped fields ends with the first name beyond so many bytes, and says then how many follow.
const DROPPED_BYTES_MAX: usize = 1_024;

/// Where a request comes in.
pub(crate) struct Caller {
    pub(crate) app: Arc<App>,
    /// The settings that it is served by to its end.
    pub(crate) front: Arc<FrontSettings>,
    pub(crate) id: RequestId,
    /// The place of its connection.
    pub(crate) place: Option<Arc<Place>>,
    pub(crate) trace: Arc<RequestTrace>,
}

impl Caller {
    /// The client's address, where it is known.
    fn address(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let place = self.place.as_ref()?;
        Peer::of(Some(place), headers).0
    }
}

/// Answers a request for inference, with an error where it fails. `formed` makes the answer what the caller returns: a future
/// around this one, which is large, would have it moved into it.
pub(crate) async fn answer<T>(
    caller: Caller,
    route: InferenceRoute,
    request: Request<Body>,
    formed: impl FnOnce(Response<Body>) -> T,
) -> T {
    let (api, surface) = (route.api, surface_of_api(route.api));
    caller.app.gateway.count_request(api);
    let mut rates = None;
    let mut response = match serve(&caller, route, request, &mut rates).await {
        Ok(response) => response,
        Err(problem) => {
            caller.trace.failed(problem.kind().row().error_type);
            problem.count(&caller.app.gateway, api);
            problem.response(surface, &caller.id.text())
        }
    };
    caller.trace.answered(response.status().as_u16());
    if let Some(rates) = rates {
        rates::tell(&rates, response.headers_mut());
    }
    formed(response)
}

/// The spender of a request, and its place among the requests of the key. `rates` are those of the key, for its answer.
async fn identified(
    caller: &Caller,
    (headers, uri): (&HeaderMap, &Uri),
    counts: bool,
    rates: &mut Option<Arc<KeyRates>>,
) -> Result<(Arc<Spender>, Option<RatePermit>), Problem> {
    let Caller { app, place, .. } = caller;
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let digest = key_digest(app.gateway.mode(), headers).map_err(|fault| problem(fault.into()))?;
    let spender = app.gateway.keyring().spender_at(&digest, uri.path()).await.map_err(problem)?;
    caller.trace.identified(&spender);
    rates.clone_from(&spender.rates);
    if place.as_ref().is_some_and(|place| place.has_key().is_err()) {
        return Err(faults::unavailable("there are too many connections; try again"));
    }
    let permit = match &spender.rates {
        Some(rates) => Some(rates.admit().await.map_err(problem)?),
        None => None,
    };
    if !counts {
        app.gateway.refuse_without_credit(&spender).await.map_err(problem)?;
    }
    Ok((spender, permit))
}

/// Serves a request.
async fn serve(
    caller: &Caller,
    route: InferenceRoute,
    request: Request<Body>,
    rates: &mut Option<Arc<KeyRates>>,
) -> Result<Response<Body>, Problem> {
    let Caller { app, front, id, .. } = caller;
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let InferenceRoute { api, path, counts, framing, .. } = route;
    let (http::request::Parts { headers, uri, .. }, body) = request.into_parts();
    let idempotency_key = idempotency_key(&headers)?;
    let (spender, permit) = identified(caller, (&headers, &uri), counts, rates).await?;
    let owners = [Some(MemoryOwner::Key(spender.key)), caller.address(&headers).map(MemoryOwner::Address)];
    let mut memory = Arc::clone(app.gateway.memory()).reservation(owners);
    let body = body::read_within(app, (&headers, body), (front.body_bytes_max, front.body_read), &mut memory).await?;
    let mut dropped = Vec::new();
    let request = InferenceRequest {
        api,
        spender,
        body,
        headers: passing(app, api, &headers, &mut dropped),
        generation: id.0,
        session: text(&headers, &SESSION_HEADER).map(str::to_owned),
        idempotency_key,
        lowers_cap: !text(&headers, &LOWER_CAP_HEADER).is_some_and(|value| value.eq_ignore_ascii_case("false")),
        strictness: strictness(front, &headers),
        path,
        permit,
        memory,
        trace: Arc::clone(&caller.trace),
    };
    if counts {
        return Box::pin(app.gateway.count(request)).await.map(|counted| count_response(api, counted)).map_err(problem);
    }
    let Admitted { mut pending, dropped: scrubbed, dropped_first, is_streamed, output_cap } =
        app.gateway.admit(Box::new(request)).await.map_err(problem)?;
    dropped.extend(scrubbed);
    let reply = match is_streamed {
        // A client that waits for a stream gets the head and comments meanwhile.
        true => tokio::time::timeout(front.keep_alive, &mut pending).await.ok(),
        false => Some((&mut pending).await),
    };
    let form = StreamForm { api, framing, keep_alive: front.keep_alive };
    let streaming = |headers, source| {
        let of_request = (id.text(), Arc::clone(&caller.trace));
        stream_response(headers, framing, StreamBody::new(source, Arc::clone(app), form, of_request))
    };
    let mut response = match reply.transpose().map_err(problem)? {
        Some(Reply::Whole(mut whole)) => {
            dropped.append(&mut whole.dropped);
            whole_response(app, whole).await.map_err(problem)?
        }
        Some(Reply::Stream { headers, dropped: more, stream }) => {
            dropped.extend(more);
            streaming(headers, Source::Streaming(Box::new(stream)))
        }
        None => {
            dropped.extend(dropped_first);
            streaming(HeaderMap::new(), Source::Waiting(pending))
        }
    };
    set(&mut response, &GENERATION_HEADER, &GenerationId::to_string(&id.0));
    if let Some(cap) = output_cap {
        set(&mut response, &OUTPUT_CAP_HEADER, &cap.to_string());
    }
    if !dropped.is_empty() {
        set(&mut response, &DROPPED_HEADER, &without_keys(listed(&dropped)));
    }
    Ok(response)
}

/// Names as a header can carry them: each cut, other than graphic ASCII percent-encoded, and no more than fit.
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

/// A count in the form of its API. It says whether it is an estimate.
fn count_response(api: Api, counted: Counted) -> Response<Body> {
    let Counted { input_tokens, is_estimated } = counted;
    json::ok(&match api {
        Api::GeminiGenerate => json!({"totalTokens": input_tokens, "estimated": is_estimated}),
        _ => json!({"input_tokens": input_tokens, "estimated": is_estimated}),
    })
}

async fn whole_response(app: &App, answer: Box<WholeAnswer>) -> Result<Response<Body>, Fault> {
    let WholeAnswer { headers, receipt, memory, body, .. } = *answer;
    let charged = Charged::of(&receipt, &app.settings);
    let body = app.gateway.large().run(body.len(), move || charged.written_into(&body)).await?.into();
    // A client that reads slowly keeps the memory of its answer.
    let mut response = Response::new(Body::from(memory.keep_with(body)));
    *response.headers_mut() = headers;
    set(&mut response, &CHARGED_HEADER, &app.settings.credit_price.show(receipt.charged).to_string());
    set(&mut response, &REMAINING_HEADER, &app.settings.credit_price.show(receipt.remaining).to_string());
    Ok(response)
}

fn stream_response(headers: HeaderMap, framing: Framing, body: StreamBody) -> Response<Body> {
    let mut response = Response::new(Body::new(body));
    *response.headers_mut() = headers;
    let fixed = [
        (CONTENT_TYPE, framing.content_type()),
        (CACHE_CONTROL, "no-cache"),
        // Tells a reverse proxy to pass events on as they come.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    for (header, value) in fixed {
        response.headers_mut().insert(header, HeaderValue::from_static(value));
    }
    response
}

fn set(response: &mut Response<Body>, header: &HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(header, value);
    }
}

fn strictness(front: &FrontSettings, headers: &HeaderMap) -> Strictness {
    if front.strict || asks_strictness(headers) { Strictness::Strict } else { Strictness::Lax }
}

/// The idempotency key. An unreadable one is refused: ignored, it would not prevent a second charge.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(&IDEMPOTENCY_HEADER) else { return Ok(None) };
    let wrong = match value.to_str().map(str::trim) {
        Ok(key) if !key.is_empty() => return Ok(Some(key.to_owned())),
        Ok(_) => "the Idempotency-Key is empty; send one that no other request has, or leave it out",
        Err(_) => "the Idempotency-Key has characters beyond ASCII; send letters, digits and punctuation",
    };
    Err(Problem::new(ErrorType::InvalidRequest, wrong).with("param", "Idempotency-Key"))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// New headers for upstream, from the client's headers that may go there.
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
