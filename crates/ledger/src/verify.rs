//! Recomputes the balances from the entries, and the hash chain, and reports the differences.

use crate::chain::{self, ChainHead, Hash, Link};
use crate::codec::{self, AccountParts, Number};
use crate::error::StorageError;
use crate::journal::{Origin, Reader, Step, Visitor};
use crate::report::{Covered, Finding, VerifyReport};
use crate::types::Floor;
use crate::verify_chain::ChainCheck;
use hashbrown::HashSet;
use opencredits_units::{AccountId, EntryId, Measure, NanoUsd, Progress};

/// Findings that are kept; further ones are only counted.
const FINDINGS_MAX: usize = 1_000;

/// Checks everything, and that the chain has the commits up to the recorded head and up to `head`.
pub(crate) fn verify(
    reader: &dyn Reader,
    head: Option<ChainHead>,
    progress: &Progress,
    step: Option<Step>,
) -> Result<VerifyReport, StorageError> {
    // Read before the rows, which therefore are not older.
    let heads = reader.recorded()?.into_iter().chain(head);
    verify_rows(heads, progress, |visitor| reader.scan(visitor, step))
}

/// Checks the rows that `scan` shows, and that the chain has the commits up to these heads.
pub(crate) fn verify_rows(
    heads: impl Iterator<Item = ChainHead>,
    progress: &Progress,
    scan: impl FnOnce(&mut dyn Visitor) -> Result<(), StorageError>,
) -> Result<VerifyReport, StorageError> {
    let mut check = Check::new(heads, progress);
    scan(&mut check)?;
    Ok(check.conclude())
}

/// The check of all rows.
#[derive(Default)]
pub(crate) struct Check {
    report: VerifyReport,
    accounts: Vec<Sums>,
    ids: HashSet<AccountId>,
    open: HashSet<EntryId>,
    chain: ChainCheck,
    progress: Progress,
}

struct Sums {
    parts: AccountParts,
    stated: NanoUsd,
    entries: i128,
    held: i128,
    /// Whether the account is older than the chain, and the sum of its entries that are.
    is_old: bool,
    old_entries: i128,
}

impl Check {
    /// Nothing was shown yet. The chain must have the commits up to these heads.
    pub(crate) fn new(heads: impl Iterator<Item = ChainHead>, progress: &Progress) -> Self {
        progress.begin("checking the file", Measure::Count, None);
        Self { chain: ChainCheck::new(heads), progress: progress.clone(), ..Self::default() }
    }

    pub(crate) fn find(&mut self, finding: Finding) {
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

    /// What the hash of the chain's beginning should be; `None` when a sum is none of a ledger.
    fn anchor(accounts: &[Sums]) -> Option<Hash> {
        let mut old = Vec::new();
        for (number, sums) in (0..).zip(accounts).filter(|(_, sums)| sums.is_old) {
            old.push((number, sums.parts, NanoUsd::new(i64::try_from(sums.old_entries).ok()?)));
        }
        let is_from_before = |sums: &Sums| sums.is_old || sums.old_entries == 0;
        accounts.iter().all(is_from_before).then(|| chain::anchor(old.into_iter()))
    }

    /// Counts what an account got by entries that are not shown; `false` where there is no such account.
    #[cfg(feature = "postgres")]
    pub(crate) fn closed(&mut self, number: Number, amount: NanoUsd) -> bool {
        let sums = usize::try_from(number).ok().and_then(|at| self.accounts.get_mut(at));
        let Some(sums) = sums else { return false };
        sums.entries = sums.entries.saturating_add(i128::from(amount.get()));
        true
    }

    pub(crate) fn conclude(mut self) -> VerifyReport {
        let (head, losses) = self.chain.conclude();
        losses.into_iter().for_each(|loss| self.find(loss));
        let (entries, first) = (self.chain.entries, self.chain.first);
        self.report.chain = head.map(|head| Covered { head, entries, first });
        for sums in std::mem::take(&mut self.accounts) {
            let (account, stated) = (sums.parts.id, sums.stated);
            if i128::from(stated.get()) != sums.entries {
                self.find(Finding::WrongSum { account, stated, entries: sums.entries });
            }
            let available = i128::from(stated.get()).saturating_sub(sums.held);
            // A limit may have been lowered below what was spent of it.
            let is_limit = sums.parts.contra.is_some();
            if sums.parts.floor == Floor::Zero && !is_limit && available < 0 {
                self.find(Finding::Overdrawn { account, available });
            }
        }
        self.report
    }
}

impl Visitor for Check {
    fn damage(&mut self, what: String) {
        self.find(Finding::DamagedFile(what));
        // No row is shown, so none is missing.
        self.chain = ChainCheck::default();
    }

    fn expect(&mut self, entries: u64) {
        self.progress.begin("recomputing the ledger, entries", Measure::Count, Some(entries));
    }

    fn account(&mut self, parts: AccountParts, posted: NanoUsd, origin: Origin<'_>) -> Result<(), StorageError> {
        self.report.accounts = self.report.accounts.saturating_add(1);
        let opened = |number: Number| usize::try_from(number).is_ok_and(|at| at < self.accounts.len());
        if !self.ids.insert(parts.id) || parts.contra.is_some_and(|contra| !opened(contra)) {
            self.find(Finding::DamagedAccount(parts.id));
        }
        let number = Number::try_from(self.accounts.len()).unwrap_or(Number::MAX);
        let finding = self.chain.account(number, &parts, origin)?;
        finding.into_iter().for_each(|finding| self.find(finding));
        let is_old = origin.commit.is_none();
        self.accounts.push(Sums { parts, stated: posted, entries: 0, held: 0, is_old, old_entries: 0 });
        Ok(())
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

    fn entry(&mut self, id: EntryId, body: &[u8], origin: Origin<'_>) -> Result<(), StorageError> {
        self.report.entries = self.report.entries.saturating_add(1);
        self.progress.advance(1);
        let finding = self.chain.entry(id, body, origin)?;
        finding.into_iter().for_each(|finding| self.find(finding));
        if self.open.contains(&id) {
            self.find(Finding::OpenAndFinished(id));
        }
        let Some(entry) = codec::read_entry(id, body) else {
            self.find(Finding::UnreadableEntry(id));
            return Ok(());
        };
        let mut sum = 0_i128;
        for (number, amount) in entry.legs {
            let amount = i128::from(amount.get());
            sum = sum.saturating_add(amount);
            if let Some(sums) = self.sums(id, number) {
                sums.entries = sums.entries.saturating_add(amount);
                if origin.commit.is_none() {
                    sums.old_entries = sums.old_entries.saturating_add(amount);
                }
            }
        }
        if sum != 0 {
            self.find(Finding::Unbalanced(id, sum));
        }
        Ok(())
    }

    fn link(&mut self, link: &Link) {
        let Self { chain, accounts, .. } = self;
        let finding = chain.link(link, || Self::anchor(accounts));
        finding.into_iter().for_each(|finding| self.find(finding));
    }
}
