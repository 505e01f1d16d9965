//! Time, random numbers, and conversions between counts and places.

/// A point in time or a length of time, in nanoseconds.
pub(super) type Nanos = u64;

pub(super) const SECOND: Nanos = 1_000_000_000;
pub(super) const MILLISECOND: Nanos = 1_000_000;
pub(super) const MICROSECOND: Nanos = 1_000;

/// A part of the run, from its first nanosecond to before its last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) from: Nanos,
    pub(super) to: Nanos,
}

impl Window {
    pub(super) fn contains(self, at: Nanos) -> bool {
        (self.from..self.to).contains(&at)
    }

    pub(super) fn length(self) -> Nanos {
        self.to.saturating_sub(self.from)
    }

    /// How much of the time between two points lies within.
    pub(super) fn overlap(self, start: Nanos, end: Nanos) -> Nanos {
        end.min(self.to).saturating_sub(start.max(self.from))
    }
}

/// A generator of random numbers: SplitMix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below the bound; 0 where the bound is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        scaled(self.next(), bound)
    }

    /// A place in a list of this length.
    pub(super) fn place(&mut self, length: usize) -> usize {
        narrow(self.below(wide(length)))
    }
}

/// Mixes the bits of a number.
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The place of a number in a list of this length, as a hash function gives it.
pub(super) fn hashed(number: usize, salt: usize, length: usize) -> usize {
    let salt = mix(wide(salt).wrapping_add(0x9e37_79b9_7f4a_7c15));
    narrow(scaled(mix(wide(number) ^ salt), wide(length)))
}

/// A number of 64 bits, as one below the bound.
fn scaled(number: u64, bound: u64) -> u64 {
    u64::try_from((u128::from(number) * u128::from(bound)) >> 64).unwrap_or_default()
}

/// So many in this time, as so many a second.
pub(super) fn a_second(count: u64, time: Nanos) -> u64 {
    part_of(count, SECOND, time)
}

/// `count` × `of` ÷ `whole`, rounded down; 0 where the whole is 0.
pub(super) fn part_of(count: u64, of: u64, whole: u64) -> u64 {
    let product = u128::from(count) * u128::from(of);
    product.checked_div(u128::from(whole)).map_or(0, |part| u64::try_from(part).unwrap_or(u64::MAX))
}

pub(super) fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

pub(super) fn narrow(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
