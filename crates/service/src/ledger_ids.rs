//! Ids of ledger accounts and entries that follow from what they are for.

use opencredits_units::{EntryId, UnixMs};
use sha2::{Digest, Sha256};

/// 128 bits that follow from a purpose and what it is for. Parts of different lengths never give the same bits.
pub(crate) fn derived(purpose: &str, parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let [first @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = <[u8; 32]>::from(hash.finalize());
    u128::from_be_bytes(first)
}

/// An id that follows from what an entry is for, ordered by its time.
pub(crate) fn entry_id(at: UnixMs, what: &[&str], of: &[&[u8]]) -> EntryId {
    let bytes = derived(&what.join(" "), of).to_be_bytes();
    let [random @ .., _, _, _, _, _, _] = bytes;
    EntryId::at(at, random)
}
