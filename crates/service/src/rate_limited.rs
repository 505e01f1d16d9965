//! What is left of a rate, and the refusal of a request that comes too fast.

/// How long a request that finds no place is told to wait, in ms: how long others run is unknown.
const PARALLEL_WAIT_MS: u64 = 1_000;

/// What a key has too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateKind {
    /// Requests in a minute.
    Requests,
    /// Tokens in a minute.
    Tokens,
    /// Requests at once.
    Parallel,
}

/// A request came too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key has used up {kind:?}, at most {max}; try again in {wait_ms} ms")]
pub struct RateLimited {
    /// What the key has too much of.
    pub kind: RateKind,
    /// The largest number.
    pub max: u32,
    /// When it makes sense to try again, in ms from now.
    pub wait_ms: u64,
}

impl RateLimited {
    /// As many run as may.
    pub(crate) const fn parallel(max: u32) -> Self {
        Self { kind: RateKind::Parallel, max, wait_ms: PARALLEL_WAIT_MS }
    }
}

/// What is left of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLeft {
    /// The largest number in a minute.
    pub max: u32,
    /// The number that is left now.
    pub left: u32,
    /// When all of it is left again, in ms from now.
    pub reset_ms: u64,
}

/// A count that may be owed.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
