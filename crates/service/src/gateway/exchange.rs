//! The upstream exchanges of one request: with one provider after the other, until one answers.

use super::attempts::{AttemptPlan, FailedAttempt, Next, UpstreamAttempt};
use super::open_request::{Delivery, OpenRequest};
use super::prepared_upstream::Account;
use super::reply::{Reply, WholeAnswer};
use super::routing::RouteCandidate;
use super::stream::{ChargedStream, InFlightStream, StreamEnd};
use crate::fault::{Fault, UpstreamFault, UpstreamKind};
use crate::memory::Reservation;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use opencredits_providers::{
    ErrorKind, Outcome, StartDetector, StreamStart, TransportError, UpstreamBody, UpstreamError, UpstreamRequest,
    UpstreamResponse, is_event_stream,
};
use opencredits_units::{UnixMs, Usage};
use std::time::Duration;

/// The largest error body of a provider that is read, in bytes.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// An answer is read, and written anew with its charge.
const ANSWER_COPIES: usize = 2;
/// The wait in ms, as some providers tell it beside `Retry-After`.
const RETRY_AFTER_MS: &str = "retry-after-ms";
/// No wait is longer, whatever a provider says.
const RETRY_AFTER_MS_MAX: u64 = 3_600_000;
/// White space in front of an answer, at most.
const BLANK_BYTES_MAX: usize = 4 << 10;
/// The content type of a stream begins with this, in any case (RFC 9110, section 8.3.1).
const EVENT_STREAM: &[u8] = b"text/event-stream";

/// Room for a provider's headers and for ours, so that the map does not grow while they are added.
const ANSWER_HEADERS: usize = 24;

/// A provider's answer.
enum Answer {
    Stream(UpstreamResponse),
    Whole(Box<Whole>),
}

/// An answer that is not streamed.
struct Whole {
    headers: HeaderMap,
    body: Bytes,
    /// In a box, since it is large and given on from one to the other.
    outcome: Box<Outcome>,
    memory: Reservation,
}

/// Sends the request until a provider answers, and delivers the answer. It runs to its end whether the client waits or
/// not. Until a byte has reached the client, another provider may be tried.
pub(super) async fn run(mut open: Box<OpenRequest>, plan: AttemptPlan) -> Result<Reply, Fault> {
    let mut index = 0;
    loop {
        let Some(attempt) = plan.attempts.get(index) else {
            return Err(UpstreamFault::of_kind(UpstreamKind::Unavailable).into());
        };
        open.begin_attempt(attempt);
        let failed = match exchange(&mut open, attempt, &plan.memory).await {
            Ok(answer) => {
                if plan.abandoned.is_set() {
                    open.client_gone();
                }
                open.gateway.remember(&plan, &attempt.candidate);
                return match answer {
                    Answer::Stream(response) => Ok(deliver_stream(*open, response, &plan, attempt)),
                    Answer::Whole(answer) => deliver_whole(open, answer, &plan, attempt).await,
                };
            }
            Err(failed) => failed,
        };
        open.record_failure(&failed, &attempt.candidate);
        let candidates: Vec<&RouteCandidate> = plan.attempts.iter().map(|attempt| &attempt.candidate).collect();
        let next = if plan.abandoned.is_set() { Next::End } else { open.next(&failed, &candidates, index) };
        match next {
            Next::End => {
                let error = Some(failed.kind().error_type());
                open.measure((Usage::default(), error), open.gateway.ports.clock.now());
                return Err(failed.into_fault(&open.failed_attempts));
            }
            Next::Attempt { index: next, wait_ms } => {
                index = next;
                if wait_ms > 0 {
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                }
            }
        }
    }
}

/// One exchange, up to where the answer begins to reach the client.
async fn exchange(
    open: &mut OpenRequest,
    attempt: &UpstreamAttempt,
    memory: &Reservation,
) -> Result<Answer, FailedAttempt> {
    let Some(account) = attempt.candidate.upstream.account(open.sent) else {
        return Err(FailedAttempt::of(UpstreamKind::Unavailable));
    };
    let response = match send(open, attempt, account).await {
        Ok(response) => response,
        Err(error) => return Err(transport_failure(open, error)),
    };
    if !response.status.is_success() {
        return Err(Box::pin(refusal(open, response, account)).await);
    }
    let answer = answered(open, response, memory).await;
    // Some providers refuse under a success status.
    answer.inspect_err(|failed| cool(open, failed, account))
}

/// Reads an answer under a success status, up to where it begins to reach the client.
async fn answered(
    open: &mut OpenRequest,
    response: UpstreamResponse,
    memory: &Reservation,
) -> Result<Answer, FailedAttempt> {
    if open.delivery == Delivery::Streamed {
        match begun(response).await.map_err(|error| transport_failure(open, error))? {
            (true, response) => return wait_for_start(open, response).await.map(Answer::Stream),
            (false, response) => return whole(open, response, memory).await,
        }
    }
    whole(open, response, memory).await
}

/// Waits for the first bytes of an answer, and tells whether they begin a stream of events: they do so under any content
/// type, and a content type does not make events of anything else.
async fn begun(mut response: UpstreamResponse) -> Result<(bool, UpstreamResponse), TransportError> {
    let is_labelled = response.headers.get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().get(..EVENT_STREAM.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(EVENT_STREAM))
    });
    let mut front = BytesMut::new();
    while let Some(chunk) = response.body.chunk().await.transpose()? {
        // The usual stream is not copied.
        if front.is_empty() && is_event_stream(&chunk) == Some(true) {
            return Ok((true, UpstreamResponse { body: response.body.after(chunk), ..response }));
        }
        front.extend_from_slice(&chunk);
        let known = is_event_stream(&front);
        if known.is_some() || front.len() > BLANK_BYTES_MAX {
            let is_stream = known.unwrap_or(is_labelled);
            return Ok((is_stream, UpstreamResponse { body: response.body.after(front.freeze()), ..response }));
        }
    }
    let rest = front.freeze();
    // Nothing at all under the right label is a stream that says nothing.
    Ok((is_labelled, UpstreamResponse { body: UpstreamBody::full(rest), ..response }))
}

/// Reads an answer that is not streamed.
async fn whole(
    open: &mut OpenRequest,
    response: UpstreamResponse,
    memory: &Reservation,
) -> Result<Answer, FailedAttempt> {
    open.first_byte();
    let headers = passing(open, &response.headers);
    let mut memory = memory.another();
    let has_room = |bytes: usize| memory.grow_to(bytes.saturating_mul(ANSWER_COPIES)).is_ok();
    let body = match response.body.read_all_while(open.served.settings.body_bytes_max, has_room).await {
        Ok(body) => body,
        // Nothing of it reached the client, so the person pays nothing. What the provider bills is our loss.
        Err(error) => return Err(transport_failure(open, error)),
    };
    let (reader, content) = (open.answer_reader(), body.clone());
    let read = open.gateway.large.run(body.len(), move || reader.read(content)).await;
    let (outcome, body) = read.map_err(|_| FailedAttempt::of(UpstreamKind::Unavailable))?;
    match &outcome.error {
        Some(error) => {
            let (generation, vendor, kind) = (open.generation, &*open.upstream.vendor.id, error.kind);
            tracing::warn!(%generation, vendor, ?kind, "the provider's answer is an error, or no JSON, under a success status");
            Err(FailedAttempt::of_error(error, &open.served.upstreams.keys))
        }
        // It is no answer of a model: an empty body, say, or counts alone.
        None if !outcome.is_answer() || (outcome.is_empty() && outcome.usage.is_none()) => {
            let (generation, vendor) = (open.generation, &*open.upstream.vendor.id);
            tracing::warn!(%generation, vendor, "the provider's answer has no content");
            Err(FailedAttempt::without_content(outcome.usage.is_some()))
        }
        None => Ok(Answer::Whole(Box::new(Whole { headers, body, outcome, memory }))),
    }
}

/// Reads a stream up to its first event, so that another provider can be tried where it begins with an error. Meanwhile the
/// client gets comments.
async fn wait_for_start(open: &OpenRequest, mut response: UpstreamResponse) -> Result<UpstreamResponse, FailedAttempt> {
    let mut detector = StartDetector::new(open.upstream.dialect);
    loop {
        let chunk = response.body.chunk().await.transpose().map_err(|error| transport_failure(open, error))?;
        let is_end = chunk.is_none();
        let start = match chunk {
            Some(chunk) => detector.feed(chunk),
            None => detector.end(),
        };
        match start {
            StreamStart::Nothing => return Err(empty_stream(open)),
            StreamStart::Pending if is_end => return Err(empty_stream(open)),
            StreamStart::Pending => {}
            StreamStart::Response => {
                return Ok(UpstreamResponse { body: response.body.after(detector.into_front()), ..response });
            }
            StreamStart::Error(error) => {
                let (generation, vendor, kind) = (open.generation, &*open.upstream.vendor.id, error.kind);
                tracing::info!(%generation, vendor, ?kind, "the provider's stream began with an error");
                return Err(FailedAttempt::of_error(&error, &open.served.upstreams.keys));
            }
        }
    }
}

fn deliver_stream(
    open: OpenRequest,
    response: UpstreamResponse,
    plan: &AttemptPlan,
    attempt: &UpstreamAttempt,
) -> Reply {
    let headers = passing(&open, &response.headers);
    let adapter = open.stream_adapter(plan.usage_chunk);
    let stream = ChargedStream::new(InFlightStream::new(response.body, adapter, open, plan.memory.another()));
    Reply::Stream { headers, dropped: attempt.dropped.clone(), stream }
}

/// Charges for a whole answer, then gives it out: as a stream where the client asked for one.
async fn deliver_whole(
    open: Box<OpenRequest>,
    answer: Box<Whole>,
    plan: &AttemptPlan,
    attempt: &UpstreamAttempt,
) -> Result<Reply, Fault> {
    let Whole { headers, body, outcome, memory } = *answer;
    let streamed = match open.delivery {
        Delivery::Streamed => open.stream_of(&body, &outcome.usage.unwrap_or_default(), plan.usage_chunk),
        Delivery::Whole => None,
    };
    let receipt = open.settle(&outcome)?.await?;
    let dropped = attempt.dropped.clone();
    Ok(match streamed {
        Some((adapter, events)) => {
            let events = memory.keep_with(events);
            Reply::Stream { headers, dropped, stream: ChargedStream::of_whole(events, StreamEnd { adapter, receipt }) }
        }
        None => Reply::Whole(Box::new(WholeAnswer { headers, dropped, body, receipt, memory })),
    })
}

async fn send(
    open: &OpenRequest,
    attempt: &UpstreamAttempt,
    account: &Account,
) -> Result<UpstreamResponse, TransportError> {
    let mut headers = account.headers.clone();
    headers.extend(attempt.headers.clone());
    let request = UpstreamRequest { url: url_of(open, &attempt.candidate), headers, body: attempt.body.clone() };
    attempt.candidate.upstream.transport.send(request).await?.decoded()
}

fn url_of(open: &OpenRequest, candidate: &RouteCandidate) -> http::Uri {
    let (vendor, dialect) = (&candidate.upstream.vendor, candidate.upstream.dialect);
    let streamed = open.delivery == Delivery::Streamed;
    let url = dialect.names_model_in_path().then(|| vendor.url(dialect, &candidate.route().upstream_model, streamed));
    url.and_then(|url| url.parse().ok()).unwrap_or_else(|| candidate.upstream.url.clone())
}

/// The provider's headers that may go to the client.
fn passing(open: &OpenRequest, headers: &HeaderMap) -> HeaderMap {
    let lists = open.gateway.headers();
    let kept = headers.iter().filter(|(name, _)| lists.response(name.as_str()));
    let mut passing = HeaderMap::with_capacity(ANSWER_HEADERS);
    passing.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    passing
}

fn empty_stream(open: &OpenRequest) -> FailedAttempt {
    let (generation, vendor) = (open.generation, &*open.upstream.vendor.id);
    tracing::warn!(%generation, vendor, "the provider's stream ended without an answer");
    FailedAttempt::of(UpstreamKind::Unavailable)
}

fn transport_failure(open: &OpenRequest, error: TransportError) -> FailedAttempt {
    let (generation, vendor) = (open.generation, &*open.upstream.vendor.id);
    if error == TransportError::Unresolved {
        let host = open.upstream.url.host().unwrap_or_default();
        tracing::error!(%generation, vendor, host, "the host name of the provider cannot be resolved; check the machine's DNS");
    } else {
        tracing::warn!(%generation, vendor, %error, "the provider could not be reached, or broke off");
    }
    FailedAttempt::of_transport(error)
}

/// The time after which a retry makes sense, in ms: `retry-after-ms`, else `Retry-After`, which is a number of seconds or a
/// date (RFC 9110, section 10.2.3). At most an hour: a longer wait is a provider's mistake.
fn retry_after_ms(headers: &HeaderMap, now: UnixMs) -> Option<u64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let ms = text(RETRY_AFTER_MS).and_then(rounded_up);
    let seconds = || text(RETRY_AFTER.as_str()).and_then(rounded_up).map(|seconds| seconds.saturating_mul(1_000));
    let date = || {
        let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text(RETRY_AFTER.as_str())?).ok()?;
        Some(UnixMs::new(u64::try_from(at.as_millisecond()).ok()?).ms_since(now))
    };
    ms.or_else(seconds).or_else(date).map(|ms| ms.min(RETRY_AFTER_MS_MAX))
}

/// A decimal number, rounded up; `None` where the text is none.
fn rounded_up(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(part) {
        return None;
    }
    let more = u64::from(part.bytes().any(|byte| byte != b'0'));
    // Only digits: what does not fit is longer than any wait.
    Some(whole.parse::<u64>().unwrap_or(u64::MAX).saturating_add(more))
}

async fn refusal(open: &OpenRequest, response: UpstreamResponse, account: &Account) -> FailedAttempt {
    let retry_after = retry_after_ms(&response.headers, open.gateway.ports.clock.now());
    let body = response.body.read_all(ERROR_BYTES_MAX).await.unwrap_or_default();
    let error = UpstreamError::read(response.status.as_u16(), &body, retry_after);
    let (generation, vendor, status) = (open.generation, &*open.upstream.vendor.id, error.status);
    match error.kind {
        ErrorKind::OurAccount => {
            tracing::error!(%generation, vendor, status, "the provider refuses our own account; look after key, permissions and balance there");
        }
        ErrorKind::NotFound => {
            tracing::error!(%generation, vendor, status, model = &*open.model.id, "the provider does not know the model; the price book is stale");
        }
        kind => tracing::info!(%generation, vendor, status, ?kind, "the provider refused"),
    }
    let failed = FailedAttempt::of_error(&error, &open.served.upstreams.keys);
    cool(open, &failed, account);
    failed
}

/// Lets an account rest whose provider refused it.
fn cool(open: &OpenRequest, failed: &FailedAttempt, account: &Account) {
    if let Some(ms) = failed.cools_account_ms() {
        account.cool(open.gateway.ports.clock.now(), ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    #[test]
    fn a_wait_is_read_as_a_number_or_a_date_and_is_an_hour_at_most() {
        let now = UnixMs::new(784_111_777_000);
        let check = |lines: &[(&'static str, &'static str)], expect: Option<u64>| {
            let line = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            assert_eq!(retry_after_ms(&lines.iter().map(line).collect(), now), expect, "{lines:?}");
        };
        check(&[], None);
        check(&[("retry-after", "7")], Some(7_000));
        check(&[("retry-after", " 1.5 ")], Some(2_000));
        check(&[("retry-after", "9"), ("retry-after-ms", "250")], Some(250));
        check(&[("retry-after", "9"), ("retry-after-ms", "soon")], Some(9_000));
        check(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], Some(10_000));
        check(&[("retry-after", "Sun, 06 Nov 1994 08:49:27 GMT")], Some(0));
        check(&[("retry-after", "Mon, 06 Nov 1995 08:49:37 GMT")], Some(RETRY_AFTER_MS_MAX));
        check(&[("retry-after", "99999999999999999999999")], Some(RETRY_AFTER_MS_MAX));
        for wrong in ["", "-1", "soon", "1.x", ".5", "1e9"] {
            check(&[("retry-after", wrong)], None);
        }
    }
}
