//! Compares source and target, row by row.

use super::error::MigrateError;
use super::outcome::{Differences, MovedTable};
use super::pages::{PAGE_ROWS, Pair, each_pair};
use opencredits_ledger::{RawAccount, RawEntry, RawHold, RawLedger};
use opencredits_store::{RawRow, RawStore, RawTable};
use opencredits_units::{EntryId, Measure, Progress};
use sha2::{Digest as _, Sha256};
use std::fmt::Display;

/// What was compared of a ledger.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) accounts: u64,
    pub(super) holds: u64,
    pub(super) entries: u64,
}

/// What both sides have, and where progress and differences are told.
pub(super) struct Comparing<'a> {
    pub(super) progress: &'a Progress,
    pub(super) differences: Differences,
}

impl Comparing<'_> {
    /// Compares every account with its sums, every open hold, and every entry byte for byte.
    pub(super) async fn ledgers(&mut self, source: &RawLedger, target: &RawLedger) -> Result<Counts, MigrateError> {
        Ok(Counts {
            accounts: self.accounts(source, target).await?,
            holds: self.holds(source, target).await?,
            entries: self.entries(source, target).await?,
        })
    }

    async fn accounts(&mut self, source: &RawLedger, target: &RawLedger) -> Result<u64, MigrateError> {
        self.progress.begin("comparing accounts", Measure::Count, None);
        let (mut from, mut seen) = (0_usize, 0_u64);
        loop {
            let (ours, theirs) = (source.accounts(from, PAGE_ROWS).await?, target.accounts(from, PAGE_ROWS).await?);
            if ours.is_empty() && theirs.is_empty() {
                return Ok(seen);
            }
            from = from.saturating_add(PAGE_ROWS);
            // Numbers have no gaps, so that both pages have the same ones.
            each_pair(&ours, &theirs, RawAccount::number, |pair| {
                seen = seen.saturating_add(u64::from(!matches!(pair, Pair::Target(_))));
                self.account(&pair);
            });
        }
    }

    fn account(&mut self, pair: &Pair<'_, RawAccount>) {
        match pair {
            Pair::Both(ours, theirs) if ours != theirs => self.differences.find(format!(
                "account {}: {} posted and {} held at the source, {} posted and {} held at the target as {}",
                ours.id(),
                ours.posted(),
                ours.held(),
                theirs.posted(),
                theirs.held(),
                theirs.id()
            )),
            Pair::Both(..) => {}
            Pair::Source(ours) => self.lacks("account", &ours.id()),
            Pair::Target(theirs) => self.adds("account", &theirs.id()),
        }
        self.progress.advance(1);
    }

    async fn holds(&mut self, source: &RawLedger, target: &RawLedger) -> Result<u64, MigrateError> {
        self.progress.begin("comparing open holds", Measure::Count, None);
        let (mut after, mut seen) = (EntryId::default(), 0);
        loop {
            let (ours, theirs) = (source.holds(after, PAGE_ROWS).await?, target.holds(after, PAGE_ROWS).await?);
            let next = each_pair(&ours, &theirs, RawHold::id, |pair| self.row("hold", RawHold::id, &pair, &mut seen));
            let Some(next) = next else { return Ok(seen) };
            after = next;
        }
    }

    async fn entries(&mut self, source: &RawLedger, target: &RawLedger) -> Result<u64, MigrateError> {
        self.progress.begin("comparing entries", Measure::Count, Some(source.head().await?.entries));
        let (mut after, mut seen) = (EntryId::default(), 0);
        loop {
            let (ours, theirs) = (source.entries(after, PAGE_ROWS).await?, target.entries(after, PAGE_ROWS).await?);
            let next =
                each_pair(&ours, &theirs, RawEntry::id, |pair| self.row("entry", RawEntry::id, &pair, &mut seen));
            let Some(next) = next else { return Ok(seen) };
            after = next;
        }
    }

    /// Compares a hold or an entry, and counts it where the source has it.
    fn row<T: PartialEq>(&mut self, what: &str, id: fn(&T) -> EntryId, pair: &Pair<'_, T>, seen: &mut u64) {
        *seen = seen.saturating_add(u64::from(!matches!(pair, Pair::Target(_))));
        match pair {
            Pair::Both(ours, theirs) if ours != theirs => self.differs(what, &id(ours)),
            Pair::Both(..) => {}
            Pair::Source(ours) => self.lacks(what, &id(ours)),
            Pair::Target(theirs) => self.adds(what, &id(theirs)),
        }
        self.progress.advance(1);
    }

    /// Compares every row of these tables, and their digests and numbers.
    pub(super) async fn stores(
        &mut self,
        source: &RawStore,
        target: &RawStore,
        tables: &[&RawTable],
    ) -> Result<Vec<MovedTable>, MigrateError> {
        self.progress.begin("comparing the store", Measure::Count, None);
        let mut compared = Vec::with_capacity(tables.len());
        for table in tables {
            compared.push(self.table(source, target, table).await?);
        }
        Ok(compared)
    }

    async fn table(
        &mut self,
        source: &RawStore,
        target: &RawStore,
        table: &RawTable,
    ) -> Result<MovedTable, MigrateError> {
        let (mut ours, mut theirs, mut after) = (Sum::default(), Sum::default(), None);
        let what = format!("row of {}", table.name());
        loop {
            let of_source = source.rows(table, after.as_ref(), PAGE_ROWS).await?;
            let of_target = target.rows(table, after.as_ref(), PAGE_ROWS).await?;
            let next = each_pair(
                &of_source,
                &of_target,
                |row| table.key_of(row),
                |pair| {
                    match pair {
                        Pair::Both(one, other) => {
                            ours.add(one);
                            theirs.add(other);
                            if one != other {
                                self.differs(&what, &table.key_of(one));
                            }
                        }
                        Pair::Source(one) => {
                            ours.add(one);
                            self.lacks(&what, &table.key_of(one));
                        }
                        Pair::Target(other) => {
                            theirs.add(other);
                            self.adds(&what, &table.key_of(other));
                        }
                    }
                    self.progress.advance(1);
                },
            );
            if next.is_none() {
                break;
            }
            after = next;
        }
        let counted = (source.count(table).await?, target.count(table).await?);
        let (rows, sha256) = ours.finish();
        let (rows_there, sha256_there) = theirs.finish();
        if counted != (rows, rows_there) || rows != rows_there || sha256 != sha256_there {
            let (here, there) = counted;
            self.differences.find(format!(
                "table {}: {here} rows at the source with the digest {sha256}, {there} at the target with {sha256_there}",
                table.name()
            ));
        }
        Ok(MovedTable { name: table.name().to_owned(), rows, sha256 })
    }

    fn differs(&mut self, what: &str, key: &dyn Display) {
        self.differences.find(format!("{what} {key} is not the same"));
    }

    fn lacks(&mut self, what: &str, key: &dyn Display) {
        self.differences.find(format!("{what} {key} is missing in the target"));
    }

    fn adds(&mut self, what: &str, key: &dyn Display) {
        self.differences.find(format!("{what} {key} is in the target only"));
    }
}

/// The rows of a table in the order of their keys.
#[derive(Default)]
struct Sum {
    rows: u64,
    digest: Sha256,
}

impl Sum {
    fn add(&mut self, row: &RawRow) {
        self.rows = self.rows.saturating_add(1);
        self.digest.update(row.to_bytes());
    }

    fn finish(self) -> (u64, String) {
        (self.rows, self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
