//! What a verification reports.

use crate::chain::{ChainHead, Loss};
use opencredits_units::{AccountId, EntryId, NanoUsd};
use std::fmt;

/// The result of [`crate::Ledger::verify`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Accounts that were checked.
    pub accounts: u64,
    /// Entries that were checked.
    pub entries: u64,
    /// Open holds that were checked.
    pub holds: u64,
    /// Entries that are archived, and were counted by what stays of them. With their files they are checked like the others.
    pub archived: u64,
    /// What the hash chain covers; `None` for a ledger in memory, which has none.
    pub chain: Option<Covered>,
    /// The first thousand findings.
    pub findings: Vec<Finding>,
    /// The number of findings.
    pub findings_total: u64,
}

impl VerifyReport {
    /// Whether there are no findings.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.findings_total == 0
    }
}

/// What the hash chain covers: all but the entries of before it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// The end of the chain.
    pub head: ChainHead,
    /// The entries that it covers.
    pub entries: u64,
    /// The first of them, by id.
    pub first: Option<EntryId>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The file is damaged below its rows, which were not checked; the text is SQLite's.
    DamagedFile(String),
    /// An account exists twice, or its contra account was not opened before it.
    DamagedAccount(AccountId),
    /// An entry cannot be decoded.
    UnreadableEntry(EntryId),
    /// A hold cannot be decoded, or its amount is negative.
    UnreadableHold(EntryId),
    /// An entry's legs do not sum to zero.
    Unbalanced(EntryId, i128),
    /// A row names an account that does not exist.
    NoSuchAccount(EntryId, u32),
    /// A hold is open although its entry exists; it does not count as open.
    OpenAndFinished(EntryId),
    /// An account's balance differs from the sum of its entries.
    WrongSum {
        /// The account.
        account: AccountId,
        /// The balance in its row.
        stated: NanoUsd,
        /// The sum of its entries.
        entries: i128,
    },
    /// An account's row states another sum of its holds than they have.
    WrongHeld {
        /// The account.
        account: AccountId,
        /// The sum in its row.
        stated: NanoUsd,
        /// The sum of its holds.
        holds: i128,
    },
    /// An account with a floor at zero has less than its holds.
    Overdrawn {
        /// The account.
        account: AccountId,
        /// The balance less the holds.
        available: i128,
    },
    /// The accounts and entries of a commit are not as they were written: one was changed, added or exchanged. Or the
    /// commit's own row was, or the one before it.
    ChangedCommit {
        /// The number of the commit.
        commit: u64,
    },
    /// Accounts or entries of a commit are missing.
    IncompleteCommit {
        /// The number of the commit.
        commit: u64,
        /// The entries that are missing; 0 when only accounts are.
        missing: u64,
    },
    /// A row says that a commit wrote it, and that commit did not, or the chain does not have it.
    NotOfCommit {
        /// The account or entry.
        row: String,
        /// The number of the commit.
        commit: u64,
    },
    /// The accounts, or the sums of the entries, from before the chain began are not as they were then.
    ChangedAnchor,
    /// The file of archived entries, or what stays of them in the ledger, is not as it was written.
    ChangedArchive {
        /// The part of the entries.
        part: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The ledger lacks another number of entries than are archived.
    WrongArchived {
        /// The number of archived entries, as the ledger states it.
        stated: u64,
        /// The number of entries that are missing.
        missing: u64,
    },
    /// The ledger lacks commits that a head names.
    Lost(Loss),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DamagedFile(what) => write!(f, "the file is damaged; restore a backup: {what}"),
            Self::DamagedAccount(id) => {
                write!(f, "{id} is there twice, or its contra account was not opened before it")
            }
            Self::UnreadableEntry(id) => write!(f, "the entry {id} cannot be read"),
            Self::UnreadableHold(id) => write!(f, "the hold {id} cannot be read"),
            Self::Unbalanced(id, sum) => {
                write!(f, "the legs of {id} sum to {sum} nano-USD, not to zero")
            }
            Self::NoSuchAccount(id, number) => write!(f, "{id} names account number {number}, which does not exist"),
            Self::OpenAndFinished(id) => write!(f, "the hold {id} is open though its entry is there"),
            Self::WrongSum { account, stated, entries } => {
                let stated = stated.get();
                write!(f, "{account} has {stated} nano-USD in its row, its entries sum to {entries}")
            }
            Self::WrongHeld { account, stated, holds } => {
                let stated = stated.get();
                write!(f, "{account} has {stated} nano-USD in holds by its row, its holds sum to {holds}")
            }
            Self::Overdrawn { account, available } => {
                write!(f, "{account} has {available} nano-USD left of its holds")
            }
            Self::ChangedCommit { commit } => {
                write!(f, "commit {commit} is not as it was written; its entries have another hash")
            }
            Self::IncompleteCommit { commit, missing: 0 } => write!(f, "accounts of commit {commit} are missing"),
            Self::IncompleteCommit { commit, missing } => write!(f, "{missing} entries of commit {commit} are missing"),
            Self::NotOfCommit { row, commit } => write!(f, "commit {commit} did not write {row}, which names it"),
            Self::ChangedAnchor => {
                f.write_str("the accounts and sums from before the hash chain began are not as they were then")
            }
            Self::ChangedArchive { part, what } => write!(f, "the archive of {part} is not as it was written: {what}"),
            Self::WrongArchived { stated, missing } => {
                write!(f, "{stated} entries are archived and {missing} are missing in the commits that wrote them")
            }
            Self::Lost(loss) => write!(f, "{loss}"),
        }
    }
}
