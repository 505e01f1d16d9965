//! The ledger as its callers see it.

use crate::codec;
use crate::commands::{ExpireDue, Extend, Linked, MarkInFlight, Void};
use crate::error::{LedgerError, StorageError};
use crate::journal::{Journal, MemoryJournal, Reader};
use crate::persister::{self, Core};
use crate::state::{Command, Effects, Recalled, State};
use crate::ticket::Accepted;
use crate::types::{
    AccountRow, Balance, Capture, Captured, EntryRow, Expired, Held, HoldRow, OpenAccount, PlaceHold, Transfer,
    Transferred, Voided,
};
use crate::verify::{self, VerifyReport};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// How a ledger is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long decisions may gather while nobody waits for the disk. A power cut can undo what was only accepted in
    /// this time and while the batch before was written: as long as the disk takes, but never more changes than
    /// [`crate::UNFLUSHED_MAX`] and what then ends holds. A caller that waits ends the gathering at once. Default 10 ms.
    pub gather: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { gather: Duration::from_millis(10) }
    }
}

/// A double-entry ledger for prepaid accounts. Cloning it gives another handle to the same books.
///
/// Dropping the last handle writes what is left and closes the file. When another program has the file's write lock, that
/// waits some seconds for it and then gives up what nobody waited for.
#[derive(Clone)]
pub struct Ledger {
    keeper: Arc<Keeper>,
}

/// Stops the persister with the last handle.
struct Keeper {
    core: Arc<Core>,
    persister: Option<JoinHandle<()>>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.core.stop();
        if let Some(persister) = self.persister.take() {
            // It ends by itself; a panic in it has poisoned nothing that outlives it.
            let _ended = persister.join();
        }
    }
}

/// How much a ledger has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Transactions, each with one flush of the disk.
    pub commits: u64,
    /// Open holds.
    pub holds: usize,
    /// Accounts.
    pub accounts: usize,
    /// Changes that wait for the disk: what a power cut would undo now. New holds are refused from
    /// [`crate::UNFLUSHED_MAX`] on.
    pub unflushed: usize,
}

impl Ledger {
    /// Opens the ledger in this file, or makes it.
    ///
    /// # Errors
    /// When another process has it open, or the file cannot be used.
    #[cfg(feature = "sqlite")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, LedgerError> {
        Self::open_with(path, Options::default())
    }

    /// The same, run as `options` say.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    #[cfg(feature = "sqlite")]
    pub fn open_with(path: impl AsRef<std::path::Path>, options: Options) -> Result<Self, LedgerError> {
        let (journal, reader) = crate::sqlite::open(path.as_ref())?;
        Self::start(journal, Box::new(reader), options)
    }

    /// A ledger that is gone when its last handle is.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn in_memory() -> Result<Self, LedgerError> {
        let journal = MemoryJournal::default();
        Self::start(journal.clone(), Box::new(journal), Options::default())
    }

    pub(crate) fn start(
        mut journal: impl Journal + 'static,
        reader: Box<dyn Reader>,
        options: Options,
    ) -> Result<Self, LedgerError> {
        let state = journal.load()?;
        let written = state.holds.keys().copied().collect();
        let core = Core::new(state, reader, options.gather);
        let theirs = Arc::clone(&core);
        let persister = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || persister::run(&theirs, journal, written))
            .map_err(StorageError::from)?;
        Ok(Self { keeper: Arc::new(Keeper { core, persister: Some(persister) }) })
    }

    /// Opens an account.
    ///
    /// # Errors
    /// When it is open in another way, or its contra account is unknown.
    pub fn open_account(&self, account: OpenAccount, now: UnixMs) -> Result<Accepted<()>, LedgerError> {
        self.apply(account, now)
    }

    /// Holds an amount on a payer and its limits, all or none.
    ///
    /// The id must be time-ordered and fresh, as [`opencredits_units::Id::at`] makes it.
    ///
    /// # Errors
    /// [`LedgerError::InsufficientFunds`] names the account that refused; nothing is held then. [`LedgerError::Limit`]
    /// when the disk does not keep up.
    pub fn place_hold(&self, hold: PlaceHold<'_>, now: UnixMs) -> Result<Accepted<Held>, LedgerError> {
        self.apply(hold, now)
    }

    /// Sets when a hold ends.
    ///
    /// # Errors
    /// When there is no such hold.
    pub fn extend_hold(&self, id: EntryId, expires_at: UnixMs, now: UnixMs) -> Result<Accepted<()>, LedgerError> {
        self.apply(Extend { id, expires_at }, now)
    }

    /// Notes that something has gone out on a hold, so that its expiry does not release it.
    ///
    /// # Errors
    /// When there is no such hold.
    pub fn mark_in_flight(&self, id: EntryId, now: UnixMs) -> Result<Accepted<()>, LedgerError> {
        self.apply(MarkInFlight(id), now)
    }

    /// Takes a charge from a hold and releases the rest. The charge may exceed the hold: what is available is
    /// taken, what is missing is bad debt, and nothing goes below zero.
    ///
    /// # Errors
    /// When there is no such hold, or it was voided, or `bad_debt` cannot bear what is missing. A second capture returns
    /// the first one's outcome.
    pub fn capture(&self, capture: Capture<'_>, now: UnixMs) -> Result<Accepted<Captured>, LedgerError> {
        self.apply(capture, now)
    }

    /// Releases a hold.
    ///
    /// # Errors
    /// When there is no such hold, or it was captured.
    pub fn void(&self, id: EntryId, now: UnixMs) -> Result<Accepted<Voided>, LedgerError> {
        self.apply(Void(id), now)
    }

    /// Releases at most `max` holds whose time is over, and tells of at most as many that are in flight; the longest
    /// overdue first. Those in flight are told of again and again, until they are settled or extended.
    ///
    /// # Errors
    /// When the ledger is poisoned.
    pub fn expire_due(&self, now: UnixMs, max: usize) -> Result<Accepted<Expired>, LedgerError> {
        self.apply(ExpireDue { max }, now)
    }

    /// Moves an amount.
    ///
    /// # Errors
    /// When the giver would go below its floor, or the id was used for something else.
    pub fn transfer(&self, transfer: Transfer<'_>, now: UnixMs) -> Result<Accepted<Transferred>, LedgerError> {
        self.apply(transfer, now)
    }

    /// Makes several transfers in order, all or none.
    ///
    /// # Errors
    /// As [`Ledger::transfer`]; nothing is moved then.
    pub fn transfer_linked(
        &self,
        transfers: &[Transfer<'_>],
        now: UnixMs,
    ) -> Result<Accepted<Transferred>, LedgerError> {
        self.apply(Linked(transfers), now)
    }

    /// What an account has, every accepted decision included.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn balance(&self, account: AccountId) -> Result<Balance, LedgerError> {
        let log = self.core().log.lock();
        Ok(log.state.balance(log.state.number(account)?))
    }

    /// The entry of a finished hold or transfer, as soon as it is accepted.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entry(&self, id: EntryId) -> Result<Option<EntryRow>, LedgerError> {
        let recent = self.core().log.lock().state.finished(id).cloned();
        let body = match recent {
            Some(body) => Some(body),
            None => self.core().reader.entry(id)?,
        };
        body.map(|body| self.row(id, &body)).transpose()
    }

    /// At most `max` entries that are on disk, by id, those above `after`; begin with `EntryId::default()`.
    ///
    /// This walks what is there; it is no way to follow what comes. An entry has the id of its hold and appears when the
    /// hold ends, which may be below ids that were read long before. A transfer's id may lie anywhere. Whoever keeps a
    /// copy walks again over the time that a hold may stand; entries never change, so seeing one twice is harmless.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries(&self, after: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        let found = self.core().reader.entries(after, max)?;
        found.into_iter().map(|(id, body)| self.row(id, &body)).collect()
    }

    /// An open hold.
    #[must_use]
    pub fn hold(&self, id: EntryId) -> Option<HoldRow> {
        let log = self.core().log.lock();
        log.state.holds.get(&id).map(|hold| hold_row(&log.state, id, hold))
    }

    /// Every open hold, by id.
    #[must_use]
    pub fn holds(&self) -> Vec<HoldRow> {
        let log = self.core().log.lock();
        let mut rows: Vec<_> = log.state.holds.iter().map(|(id, hold)| hold_row(&log.state, *id, hold)).collect();
        drop(log);
        rows.sort_by_key(|row| row.id);
        rows
    }

    /// Every account, in the order of opening.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountRow> {
        let log = self.core().log.lock();
        let state = &log.state;
        let row = |account: &crate::state::Account| AccountRow {
            account: OpenAccount {
                id: account.parts.id,
                floor: account.parts.floor,
                contra: account.parts.contra.map(|contra| state.id_of(contra)),
            },
            balance: account.balance(),
        };
        state.accounts.iter().map(row).collect()
    }

    /// Recomputes everything on disk, as of one commit, and says what does not add up.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn verify(&self) -> Result<VerifyReport, LedgerError> {
        Ok(verify::verify(&*self.core().reader)?)
    }

    /// Blocks until all that was decided is on disk.
    ///
    /// # Errors
    /// [`LedgerError::CommitUnknown`] when the commit failed.
    pub fn flush(&self) -> Result<(), LedgerError> {
        let mark = self.core().mark();
        self.core().hurry(mark);
        self.core().progress.wait(mark)
    }

    /// Whether commands are decided: false from a failed commit until [`Ledger::reload`] has read the file.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.core().is_sound()
    }

    /// After a failed commit: reads the state anew from disk, which shows what became of it, and lets work go on. Before
    /// that it writes a megabyte to see that the disk takes it. Does nothing to a sound ledger.
    ///
    /// # Errors
    /// When the file cannot be written or read; then the ledger stays as it is, and this may be called again.
    pub fn reload(&self) -> Result<(), LedgerError> {
        self.core().reload()
    }

    /// How much was written, and what is in memory.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let log = self.core().log.lock();
        let commits = self.core().commits.load(Ordering::Relaxed);
        let state = &log.state;
        Stats { commits, holds: state.holds.len(), accounts: state.accounts.len(), unflushed: log.unflushed() }
    }

    fn core(&self) -> &Arc<Core> {
        &self.keeper.core
    }

    /// Decides a command. Ids that may have been finished long ago are looked for on the disk, outside of the lock, and
    /// again when ids have left the memory meanwhile, since these might have come and gone.
    fn apply<C: Command>(&self, command: C, now: UnixMs) -> Result<Accepted<C::Outcome>, LedgerError> {
        let mut recalled = Recalled::default();
        loop {
            let decide =
                |state: &mut State, effects: &mut Effects| state.apply_recalled(command, now, &mut recalled, effects);
            if let (Some(value), mark) = self.core().decide(C::UNFLUSHED_MAX, decide)? {
                return Ok(Accepted { value, mark, core: Arc::clone(self.core()) });
            }
            let read = |id| Ok((id, self.core().reader.entry(id)?));
            recalled.entries = command.ids().map(read).collect::<Result<_, StorageError>>()?;
        }
    }

    fn row(&self, id: EntryId, body: &[u8]) -> Result<EntryRow, LedgerError> {
        let entry = codec::read_entry(id, body).ok_or(StorageError::Damaged { table: "entries" })?;
        let log = self.core().log.lock();
        let legs: Vec<(AccountId, NanoUsd)> =
            entry.legs.iter().map(|(number, amount)| (log.state.id_of(*number), *amount)).collect();
        drop(log);
        Ok(EntryRow { id, kind: entry.kind, at: entry.at, legs, charged: entry.charged, memo: entry.memo })
    }
}

fn hold_row(state: &State, id: EntryId, hold: &codec::Hold) -> HoldRow {
    HoldRow {
        id,
        payer: state.id_of(hold.payer),
        limits: hold.limits.iter().map(|limit| state.id_of(*limit)).collect(),
        amount: hold.amount,
        expires_at: hold.expires_at,
        phase: hold.phase,
    }
}
