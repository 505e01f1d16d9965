//! What never changes of accounts and holds, in memory: an account's number and floor, a hold's accounts.

use super::error::Trouble;
use super::rows::{ACCOUNT_COLUMNS, AccountRecord, HOLD_COLUMNS, HoldRecord, id_bytes};
use super::seen::Seen;
use crate::codec::{AccountParts, Number};
use crate::error::StorageError;
use hashbrown::HashMap;
use opencredits_units::{AccountId, EntryId};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Accounts and holds that are remembered. Beyond it, all are forgotten and read again as they are needed.
const REMEMBERED_MAX: usize = 1 << 20;

/// The memory that connections share. What is forgotten is put aside as a whole: a batch has learned what it needs, and keeps it.
#[derive(Default)]
pub(crate) struct Memory {
    known: Mutex<Arc<Known>>,
    pub(crate) seen: Seen,
}

impl Memory {
    /// What is known now, for one batch or one reading.
    pub(crate) fn known(&self) -> Arc<Known> {
        let mut known = self.known.lock();
        if known.is_full() {
            *known = Arc::default();
        }
        Arc::clone(&known)
    }

    pub(crate) fn forget(&self) {
        *self.known.lock() = Arc::default();
        self.seen.forget();
    }
}

/// What is known. It only grows.
#[derive(Default)]
pub(crate) struct Known(Mutex<Maps>);

#[derive(Default)]
struct Maps {
    accounts: HashMap<Number, AccountParts>,
    numbers: HashMap<AccountId, Number>,
    holds: HashMap<EntryId, Vec<Number>>,
}

impl Known {
    fn is_full(&self) -> bool {
        let maps = self.0.lock();
        maps.accounts.len().max(maps.holds.len()) >= REMEMBERED_MAX
    }

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
        let maps = self.0.lock();
        let payer = maps.holds.get(&id)?.first()?;
        maps.accounts.get(payer).map(|parts| parts.id)
    }

    pub(crate) fn add_account(&self, number: Number, parts: AccountParts) {
        let mut maps = self.0.lock();
        maps.accounts.insert(number, parts);
        maps.numbers.insert(parts.id, number);
    }

    pub(crate) fn add_hold(&self, id: EntryId, accounts: Vec<Number>) {
        self.0.lock().holds.insert(id, accounts);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Floor;

    #[test]
    fn what_a_batch_knows_stays_when_another_connection_makes_all_forget() {
        let memory = Memory::default();
        let (known, id) = (memory.known(), AccountId::from_bits(7));
        known.add_account(3, AccountParts { id, floor: Floor::Zero, contra: None });
        assert_eq!(memory.known().number(id), Some(3));
        memory.forget();
        assert_eq!((known.number(id), memory.known().number(id)), (Some(3), None));
    }
}
