//! Those who follow the records as they come, through a bounded queue that drops the oldest.

use super::record::{AccessOutcome, AccessRecord};
use opencredits_units::PartnerId;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;

/// The records that a follower may be behind. One that reads more slowly loses the oldest, and is told how many.
const BEHIND_MAX: usize = 4_096;

/// Those who follow. Where nobody does, a record costs one look at a counter.
pub(super) struct Audience {
    records: broadcast::Sender<Arc<AccessRecord>>,
    followers: Arc<AtomicUsize>,
    ended: watch::Sender<bool>,
}

impl Default for Audience {
    fn default() -> Self {
        Self {
            records: broadcast::Sender::new(BEHIND_MAX),
            followers: Arc::default(),
            ended: watch::Sender::new(false),
        }
    }
}

impl Audience {
    pub(super) fn is_there(&self) -> bool {
        self.followers.load(Ordering::Relaxed) > 0
    }

    pub(super) fn tell(&self, record: AccessRecord) {
        // An error says that the last follower has just left.
        let _heard = self.records.send(Arc::new(record));
    }

    pub(super) fn follow(&self) -> Follower {
        self.followers.fetch_add(1, Ordering::Relaxed);
        Follower {
            records: self.records.subscribe(),
            followers: Arc::clone(&self.followers),
            ended: self.ended.subscribe(),
        }
    }

    pub(super) fn end(&self) {
        self.ended.send_replace(true);
    }
}

/// What a follower gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// A finished request.
    Record(Arc<AccessRecord>),
    /// So many records came and went unread.
    Missed(u64),
}

/// Follows the records of a gateway. It never makes a request wait.
pub struct Follower {
    records: broadcast::Receiver<Arc<AccessRecord>>,
    followers: Arc<AtomicUsize>,
    ended: watch::Receiver<bool>,
}

impl Follower {
    /// The next; `None` once the gateway ends.
    pub async fn next(&mut self) -> Option<Followed> {
        tokio::select! {
            // What came before the end is told before it.
            biased;
            received = self.records.recv() => match received {
                Ok(record) => Some(Followed::Record(record)),
                Err(RecvError::Lagged(missed)) => Some(Followed::Missed(missed)),
                Err(RecvError::Closed) => None,
            },
            _ended = self.ended.wait_for(|ended| *ended) => None,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.followers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Which records a follower wants. Each member that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessFilter {
    /// The model that was served or asked for.
    pub model: Option<String>,
    /// The vendor.
    pub vendor: Option<String>,
    /// The partner.
    pub partner: Option<PartnerId>,
    /// The outcome.
    pub outcome: Option<AccessOutcome>,
    /// The least duration, in ms.
    pub min_ms: u64,
    /// Only what was refused or failed.
    pub errors: bool,
}

impl AccessFilter {
    /// Whether a record passes.
    #[must_use]
    pub fn passes(&self, record: &AccessRecord) -> bool {
        let call = &record.call;
        let of_model = |name: &String| call.model.as_ref() == Some(name) || call.asked.as_ref() == Some(name);
        self.model.as_ref().is_none_or(of_model)
            && self.vendor.as_ref().is_none_or(|vendor| call.vendor.as_ref() == Some(vendor))
            && self.partner.is_none_or(|partner| call.partner == Some(partner))
            && self.outcome.is_none_or(|outcome| record.outcome == outcome)
            && record.duration_ms >= self.min_ms
            && (!self.errors || record.outcome.is_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_units::RequestId;
    use serde_json::{Value, json};

    fn record(number: u128, more: Value) -> AccessRecord {
        let mut record = json!({"request_id": RequestId::from_bits(number), "began_ms": 1, "method": "POST",
            "outcome": "served", "status": 200, "duration_ms": 100, "model": "a/m", "asked": "a/n", "vendor": "v"});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(record).unwrap()
    }

    #[tokio::test]
    async fn who_reads_too_slowly_loses_the_oldest_and_is_told_how_many() {
        let audience = Audience::default();
        assert!(!audience.is_there());
        let mut follower = audience.follow();
        assert!(audience.is_there());
        let behind = u128::try_from(BEHIND_MAX).unwrap();
        for number in 0..behind + 10 {
            audience.tell(record(number, json!({})));
        }
        audience.end();
        assert_eq!(follower.next().await, Some(Followed::Missed(10)));
        for number in 10..behind + 10 {
            let Some(Followed::Record(read)) = follower.next().await else { panic!("record {number}") };
            assert_eq!(read.request_id, RequestId::from_bits(number));
        }
        assert_eq!(follower.next().await, None);
        assert_eq!(audience.follow().next().await, None, "and holds for those who come later");
        drop(follower);
        assert!(!audience.is_there());
    }

    #[test]
    fn a_filter_passes_what_has_everything_that_it_names() {
        let check = |filter: AccessFilter, more: Value, passes: bool| {
            assert_eq!(filter.passes(&record(1, more.clone())), passes, "{filter:?} on {more}");
        };
        let named = |name: &str| Some(name.to_owned());
        let none = AccessFilter::default;
        check(none(), json!({"outcome": "abandoned", "status": null}), true);
        check(AccessFilter { model: named("a/m"), ..none() }, json!({}), true);
        check(AccessFilter { model: named("a/n"), ..none() }, json!({}), true);
        check(AccessFilter { model: named("a/o"), ..none() }, json!({}), false);
        check(AccessFilter { vendor: named("v"), model: named("a/o"), ..none() }, json!({}), false);
        check(AccessFilter { vendor: named("w"), ..none() }, json!({}), false);
        let partner = PartnerId::from_bits(4);
        check(AccessFilter { partner: Some(partner), ..none() }, json!({}), false);
        check(AccessFilter { partner: Some(partner), ..none() }, json!({"partner": partner}), true);
        check(AccessFilter { min_ms: 100, ..none() }, json!({}), true);
        check(AccessFilter { min_ms: 101, ..none() }, json!({}), false);
        for (outcome, is_error) in AccessOutcome::ALL.into_iter().zip([false, true, true, false]) {
            check(AccessFilter { errors: true, ..none() }, json!({ "outcome": outcome }), is_error);
            check(AccessFilter { outcome: Some(outcome), ..none() }, json!({ "outcome": outcome }), true);
            check(AccessFilter { outcome: Some(outcome), ..none() }, json!({}), outcome == AccessOutcome::Served);
        }
    }
}
