//! The ledger in memory: accounts, open holds, and recently finished ids.
//!
//! [`State::apply`] decides. It is pure: the same commands in the same order at the same times give the same
//! outcomes and effects. A refused command changes nothing.

use crate::codec::{self, AccountParts, Entry, Hold, Number};
use crate::error::{LedgerError, StorageError};
#[cfg(feature = "postgres")]
use crate::postgres::EntriesPart;
use crate::types::{Balance, Floor};
use hashbrown::HashMap;
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Finished ids that are kept in memory, so that neither a replay nor a look-up of a recent one reads the disk.
pub(crate) const RECENT_MAX: usize = 16_384;

/// Effects that may wait for the disk; beyond that, all commands are refused.
const LOG_MAX: usize = 1 << 20;

/// A command to the ledger. It is a copy of borrowed parts, so that it can be decided again after its ids were looked
/// up on the disk.
pub(crate) trait Command: Copy {
    /// The outcome.
    type Outcome;
    /// Effects that may wait for the disk when it is decided.
    const UNFLUSHED_MAX: usize = LOG_MAX;
    /// The ids whose history decides.
    fn ids(&self) -> impl Iterator<Item = EntryId> {
        std::iter::empty()
    }
    /// Checks first, and changes the state only when nothing can fail any more.
    fn decide(self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Self::Outcome, LedgerError>;
}

/// The changes, in order, for the journal to write.
pub(crate) type Effects = Vec<Effect>;

/// One change.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// An account was opened.
    Opened(Number, AccountParts),
    /// An account's posted balance is now this.
    Posted(Number, NanoUsd),
    /// A hold is now this; removed when `None`.
    Hold(EntryId, Option<Hold>),
    /// An entry was made.
    Entry(EntryId, Arc<[u8]>),
}

/// The entries on disk of ids that are not in memory.
#[derive(Default)]
pub(crate) struct Recalled {
    /// How often ids had left the memory before the disk was read. A missing entry is certain only while that is
    /// unchanged.
    pub(crate) as_of: u64,
    pub(crate) entries: Vec<(EntryId, Option<Arc<[u8]>>)>,
}

impl Recalled {
    fn entry(&self, id: EntryId) -> Option<&Option<Arc<[u8]>>> {
        self.entries.iter().find(|(other, _)| *other == id).map(|(_, entry)| entry)
    }
}

/// An account and its balance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) parts: AccountParts,
    pub(crate) posted: NanoUsd,
    pub(crate) held: NanoUsd,
}

/// The ledger in memory.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) accounts: Vec<Account>,
    numbers: HashMap<AccountId, Number>,
    pub(crate) holds: HashMap<EntryId, Hold>,
    pub(crate) expiries: BTreeSet<(UnixMs, EntryId)>,
    finished: HashMap<EntryId, Arc<[u8]>>,
    finished_order: VecDeque<EntryId>,
    /// For the command that is being decided, and no other.
    recalled: Recalled,
    /// No id above this one has left the memory: such an id is in memory or new.
    forgotten_max: EntryId,
    /// How often ids have left the memory.
    pub(crate) forgettings: u64,
    /// Ids whose entries are archived, so that nobody can tell what they were.
    #[cfg(feature = "postgres")]
    pub(crate) archived: HashMap<EntryId, EntriesPart>,
}

impl State {
    /// The state of a journal: its accounts, holds, and highest entry.
    pub(crate) fn load(
        accounts: Vec<(AccountParts, NanoUsd)>,
        holds: Vec<(EntryId, Hold)>,
        entry_max: EntryId,
    ) -> Result<Self, StorageError> {
        let mut state = Self { forgotten_max: entry_max, ..Self::default() };
        for (parts, posted) in accounts {
            let opened_before = parts.contra.is_none_or(|contra| state.account(contra).is_some());
            let is_new = opened_before && !state.numbers.contains_key(&parts.id);
            let number = if is_new { state.add_account(parts, posted) } else { None };
            number.ok_or(StorageError::Damaged { table: "accounts" })?;
        }
        for (id, hold) in holds {
            state.add_hold(id, hold).ok_or(StorageError::Damaged { table: "holds" })?;
        }
        Ok(state)
    }

    /// A state of some rows. The held sums of the accounts have holds in them that are not among these.
    #[cfg(feature = "postgres")]
    pub(crate) fn of_rows(
        accounts: Vec<Account>,
        holds: Vec<(EntryId, Hold)>,
        entries: Vec<(EntryId, Arc<[u8]>)>,
    ) -> Self {
        let numbers = accounts.iter().map(|account| account.parts.id).zip(0..).collect();
        let expiries = holds.iter().map(|(id, hold)| (hold.expires_at, *id)).collect();
        let (holds, finished) = (holds.into_iter().collect(), entries.into_iter().collect());
        Self { accounts, numbers, holds, expiries, finished, ..Self::default() }
    }

    /// Decides a command, with the history of its ids from memory and from the recalled entries. `None`, with nothing
    /// changed, when these do not suffice: then the ids must be recalled again.
    pub(crate) fn apply_recalled<C: Command>(
        &mut self,
        command: C,
        now: UnixMs,
        recalled: &mut Recalled,
        effects: &mut Effects,
    ) -> Result<Option<C::Outcome>, LedgerError> {
        let recalled_history = |id| match recalled.entry(id) {
            Some(Some(_)) => true,
            Some(None) => recalled.as_of == self.forgettings,
            None => false,
        };
        if !command.ids().all(|id| self.knows(id) || recalled_history(id)) {
            recalled.as_of = self.forgettings;
            return Ok(None);
        }
        self.recalled = std::mem::take(recalled);
        let outcome = self.apply(command, now, effects);
        self.recalled = Recalled::default();
        outcome.map(Some)
    }

    /// Decides a command.
    pub(crate) fn apply<C: Command>(
        &mut self,
        command: C,
        now: UnixMs,
        effects: &mut Effects,
    ) -> Result<C::Outcome, LedgerError> {
        #[cfg(feature = "postgres")]
        self.refuse_archived(&command)?;
        command.decide(self, now, effects)
    }

    /// Refuses a command whose id is archived: it was decided once, and must not be again.
    #[cfg(feature = "postgres")]
    fn refuse_archived<C: Command>(&self, command: &C) -> Result<(), LedgerError> {
        if self.archived.is_empty() {
            return Ok(());
        }
        match command.ids().find_map(|id| self.archived.get(&id)) {
            Some(part) => Err(LedgerError::Archived { part: *part }),
            None => Ok(()),
        }
    }

    pub(crate) fn number(&self, account: AccountId) -> Result<Number, LedgerError> {
        self.numbers.get(&account).copied().ok_or(LedgerError::UnknownAccount { account })
    }

    pub(crate) fn account(&self, number: Number) -> Option<&Account> {
        self.accounts.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn account_mut(&mut self, number: Number) -> Option<&mut Account> {
        self.accounts.get_mut(usize::try_from(number).ok()?)
    }

    /// The account's id.
    pub(crate) fn id_of(&self, number: Number) -> AccountId {
        self.account(number).map_or(AccountId::from_bits(0), |account| account.parts.id)
    }

    /// Opens an account; `None` when no number is left.
    pub(crate) fn add_account(&mut self, parts: AccountParts, posted: NanoUsd) -> Option<Number> {
        let number = Number::try_from(self.accounts.len()).ok()?;
        self.accounts.push(Account { parts, posted, held: NanoUsd::ZERO });
        self.numbers.insert(parts.id, number);
        Some(number)
    }

    /// Places a hold; `None`, with nothing changed, when an account is unknown or a sum does not fit.
    pub(crate) fn add_hold(&mut self, id: EntryId, hold: Hold) -> Option<()> {
        for number in hold.accounts() {
            self.account(number)?.held.checked_add(hold.amount)?;
        }
        for number in hold.accounts() {
            let account = self.account_mut(number)?;
            account.held = account.held.checked_add(hold.amount)?;
        }
        self.expiries.insert((hold.expires_at, id));
        self.holds.insert(id, hold);
        Some(())
    }

    /// Removes a hold and releases its amount.
    pub(crate) fn remove_hold(&mut self, id: EntryId) -> Option<Hold> {
        let hold = self.holds.remove(&id)?;
        self.expiries.remove(&(hold.expires_at, id));
        for number in hold.accounts() {
            if let Some(account) = self.account_mut(number) {
                account.held = account.held.checked_sub(hold.amount).unwrap_or_default();
            }
        }
        Some(hold)
    }

    /// Posts an amount.
    pub(crate) fn post(&mut self, number: Number, amount: NanoUsd, effects: &mut Effects) {
        if let Some(account) = self.account_mut(number) {
            // The caller has checked that the sum fits.
            account.posted = account.posted.checked_add(amount).unwrap_or(account.posted);
            effects.push(Effect::Posted(number, account.posted));
        }
    }

    /// Makes an entry.
    pub(crate) fn finish(&mut self, id: EntryId, body: Vec<u8>, effects: &mut Effects) {
        let body: Arc<[u8]> = body.into();
        effects.push(Effect::Entry(id, Arc::clone(&body)));
        if self.finished.insert(id, body).is_none() {
            self.finished_order.push_back(id);
        }
    }

    /// Forgets the oldest finished ids: all but [`RECENT_MAX`], and never one of the last `unflushed`.
    pub(crate) fn forget_old(&mut self, unflushed: usize) {
        while self.finished_order.len() > RECENT_MAX.max(unflushed) {
            let Some(id) = self.finished_order.pop_front() else {
                return;
            };
            self.finished.remove(&id);
            self.forgotten_max = self.forgotten_max.max(id);
            self.forgettings = self.forgettings.wrapping_add(1);
        }
    }

    /// A finished entry that is in memory, or was recalled.
    pub(crate) fn finished(&self, id: EntryId) -> Option<&Arc<[u8]>> {
        self.finished.get(&id).or_else(|| self.recalled.entry(id)?.as_ref())
    }

    /// The same, decoded.
    pub(crate) fn finished_entry(&self, id: EntryId) -> Option<Entry> {
        codec::read_entry(id, self.finished(id)?)
    }

    /// Whether memory alone determines the history of `id`.
    pub(crate) fn knows(&self, id: EntryId) -> bool {
        id > self.forgotten_max || self.holds.contains_key(&id) || self.finished.contains_key(&id)
    }

    pub(crate) fn balance(&self, number: Number) -> Balance {
        self.account(number).map(Account::balance).unwrap_or_default()
    }
}

impl Account {
    pub(crate) fn balance(&self) -> Balance {
        let available = self.posted.checked_sub(self.held).unwrap_or(NanoUsd::ZERO);
        Balance { posted: self.posted, held: self.held, leased: NanoUsd::ZERO, available }
    }

    /// Refuses a change that would take the account below its floor.
    pub(crate) fn must_cover(&self, amount: NanoUsd) -> Result<(), LedgerError> {
        let available = self.balance().available;
        if self.parts.floor == Floor::None || available >= amount {
            return Ok(());
        }
        Err(LedgerError::InsufficientFunds { account: self.parts.id, required: amount, available })
    }
}

impl Hold {
    /// Every account of the hold.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = Number> {
        std::iter::once(self.payer).chain(self.limits.iter().copied())
    }
}
