//! The memory budget of the process: what bodies and answers may take together, and a share of it for each client.
//!
//! The first [`FREE_BYTES`] of a body are not counted. They are bounded by the number of connections, and nearly all
//! requests need no more, so these never touch the budget.

use bytes::Bytes;
use hashbrown::HashMap;
use opencredits_units::KeyId;
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;

/// Bytes of each body that are not counted.
pub const FREE_BYTES: usize = 64 << 10;
/// A reservation grows by so many bytes at least, so that a body of many pieces seldom waits for the budget.
const STEP_BYTES: usize = 256 << 10;
/// A client may have one part in so many of the budget.
const SHARE_PART: usize = 4;

/// Who has reserved memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemoryOwner {
    /// The key of a request.
    Key(KeyId),
    /// The address of a client.
    Address(IpAddr),
}

/// The memory that may be reserved, and what is.
pub struct MemoryBudget {
    max: usize,
    reserved: Mutex<Reserved>,
}

#[derive(Default)]
struct Reserved {
    all: usize,
    of: HashMap<MemoryOwner, usize>,
}

/// No memory is left, for this client or for any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much memory is in use for requests like this one")]
pub struct NoMemory;

/// Memory of one request. It is given back when this is dropped.
pub struct Reservation {
    budget: Arc<MemoryBudget>,
    owners: [Option<MemoryOwner>; 2],
    bytes: usize,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, reserved: Mutex::default() }
    }

    /// The memory that may be reserved, in bytes.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }

    /// The memory that is reserved now, in bytes.
    #[must_use]
    pub fn reserved(&self) -> usize {
        self.reserved.lock().all
    }

    /// A reservation of nothing, which counts for these owners as it grows.
    #[must_use]
    pub const fn reservation(self: Arc<Self>, owners: [Option<MemoryOwner>; 2]) -> Reservation {
        Reservation { budget: self, owners, bytes: 0 }
    }

    /// The share of one client.
    const fn share(&self) -> usize {
        self.max.div_ceil(SHARE_PART)
    }
}

impl Reservation {
    /// Reserves at least `bytes` in total.
    ///
    /// # Errors
    /// When the budget, or the share of an owner, has less.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), NoMemory> {
        if bytes <= self.bytes.max(FREE_BYTES) {
            return Ok(());
        }
        let more = bytes.saturating_sub(self.bytes).max(STEP_BYTES);
        let mut reserved = self.budget.reserved.lock();
        let all = reserved.all.checked_add(more).filter(|all| *all <= self.budget.max).ok_or(NoMemory)?;
        let share = self.budget.share();
        for owner in self.owners.iter().flatten() {
            if reserved.of.get(owner).copied().unwrap_or_default().saturating_add(more) > share {
                return Err(NoMemory);
            }
        }
        reserved.all = all;
        for owner in self.owners.iter().flatten() {
            let of = reserved.of.entry(*owner).or_default();
            *of = of.saturating_add(more);
        }
        self.bytes = self.bytes.saturating_add(more);
        Ok(())
    }

    /// A new reservation of nothing for the same owners.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { budget: Arc::clone(&self.budget), owners: self.owners, bytes: 0 }
    }

    /// The same bytes, which keep this reservation until the last copy of them is dropped.
    #[must_use]
    pub fn keep_with(self, bytes: Bytes) -> Bytes {
        if self.bytes == 0 { bytes } else { Bytes::from_owner(Kept { bytes, _reservation: self }) }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut reserved = self.budget.reserved.lock();
        reserved.all = reserved.all.saturating_sub(self.bytes);
        for owner in self.owners.iter().flatten() {
            if let Some(of) = reserved.of.get_mut(owner) {
                *of = of.saturating_sub(self.bytes);
                if *of == 0 {
                    reserved.of.remove(owner);
                }
            }
        }
    }
}

struct Kept {
    bytes: Bytes,
    _reservation: Reservation,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 16 << 20;

    fn of(budget: &Arc<MemoryBudget>, key: u128) -> Reservation {
        Arc::clone(budget).reservation([Some(MemoryOwner::Key(KeyId::from_bits(key))), None])
    }

    #[test]
    fn nobody_gets_more_than_a_share_and_all_together_no_more_than_the_budget() {
        let budget = Arc::new(MemoryBudget::new(MAX));
        let mut kept = Vec::new();
        for key in 1..=5 {
            let mut taken = 0;
            let mut refused = of(&budget, key);
            while refused.grow_to(1 << 20).is_ok() {
                kept.push(std::mem::replace(&mut refused, of(&budget, key)));
                taken += 1;
            }
            assert_eq!(taken, if key < 5 { 4 } else { 0 }, "key {key}");
        }
        assert_eq!(budget.reserved(), MAX);
        kept.truncate(1);
        assert_eq!(budget.reserved(), 1 << 20);
        kept.clear();
        assert_eq!((budget.reserved(), budget.reserved.lock().of.len()), (0, 0));
    }

    #[test]
    fn small_bodies_are_free_and_bytes_keep_their_memory_as_long_as_they_live() {
        let budget = Arc::new(MemoryBudget::new(MAX));
        let mut small = of(&budget, 1);
        assert_eq!(small.grow_to(FREE_BYTES), Ok(()));
        assert_eq!(budget.reserved(), 0);
        assert_eq!(small.grow_to(FREE_BYTES + 1), Ok(()));
        assert_eq!(budget.reserved(), STEP_BYTES);
        let bytes = small.another().keep_with(Bytes::from_static(b"abc"));
        let kept = small.keep_with(bytes);
        let part = kept.slice(1..2);
        drop(kept);
        assert_eq!((&part[..], budget.reserved()), (&b"b"[..], STEP_BYTES));
        drop(part);
        assert_eq!(budget.reserved(), 0);
    }
}
