//! Recomputes everything in the database, as of one snapshot, while others go on.
//!
//! Archived entries are counted by what stays of them (`verify_archives`).

use super::archives::Archives;
use super::error::Trouble;
use super::rows::{
    ACCOUNT_COLUMNS, AccountRecord, CommitDigest, ENTRY_COLUMNS, EntryRecord, HOLD_COLUMNS, HoldRecord, commit_hash,
};
use crate::chain::{ChainHead, Loss};
use crate::codec::{self, EntryParts, Hold, Number};
use crate::error::StorageError;
use crate::journal::{NoLinks, Origin, Visitor as _};
use crate::report::{Covered, Finding, VerifyReport};
use crate::verify::Check;
use opencredits_units::{EntryId, Progress};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

/// Commits that are read at once.
const COMMITS: i64 = 64;
/// Rows without a commit that are named.
const STRAYS_MAX: i64 = 1_000;

/// Checks everything, and that the chain has the commit that `named` is.
pub(crate) async fn verify(
    client: &Client,
    named: Option<ChainHead>,
    progress: &Progress,
) -> Result<VerifyReport, StorageError> {
    verify_with(client, named, &[], progress).await
}

/// The same, with the files of archived parts.
pub(crate) async fn verify_with(
    client: &Client,
    named: Option<ChainHead>,
    files: &[PathBuf],
    progress: &Progress,
) -> Result<VerifyReport, StorageError> {
    // Between two statements an archive file may be read, for as long as that takes.
    // No month is archived or brought back from before the snapshot on.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0;
        LOCK TABLE ledger_entries IN ACCESS SHARE MODE";
    client.batch_execute(begin).await.map_err(Trouble::of)?;
    let verifying = Verifying {
        client,
        check: Check::new(std::iter::empty(), progress),
        named,
        opened: BTreeMap::new(),
        archives: Archives::default(),
    };
    let report = verifying.run(files, progress).await;
    client.batch_execute("COMMIT").await.map_err(Trouble::of)?;
    report
}

pub(crate) struct Verifying<'a> {
    pub(crate) client: &'a Client,
    pub(crate) check: Check,
    named: Option<ChainHead>,
    /// The accounts that each commit has opened.
    opened: BTreeMap<i64, Vec<AccountRecord>>,
    pub(crate) archives: Archives,
}

/// A commit as its row has it.
struct Commit {
    commit: i64,
    entries: i64,
    digest: Vec<u8>,
    hash: Vec<u8>,
}

/// The end of the part of the chain that was shown.
#[derive(Default)]
struct End {
    commit: i64,
    entries: i64,
    hash: Vec<u8>,
    first: Option<EntryId>,
}

impl Verifying<'_> {
    async fn run(mut self, files: &[PathBuf], progress: &Progress) -> Result<VerifyReport, StorageError> {
        self.accounts().await?;
        self.closings(files, progress).await?;
        self.strays().await?;
        let end = self.commits().await?;
        self.conclude_archives()?;
        let head = self.rows("SELECT commit, entries, ''::bytea, hash FROM ledger_head", &[], commit_row).await?;
        let states = head.first().map(|head| (head.commit, head.entries, head.hash.as_slice()));
        if states != Some((end.commit, end.entries, end.hash.as_slice())) {
            let commit = states.map_or(0, |(commit, ..)| commit).cast_unsigned();
            self.check.find(Finding::ChangedCommit { commit });
        }
        let found = ChainHead {
            commit: end.commit.cast_unsigned(),
            entries: end.entries.cast_unsigned(),
            hash: end.hash.as_slice().try_into().unwrap_or_default(),
        };
        if let Some(named) = self.named.filter(|named| named.commit > found.commit) {
            self.check.find(Finding::Lost(Loss::Commits { named, found }));
        }
        let archived = self.archives.stated();
        let mut report = self.check.conclude();
        report.archived = archived;
        report.chain = Some(Covered { head: found, entries: found.entries, first: end.first });
        Ok(report)
    }

    pub(crate) async fn rows<T>(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
        read: fn(&Row) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let rows = self.client.query_typed(sql, parameters).await.map_err(Trouble::of)?;
        rows.iter().map(read).collect()
    }

    /// Shows the accounts, by number, and the holds.
    async fn accounts(&mut self) -> Result<(), StorageError> {
        let sql = format!("SELECT {ACCOUNT_COLUMNS}, commit FROM ledger_accounts ORDER BY number");
        let accounts = self.rows(&sql, &[], opened_account).await?;
        let sql = format!("SELECT {HOLD_COLUMNS} FROM ledger_holds ORDER BY id");
        let holds = self.rows(&sql, &[], HoldRecord::read).await?;
        for ((account, commit), expected) in accounts.iter().zip(0..) {
            if account.number != expected {
                self.check.find(Finding::DamagedAccount(account.parts.id));
            }
            self.check.account(account.parts, account.posted, ORIGIN)?;
            self.opened.entry(*commit).or_default().push(*account);
        }
        let mut held: BTreeMap<Number, i128> = BTreeMap::new();
        for hold in &holds {
            let (limits, id) = (hold.limits.iter().copied().collect(), hold.id);
            let HoldRecord { payer, amount, expires_at, phase, fingerprint, .. } = *hold;
            self.check.hold(id, &codec::write_hold(&Hold { payer, limits, amount, expires_at, phase, fingerprint }));
            for number in hold.accounts() {
                let sum = held.entry(number).or_default();
                *sum = sum.saturating_add(i128::from(amount.get()));
            }
        }
        for (account, _) in &accounts {
            let holds = held.get(&account.number).copied().unwrap_or_default();
            if i128::from(account.held.get()) != holds {
                self.check.find(Finding::WrongHeld { account: account.parts.id, stated: account.held, holds });
            }
        }
        Ok(())
    }

    /// Shows the entries that no commit of the chain has written.
    async fn strays(&mut self) -> Result<(), StorageError> {
        let sql = format!(
            "SELECT {ENTRY_COLUMNS} FROM ledger_entries WHERE NOT EXISTS
             (SELECT FROM ledger_commits WHERE ledger_commits.commit = ledger_entries.commit) LIMIT $1"
        );
        for entry in self.rows(&sql, &[(&STRAYS_MAX, Type::INT8)], EntryRecord::read).await? {
            let commit = entry.commit.cast_unsigned();
            self.check.find(Finding::NotOfCommit { row: entry.id.to_string(), commit });
            self.show(&entry)?;
        }
        Ok(())
    }

    /// Shows the entries, commit by commit, and checks the chain.
    async fn commits(&mut self) -> Result<End, StorageError> {
        let commits =
            "SELECT commit, entries, digest, hash FROM ledger_commits WHERE commit > $1 ORDER BY commit LIMIT $2";
        let entries = format!(
            "SELECT {ENTRY_COLUMNS} FROM ledger_entries WHERE commit > $1 AND commit <= $2 ORDER BY commit, id"
        );
        let mut end = End::default();
        loop {
            let which: [(&(dyn ToSql + Sync), Type); 2] = [(&end.commit, Type::INT8), (&COMMITS, Type::INT8)];
            let page = self.rows(commits, &which, commit_row).await?;
            let Some(last) = page.last().map(|last| last.commit) else { return Ok(end) };
            let which: [(&(dyn ToSql + Sync), Type); 2] = [(&end.commit, Type::INT8), (&last, Type::INT8)];
            let entries = self.rows(&entries, &which, EntryRecord::read).await?;
            for commit in page {
                let from = entries.partition_point(|entry| entry.commit < commit.commit);
                let to = entries.partition_point(|entry| entry.commit <= commit.commit);
                let of_commit = entries.get(from..to).unwrap_or_default();
                match self.in_files(commit.commit)? {
                    archived if archived.is_empty() => self.commit(&mut end, &commit, of_commit)?,
                    mut archived => {
                        archived.extend_from_slice(of_commit);
                        archived.sort_unstable_by_key(|entry| entry.id);
                        self.commit(&mut end, &commit, &archived)?;
                    }
                }
            }
        }
    }

    fn commit(&mut self, end: &mut End, commit: &Commit, entries: &[EntryRecord]) -> Result<(), StorageError> {
        let number = commit.commit.cast_unsigned();
        let mut digest = CommitDigest::default();
        for account in self.opened.remove(&commit.commit).unwrap_or_default() {
            digest.account(account.number, &account.parts);
        }
        for closing in self.archives.take(commit.commit) {
            digest.closing(&closing);
        }
        for entry in entries {
            digest.entry(entry);
            end.first = end.first.map_or(Some(entry.id), |first| Some(first.min(entry.id)));
            self.show(entry)?;
        }
        let wrote = commit.entries.saturating_sub(end.entries);
        let there = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        let hash = commit_hash(&end.hash, commit.commit, commit.entries, &commit.digest);
        let is_linked = commit.commit == end.commit.saturating_add(1) && hash.as_slice() == commit.hash;
        let missing = wrote.saturating_sub(there).max(0).cast_unsigned();
        if missing > 0 && !self.archives.may_have(commit.commit, missing) {
            self.check.find(Finding::IncompleteCommit { commit: number, missing });
        } else if !is_linked || (missing == 0 && (there > wrote || digest.finish().as_slice() != commit.digest)) {
            self.check.find(Finding::ChangedCommit { commit: number });
        }
        *end = End { commit: commit.commit, entries: commit.entries, hash: commit.hash.clone(), first: end.first };
        if let Some(named) = self.named.filter(|named| named.commit == number && named.hash.as_slice() != commit.hash) {
            self.check.find(Finding::Lost(Loss::History { named }));
        }
        Ok(())
    }

    fn show(&mut self, entry: &EntryRecord) -> Result<(), StorageError> {
        let EntryRecord { id, kind, at, fingerprint, charged, legs, memo, .. } = entry;
        let (id, kind, at, fingerprint, charged) = (*id, *kind, *at, *fingerprint, *charged);
        let body = codec::write_entry(&EntryParts { id, kind, at, fingerprint, charged, legs, memo });
        self.check.entry(id, &body, ORIGIN)
    }
}

/// The chain is checked here, not by the visitor.
const ORIGIN: Origin<'static> = Origin { commit: None, links: &NoLinks };

fn opened_account(row: &Row) -> Result<(AccountRecord, i64), StorageError> {
    let commit = row.try_get(6).map_err(|_| StorageError::Damaged { table: "ledger_accounts" })?;
    Ok((AccountRecord::read(row)?, commit))
}

fn commit_row(row: &Row) -> Result<Commit, StorageError> {
    let damaged = |_| StorageError::Damaged { table: "ledger_commits" };
    Ok(Commit {
        commit: row.try_get(0).map_err(damaged)?,
        entries: row.try_get(1).map_err(damaged)?,
        digest: row.try_get(2).map_err(damaged)?,
        hash: row.try_get(3).map_err(damaged)?,
    })
}
