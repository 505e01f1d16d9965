//! A hash of the request, which makes one answer differ from another.

/// The constants of FNV-1a for 128 bits.
const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// A hash of the request (FNV-1a, 128 bits). It need not resist attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seed(u128);

impl Seed {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(OFFSET).and(bytes)
    }

    /// A seed for a part of the answer.
    #[must_use]
    pub(super) fn part(self, kind: &str, index: usize) -> Self {
        self.and(kind.as_bytes()).and(&index.to_le_bytes())
    }

    pub(super) fn id(self, prefix: &str) -> String {
        format!("{prefix}{:032x}", self.0)
    }

    /// A number from -1 to 1.
    pub(super) fn unit(self) -> f32 {
        // The upper bits depend on every byte.
        let bits = u16::try_from(self.0 >> 112).unwrap_or_default();
        f32::from(bits) / 32_767.5 - 1.0
    }

    fn and(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME)))
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn ids_follow_from_the_request_and_the_part() {
        let seed = Seed::of(b"a");
        assert_eq!(seed, Seed::of(b"a"));
        assert_ne!(seed, Seed::of(b"b"));
        assert_ne!(seed.part("call", 0), seed.part("call", 1));
        // The published value for "a".
        assert_eq!(seed.id("x_"), "x_d228cb696f1a8caf78912b704e4a8964");
    }
}
