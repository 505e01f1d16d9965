//! The rates of a key that requests at several processes have.

use super::bucket::{SharedBucket, Taken};
use super::places::{Place, RateSharing};
use crate::fault::Fault;
use crate::rate_limited::{RateLeft, RateLimited};
use opencredits_store::{RateUnit, Rates};
use opencredits_units::KeyId;
use parking_lot::Mutex;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long no place is asked for after there was none, unless one is given up here.
const FULL: Duration = Duration::from_millis(50);

/// The counts of a key in the store.
pub(super) struct SharedCounts {
    sharing: Arc<RateSharing>,
    key: KeyId,
    requests: Option<Arc<SharedBucket>>,
    tokens: Option<Arc<SharedBucket>>,
    full_until: Mutex<Option<Instant>>,
}

/// What a request has of them.
pub(super) struct SharedPart {
    place: Option<Place>,
    tokens: Taken,
}

impl SharedCounts {
    pub(super) fn new(rates: Rates, of: (&Arc<RateSharing>, KeyId)) -> Self {
        let bucket = |unit, max: Option<NonZeroU32>| max.map(|max| SharedBucket::new(of, unit, max));
        Self {
            sharing: Arc::clone(of.0),
            key: of.1,
            requests: bucket(RateUnit::Requests, rates.requests_per_minute),
            tokens: bucket(RateUnit::Tokens, rates.tokens_per_minute),
            full_until: Mutex::new(None),
        }
    }

    /// Admits a request. A key without a limit of requests at once has no places.
    pub(super) async fn admit(&self, parallel_max: Option<NonZeroU32>) -> Result<Box<SharedPart>, Fault> {
        if let Some(requests) = &self.requests {
            requests.check(1)?;
        }
        let place = match parallel_max {
            Some(max) => Some(self.place(max.get()).await?),
            None => None,
        };
        if let Some(requests) = &self.requests {
            requests.take(1).await?;
        }
        Ok(Box::new(SharedPart { place, tokens: Taken::default() }))
    }

    async fn place(&self, max: u32) -> Result<Place, Fault> {
        let limited = RateLimited::parallel(max);
        if self.full_until.lock().is_some_and(|until| Instant::now() < until) {
            return Err(limited.into());
        }
        let place = self.sharing.place(self.key, max).await?;
        if place.is_none() {
            *self.full_until.lock() = Some(Instant::now() + FULL);
        }
        place.ok_or_else(|| limited.into())
    }

    /// Ends the part of a request.
    pub(super) fn leave(&self, part: SharedPart) {
        if let Some(place) = part.place {
            drop(place);
            *self.full_until.lock() = None;
        }
    }

    /// Takes so many tokens; returns how many that were.
    pub(super) async fn reserve(&self, part: &mut SharedPart, tokens: u64) -> Result<u64, Fault> {
        let Some(bucket) = &self.tokens else { return Ok(0) };
        bucket.reserve(&mut part.tokens, tokens).await?;
        Ok(tokens)
    }

    /// Replaces the tokens that were taken by those that were used.
    pub(super) fn settle(&self, part: &mut SharedPart, (reserved, used): (u64, u64)) {
        if let Some(bucket) = &self.tokens {
            bucket.settle(std::mem::take(&mut part.tokens), (reserved, used));
        }
    }

    /// What is left of requests and of tokens.
    pub(super) fn left(&self) -> (Option<RateLeft>, Option<RateLeft>) {
        let left = |bucket: &Option<Arc<SharedBucket>>| bucket.as_ref().map(|bucket| bucket.left());
        (left(&self.requests), left(&self.tokens))
    }
}
