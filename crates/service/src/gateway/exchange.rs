//! The exchanges of one request: with one provider after the other, until one answers.

use super::attempts::{FailedAttempt, Next};
use super::plan::Conversation;
use super::prepared_upstream::Account;
use super::reaper::Abandoned;
use super::reply::{Reply, Whole};
use super::routing::RouteCandidate;
use super::settle::{Delivery, OpenRequest, RequestTerms};
use super::stream::{ChargedStream, InFlightStream};
use crate::fault::{Fault, UpstreamFault, UpstreamKind};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use opencredits_providers::{
    ErrorKind, Outcome, StartDetector, StreamStart, TransportError, UpstreamError, UpstreamRequest, UpstreamResponse,
    UsageChunk, read_body,
};
use opencredits_units::UnixMs;
use std::time::Duration;

/// The largest refusal of a provider that is read.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// What a stream's content type begins with.
const EVENT_STREAM: &[u8] = b"text/event-stream";

/// What goes out on one candidate. It holds content, so it cannot be printed.
pub(super) struct UpstreamAttempt {
    pub(super) candidate: RouteCandidate,
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    pub(super) request_terms: RequestTerms,
    /// Fields that do not go this candidate.
    pub(super) dropped: Vec<String>,
}

/// What a request may try, in its order.
pub(super) struct AttemptPlan {
    pub(super) candidates: Vec<UpstreamAttempt>,
    pub(super) usage_chunk: UsageChunk,
    /// What stays with the vendor that answers.
    pub(super) conversation: Option<Conversation>,
    pub(super) abandoned: Abandoned,
}

/// What a provider answered.
enum Answer {
    Stream(UpstreamResponse),
    Whole { headers: HeaderMap, body: Bytes, outcome: Box<Outcome> },
}

/// Sends the request and sees to its answer. It runs to its end whether the client waits or not; until a byte has
/// reached the client, another provider may be asked.
pub(super) async fn run(mut open: OpenRequest, plan: AttemptPlan) -> Result<Reply, Fault> {
    let mut at = 0;
    loop {
        let Some(outgoing) = plan.candidates.get(at) else {
            return Err(UpstreamFault::of_kind(UpstreamKind::Unavailable).into());
        };
        open.goes(outgoing);
        let failed = match attempt(&mut open, outgoing).await {
            Ok(answer) => {
                if plan.abandoned.is_so() {
                    open.client_gone();
                }
                open.gateway.remember(&plan, &outgoing.candidate);
                return deliver(open, answer, (plan.usage_chunk, outgoing.dropped.clone())).await;
            }
            Err(failed) => failed,
        };
        open.note(&failed, &outgoing.candidate);
        let candidates: Vec<&RouteCandidate> = plan.candidates.iter().map(|outgoing| &outgoing.candidate).collect();
        let next = if plan.abandoned.is_so() { Next::End } else { open.next(&failed, &candidates, at) };
        match next {
            Next::End => return Err(failed.into_fault(&open.failed_attempts)),
            Next::RouteCandidate { place, wait_ms } => {
                at = place;
                if wait_ms > 0 {
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                }
            }
        }
    }
}

/// One exchange, up to where the answer begins to reach the client.
async fn attempt(open: &mut OpenRequest, outgoing: &UpstreamAttempt) -> Result<Answer, FailedAttempt> {
    let Some(account) = outgoing.candidate.upstream.account(open.sent) else {
        return Err(FailedAttempt::of(UpstreamKind::Unavailable));
    };
    let response = match send(open, outgoing, account).await {
        Ok(response) => response,
        Err(error) => return Err(unreached(open, error)),
    };
    if !response.status.is_success() {
        return Err(refused(open, response, account).await);
    }
    let is_stream = response.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(EVENT_STREAM));
    if open.delivery == Delivery::Streamed && is_stream {
        return begun(open, response).await.map(Answer::Stream);
    }
    open.first_byte();
    let headers = passing(open, &response.headers);
    let body = match response.body.read_all(open.gateway.settings.body_bytes_max).await {
        Ok(body) => body,
        // Nothing of it reached the client, so that the person pays nothing; what the provider bills is our loss.
        Err(error) => return Err(unreached(open, error)),
    };
    let outcome = Box::new(read_body(open.upstream.dialect, &body));
    match &outcome.error {
        Some(error) => Err(FailedAttempt::of_error(error)),
        // Whatever it is (nothing, a page of a proxy), no model said it.
        None if outcome.is_empty() && outcome.usage.is_none() => Err(FailedAttempt::of(UpstreamKind::Unavailable)),
        None => Ok(Answer::Whole { headers, body, outcome }),
    }
}

/// A stream is given to the client once it has begun: until then another provider can be asked. While it is silent the
/// client hears comments.
async fn begun(open: &OpenRequest, mut response: UpstreamResponse) -> Result<UpstreamResponse, FailedAttempt> {
    let mut opening = StartDetector::new(open.upstream.dialect);
    loop {
        let chunk = response.body.chunk().await.transpose().map_err(|error| unreached(open, error))?;
        let is_end = chunk.is_none();
        let begins = match chunk {
            Some(chunk) => opening.feed(chunk),
            None => opening.end(),
        };
        match begins {
            StreamStart::Pending if is_end => return Err(unreached(open, TransportError::Broken)),
            StreamStart::Pending => {}
            StreamStart::Response => {
                return Ok(UpstreamResponse { body: response.body.after(opening.into_front()), ..response });
            }
            StreamStart::Error(error) => {
                let (generation, vendor, kind) = (open.generation, &*open.upstream.vendor.id, error.kind);
                tracing::info!(%generation, vendor, ?kind, "the provider's stream began with an error");
                return Err(FailedAttempt::of_error(&error));
            }
        }
    }
}

async fn deliver(
    open: OpenRequest,
    answer: Answer,
    (usage_chunk, dropped): (UsageChunk, Vec<String>),
) -> Result<Reply, Fault> {
    match answer {
        Answer::Stream(response) => {
            let headers = passing(&open, &response.headers);
            let tap = open.passage(usage_chunk);
            let detached = open.gateway.detached.clone();
            let stream = ChargedStream::new(InFlightStream::new(response.body, tap, open), detached);
            Ok(Reply::Stream { headers, dropped, stream })
        }
        Answer::Whole { headers, body, outcome } => {
            let body = open.translated(&body, &outcome).map_or(body, Bytes::from);
            let settled = open.settle(&outcome)?;
            if let Some(durable) = settled.durable {
                durable.await?;
            }
            Ok(Reply::Whole(Box::new(Whole { headers, dropped, body, receipt: settled.receipt })))
        }
    }
}

async fn send(
    open: &OpenRequest,
    outgoing: &UpstreamAttempt,
    account: &Account,
) -> Result<UpstreamResponse, TransportError> {
    let mut headers = account.headers.clone();
    headers.extend(outgoing.headers.clone());
    let request = UpstreamRequest { url: address(open, &outgoing.candidate), headers, body: outgoing.body.clone() };
    outgoing.candidate.upstream.transport.send(request).await
}

fn address(open: &OpenRequest, candidate: &RouteCandidate) -> http::Uri {
    let (vendor, dialect) = (&candidate.upstream.vendor, candidate.upstream.dialect);
    let streamed = open.delivery == Delivery::Streamed;
    let url = dialect.names_model_in_path().then(|| vendor.url(dialect, &candidate.route().upstream_model, streamed));
    url.and_then(|url| url.parse().ok()).unwrap_or_else(|| candidate.upstream.url.clone())
}

/// The provider's headers that may go to the client.
fn passing(open: &OpenRequest, headers: &HeaderMap) -> HeaderMap {
    let lists = open.gateway.headers();
    let kept = headers.iter().filter(|(name, _)| lists.response(name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn unreached(open: &OpenRequest, error: TransportError) -> FailedAttempt {
    let (generation, vendor) = (open.generation, &*open.upstream.vendor.id);
    tracing::warn!(%generation, vendor, %error, "the provider could not be reached, or broke off");
    FailedAttempt::of(if error.is_timeout() { UpstreamKind::TimedOut } else { UpstreamKind::Unavailable })
}

/// `Retry-After` in seconds: it may be a date (RFC 9110, section 10.2.3).
fn seconds(value: &str, now: UnixMs) -> Option<String> {
    let value = value.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.to_owned());
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    let at = u64::try_from(at.as_millisecond()).ok()?;
    Some(UnixMs::new(at).ms_since(now).div_ceil(1_000).to_string())
}

async fn refused(open: &OpenRequest, response: UpstreamResponse, account: &Account) -> FailedAttempt {
    let retry_after = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| seconds(value, open.gateway.ports.clock.now()));
    let body = response.body.read_all(ERROR_BYTES_MAX).await.unwrap_or_default();
    let error = UpstreamError::read(response.status.as_u16(), &body, retry_after.as_deref());
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
    let failed = FailedAttempt::of_error(&error);
    if let Some(ms) = failed.cools_account_ms() {
        account.cool(open.gateway.ports.clock.now(), ms);
    }
    failed
}

impl From<UpstreamFault> for Fault {
    fn from(fault: UpstreamFault) -> Self {
        Box::new(fault).into()
    }
}

impl UpstreamFault {
    /// A failure of which there are no words.
    pub(super) const fn of_kind(kind: UpstreamKind) -> Self {
        Self { kind, message: None, code: None, retry_after_ms: None, previous: Vec::new() }
    }

    /// A refusal or failure as the client may see it: what is about our account is none of its business.
    pub(super) fn of_error(error: &UpstreamError) -> Self {
        let kind = match error.kind {
            ErrorKind::InvalidRequest => UpstreamKind::InvalidRequest,
            ErrorKind::ContextLength => UpstreamKind::ContextLength,
            ErrorKind::ContentPolicy => UpstreamKind::ContentPolicy,
            ErrorKind::TooLarge => UpstreamKind::TooLarge,
            ErrorKind::RateLimited => UpstreamKind::RateLimited,
            ErrorKind::Overloaded => UpstreamKind::Overloaded,
            ErrorKind::TimedOut => UpstreamKind::TimedOut,
            _ => UpstreamKind::Unavailable,
        };
        let about_request =
            matches!(kind, UpstreamKind::InvalidRequest | UpstreamKind::ContextLength | UpstreamKind::ContentPolicy);
        Self {
            kind,
            message: about_request.then(|| error.message.clone()).filter(|message| !message.is_empty()),
            code: error.code.clone().filter(|_| about_request),
            retry_after_ms: error.retry_after_ms,
            previous: Vec::new(),
        }
    }

    /// What an outcome that is no success means to the client.
    pub(super) fn of_outcome(outcome: &Outcome, otherwise: UpstreamKind) -> Self {
        outcome.error.as_ref().map_or(Self::of_kind(otherwise), Self::of_error)
    }
}
