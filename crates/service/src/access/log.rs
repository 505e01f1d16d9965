//! What becomes of records: a line of the log, and those who follow.

use super::follow::{Audience, Follower};
use super::line;
use super::record::AccessRecord;
use super::traced::TraceSink;
use crate::ports::Clock;
use arc_swap::ArcSwap;
use opencredits_keys::Mode;
use opencredits_units::{CreditPrice, GenerationId, RequestId, UnixMs};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A share is counted in millionths.
const SHARE_WHOLE: u32 = 1_000_000;

/// Which requests get a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLines {
    /// All of them, or a share.
    All,
    /// Those that were refused or failed.
    Errors,
    /// None.
    Off,
}

/// The settings of the access log.
///
/// ```
/// use opencredits_service::access::{AccessLines, AccessSettings};
/// use opencredits_units::{CreditPrice, RequestId};
/// let settings = AccessSettings::new(AccessLines::All, 0.1, CreditPrice::default());
/// let (first, second) = (RequestId::from_bits(7), RequestId::from_bits(123_456));
/// assert!(settings.wants(first, false) && !settings.wants(second, false) && settings.wants(second, true));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct AccessSettings {
    /// Which requests get a line.
    lines: AccessLines,
    /// The share of requests that get one, in millionths. Errors get one in any case.
    share: u32,
    /// The price of a credit.
    price: CreditPrice,
}

impl AccessSettings {
    /// Lines for these, and for this share of them. What is no share from 0 to 1 counts as the nearest one.
    #[must_use]
    pub fn new(lines: AccessLines, sample: f64, price: CreditPrice) -> Self {
        // The cast saturates, and is 0 for what is no number.
        let share = (sample.clamp(0.0, 1.0) * f64::from(SHARE_WHOLE)).round() as u32;
        Self { lines, share, price }
    }

    /// Whether a request gets a line: the same for one id, whenever it is asked.
    #[must_use]
    pub fn wants(&self, id: RequestId, is_error: bool) -> bool {
        match self.lines {
            AccessLines::Off => false,
            _ if is_error => true,
            AccessLines::Errors => false,
            AccessLines::All if self.share == SHARE_WHOLE => true,
            AccessLines::All => id.bits().rem_euclid(u128::from(SHARE_WHOLE)) < u128::from(self.share),
        }
    }
}

/// Requests that run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCounts {
    /// All.
    pub requests: u64,
    /// Those whose answer is streamed and has begun.
    pub streams: u64,
}

/// Takes the records of finished requests. One of a gateway.
pub struct AccessLog {
    settings: ArcSwap<AccessSettings>,
    pub(super) mode: Mode,
    clock: Arc<dyn Clock>,
    requests: AtomicU64,
    streams: AtomicU64,
    audience: Audience,
    traces: OnceLock<Arc<dyn TraceSink>>,
}

impl AccessLog {
    /// A log of the requests of one mode.
    #[must_use]
    pub fn new(settings: AccessSettings, mode: Mode, clock: Arc<dyn Clock>) -> Self {
        let (requests, streams) = (AtomicU64::new(0), AtomicU64::new(0));
        let settings = ArcSwap::from_pointee(settings);
        Self { settings, mode, clock, requests, streams, audience: Audience::default(), traces: OnceLock::new() }
    }

    /// Gives finished requests to a sink of traces, too. The first one stays.
    pub fn trace_to(&self, sink: Arc<dyn TraceSink>) {
        let _first_stays = self.traces.set(sink);
    }

    pub(super) fn traces(&self) -> Option<&dyn TraceSink> {
        self.traces.get().map(|sink| &**sink)
    }

    /// Exchanges the settings, from the next record on.
    pub(crate) fn set(&self, settings: AccessSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// The price of a credit.
    pub(super) fn price(&self) -> CreditPrice {
        self.settings.load().price
    }

    /// The requests that run.
    #[must_use]
    pub fn open(&self) -> OpenCounts {
        OpenCounts { requests: self.requests.load(Ordering::Relaxed), streams: self.streams.load(Ordering::Relaxed) }
    }

    /// Follows the records from now on.
    #[must_use]
    pub fn follow(&self) -> Follower {
        self.audience.follow()
    }

    /// Whether anybody follows.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.audience.is_there()
    }

    /// Ends everybody's following, also of those who begin later.
    pub fn end_following(&self) {
        self.audience.end();
    }

    pub(super) fn now(&self) -> UnixMs {
        self.clock.now()
    }

    pub(super) fn entered(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stream_begun(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request as ended, whose record nobody wants.
    pub(super) fn left_unseen(&self) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a request as ended, and takes its record where anybody wants it.
    pub(super) fn left(
        &self,
        id: GenerationId,
        (is_stream, is_error): (bool, bool),
        record: impl FnOnce() -> AccessRecord,
    ) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
        if is_stream {
            self.streams.fetch_sub(1, Ordering::Relaxed);
        }
        let is_logged = self.is_logged(id.cast(), is_error);
        if is_logged || self.audience.is_there() {
            self.give(record(), is_logged);
        }
    }

    fn is_logged(&self, id: RequestId, is_error: bool) -> bool {
        self.settings.load().wants(id, is_error) && line::is_heard()
    }

    /// Takes a record: for the log where its settings say so, and for everybody who follows.
    pub fn take(&self, record: AccessRecord) {
        let is_logged = self.is_logged(record.request_id, record.outcome.is_error());
        self.give(record, is_logged);
    }

    fn give(&self, record: AccessRecord, is_logged: bool) {
        if is_logged {
            line::write(&record);
        }
        if self.audience.is_there() {
            self.audience.tell(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(lines: AccessLines, sample: f64, is_error: bool) -> usize {
        let settings = AccessSettings::new(lines, sample, CreditPrice::default());
        // Ids of one millisecond, with random bits that are spread.
        let ids = (0..10_000_u64).map(|number| {
            let mut random = [0; 10];
            random[2..].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            RequestId::at(UnixMs::new(1_700_000_000_000), random)
        });
        ids.filter(|id| {
            let wanted = settings.wants(*id, is_error);
            assert_eq!(settings.wants(*id, is_error), wanted, "one id, one decision");
            wanted
        })
        .count()
    }

    #[test]
    fn a_share_of_the_requests_is_logged_by_their_ids_and_every_error() {
        for (lines, sample, served, errors) in [
            (AccessLines::All, 1.0, 10_000..=10_000, 10_000),
            (AccessLines::All, 0.1, 900..=1_100, 10_000),
            (AccessLines::All, 0.0, 0..=0, 10_000),
            (AccessLines::Errors, 1.0, 0..=0, 10_000),
            (AccessLines::Off, 1.0, 0..=0, 0),
        ] {
            let found = logged(lines, sample, false);
            assert!(served.contains(&found), "{lines:?} {sample}: {found}");
            assert_eq!(logged(lines, sample, true), errors, "{lines:?} {sample}");
        }
    }
}
