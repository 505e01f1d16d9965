//! A fingerprint of a request, which distinguishes a replay from another request with the same id.

/// FNV-1a, 64 bits (draft-eastlake-fnv). It is stored with each entry, so it must never change. It guards against
/// mistakes of callers, not against attackers: a caller of the ledger may move money anyway.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint(u64);

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

impl Fingerprint {
    pub(crate) const fn new() -> Self {
        Self(OFFSET)
    }

    pub(crate) fn with(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
        self
    }

    pub(crate) const fn value(self) -> u64 {
        self.0
    }
}
