//! The ports of the use cases besides storage and transport.

use opencredits_units::{Id, UnixMs};

/// Tells the time. The binary uses the system's clock, tests use a fixed one.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixMs;
}

/// A source of cryptographic randomness. The binary uses the operating system's.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// A fresh time-ordered id.
pub fn fresh_id<K>(now: UnixMs, entropy: &dyn Entropy) -> Id<K> {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    Id::at(now, random)
}
