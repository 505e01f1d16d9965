//! What is read without a lock.

use super::closings;
use super::error::Trouble;
use super::known::{Known, Memory};
use super::rows::{ACCOUNT_COLUMNS, AccountRecord, ENTRY_COLUMNS, EntryRecord, HOLD_COLUMNS, HoldRecord, id_bytes};
use crate::chain::ChainHead;
use crate::codec::Number;
use crate::error::{LedgerError, StorageError};
use crate::types::{AccountRow, Balance, EntryRow, HoldRow, OpenAccount};
use opencredits_postgres::{Object, Pool, PostgresError};
use opencredits_units::{AccountId, EntryId, NanoUsd};
use std::sync::Arc;
use tokio::time::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

/// Reads with the connections of a pool.
pub(crate) struct Reads {
    pub(crate) pool: Pool,
    pub(crate) memory: Arc<Memory>,
}

type Parameters<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

impl Reads {
    pub(crate) async fn client(&self) -> Result<Object, StorageError> {
        let client = self.pool.get().await.map_err(PostgresError::from);
        Ok(client.map_err(Trouble::from)?)
    }

    pub(crate) async fn rows<T>(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        read: fn(&Row) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let rows = self.client().await?.query_typed(sql, parameters).await.map_err(Trouble::of)?;
        rows.iter().map(read).collect()
    }

    /// What is known, of these accounts at least.
    async fn learn(&self, numbers: impl Iterator<Item = Number>) -> Result<Arc<Known>, StorageError> {
        let known = self.memory.known();
        let missing: Vec<Number> = numbers.filter(|number| known.account(*number).is_none()).collect();
        if !missing.is_empty() {
            known.learn(&*self.client().await?, std::iter::empty(), missing.into_iter()).await?;
        }
        Ok(known)
    }

    pub(crate) async fn balances(&self, ids: &[AccountId]) -> Result<Vec<(AccountId, Balance)>, LedgerError> {
        let keys: Vec<Vec<u8>> = ids.iter().map(|id| id_bytes(id.bits())).collect();
        let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts WHERE id = ANY($1)");
        let began = Instant::now();
        let found = self.rows(&sql, &[(&keys, Type::BYTEA_ARRAY)], AccountRecord::read).await?;
        self.memory.seen.put(began, found.iter().map(|account| (account.parts.id, balance(account))));
        let of = |id: &AccountId| {
            let account = found.iter().find(|account| account.parts.id == *id);
            Ok((*id, balance(account.ok_or(LedgerError::UnknownAccount { account: *id })?)))
        };
        ids.iter().map(of).collect()
    }

    pub(crate) async fn accounts(&self) -> Result<Vec<AccountRow>, LedgerError> {
        let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts ORDER BY number");
        let found = self.rows(&sql, &[], AccountRecord::read).await?;
        let known = self.memory.known();
        found.iter().for_each(|account| known.add_account(account.number, account.parts));
        let row = |account: &AccountRecord| {
            let AccountRecord { parts, .. } = account;
            let contra = parts.contra.map(|contra| id_of(&known, contra));
            AccountRow { account: OpenAccount { id: parts.id, floor: parts.floor, contra }, balance: balance(account) }
        };
        Ok(found.iter().map(row).collect())
    }

    pub(crate) async fn hold(&self, id: EntryId) -> Result<Option<HoldRow>, LedgerError> {
        let sql = format!("SELECT {HOLD_COLUMNS} FROM ledger_holds WHERE id = $1");
        let found = self.rows(&sql, &[(&id_bytes(id.bits()), Type::BYTEA)], HoldRecord::read).await?;
        Ok(self.hold_rows(found).await?.pop())
    }

    pub(crate) async fn holds(&self) -> Result<Vec<HoldRow>, LedgerError> {
        let sql = format!("SELECT {HOLD_COLUMNS} FROM ledger_holds ORDER BY id");
        let found = self.rows(&sql, &[], HoldRecord::read).await?;
        Ok(self.hold_rows(found).await?)
    }

    pub(crate) async fn hold_rows(&self, holds: Vec<HoldRecord>) -> Result<Vec<HoldRow>, StorageError> {
        let known = self.learn(holds.iter().flat_map(HoldRecord::accounts)).await?;
        let row = |hold: HoldRecord| HoldRow {
            id: hold.id,
            payer: id_of(&known, hold.payer),
            limits: hold.limits.iter().map(|limit| id_of(&known, *limit)).collect(),
            amount: hold.amount,
            expires_at: hold.expires_at,
            phase: hold.phase,
        };
        Ok(holds.into_iter().map(row).collect())
    }

    pub(crate) async fn held(&self) -> Result<NanoUsd, LedgerError> {
        let sql = "SELECT least(coalesce(sum(amount), 0), 9223372036854775807)::bigint FROM ledger_holds";
        let sum = |row: &Row| row.try_get(0).map_err(|error| Trouble::of(error).into());
        let found = self.rows(sql, &[], sum).await?;
        Ok(NanoUsd::new(found.first().copied().unwrap_or_default()))
    }

    pub(crate) async fn entry(&self, id: EntryId) -> Result<Option<EntryRow>, LedgerError> {
        let sql = format!("SELECT {ENTRY_COLUMNS} FROM ledger_entries WHERE id = $1");
        let found = self.rows(&sql, &[(&id_bytes(id.bits()), Type::BYTEA)], EntryRecord::read).await?;
        let found = self.entry_rows(found).await?.pop();
        if found.is_none() {
            self.refuse_archived(id).await?;
        }
        Ok(found)
    }

    pub(crate) async fn entries_of_ids(&self, ids: &[EntryId]) -> Result<Vec<EntryRow>, LedgerError> {
        let bytes: Vec<Vec<u8>> = ids.iter().map(|id| id_bytes(id.bits())).collect();
        let sql = format!("SELECT {ENTRY_COLUMNS} FROM ledger_entries WHERE id = ANY($1)");
        let found = self.rows(&sql, &[(&bytes, Type::BYTEA_ARRAY)], EntryRecord::read).await?;
        let mut rows = self.entry_rows(found).await?;
        rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
        Ok(rows)
    }

    pub(crate) async fn entries_between(&self, ranges: &[(EntryId, EntryId)]) -> Result<Vec<EntryRow>, LedgerError> {
        let (low, high): (Vec<_>, Vec<_>) =
            ranges.iter().map(|(low, high)| (id_bytes(low.bits()), id_bytes(high.bits()))).unzip();
        let sql = format!(
            "SELECT {ENTRY_COLUMNS} FROM unnest($1, $2) AS range (low, high)
             JOIN ledger_entries ON id BETWEEN low AND high ORDER BY id"
        );
        let ends: Parameters<'_> = &[(&low, Type::BYTEA_ARRAY), (&high, Type::BYTEA_ARRAY)];
        let found = self.rows(&sql, ends, EntryRecord::read).await?;
        Ok(self.entry_rows(found).await?)
    }

    pub(crate) async fn entries(&self, after: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        self.page("id > $1 ORDER BY id", after, max).await
    }

    pub(crate) async fn entries_before(&self, before: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        self.page("id < $1 ORDER BY id DESC", before, max).await
    }

    async fn page(&self, which: &str, bound: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        let sql = format!("SELECT {ENTRY_COLUMNS} FROM ledger_entries WHERE {which} LIMIT $2");
        let (bound, max) = (id_bytes(bound.bits()), i64::try_from(max).unwrap_or(i64::MAX));
        let found = self.rows(&sql, &[(&bound, Type::BYTEA), (&max, Type::INT8)], EntryRecord::read).await?;
        Ok(self.entry_rows(found).await?)
    }

    /// Sums with the ids of their accounts.
    pub(crate) async fn named(&self, sums: &[(Number, NanoUsd)]) -> Result<Vec<(AccountId, NanoUsd)>, StorageError> {
        let known = self.learn(sums.iter().map(|(number, _)| *number)).await?;
        Ok(sums.iter().map(|(number, amount)| (id_of(&known, *number), *amount)).collect())
    }

    pub(crate) async fn entry_rows(&self, entries: Vec<EntryRecord>) -> Result<Vec<EntryRow>, StorageError> {
        let known = self.learn(entries.iter().flat_map(|entry| &entry.legs).map(|(number, _)| *number)).await?;
        let row = |entry: EntryRecord| EntryRow {
            id: entry.id,
            kind: entry.kind,
            at: entry.at,
            legs: entry.legs.iter().map(|(number, amount)| (id_of(&known, *number), *amount)).collect(),
            charged: entry.charged,
            memo: entry.memo,
        };
        Ok(entries.into_iter().map(row).collect())
    }

    /// The entries of the commits after one, and the last of these commits: at least one where there is any, and at most `max`
    /// entries beyond it. Refused where some of them are archived.
    pub(crate) async fn after(
        &self,
        from: &ChainHead,
        max: usize,
    ) -> Result<Option<(Vec<EntryRow>, ChainHead)>, LedgerError> {
        let last = "SELECT commit, entries, hash FROM ledger_commits
            WHERE commit > $1 AND commit <= $1 + $2 AND (commit = $1 + 1 OR entries <= $3) ORDER BY commit DESC LIMIT 1";
        let (commit, max) = (signed_count(from.commit), i64::try_from(max).unwrap_or(i64::MAX));
        let entries = signed_count(from.entries).saturating_add(max);
        let which: Parameters<'_> = &[(&commit, Type::INT8), (&max, Type::INT8), (&entries, Type::INT8)];
        let Some(last) = self.rows(last, which, head).await?.pop() else { return Ok(None) };
        let sql = format!(
            "SELECT {ENTRY_COLUMNS} FROM ledger_entries WHERE commit > $1 AND commit <= $2 ORDER BY commit, id"
        );
        let until = signed_count(last.commit);
        let range: Parameters<'_> = &[(&commit, Type::INT8), (&until, Type::INT8)];
        let mut found = self.rows(&sql, range, EntryRecord::read).await?;
        let wrote = last.entries.saturating_sub(from.entries);
        let is_short = u64::try_from(found.len()).is_ok_and(|found| found < wrote);
        if is_short {
            if let Some(part) = closings::first(&*self.client().await?).await? {
                return Err(LedgerError::Archived { part });
            }
            // They may have been brought back between the two readings. A follower that misses entries for another reason sees no others,
            // and `verify` finds it.
            found = self.rows(&sql, range, EntryRecord::read).await?;
        }
        Ok(Some((self.entry_rows(found).await?, last)))
    }

    /// The commit of this number.
    pub(crate) async fn commit(&self, commit: u64) -> Result<Option<ChainHead>, LedgerError> {
        let commit = signed_count(commit);
        let sql = "SELECT commit, entries, hash FROM ledger_commits WHERE commit = $1";
        Ok(self.rows(sql, &[(&commit, Type::INT8)], head).await?.into_iter().next())
    }

    /// The last commit.
    pub(crate) async fn head(&self) -> Result<ChainHead, LedgerError> {
        let found = self.rows("SELECT commit, entries, hash FROM ledger_head", &[], head).await?;
        found.into_iter().next().ok_or(StorageError::Damaged { table: "ledger_head" }.into())
    }

    /// The number of open holds and of accounts.
    pub(crate) async fn counts(&self) -> Result<(usize, usize), LedgerError> {
        let sql = "SELECT (SELECT count(*) FROM ledger_holds), (SELECT count(*) FROM ledger_accounts)";
        let pair = |row: &Row| {
            let read = |column| row.try_get::<_, i64>(column).map_err(|error| StorageError::from(Trouble::of(error)));
            Ok((usize::try_from(read(0)?).unwrap_or_default(), usize::try_from(read(1)?).unwrap_or_default()))
        };
        Ok(self.rows(sql, &[], pair).await?.into_iter().next().unwrap_or_default())
    }
}

fn id_of(known: &Known, number: Number) -> AccountId {
    known.account(number).map_or(AccountId::from_bits(0), |parts| parts.id)
}

fn signed_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn balance(account: &AccountRecord) -> Balance {
    let available = account.posted.checked_sub(account.held).unwrap_or(NanoUsd::ZERO);
    Balance { posted: account.posted, held: account.held, leased: NanoUsd::ZERO, available }
}

/// A head of the chain; before the first commit it has no hash.
pub(crate) fn head(row: &Row) -> Result<ChainHead, StorageError> {
    let damaged = || StorageError::Damaged { table: "ledger_commits" };
    let count = |column| row.try_get::<_, i64>(column).ok().and_then(|count| u64::try_from(count).ok());
    let hash: &[u8] = row.try_get(2).map_err(|_| damaged())?;
    let hash = if hash.is_empty() { [0; 32] } else { hash.try_into().map_err(|_| damaged())? };
    Ok(ChainHead { commit: count(0).ok_or_else(damaged)?, entries: count(1).ok_or_else(damaged)?, hash })
}
