//! What a move tells at its end.

use opencredits_ledger::ChainHead;

/// Differences that are named; further ones are only counted.
const NAMED_MAX: usize = 20;

/// Everything was copied and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Whether it went on with what was begun before.
    pub resumed: bool,
    /// The end of the source's hash chain, to be kept: it vouches for the history of before.
    pub source_head: ChainHead,
    /// The end of the target's hash chain, which begins anew.
    pub head: ChainHead,
    /// Accounts that were compared.
    pub accounts: u64,
    /// Open holds that were compared.
    pub holds: u64,
    /// Entries that were compared.
    pub entries: u64,
    /// The tables of the store that were compared.
    pub tables: Vec<MovedTable>,
    /// Whether the read model of usage was moved. Where it lacked entries, the next start makes it anew.
    pub has_usage: bool,
    /// The first differences.
    pub differences: Vec<String>,
    /// The number of differences.
    pub differences_total: u64,
    /// What `verify` finds in the target.
    pub findings: Vec<String>,
}

impl Migrated {
    /// Whether source and target are the same, and the target verifies.
    #[must_use]
    pub const fn is_equal(&self) -> bool {
        self.differences_total == 0 && self.findings.is_empty()
    }
}

/// A table of the store, the same on both sides unless a difference names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedTable {
    /// Its name.
    pub name: String,
    /// The number of its rows at the source.
    pub rows: u64,
    /// The SHA-256 of the source's rows in the order of their keys, in hexadecimal digits.
    pub sha256: String,
}

/// Collects differences.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) named: Vec<String>,
    pub(super) total: u64,
}

impl Differences {
    pub(super) fn find(&mut self, what: String) {
        self.total = self.total.saturating_add(1);
        if self.named.len() < NAMED_MAX {
            self.named.push(what);
        }
    }
}
