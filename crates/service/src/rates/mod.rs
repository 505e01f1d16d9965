//! How fast a key may send: requests and tokens in a minute, and requests at once.
//!
//! A request takes its place when it arrives. Its estimated input is taken from the tokens of the minute before anything is
//! sent; what it used besides is owed once it is charged, and later requests wait until that is paid off. The counts bound
//! the load and no money. They are in memory, or in a store that several processes share: a process then leases parts of a
//! minute from it, and admits requests from them.

mod bucket;
mod local;
mod places;
mod shared;

use crate::fault::Fault;
use crate::ports::Clock;
pub use crate::rate_limited::{RateKind, RateLeft, RateLimited};
use local::LocalCounts;
use opencredits_store::Rates;
use opencredits_units::KeyId;
pub(crate) use places::RateSharing;
use shared::{SharedCounts, SharedPart};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the requests and tokens of a key are counted.
enum Counts {
    Local(LocalCounts),
    Shared(SharedCounts),
}

/// The rates of one key, for all of its requests.
pub struct KeyRates {
    rates: Rates,
    counts: Counts,
    /// The requests that run here.
    running: Arc<AtomicU32>,
}

impl KeyRates {
    /// Fresh rates; `None` where nothing is bounded. Requests of `before` that run still count.
    #[must_use]
    pub fn new(rates: Rates, before: Option<&Self>, clock: &Arc<dyn Clock>) -> Option<Self> {
        Self::counted_by(rates, before, || Counts::Local(LocalCounts::new(rates, clock)))
    }

    /// The rates of a key that other processes have requests of as well.
    pub(crate) fn shared(
        rates: Rates,
        before: Option<&Self>,
        (sharing, key): (&Arc<RateSharing>, KeyId),
    ) -> Option<Self> {
        Self::counted_by(rates, before, || Counts::Shared(SharedCounts::new(rates, (sharing, key))))
    }

    fn counted_by(rates: Rates, before: Option<&Self>, counts: impl FnOnce() -> Counts) -> Option<Self> {
        if rates == Rates::default() {
            return None;
        }
        let running = before.map(|before| Arc::clone(&before.running)).unwrap_or_default();
        Some(Self { rates, counts: counts(), running })
    }

    /// The figures that they were made of.
    #[must_use]
    pub const fn rates(&self) -> Rates {
        self.rates
    }

    /// Admits a request: it has its place until the permit is dropped. Counts in memory are asked at once.
    ///
    /// # Errors
    /// When too many run, when too many came within a minute, or when the store that the counts are in fails.
    pub async fn admit(self: &Arc<Self>) -> Result<RatePermit, Fault> {
        let mut permit = self.place()?;
        match &self.counts {
            Counts::Local(counts) => counts.take_request()?,
            // Boxed, so that requests of other keys are not larger for it.
            Counts::Shared(counts) => permit.shared = Some(Box::pin(counts.admit(self.rates.parallel_max)).await?),
        }
        Ok(permit)
    }

    fn place(self: &Arc<Self>) -> Result<RatePermit, RateLimited> {
        let max = self.rates.parallel_max.map_or(u32::MAX, NonZeroU32::get);
        let more = |running: u32| (running < max).then(|| running.saturating_add(1));
        let placed = self.running.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        placed.map_err(|_| RateLimited::parallel(max))?;
        Ok(RatePermit { of: Arc::clone(self), reserved: 0, shared: None })
    }

    /// The number of requests that run in this process.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.running.load(Ordering::SeqCst)
    }

    /// What is left of the requests of this minute, where they are bounded, and of its tokens, where those are. Where other
    /// processes have a part in them, it is what was left when the store was last asked.
    #[must_use]
    pub fn left(&self) -> (Option<RateLeft>, Option<RateLeft>) {
        match &self.counts {
            Counts::Local(counts) => counts.left(),
            Counts::Shared(counts) => counts.left(),
        }
    }

    /// What is left of the requests of this minute, where they are bounded.
    #[must_use]
    pub fn requests(&self) -> Option<RateLeft> {
        self.left().0
    }

    /// What is left of the tokens of this minute, where they are bounded.
    #[must_use]
    pub fn tokens(&self) -> Option<RateLeft> {
        self.left().1
    }
}

/// The place of a request among those of its key. Dropping it gives the place back, and the tokens that nobody settled.
pub struct RatePermit {
    of: Arc<KeyRates>,
    reserved: u64,
    /// What it has in the store, where other processes share the rates.
    shared: Option<Box<SharedPart>>,
}

impl RatePermit {
    /// Takes the estimated input, before anything is sent.
    ///
    /// # Errors
    /// When the minute has too few tokens left, or when the store that the counts are in fails.
    pub async fn reserve(&mut self, tokens: u64) -> Result<(), Fault> {
        let reserved = match (&self.of.counts, &mut self.shared) {
            (Counts::Local(counts), _) => counts.reserve(tokens)?,
            (Counts::Shared(counts), Some(part)) => Box::pin(counts.reserve(part, tokens)).await?,
            (Counts::Shared(_), None) => 0,
        };
        self.reserved = self.reserved.saturating_add(reserved);
        Ok(())
    }

    /// Replaces what was taken by what was used.
    pub fn settle(&mut self, tokens: u64) {
        let reserved = std::mem::take(&mut self.reserved);
        match (&self.of.counts, &mut self.shared) {
            (Counts::Local(counts), _) => counts.settle(reserved, tokens),
            (Counts::Shared(counts), Some(part)) => counts.settle(part, (reserved, tokens)),
            (Counts::Shared(_), None) => {}
        }
    }
}

impl Drop for RatePermit {
    fn drop(&mut self) {
        if self.reserved > 0 {
            self.settle(0);
        }
        self.of.running.fetch_sub(1, Ordering::SeqCst);
        if let (Counts::Shared(counts), Some(part)) = (&self.of.counts, self.shared.take()) {
            counts.leave(*part);
        }
    }
}

#[cfg(test)]
mod shared_tests;
#[cfg(test)]
mod tests;
