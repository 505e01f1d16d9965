//! What a request did and when, for a trace of it.

use super::record::AccessRecord;
use opencredits_units::{RequestId, UnixMs};

/// The length of the header in version 00 (W3C Trace Context, section 2.2).
const PARENT_CHARS: usize = 55;
/// The flag that says that the caller records the trace.
const SAMPLED: u8 = 1;

/// The span of a caller in which a request was sent, as the header `traceparent` tells it
/// (<https://www.w3.org/TR/trace-context/>).
///
/// ```
/// use opencredits_service::access::TraceParent;
///
/// let parent = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
/// assert_eq!(parent.span, 0x00f0_67aa_0ba9_02b7);
/// assert!(parent.is_sampled);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The id of the trace, which is not zero.
    pub trace: u128,
    /// The id of the caller's span, which is not zero.
    pub span: u64,
    /// Whether the caller records the trace.
    pub is_sampled: bool,
}

impl TraceParent {
    /// Reads the header; `None` where it is none, or an id is zero.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let [version, trace, span, flags] =
            [2, 32, 16, 2].map(|digits| parts.next().and_then(|part| hex(part, digits)));
        // A later version may have more parts, and 255 is none.
        let is_whole = match version? {
            0 => header.len() == PARENT_CHARS,
            version => version != 0xff,
        };
        let trace = trace.filter(|trace| *trace != 0)?;
        let span = u64::try_from(span?).ok().filter(|span| *span != 0)?;
        let flags = u8::try_from(flags?).ok()?;
        is_whole.then_some(Self { trace, span, is_sampled: flags & SAMPLED != 0 })
    }
}

/// A number of so many hexadecimal digits, which are lower case.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.len() == digits && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// An exchange with a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedAttempt {
    /// The vendor.
    pub vendor: String,
    /// The vendor's name for the model.
    pub upstream_model: String,
    /// When the request was sent.
    pub began: UnixMs,
    /// When it failed, or its answer was whole; none where neither came about.
    pub ended: Option<UnixMs>,
    /// Why it failed.
    pub failure: Option<&'static str>,
}

/// The parts of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TracedSteps {
    /// When it was admitted: its charge is held from then on.
    pub admitted: Option<UnixMs>,
    /// The exchanges with providers, in their order.
    pub attempts: Vec<TracedAttempt>,
    /// When its charge began to be settled, and when it was captured.
    pub settled: Option<(UnixMs, UnixMs)>,
}

/// A finished request with the times of its parts. Like its record, it has no content, no key and no text of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedRequest {
    /// The caller's span.
    pub parent: Option<TraceParent>,
    /// The record of the access log.
    pub record: AccessRecord,
    /// When it ended.
    pub ended: UnixMs,
    /// Its parts.
    pub steps: TracedSteps,
}

/// Takes finished requests, and makes traces of them.
pub trait TraceSink: Send + Sync {
    /// Whether a request is traced.
    fn wants(&self, id: RequestId, parent: Option<&TraceParent>) -> bool;

    /// Takes a finished request. It must not block.
    fn take(&self, request: TracedRequest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expect: Option<(u128, u64, bool)>) {
        let found = TraceParent::parse(header).map(|parent| (parent.trace, parent.span, parent.is_sampled));
        assert_eq!(found, expect, "{header}");
    }

    #[test]
    fn a_parent_is_read_as_the_recommendation_says() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let ids = (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331);
        check(&format!("00-{trace}-{span}-01"), Some((ids.0, ids.1, true)));
        check(&format!("00-{trace}-{span}-00"), Some((ids.0, ids.1, false)));
        check(&format!("00-{trace}-{span}-03"), Some((ids.0, ids.1, true)));
        // A later version may say more.
        check(&format!("cc-{trace}-{span}-01-what-the-future-brings"), Some((ids.0, ids.1, true)));
        for wrong in [
            String::new(),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-01-more"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{trace}-{span}-1"),
            format!("00-{trace}x-{span}-01"),
            format!("00-{trace}-{span}-+1"),
        ] {
            check(&wrong, None);
        }
    }
}
