//! Rows, from and to the ledger's own types. Accounts have their number in the database here.

use super::month::EntriesPart;
use crate::codec::{AccountParts, Number};
use crate::error::StorageError;
use crate::types::{EntryKind, Floor, Phase};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

/// Bytes of a leg: the account's number and the amount.
const LEG_BYTES: usize = 12;
/// Bytes of an account's number.
const NUMBER_BYTES: usize = 4;
/// Begin the parts of a commit's digest.
const ACCOUNT: u8 = 1;
const ENTRY: u8 = 2;
const CLOSING: u8 = 3;

const fn damaged(table: &'static str) -> StorageError {
    StorageError::Damaged { table }
}

fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize, table: &'static str) -> Result<T, StorageError> {
    row.try_get(column).map_err(|_| damaged(table))
}

fn number(value: i32, table: &'static str) -> Result<Number, StorageError> {
    Number::try_from(value).map_err(|_| damaged(table))
}

pub(crate) fn id_bytes(bits: u128) -> Vec<u8> {
    bits.to_be_bytes().to_vec()
}

fn id_bits(bytes: &[u8], table: &'static str) -> Result<u128, StorageError> {
    bytes.try_into().map(u128::from_be_bytes).map_err(|_| damaged(table))
}

/// An account as its row has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountRecord {
    pub(crate) number: Number,
    /// With the contra account's number in the database.
    pub(crate) parts: AccountParts,
    pub(crate) posted: NanoUsd,
    pub(crate) held: NanoUsd,
}

pub(crate) const ACCOUNT_COLUMNS: &str = "number, id, floor, contra, posted, held";
const ACCOUNTS: &str = "ledger_accounts";

impl AccountRecord {
    pub(crate) fn read(row: &Row) -> Result<Self, StorageError> {
        let contra: Option<i32> = get(row, 3, ACCOUNTS)?;
        Ok(Self {
            number: number(get(row, 0, ACCOUNTS)?, ACCOUNTS)?,
            parts: AccountParts {
                id: AccountId::from_bits(id_bits(get(row, 1, ACCOUNTS)?, ACCOUNTS)?),
                floor: floor_of(get(row, 2, ACCOUNTS)?)?,
                contra: contra.map(|contra| number(contra, ACCOUNTS)).transpose()?,
            },
            posted: NanoUsd::new(get(row, 4, ACCOUNTS)?),
            held: NanoUsd::new(get(row, 5, ACCOUNTS)?),
        })
    }
}

pub(crate) const fn floor_number(floor: Floor) -> i16 {
    match floor {
        Floor::Zero => 0,
        Floor::None => 1,
    }
}

const fn floor_of(number: i16) -> Result<Floor, StorageError> {
    match number {
        0 => Ok(Floor::Zero),
        1 => Ok(Floor::None),
        _ => Err(damaged(ACCOUNTS)),
    }
}

/// A hold as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HoldRecord {
    pub(crate) id: EntryId,
    pub(crate) payer: Number,
    pub(crate) limits: Vec<Number>,
    pub(crate) amount: NanoUsd,
    pub(crate) expires_at: UnixMs,
    pub(crate) phase: Phase,
    pub(crate) fingerprint: u64,
}

pub(crate) const HOLD_COLUMNS: &str = "id, payer, limits, amount, expires_at, phase, fingerprint";
const HOLDS: &str = "ledger_holds";

impl HoldRecord {
    pub(crate) fn read(row: &Row) -> Result<Self, StorageError> {
        let limits: &[u8] = get(row, 2, HOLDS)?;
        let (limits, rest) = limits.as_chunks::<NUMBER_BYTES>();
        if !rest.is_empty() {
            return Err(damaged(HOLDS));
        }
        Ok(Self {
            id: EntryId::from_bits(id_bits(get(row, 0, HOLDS)?, HOLDS)?),
            payer: number(get(row, 1, HOLDS)?, HOLDS)?,
            limits: limits.iter().map(|limit| Number::from_be_bytes(*limit)).collect(),
            amount: NanoUsd::new(get(row, 3, HOLDS)?),
            expires_at: UnixMs::new(get::<i64>(row, 4, HOLDS)?.cast_unsigned()),
            phase: match get::<i16>(row, 5, HOLDS)? {
                0 => Phase::Reserved,
                1 => Phase::InFlight,
                _ => return Err(damaged(HOLDS)),
            },
            fingerprint: get::<i64>(row, 6, HOLDS)?.cast_unsigned(),
        })
    }

    /// Every account of the hold.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = Number> {
        std::iter::once(self.payer).chain(self.limits.iter().copied())
    }
}

pub(crate) const fn phase_number(phase: Phase) -> i16 {
    match phase {
        Phase::Reserved => 0,
        Phase::InFlight => 1,
    }
}

pub(crate) fn limit_bytes(limits: impl Iterator<Item = Number>) -> Vec<u8> {
    limits.flat_map(Number::to_be_bytes).collect()
}

/// An entry as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryRecord {
    pub(crate) id: EntryId,
    pub(crate) commit: i64,
    pub(crate) kind: EntryKind,
    pub(crate) at: UnixMs,
    pub(crate) fingerprint: u64,
    pub(crate) charged: NanoUsd,
    pub(crate) legs: Vec<(Number, NanoUsd)>,
    pub(crate) memo: Vec<u8>,
}

pub(crate) const ENTRY_COLUMNS: &str = "id, commit, kind, at, fingerprint, charged, legs, memo";
const ENTRIES: &str = "ledger_entries";

impl EntryRecord {
    pub(crate) fn read(row: &Row) -> Result<Self, StorageError> {
        let legs: &[u8] = get(row, 6, ENTRIES)?;
        Ok(Self {
            id: EntryId::from_bits(id_bits(get(row, 0, ENTRIES)?, ENTRIES)?),
            commit: get(row, 1, ENTRIES)?,
            kind: match get::<i16>(row, 2, ENTRIES)? {
                0 => EntryKind::Transfer,
                1 => EntryKind::Capture,
                2 => EntryKind::Void,
                _ => return Err(damaged(ENTRIES)),
            },
            at: UnixMs::new(get::<i64>(row, 3, ENTRIES)?.cast_unsigned()),
            fingerprint: get::<i64>(row, 4, ENTRIES)?.cast_unsigned(),
            charged: NanoUsd::new(get(row, 5, ENTRIES)?),
            legs: legs_of(legs).ok_or(damaged(ENTRIES))?,
            memo: get(row, 7, ENTRIES)?,
        })
    }
}

pub(crate) const fn kind_number(kind: EntryKind) -> i16 {
    match kind {
        EntryKind::Transfer => 0,
        EntryKind::Capture => 1,
        EntryKind::Void => 2,
    }
}

pub(crate) fn leg_bytes(legs: &[(Number, NanoUsd)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(legs.len().saturating_mul(LEG_BYTES));
    for (number, amount) in legs {
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&amount.get().to_be_bytes());
    }
    bytes
}

pub(crate) fn legs_of(bytes: &[u8]) -> Option<Vec<(Number, NanoUsd)>> {
    let (legs, rest) = bytes.as_chunks::<LEG_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    let leg = |leg: &[u8; LEG_BYTES]| {
        let (number, amount) = leg.split_first_chunk::<NUMBER_BYTES>()?;
        let amount = i64::from_be_bytes(amount.try_into().ok()?);
        Some((Number::from_be_bytes(*number), NanoUsd::new(amount)))
    };
    legs.iter().map(leg).collect()
}

/// A closing as its rows have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosingRecord {
    pub(crate) closing: i64,
    /// The commit of the chain that has written it.
    pub(crate) commit: i64,
    pub(crate) part: EntriesPart,
    pub(crate) entries: i64,
    /// The last commit of its entries.
    pub(crate) last_commit: i64,
    pub(crate) last_at: UnixMs,
    /// The digest of the lists of ids.
    pub(crate) ids: Vec<u8>,
    /// The digest of the file.
    pub(crate) file: Vec<u8>,
    pub(crate) is_restored: bool,
    /// By number.
    pub(crate) sums: Vec<(Number, NanoUsd)>,
}

/// The digest of what a commit wrote: its accounts by number, then its entries by id. One that has archived wrote a closing.
#[derive(Default)]
pub(crate) struct CommitDigest(Sha256);

impl CommitDigest {
    pub(crate) fn account(&mut self, number: Number, parts: &AccountParts) {
        self.0.update([ACCOUNT]);
        self.0.update(number.to_be_bytes());
        self.0.update(parts.id.bits().to_be_bytes());
        self.0.update(floor_number(parts.floor).to_be_bytes());
        self.0.update(parts.contra.unwrap_or(Number::MAX).to_be_bytes());
    }

    pub(crate) fn entry(&mut self, entry: &EntryRecord) {
        let legs = leg_bytes(&entry.legs);
        self.0.update([ENTRY]);
        self.0.update(entry.id.bits().to_be_bytes());
        self.0.update(kind_number(entry.kind).to_be_bytes());
        self.0.update(entry.at.get().to_be_bytes());
        self.0.update(entry.fingerprint.to_be_bytes());
        self.0.update(entry.charged.get().to_be_bytes());
        for part in [&legs, &entry.memo] {
            self.put(part);
        }
    }

    pub(crate) fn closing(&mut self, closing: &ClosingRecord) {
        self.0.update([CLOSING]);
        for part in [closing.part.to_string().as_bytes(), closing.ids.as_slice(), closing.file.as_slice()] {
            self.put(part);
        }
        self.0.update(closing.entries.to_be_bytes());
        self.0.update(closing.last_commit.to_be_bytes());
        self.0.update(closing.last_at.get().to_be_bytes());
        self.put(&leg_bytes(&closing.sums));
    }

    fn put(&mut self, part: &[u8]) {
        self.0.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(part);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The hash of a commit: over the hash before it, its number, the number of entries so far, and its digest. The database makes it
/// by the same rule (`batch::WRITE`).
pub(crate) fn commit_hash(before: &[u8], commit: i64, entries: i64, digest: &[u8]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(before).chain_update(commit.to_be_bytes());
    hash.chain_update(entries.to_be_bytes()).chain_update(digest).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn legs_survive_their_bytes(legs in prop::collection::vec((any::<u32>(), any::<i64>()), 0..20)) {
            let legs: Vec<_> = legs.into_iter().map(|(number, amount)| (number, NanoUsd::new(amount))).collect();
            prop_assert_eq!(legs_of(&leg_bytes(&legs)), Some(legs));
        }

        #[test]
        fn damaged_legs_never_panic(bytes: Vec<u8>) {
            prop_assert_eq!(legs_of(&bytes).is_some(), bytes.len() % LEG_BYTES == 0);
        }
    }
}
