//! What the use cases ask of the outside world besides storage and transport.

use opencredits_units::{Id, UnixMs};

/// Tells the time. The binary puts the system's clock in, tests put a fixed one.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixMs;
}

/// Gives randomness fit for secrets. The binary puts the operating system's in.
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
