//! One exchange with a provider.

use super::Ready;
use super::Upstream;
use super::reply::{Reply, Whole};
use super::settle::{Delivery, Tab};
use super::stream::{ChargedStream, Course};
use crate::fault::{Fault, UpstreamFault, UpstreamKind};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use opencredits_keys::Secret;
use opencredits_providers::{
    Dialect, ErrorKind, Outcome, TransportError, UpstreamError, UpstreamRequest, UpstreamResponse, UsageChunk, Vendor,
    read_body,
};
use std::sync::Arc;

/// The largest refusal of a provider that is read.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// What a stream's content type begins with.
const EVENT_STREAM: &[u8] = b"text/event-stream";

/// What goes out. It holds content, so it cannot be printed.
pub(super) struct Outgoing {
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    pub(super) usage_chunk_asked: bool,
}

/// Prepares what all requests to a vendor have in common; `None` when its data is no HTTP.
pub(super) fn ready(upstream: &Upstream) -> Option<Vec<Arc<Ready>>> {
    let vendor = &upstream.vendor;
    let ready = |dialect| {
        let mut headers = headers_to(vendor, dialect, upstream.key.as_ref())?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Where the path names the model, this one only shows that the address is sound.
        let url = vendor.url(dialect, "model", false).parse().ok()?;
        let transport = Arc::clone(&upstream.transport);
        Some(Arc::new(Ready { vendor: Arc::clone(vendor), dialect, url, headers, transport }))
    };
    vendor.dialects().map(ready).collect()
}

/// The vendor's own headers and our key; `None` when they are no HTTP.
pub(crate) fn headers_to(vendor: &Vendor, dialect: Dialect, key: Option<&Secret<String>>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &vendor.headers {
        headers.insert(HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?);
    }
    if let (Some((name, scheme)), Some(key)) = (vendor.auth_in(dialect).header(), key) {
        let mut value = HeaderValue::try_from(format!("{scheme}{}", key.reveal())).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Some(headers)
}

/// Sends the request and sees to its answer. It runs to its end whether the client waits or not.
pub(super) async fn run(mut tab: Tab, outgoing: Outgoing) -> Result<Reply, Fault> {
    let usage_chunk = if outgoing.usage_chunk_asked { UsageChunk::Asked } else { UsageChunk::NotAsked };
    let response = match send(&tab, outgoing).await {
        Ok(response) => response,
        Err(error) => return Err(unreached(&tab, error)),
    };
    if !response.status.is_success() {
        return Err(refused(&tab, response).await);
    }
    let headers = passing(&tab, &response.headers);
    let is_stream = response.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(EVENT_STREAM));
    if tab.delivery == Delivery::Streamed && is_stream {
        let tap = tab.passage(usage_chunk);
        let orphanage = tab.gateway.orphanage.clone();
        let stream = ChargedStream::new(Course::new(response.body, tap, tab), orphanage);
        return Ok(Reply::Stream { headers, stream });
    }
    tab.first_byte();
    let body = match response.body.read_all(tab.gateway.settings.body_bytes_max).await {
        Ok(body) => body,
        // Nothing of it reached the client, so that the person pays nothing; what the provider bills is our loss.
        Err(error) => return Err(unreached(&tab, error)),
    };
    let outcome = read_body(tab.upstream.dialect, &body);
    if outcome.error.is_some() {
        tab.release();
        return Err(UpstreamFault::of_outcome(&outcome, UpstreamKind::Unavailable).into());
    }
    let body = tab.translated(&body, &outcome).map_or(body, Bytes::from);
    let settled = tab.settle(&outcome)?;
    if let Some(durable) = settled.durable {
        durable.await?;
    }
    Ok(Reply::Whole(Box::new(Whole { headers, body, receipt: settled.receipt })))
}

async fn send(tab: &Tab, outgoing: Outgoing) -> Result<UpstreamResponse, TransportError> {
    let ready = &tab.upstream;
    let mut headers = ready.headers.clone();
    headers.extend(outgoing.headers);
    let request = UpstreamRequest { url: address(tab), headers, body: outgoing.body };
    ready.transport.send(request).await
}

fn address(tab: &Tab) -> http::Uri {
    let Ready { vendor, dialect, .. } = &*tab.upstream;
    let named = dialect.names_model_in_path();
    let url = named.then(|| vendor.url(*dialect, &tab.model.route.upstream_model, tab.delivery == Delivery::Streamed));
    url.and_then(|url| url.parse().ok()).unwrap_or_else(|| tab.upstream.url.clone())
}

/// The provider's headers that may go to the client.
fn passing(tab: &Tab, headers: &HeaderMap) -> HeaderMap {
    let lists = tab.gateway.headers();
    let kept = headers.iter().filter(|(name, _)| lists.response(name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn unreached(tab: &Tab, error: TransportError) -> Fault {
    tab.release();
    let (generation, vendor) = (tab.generation, &*tab.upstream.vendor.id);
    tracing::warn!(%generation, vendor, %error, "the provider could not be reached, or broke off");
    let kind = if error.is_timeout() { UpstreamKind::TimedOut } else { UpstreamKind::Unavailable };
    UpstreamFault::of_kind(kind).into()
}

async fn refused(tab: &Tab, response: UpstreamResponse) -> Fault {
    tab.release();
    let retry_after = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = response.body.read_all(ERROR_BYTES_MAX).await.unwrap_or_default();
    let error = UpstreamError::read(response.status.as_u16(), &body, retry_after.as_deref());
    let (generation, vendor, status) = (tab.generation, &*tab.upstream.vendor.id, error.status);
    match error.kind {
        ErrorKind::OurAccount => {
            tracing::error!(%generation, vendor, status, "the provider refuses our own account; look after key, permissions and balance there");
        }
        ErrorKind::NotFound => {
            tracing::error!(%generation, vendor, status, model = &*tab.model.id, "the provider does not know the model; the price book is stale");
        }
        kind => tracing::info!(%generation, vendor, status, ?kind, "the provider refused"),
    }
    UpstreamFault::of_error(&error).into()
}

impl From<UpstreamFault> for Fault {
    fn from(fault: UpstreamFault) -> Self {
        Box::new(fault).into()
    }
}

impl UpstreamFault {
    /// A failure of which there are no words.
    pub(super) const fn of_kind(kind: UpstreamKind) -> Self {
        Self { kind, message: None, code: None, retry_after_ms: None }
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
        }
    }

    /// What an outcome that is no success means to the client.
    pub(super) fn of_outcome(outcome: &Outcome, otherwise: UpstreamKind) -> Self {
        outcome.error.as_ref().map_or(Self::of_kind(otherwise), Self::of_error)
    }
}
