//! Limits of attempts, by address, by network and overall, as records that survive a restart.

use opencredits_keys::HashKey;
use opencredits_units::UnixMs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU32, NonZeroU64};

/// Network prefixes of one client.
const PREFIXES_MAX: usize = 2;
const LABEL: &[u8] = b"opencredits attempts v1";

/// How many attempts are permitted: `burst` at once, and one more every `refill_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    burst: NonZeroU32,
    refill_ms: NonZeroU64,
}

impl Limit {
    /// At most `burst` attempts at once, and one every `refill_ms` in the long run; none for a zero.
    #[must_use]
    pub const fn new(burst: u32, refill_ms: u64) -> Option<Self> {
        match (NonZeroU32::new(burst), NonZeroU64::new(refill_ms)) {
            (Some(burst), Some(refill_ms)) => Some(Self { burst, refill_ms }),
            _ => None,
        }
    }

    /// How long an empty bucket takes to fill.
    fn depth_ms(self) -> u64 {
        self.refill_ms.get().saturating_mul(u64::from(self.burst.get()))
    }
}

/// The limits of one kind of attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one address.
    pub address: Limit,
    /// Of a /24 of IPv4, or a /64 of IPv6: a home or an office.
    pub network: Limit,
    /// Of a /48 of IPv6: a site, which has 65,536 /64.
    pub site: Limit,
    /// Of all together.
    pub overall: Limit,
}

/// There are no more attempts for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("too many attempts; try again in {} s", self.secs())]
pub struct Wait {
    /// How long until the next one is permitted.
    pub ms: u64,
}

impl Wait {
    /// The same in seconds, rounded up, for `Retry-After`.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.ms.div_ceil(1_000)
    }
}

/// A token bucket: 16 bytes for a store. A bucket that is not stored is full, which is the default.
///
/// What is kept is what is missing, in milliseconds until the bucket is full: all arithmetic is exact, and a full bucket
/// is zero under every limit. This is the generic cell rate algorithm (ITU-T I.371) in other words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// How long it took to fill at `at`, in milliseconds.
    pub level: u64,
    /// When it was looked at last.
    pub at: UnixMs,
}

impl Bucket {
    /// Takes one attempt, or says how long to wait. A refused attempt costs nothing; store the bucket in either case.
    ///
    /// Where the clock went back, time counts from where it is now: nobody waits for it to catch up.
    ///
    /// # Errors
    /// [`Wait`] until the next attempt is permitted.
    pub fn take(&mut self, limit: Limit, now: UnixMs) -> Result<(), Wait> {
        self.settle(limit, now);
        let wait = self.wait(limit);
        if wait.ms > 0 {
            return Err(wait);
        }
        self.level = self.level.saturating_add(limit.refill_ms.get());
        Ok(())
    }

    /// From then on the record may be forgotten: an absent one says the same.
    #[must_use]
    pub const fn is_full_at(&self) -> UnixMs {
        self.at.saturating_add_ms(self.level)
    }

    /// The record.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        let both = (u128::from(self.level) << 64) | u128::from(self.at.get());
        both.to_be_bytes()
    }

    /// The bucket of a record.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
        Self { level: half(both >> 64), at: UnixMs::new(half(both)) }
    }

    /// Brings the record to `now`. A limit that was lowered since locks nobody out for longer than it takes to fill.
    fn settle(&mut self, limit: Limit, now: UnixMs) {
        self.level = self.level.saturating_sub(now.ms_since(self.at)).min(limit.depth_ms());
        self.at = now;
    }

    /// How long until one can be taken, from `at` on.
    fn wait(&self, limit: Limit) -> Wait {
        Wait { ms: self.level.saturating_add(limit.refill_ms.get()).saturating_sub(limit.depth_ms()) }
    }
}

/// Takes one attempt from each of several buckets, or from none of them. Store them in either case.
///
/// # Errors
/// The longest [`Wait`] of those that refuse.
pub fn take_all(buckets: &mut [(Bucket, Limit)], now: UnixMs) -> Result<(), Wait> {
    buckets.iter_mut().for_each(|(bucket, limit)| bucket.settle(*limit, now));
    let longest = buckets.iter().map(|(bucket, limit)| bucket.wait(*limit)).max();
    if let Some(wait) = longest.filter(|wait| wait.ms > 0) {
        return Err(wait);
    }
    buckets.iter_mut().try_for_each(|(bucket, limit)| bucket.take(*limit, now))
}

/// The key of a bucket in a store: a keyed hash, cut to 16 bytes. It names neither address nor network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketKey([u8; 16]);

impl BucketKey {
    /// Its bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn new(key: &HashKey, action: &str, scope: &str, value: &[u8]) -> Self {
        let hash = key.hash(&[LABEL, action.as_bytes(), scope.as_bytes(), value]);
        Self(hash.first_chunk().copied().unwrap_or_default())
    }
}

/// Who attempts what.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// What is attempted, such as `send_code`: each action has buckets of its own.
    pub action: &'a str,
    /// The address that it concerns, if it concerns one.
    pub address: Option<&'a str>,
    /// Where it comes from; none where its network does not count, since the person is known already.
    pub from: Option<IpAddr>,
}

impl Attempt<'_> {
    /// The buckets that it takes from, with their limits: four at most.
    #[must_use]
    pub fn buckets(&self, key: &HashKey, limits: &Limits) -> Vec<(BucketKey, Limit)> {
        let bucket = |scope: &str, value: &[u8]| BucketKey::new(key, self.action, scope, value);
        let mut buckets = vec![(bucket("overall", b""), limits.overall)];
        if let Some(address) = self.address {
            // Spellings of one address share a bucket.
            let address = address.trim().to_lowercase();
            buckets.push((bucket("address", address.as_bytes()), limits.address));
        }
        for prefix in self.from.into_iter().flat_map(NetworkPrefix::all_of) {
            let limit = if prefix.bits == 48 { limits.site } else { limits.network };
            buckets.push((bucket(prefix.scope(), &prefix.octets()), limit));
        }
        buckets
    }
}

/// A network that a client belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NetworkPrefix {
    /// The address with the host's bits cleared.
    pub address: IpAddr,
    /// How many bits name the network.
    pub bits: u8,
}

impl NetworkPrefix {
    /// The networks of an address: its /24 for IPv4, also where it is written within IPv6 (RFC 4291, section 2.5.5.2); its
    /// /64 and its /48 for IPv6.
    #[must_use]
    pub fn all_of(address: IpAddr) -> Vec<Self> {
        let mut prefixes = Vec::with_capacity(PREFIXES_MAX);
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let network = Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8));
                prefixes.push(Self { address: network.into(), bits: 24 });
            }
            IpAddr::V6(v6) => {
                for (bits, mask) in [(64, u128::MAX << 64), (48, u128::MAX << 80)] {
                    prefixes.push(Self { address: Ipv6Addr::from_bits(v6.to_bits() & mask).into(), bits });
                }
            }
        }
        prefixes
    }

    const fn scope(&self) -> &'static str {
        match self.bits {
            24 => "ipv4/24",
            48 => "ipv6/48",
            _ => "ipv6/64",
        }
    }

    fn octets(&self) -> Vec<u8> {
        match self.address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        }
    }
}
