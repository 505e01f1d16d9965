//! Rows as bytes. They are small, because a request leaves one row on the disk.
//!
//! An entry is: kind, time, fingerprint, the charge where it differs from the collected amount, legs, memo. Its time is
//! relative to that of its id, and its first leg gives the collected amount. Numbers are LEB128 varints, signed ones in
//! zigzag encoding. Accounts are named by their dense number, not by their 16-byte id.

use crate::types::{EntryKind, Floor, Phase};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use smallvec::SmallVec;

const TRANSFER: u8 = 1;
const CAPTURE: u8 = 2;
const CAPTURE_SHORT: u8 = 3;
const VOID: u8 = 4;
const RESERVED: u8 = 0;
const IN_FLIGHT: u8 = 1;
/// Bits of a varint's byte that carry its value.
const LOW_BITS: u64 = 0x7f;
/// The bit that announces a further byte.
const MORE: u8 = 0x80;

/// An account's index in the state's list.
pub(crate) type Number = u32;

/// An entry, with accounts by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: EntryKind,
    pub(crate) at: UnixMs,
    pub(crate) fingerprint: u64,
    pub(crate) charged: NanoUsd,
    pub(crate) collected: NanoUsd,
    pub(crate) legs: Vec<(Number, NanoUsd)>,
    pub(crate) memo: Vec<u8>,
}

/// The parts of an entry that [`write_entry`] needs, borrowed.
pub(crate) struct EntryParts<'a> {
    pub(crate) id: EntryId,
    pub(crate) kind: EntryKind,
    pub(crate) at: UnixMs,
    pub(crate) fingerprint: u64,
    pub(crate) charged: NanoUsd,
    /// The payer's leg is the first.
    pub(crate) legs: &'a [(Number, NanoUsd)],
    pub(crate) memo: &'a [u8],
}

/// The limits of a hold: few, so that a hold needs no memory of its own.
pub(crate) type Limits = SmallVec<[Number; 4]>;

/// An open hold, with accounts by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) payer: Number,
    pub(crate) limits: Limits,
    pub(crate) amount: NanoUsd,
    pub(crate) expires_at: UnixMs,
    pub(crate) phase: Phase,
    pub(crate) fingerprint: u64,
}

/// The data of an account's opening, with its contra account by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountParts {
    pub(crate) id: AccountId,
    pub(crate) floor: Floor,
    pub(crate) contra: Option<Number>,
}

impl AccountParts {
    /// Whether the account's balance decides on commands.
    #[cfg(feature = "postgres")]
    pub(crate) const fn has_floor(&self) -> bool {
        matches!(self.floor, Floor::Zero)
    }
}

pub(crate) fn write_entry(entry: &EntryParts<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(entry.memo.len().saturating_add(64));
    let short = entry.charged != given(entry.legs);
    out.push(match entry.kind {
        EntryKind::Transfer => TRANSFER,
        EntryKind::Capture if short => CAPTURE_SHORT,
        EntryKind::Capture => CAPTURE,
        EntryKind::Void => VOID,
    });
    put_signed(&mut out, entry.at.get().wrapping_sub(entry.id.made_at().get()).cast_signed());
    out.extend_from_slice(&entry.fingerprint.to_le_bytes());
    if short {
        put_amount(&mut out, entry.charged);
    }
    put(&mut out, u64::try_from(entry.legs.len()).unwrap_or(u64::MAX));
    for (account, amount) in entry.legs {
        put(&mut out, u64::from(*account));
        put_amount(&mut out, *amount);
    }
    out.extend_from_slice(entry.memo);
    out
}

pub(crate) fn read_entry(id: EntryId, bytes: &[u8]) -> Option<Entry> {
    let mut rest = bytes;
    let (kind, short) = match take_byte(&mut rest)? {
        TRANSFER => (EntryKind::Transfer, false),
        CAPTURE => (EntryKind::Capture, false),
        CAPTURE_SHORT => (EntryKind::Capture, true),
        VOID => (EntryKind::Void, false),
        _ => return None,
    };
    let at = UnixMs::new(id.made_at().get().wrapping_add(take_signed(&mut rest)?.cast_unsigned()));
    let (fingerprint, after) = rest.split_first_chunk::<8>()?;
    let fingerprint = u64::from_le_bytes(*fingerprint);
    rest = after;
    let charged = if short { Some(take_amount(&mut rest)?) } else { None };
    let count = take(&mut rest)?;
    // A damaged count is no reason to take memory: a leg has two bytes at least.
    let mut legs = Vec::with_capacity(usize::try_from(count).map_or(0, |count| count.min(rest.len() / 2)));
    for _ in 0..count {
        legs.push((take_number(&mut rest)?, take_amount(&mut rest)?));
    }
    let collected = given(&legs);
    let charged = charged.unwrap_or(collected);
    Some(Entry { kind, at, fingerprint, charged, collected, legs, memo: rest.to_vec() })
}

/// The amount that the first leg gives.
fn given(legs: &[(Number, NanoUsd)]) -> NanoUsd {
    // A payer's leg is never the lowest integer, so its negation fits.
    legs.first().map_or(NanoUsd::ZERO, |(_, amount)| amount.checked_neg().unwrap_or(NanoUsd::MAX))
}

pub(crate) fn write_hold(hold: &Hold) -> Vec<u8> {
    let mut out = Vec::with_capacity(40);
    out.push(match hold.phase {
        Phase::Reserved => RESERVED,
        Phase::InFlight => IN_FLIGHT,
    });
    out.extend_from_slice(&hold.fingerprint.to_le_bytes());
    put(&mut out, hold.expires_at.get());
    put_amount(&mut out, hold.amount);
    put(&mut out, u64::from(hold.payer));
    for limit in &hold.limits {
        put(&mut out, u64::from(*limit));
    }
    out
}

pub(crate) fn read_hold(bytes: &[u8]) -> Option<Hold> {
    let mut rest = bytes;
    let phase = match take_byte(&mut rest)? {
        RESERVED => Phase::Reserved,
        IN_FLIGHT => Phase::InFlight,
        _ => return None,
    };
    let (fingerprint, after) = rest.split_first_chunk::<8>()?;
    let fingerprint = u64::from_le_bytes(*fingerprint);
    rest = after;
    let expires_at = UnixMs::new(take(&mut rest)?);
    let amount = take_amount(&mut rest).filter(|amount| !amount.is_negative())?;
    let payer = take_number(&mut rest)?;
    let mut limits = Limits::new();
    while !rest.is_empty() {
        limits.push(take_number(&mut rest)?);
    }
    Some(Hold { payer, limits, amount, expires_at, phase, fingerprint })
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value > LOW_BITS {
        out.push(u8::try_from(value & LOW_BITS).unwrap_or_default() | MORE);
        value = value.wrapping_shr(7);
    }
    out.push(u8::try_from(value).unwrap_or_default());
}

fn put_amount(out: &mut Vec<u8>, amount: NanoUsd) {
    put_signed(out, amount.get());
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, (value.wrapping_shl(1) ^ value.wrapping_shr(63)).cast_unsigned());
}

fn take_byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64_u32).step_by(7) {
        let byte = take_byte(rest)?;
        value |= (u64::from(byte) & LOW_BITS).checked_shl(shift)?;
        if byte & MORE == 0 {
            return Some(value);
        }
    }
    None
}

fn take_amount(rest: &mut &[u8]) -> Option<NanoUsd> {
    take_signed(rest).map(NanoUsd::new)
}

fn take_signed(rest: &mut &[u8]) -> Option<i64> {
    let value = take(rest)?;
    Some(value.wrapping_shr(1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg())
}

fn take_number(rest: &mut &[u8]) -> Option<Number> {
    u32::try_from(take(rest)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_entry_survives_its_bytes(
            id: u128, at: u64, fingerprint: u64, charged: i64,
            legs in prop::collection::vec((any::<u32>(), -i64::MAX..), 0..9),
            memo in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let legs: Vec<_> = legs.into_iter().map(|(account, amount)| (account, NanoUsd::new(amount))).collect();
            let id = EntryId::from_bits(id);
            let entry = Entry {
                kind: EntryKind::Capture, at: UnixMs::new(at), fingerprint,
                charged: NanoUsd::new(charged), collected: given(&legs), legs, memo,
            };
            let parts = EntryParts {
                id, kind: entry.kind, at: entry.at, fingerprint, charged: entry.charged, legs: &entry.legs, memo: &entry.memo,
            };
            prop_assert_eq!(read_entry(id, &write_entry(&parts)), Some(entry));
        }

        #[test]
        fn every_hold_survives_its_bytes(
            payer: u32, limits: Vec<u32>, amount in 0..=i64::MAX, expires_at: u64, fingerprint: u64
        ) {
            let hold = Hold {
                payer, limits: limits.into(), amount: NanoUsd::new(amount), expires_at: UnixMs::new(expires_at),
                phase: Phase::InFlight, fingerprint,
            };
            prop_assert_eq!(read_hold(&write_hold(&hold)), Some(hold));
        }

        #[test]
        fn damaged_bytes_never_panic(id: u128, bytes: Vec<u8>) {
            let _ = (read_entry(EntryId::from_bits(id), &bytes), read_hold(&bytes));
        }
    }
}
