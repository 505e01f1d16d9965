//! What never changes of accounts and holds, in memory: an account's number and floor, a hold's accounts.

use super::error::Trouble;
use super::rows::{ACCOUNT_COLUMNS, AccountRecord, HOLD_COLUMNS, HoldRecord, id_bytes};
use crate::codec::{AccountParts, Number};
use crate::error::StorageError;
use hashbrown::HashMap;
use opencredits_units::{AccountId, EntryId};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Accounts and holds that are remembered. Beyond it, all are forgotten and read again as they are needed.
const REMEMBERED_MAX: usize = 1 << 20;

/// A memory that connections share.
#[derive(Default)]
pub(crate) struct Known(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    accounts: HashMap<Number, AccountParts>,
    numbers: HashMap<AccountId, Number>,
    holds: HashMap<EntryId, Vec<Number>>,
}

impl Known {
    pub(crate) fn number(&self, id: AccountId) -> Option<Number> {
        self.0.lock().numbers.get(&id).copied()
    }

    /// An account, with its contra account's number in the database.
    pub(crate) fn account(&self, number: Number) -> Option<AccountParts> {
        self.0.lock().accounts.get(&number).copied()
    }

    /// The accounts of an open hold, its payer first.
    pub(crate) fn hold(&self, id: EntryId) -> Option<Vec<Number>> {
        self.0.lock().holds.get(&id).cloned()
    }

    /// The payer of an open hold.
    pub(crate) fn payer(&self, id: EntryId) -> Option<AccountId> {
        let memory = self.0.lock();
        let payer = memory.holds.get(&id)?.first()?;
        memory.accounts.get(payer).map(|parts| parts.id)
    }

    pub(crate) fn add_account(&self, number: Number, parts: AccountParts) {
        let mut memory = self.0.lock();
        if memory.accounts.len() >= REMEMBERED_MAX {
            memory.accounts.clear();
            memory.numbers.clear();
        }
        memory.accounts.insert(number, parts);
        memory.numbers.insert(parts.id, number);
    }

    pub(crate) fn add_hold(&self, id: EntryId, accounts: Vec<Number>) {
        let mut memory = self.0.lock();
        if memory.holds.len() >= REMEMBERED_MAX {
            memory.holds.clear();
        }
        memory.holds.insert(id, accounts);
    }

    pub(crate) fn forget(&self) {
        *self.0.lock() = Memory::default();
    }

    pub(crate) fn end_hold(&self, id: EntryId) {
        self.0.lock().holds.remove(&id);
    }

    /// Reads the accounts of these ids and numbers that are not known, and their contra accounts. One that does not exist stays
    /// unknown.
    pub(crate) async fn learn(
        &self,
        client: &Client,
        ids: impl Iterator<Item = AccountId>,
        numbers: impl Iterator<Item = Number>,
    ) -> Result<(), StorageError> {
        let mut ids: Vec<Vec<u8>> = ids.filter(|id| self.number(*id).is_none()).map(|id| id_bytes(id.bits())).collect();
        let mut numbers: BTreeSet<Number> = numbers.filter(|number| self.account(*number).is_none()).collect();
        let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts WHERE id = ANY($1) OR number = ANY($2)");
        while !ids.is_empty() || !numbers.is_empty() {
            let by_number = signed(numbers.iter().copied());
            let rows = client.query_typed(&sql, &[(&ids, Type::BYTEA_ARRAY), (&by_number, Type::INT4_ARRAY)]).await;
            (ids, numbers) = (Vec::new(), BTreeSet::new());
            for row in &rows.map_err(Trouble::of)? {
                let AccountRecord { number, parts, .. } = AccountRecord::read(row)?;
                self.add_account(number, parts);
                numbers.extend(parts.contra.filter(|contra| self.account(*contra).is_none()));
            }
        }
        Ok(())
    }

    /// Reads the holds of these ids that are not known, and their accounts. One that is not open stays unknown.
    pub(crate) async fn learn_holds(
        &self,
        client: &Client,
        ids: impl Iterator<Item = EntryId>,
    ) -> Result<(), StorageError> {
        let ids: Vec<Vec<u8>> = ids.filter(|id| self.hold(*id).is_none()).map(|id| id_bytes(id.bits())).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let sql = format!("SELECT {HOLD_COLUMNS} FROM ledger_holds WHERE id = ANY($1)");
        let rows = client.query_typed(&sql, &[(&ids, Type::BYTEA_ARRAY)]).await.map_err(Trouble::of)?;
        let holds: Vec<HoldRecord> = rows.iter().map(HoldRecord::read).collect::<Result<_, _>>()?;
        self.learn(client, std::iter::empty(), holds.iter().flat_map(HoldRecord::accounts)).await?;
        for hold in holds {
            self.add_hold(hold.id, hold.accounts().collect());
        }
        Ok(())
    }
}

/// Numbers as the database takes them.
pub(crate) fn signed(numbers: impl Iterator<Item = Number>) -> Vec<i32> {
    numbers.map(u32::cast_signed).collect()
}
