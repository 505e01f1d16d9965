//! How fast keys may send, where several processes share their limits: records and port.

use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{KeyId, UnixMs};

/// The length of a window, in ms. Windows begin with the minutes of UTC.
pub const RATE_WINDOW_MS: u64 = 60_000;
/// The places of a holder count for so long after it was seen last, in ms.
pub const PLACE_LASTS_MS: u64 = 30_000;

/// Rows of windows without debts, and of holders, are kept so long after their last use, in ms.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) const KEPT_MS: u64 = 600_000;
/// Those of windows with debts.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) const OWED_KEPT_MS: u64 = UnixMs::DAY_MS;
/// More than any request uses. What is owed at once is at most so much, so that sums fit their columns.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
const OWED_MAX: i64 = 1 << 40;

/// What is counted of a key in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateUnit {
    /// Requests.
    Requests,
    /// Tokens, input and output together.
    Tokens,
}

/// The count of one thing of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateBucket {
    /// The key.
    pub key: KeyId,
    /// What is counted.
    pub unit: RateUnit,
}

impl RateBucket {
    /// Its name in the store: the id of the key and a byte for the unit.
    #[must_use]
    pub fn bytes(self) -> [u8; 17] {
        let unit = match self.unit {
            RateUnit::Requests => 1,
            RateUnit::Tokens => 2,
        };
        let mut bytes = [unit; 17];
        for (byte, of_key) in bytes.iter_mut().zip(self.key.bits().to_be_bytes()) {
            *byte = of_key;
        }
        bytes
    }
}

/// A part of a minute's limit, which one process may use until the minute ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLease {
    /// What was taken; 0 where nothing is left.
    pub granted: u32,
    /// What is left for others.
    pub left: u32,
    /// The time to the end of the window, in ms; 0 where it has just ended.
    pub resets_in_ms: u64,
    /// The window: it names it to [`SharedRates::give_back_rate`].
    pub window: u64,
}

/// Limits of keys that several processes share. A process leases parts of a limit and admits requests from them, so that all of them
/// together admit no more than the limit, without a question to the store for each request.
///
/// PostgreSQL goes by its own clock, since those of the processes may differ by minutes, and ignores `now`. SQLite goes by `now`: its
/// processes are on one machine.
#[async_trait]
pub trait SharedRates: Send + Sync {
    /// Takes up to `want` of what is left of this minute's `max`: less where less is left. What was owed above the limit of earlier
    /// minutes is used from the beginning.
    async fn lease_rate(&self, bucket: RateBucket, want: u32, max: u32, now: UnixMs) -> Result<RateLease, StoreError>;
    /// Gives back what was leased in a window and not used; returns whether the count is still of that window. Otherwise nothing
    /// happens.
    async fn give_back_rate(&self, bucket: RateBucket, window: u64, count: u32) -> Result<bool, StoreError>;
    /// Adds what is known to be used only afterwards, also above the limit: later windows carry it over. Below zero it is taken away,
    /// from what is used of whichever window it is then, and never more than that.
    async fn owe_rate(&self, bucket: RateBucket, count: i64, now: UnixMs) -> Result<(), StoreError>;
    /// Takes a place for a request of a key, if fewer than `max` are taken by this holder and by those that were seen within
    /// [`PLACE_LASTS_MS`]; returns whether it did. A holder is a process, not a machine, and its name is not empty: one that begins
    /// again has another name. Who takes a place is seen.
    async fn take_place(&self, key: KeyId, holder: &str, max: u32, now: UnixMs) -> Result<bool, StoreError>;
    /// Gives up a place, if the holder has one.
    async fn leave_place(&self, key: KeyId, holder: &str) -> Result<(), StoreError>;
    /// A holder is seen: all of its places count again; returns of how many keys it has some.
    async fn refresh_places(&self, holder: &str, now: UnixMs) -> Result<u64, StoreError>;
    /// Deletes rows of minutes ago that bound nothing any more; returns how many.
    async fn forget_rates(&self, now: UnixMs) -> Result<u64, StoreError>;
}

/// What is owed at once.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn owed(count: i64) -> i64 {
    count.clamp(-OWED_MAX, OWED_MAX)
}
