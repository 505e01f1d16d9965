//! Recomputes the balances from the entries and reports the differences.

use crate::codec::{self, AccountParts, Number};
use crate::error::StorageError;
use crate::journal::{Reader, Visitor};
use crate::types::Floor;
use hashbrown::HashSet;
use opencredits_units::{AccountId, EntryId, NanoUsd};
use std::fmt;

/// Findings that are kept; further ones are only counted.
const FINDINGS_MAX: usize = 1_000;

/// The result of [`crate::Ledger::verify`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Accounts that were checked.
    pub accounts: u64,
    /// Entries that were checked.
    pub entries: u64,
    /// Open holds that were checked.
    pub holds: u64,
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
    /// An account with a floor at zero has less than its holds.
    Overdrawn {
        /// The account.
        account: AccountId,
        /// The balance less the holds.
        available: i128,
    },
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
            Self::Overdrawn { account, available } => {
                write!(f, "{account} has {available} nano-USD left of its holds")
            }
        }
    }
}

pub(crate) fn verify(reader: &dyn Reader) -> Result<VerifyReport, StorageError> {
    let mut check = Check::default();
    reader.scan(&mut check)?;
    Ok(check.conclude())
}

#[derive(Default)]
struct Check {
    report: VerifyReport,
    accounts: Vec<Sums>,
    ids: HashSet<AccountId>,
    open: HashSet<EntryId>,
}

struct Sums {
    parts: AccountParts,
    stated: NanoUsd,
    entries: i128,
    held: i128,
}

impl Check {
    fn find(&mut self, finding: Finding) {
        self.report.findings_total = self.report.findings_total.saturating_add(1);
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(finding);
        }
    }

    fn sums(&mut self, id: EntryId, number: Number) -> Option<&mut Sums> {
        let known = usize::try_from(number).is_ok_and(|at| at < self.accounts.len());
        if !known {
            self.find(Finding::NoSuchAccount(id, number));
        }
        self.accounts.get_mut(usize::try_from(number).ok()?)
    }

    fn conclude(mut self) -> VerifyReport {
        for sums in std::mem::take(&mut self.accounts) {
            let (account, stated) = (sums.parts.id, sums.stated);
            if i128::from(stated.get()) != sums.entries {
                self.find(Finding::WrongSum { account, stated, entries: sums.entries });
            }
            let available = i128::from(stated.get()).saturating_sub(sums.held);
            if sums.parts.floor == Floor::Zero && available < 0 {
                self.find(Finding::Overdrawn { account, available });
            }
        }
        self.report
    }
}

impl Visitor for Check {
    fn damage(&mut self, what: String) {
        self.find(Finding::DamagedFile(what));
    }

    fn account(&mut self, parts: AccountParts, posted: NanoUsd) {
        self.report.accounts = self.report.accounts.saturating_add(1);
        let opened = |number: Number| usize::try_from(number).is_ok_and(|at| at < self.accounts.len());
        if !self.ids.insert(parts.id) || parts.contra.is_some_and(|contra| !opened(contra)) {
            self.find(Finding::DamagedAccount(parts.id));
        }
        self.accounts.push(Sums { parts, stated: posted, entries: 0, held: 0 });
    }

    fn hold(&mut self, id: EntryId, body: &[u8]) {
        self.report.holds = self.report.holds.saturating_add(1);
        self.open.insert(id);
        let Some(hold) = codec::read_hold(body) else {
            return self.find(Finding::UnreadableHold(id));
        };
        for number in hold.accounts() {
            if let Some(sums) = self.sums(id, number) {
                sums.held = sums.held.saturating_add(i128::from(hold.amount.get()));
            }
        }
    }

    fn entry(&mut self, id: EntryId, body: &[u8]) {
        self.report.entries = self.report.entries.saturating_add(1);
        if self.open.contains(&id) {
            self.find(Finding::OpenAndFinished(id));
        }
        let Some(entry) = codec::read_entry(id, body) else {
            return self.find(Finding::UnreadableEntry(id));
        };
        let mut sum = 0_i128;
        for (number, amount) in entry.legs {
            sum = sum.saturating_add(i128::from(amount.get()));
            if let Some(sums) = self.sums(id, number) {
                sums.entries = sums.entries.saturating_add(i128::from(amount.get()));
            }
        }
        if sum != 0 {
            self.find(Finding::Unbalanced(id, sum));
        }
    }
}
