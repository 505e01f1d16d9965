//! The state of just the rows that a batch has read. Its accounts have numbers of their own, in the order of the database's.

use super::known::Known;
use super::requests::Needs;
use super::rows::{AccountRecord, EntryRecord, HoldRecord};
use crate::codec::{self, AccountParts, EntryParts, Hold, Number};
use crate::error::StorageError;
use crate::state::{Account, State};
use crate::types::Balance;
use hashbrown::{HashMap, HashSet};
use opencredits_units::{AccountId, EntryId, NanoUsd};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// The rows of a batch.
pub(crate) struct Scope {
    pub(crate) state: State,
    /// The database's numbers of the state's accounts.
    numbers: Vec<Number>,
    /// What the accounts were before the batch.
    before: Vec<Account>,
    /// The holds that are in the database.
    pub(crate) on_disk: HashSet<EntryId>,
    /// Accounts whose rows are locked.
    locked: HashSet<Number>,
    /// The database's number of the next account.
    next: Number,
}

impl Scope {
    /// `read` are the rows of accounts that were read. Of the others it is known what they are, and counted what they gain.
    pub(crate) fn of(
        known: &Known,
        needs: &Needs,
        read: Vec<AccountRecord>,
        (holds, entries): (Vec<HoldRecord>, Vec<EntryRecord>),
        next: Number,
    ) -> Result<Self, StorageError> {
        let damaged = |table| StorageError::Damaged { table };
        let locked: HashSet<Number> = read.iter().map(|account| account.number).collect();
        let mut rows: BTreeMap<Number, Account> = BTreeMap::new();
        for AccountRecord { number, parts, posted, held } in read {
            rows.insert(number, Account { parts, posted, held });
        }
        let mut named: Vec<Number> = needs.accounts.iter().filter_map(|id| known.number(*id)).collect();
        named.extend(rows.values().filter_map(|account| account.parts.contra));
        while let Some(number) = named.pop() {
            if let Entry::Vacant(row) = rows.entry(number) {
                let parts = known.account(number).ok_or(damaged("ledger_accounts"))?;
                named.extend(parts.contra);
                row.insert(Account { parts, posted: NanoUsd::ZERO, held: NanoUsd::ZERO });
            }
        }
        let locals: HashMap<Number, Number> = rows.keys().copied().zip(0..).collect();
        let local = |number: &Number| locals.get(number).copied();
        let numbers: Vec<Number> = rows.keys().copied().collect();
        let mut accounts = Vec::with_capacity(rows.len());
        for mut account in rows.into_values() {
            if let Some(contra) = &mut account.parts.contra {
                *contra = local(contra).ok_or(damaged("ledger_accounts"))?;
            }
            accounts.push(account);
        }
        let on_disk = holds.iter().map(|hold| hold.id).collect();
        let holds = holds.into_iter().map(|hold| own_hold(hold, local).ok_or(damaged("ledger_holds")));
        let entries = entries.into_iter().map(|entry| own_entry(&entry, local));
        let state = State::of_rows(accounts.clone(), holds.collect::<Result<_, _>>()?, entries.collect());
        Ok(Self { state, numbers, before: accounts, on_disk, locked, next })
    }

    /// The database's number of an account of the state.
    pub(crate) fn number(&self, local: Number) -> Option<Number> {
        let at = usize::try_from(local).ok()?;
        match at.checked_sub(self.numbers.len()) {
            None => self.numbers.get(at).copied(),
            Some(opened) => self.next.checked_add(Number::try_from(opened).ok()?),
        }
    }

    /// The accounts that the batch has opened, with the database's numbers.
    pub(crate) fn opened(&self) -> impl Iterator<Item = (Number, AccountParts)> {
        let opened = self.state.accounts.iter().skip(self.numbers.len());
        (self.next..).zip(opened).map(|(number, account)| {
            let contra = account.parts.contra.and_then(|contra| self.number(contra));
            (number, AccountParts { contra, ..account.parts })
        })
    }

    /// What the accounts that were read have now.
    pub(crate) fn balances(&self) -> impl Iterator<Item = (AccountId, Balance)> {
        let accounts = self.numbers.iter().zip(&self.state.accounts);
        let read = accounts.filter(|(number, _)| self.locked.contains(*number));
        read.map(|(_, account)| (account.parts.id, account.balance()))
    }

    /// What accounts have gained: the database's number, the posted and the held amount, and where the row is. Each opened account
    /// is among them, in order.
    pub(crate) fn gains(&self) -> impl Iterator<Item = (Number, i64, i64, Place)> {
        let before = self.before.iter().map(|account| (account.posted, account.held));
        let before = before.chain(std::iter::repeat((NanoUsd::ZERO, NanoUsd::ZERO)));
        let known = Number::try_from(self.numbers.len()).unwrap_or(Number::MAX);
        (0..).zip(self.state.accounts.iter().zip(before)).filter_map(move |(local, (after, (posted, held)))| {
            let number = self.number(local)?;
            // Both are balances of one account, and the sum of what was posted fits.
            let posted = after.posted.get().wrapping_sub(posted.get());
            let held = after.held.get().wrapping_sub(held.get());
            let place = match () {
                () if local >= known => Place::Opened,
                () if self.locked.contains(&number) => Place::Locked,
                () => Place::House,
            };
            (place == Place::Opened || posted != 0 || held != 0).then_some((number, posted, held, place))
        })
    }
}

/// Where an account's row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The batch has locked it.
    Locked,
    /// It is locked as late as possible.
    House,
    /// The batch makes it.
    Opened,
}

fn own_hold(hold: HoldRecord, local: impl Fn(&Number) -> Option<Number>) -> Option<(EntryId, Hold)> {
    let limits = hold.limits.iter().map(&local).collect::<Option<_>>()?;
    let HoldRecord { id, amount, expires_at, phase, fingerprint, .. } = hold;
    Some((id, Hold { payer: local(&hold.payer)?, limits, amount, expires_at, phase, fingerprint }))
}

/// An entry as far as a replay needs it: with its first leg only, and without its memo.
fn own_entry(entry: &EntryRecord, local: impl Fn(&Number) -> Option<Number>) -> (EntryId, Arc<[u8]>) {
    let first = entry.legs.first().and_then(|(number, amount)| Some((local(number)?, *amount)));
    let body = codec::write_entry(&EntryParts {
        id: entry.id,
        kind: entry.kind,
        at: entry.at,
        fingerprint: entry.fingerprint,
        charged: entry.charged,
        legs: first.as_slice(),
        memo: &[],
    });
    (entry.id, body.into())
}
