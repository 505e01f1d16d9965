//! A clock and a source of randomness that a test controls.

use opencredits_units::UnixMs;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock that stands still until it is moved. Share it by `Arc`.
#[derive(Debug)]
pub struct FixedClock(AtomicU64);

impl FixedClock {
    /// A clock that shows this time, in milliseconds since 1970.
    #[must_use]
    pub fn at_ms(now_ms: u64) -> Self {
        Self(AtomicU64::new(now_ms))
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        UnixMs::new(self.0.load(Ordering::SeqCst))
    }

    /// Moves it on.
    pub fn advance_ms(&self, by_ms: u64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

/// Bytes that look random and are the same in each run (SplitMix64). Share it by `Arc`.
#[derive(Debug)]
pub struct FixedRandom(AtomicU64);

/// The step of SplitMix64: the golden ratio as a 64-bit fraction.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl FixedRandom {
    /// A source that another source with the same seed repeats.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next 64 bits.
    #[must_use]
    pub fn next(&self) -> u64 {
        let state = self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next().to_le_bytes();
            for (byte, source) in chunk.iter_mut().zip(random) {
                *byte = source;
            }
        }
    }

    /// The next `N` bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}
