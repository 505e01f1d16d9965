//! Ids of holds and transfers.

use opencredits_units::{Id, UnixMs};

/// An id that was made now and that no other has: ids sort by their time. The caller fills the bytes with randomness, since
/// the ledger has none.
///
/// ```
/// use opencredits_ledger::random_id;
/// use opencredits_ledger::units::{EntryId, UnixMs};
///
/// let now = UnixMs::new(1_790_000_000_000);
/// // In a program: |bytes| getrandom::fill(bytes).expect("the system has randomness")
/// let id: EntryId = random_id(now, |bytes| bytes.copy_from_slice(b"0123456789"));
/// assert_eq!(id.made_at(), now);
/// ```
pub fn random_id<T>(now: UnixMs, fill: impl FnOnce(&mut [u8])) -> Id<T> {
    let mut random = [0; 10];
    fill(&mut random);
    Id::at(now, random)
}
