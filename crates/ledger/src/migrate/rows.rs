//! Rows as both engines have them: accounts by their numbers, entries as the codec writes them.

use crate::codec::{AccountParts, Hold, Number};
use opencredits_units::{AccountId, EntryId, NanoUsd};
use std::sync::Arc;

/// An account, with its number and its sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawAccount {
    pub(crate) number: Number,
    pub(crate) parts: AccountParts,
    pub(crate) posted: NanoUsd,
    pub(crate) held: NanoUsd,
}

impl RawAccount {
    /// Its number: accounts are numbered without gaps, in the order of opening.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The account.
    #[must_use]
    pub const fn id(&self) -> AccountId {
        self.parts.id
    }

    /// The sum of its entries.
    #[must_use]
    pub const fn posted(&self) -> NanoUsd {
        self.posted
    }

    /// The sum of its open holds.
    #[must_use]
    pub const fn held(&self) -> NanoUsd {
        self.held
    }
}

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawHold {
    pub(crate) id: EntryId,
    pub(crate) hold: Hold,
}

impl RawHold {
    /// The hold.
    #[must_use]
    pub const fn id(&self) -> EntryId {
        self.id
    }
}

/// An entry, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEntry {
    pub(crate) id: EntryId,
    pub(crate) body: Arc<[u8]>,
}

impl RawEntry {
    /// The hold or transfer of the entry.
    #[must_use]
    pub const fn id(&self) -> EntryId {
        self.id
    }
}
