//! The public interface of a ledger.

use crate::chain::ChainHead;
use crate::codec;
use crate::commands::{ExpireDue, Extend, Linked, MarkInFlight, Void};
use crate::error::{LedgerError, StorageError};
use crate::journal::{Journal, MemoryJournal, Reader};
use crate::persister::{self, Core};
use crate::report::VerifyReport;
use crate::state::{Command, Effects, Recalled, State};
use crate::ticket::Accepted;
use crate::types::{
    AccountRow, Balance, Capture, Captured, ChangeLimit, Collect, Collected, EntryRow, Expired, Held, HoldRow,
    LimitChanged, OpenAccount, PlaceHold, Transfer, Transferred, Voided,
};
use crate::verify;
use crate::watch::CommitWatch;
use opencredits_units::{AccountId, EntryId, NanoUsd, Progress, UnixMs};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// Entries that are read at once where many are looked through.
const PAGE_ROWS: usize = 1_000;

/// The options of a ledger.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long decisions may gather while no caller waits for the disk. A power failure can undo the accepted
    /// decisions of this time and those since the previous batch was taken: as long as the disk takes, but never more
    /// changes than [`crate::UNFLUSHED_MAX`] and the commands that then end holds. A caller that waits ends the
    /// gathering at once. Default 10 ms.
    pub gather: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { gather: Duration::from_millis(10) }
    }
}

/// A double-entry ledger for prepaid accounts. A clone is another handle to the same ledger.
///
/// Dropping the last handle writes the rest and closes the file. While another program has the file's write lock, the
/// drop waits some seconds for it, and then gives up changes that no caller waited for.
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

/// Figures of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Transactions, each with one flush of the disk.
    pub commits: u64,
    /// Open holds.
    pub holds: usize,
    /// Accounts.
    pub accounts: usize,
    /// Changes that wait for the disk: a power failure now would undo them. New holds are refused from
    /// [`crate::UNFLUSHED_MAX`] on.
    pub unflushed: usize,
}

impl Ledger {
    /// Opens or creates the ledger in this file.
    ///
    /// # Errors
    /// When another process has it open, or the file cannot be used. [`StorageError::Lost`] when commits that were
    /// acknowledged are gone from it, in particular by a damaged write-ahead log; nothing was changed then.
    #[cfg(feature = "sqlite")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, LedgerError> {
        Self::open_with(path, Options::default())
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    #[cfg(feature = "sqlite")]
    pub fn open_with(path: impl AsRef<std::path::Path>, options: Options) -> Result<Self, LedgerError> {
        let (journal, reader) = crate::sqlite::open(path.as_ref())?;
        Self::start(journal, Box::new(reader), options)
    }

    /// Accepts that commits which were acknowledged are gone from this file ([`StorageError::Lost`]), so that it can be
    /// opened again. Returns what is lost; `None`, with nothing changed, when nothing is. The record that names the lost
    /// commits is kept, with `.head.lost` behind the ledger's name.
    ///
    /// # Errors
    /// When another process has the ledger open, or the files cannot be used.
    #[cfg(feature = "sqlite")]
    pub fn accept_loss(path: impl AsRef<std::path::Path>) -> Result<Option<crate::Loss>, LedgerError> {
        crate::sqlite::accept_loss(path.as_ref())
    }

    /// A ledger in memory, which ends with its last handle.
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
    /// When it is open with other data, or its contra account is unknown.
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

    /// Sets the expiry of a hold.
    ///
    /// # Errors
    /// When there is no such hold.
    pub fn extend_hold(&self, id: EntryId, expires_at: UnixMs, now: UnixMs) -> Result<Accepted<()>, LedgerError> {
        self.apply(Extend { id, expires_at }, now)
    }

    /// Marks a hold in flight: its request was sent, so its expiry does not void it.
    ///
    /// # Errors
    /// When there is no such hold.
    pub fn mark_in_flight(&self, id: EntryId, now: UnixMs) -> Result<Accepted<()>, LedgerError> {
        self.apply(MarkInFlight(id), now)
    }

    /// Takes a charge from a hold and releases the rest. The charge may exceed the hold: then the available balance
    /// pays, the missing part is bad debt, and nothing goes below zero.
    ///
    /// # Errors
    /// When the hold does not exist or was voided, or when `bad_debt` cannot cover the missing part. A second capture
    /// returns the outcome of the first.
    pub fn capture(&self, capture: Capture<'_>, now: UnixMs) -> Result<Accepted<Captured>, LedgerError> {
        self.apply(capture, now)
    }

    /// Voids a hold.
    ///
    /// # Errors
    /// When there is no such hold, or it was captured.
    pub fn void(&self, id: EntryId, now: UnixMs) -> Result<Accepted<Voided>, LedgerError> {
        self.apply(Void(id), now)
    }

    /// Voids at most `max` expired holds, and returns at most as many that are in flight, the longest expired first.
    /// Holds in flight are returned by each call until they are settled or extended.
    ///
    /// # Errors
    /// When the ledger is poisoned.
    pub fn expire_due(&self, now: UnixMs, max: usize) -> Result<Accepted<Expired>, LedgerError> {
        self.apply(ExpireDue { max }, now)
    }

    /// Moves an amount.
    ///
    /// # Errors
    /// When the giving account would go below its floor, or the id was used for another command.
    pub fn transfer(&self, transfer: Transfer<'_>, now: UnixMs) -> Result<Accepted<Transferred>, LedgerError> {
        self.apply(transfer, now)
    }

    /// Moves what an account has available, up to an amount, and takes what is missing from another account where the
    /// command names one.
    ///
    /// # Errors
    /// When that other account would go below its floor, or the id was used for another command.
    pub fn collect(&self, collect: Collect<'_>, now: UnixMs) -> Result<Accepted<Collected>, LedgerError> {
        self.apply(collect, now)
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

    /// Changes a limit, decided on what is booked and held at that moment.
    ///
    /// # Errors
    /// When the account is no limit, the amount is negative, or the id was used for another command.
    pub fn change_limit(&self, change: ChangeLimit<'_>, now: UnixMs) -> Result<Accepted<LimitChanged>, LedgerError> {
        self.apply(change, now)
    }

    /// The balance of an account, with every accepted decision.
    ///
    /// # Errors
    /// When the account does not exist.
    pub fn balance(&self, account: AccountId) -> Result<Balance, LedgerError> {
        let log = self.core().log.lock();
        Ok(log.state.balance(log.state.number(account)?))
    }

    /// The balances of several accounts at one moment, in their order, in any collection.
    ///
    /// # Errors
    /// When one of them does not exist.
    pub fn balances<C>(&self, accounts: impl Iterator<Item = AccountId>) -> Result<C, LedgerError>
    where
        C: FromIterator<(AccountId, Balance)>,
    {
        let log = self.core().log.lock();
        accounts.map(|account| Ok((account, log.state.balance(log.state.number(account)?)))).collect()
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

    /// At most `max` entries that are on disk, by id, above `after`; begin with `EntryId::default()`.
    ///
    /// This iterates over existing entries; [`Ledger::changes`] follows new ones. An entry has the id of its hold and appears when
    /// the hold ends, which may be below ids that were read long before. The id of a transfer is arbitrary.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries(&self, after: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        let found = self.core().reader.entries(after, max)?;
        found.into_iter().map(|(id, body)| self.row(id, &body)).collect()
    }

    /// At most `max` entries that are on disk and have ids below `before`, the highest id first; begin with
    /// `EntryId::from_bits(u128::MAX)`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries_before(&self, before: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        let found = self.core().reader.entries_before(before, max)?;
        found.into_iter().map(|(id, body)| self.row(id, &body)).collect()
    }

    /// At most `max` entries of one account that are on disk, by id, above `after` and with ids that were made before
    /// `until`. To begin with a time, `after` is `EntryId::at(from, [0; 10])`; to go on, the last id.
    ///
    /// It reads all entries of that time. Ids of transfers are arbitrary, and so may be their times.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries_of(
        &self,
        account: AccountId,
        mut after: EntryId,
        until: UnixMs,
        max: usize,
    ) -> Result<Vec<EntryRow>, LedgerError> {
        let mut found = Vec::new();
        loop {
            let page = self.entries(after, PAGE_ROWS)?;
            let is_last = page.len() < PAGE_ROWS;
            for row in page {
                if found.len() >= max || row.id.made_at() >= until {
                    return Ok(found);
                }
                after = row.id;
                if row.legs.iter().any(|(of, _)| *of == account) {
                    found.push(row);
                }
            }
            if is_last {
                return Ok(found);
            }
        }
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

    /// The sum of the open holds; the highest amount where it fits no integer.
    #[must_use]
    pub fn held(&self) -> NanoUsd {
        let log = self.core().log.lock();
        let add = |sum: NanoUsd, hold: &codec::Hold| sum.checked_add(hold.amount).unwrap_or(NanoUsd::MAX);
        log.state.holds.values().fold(NanoUsd::ZERO, add)
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

    /// Recomputes everything on disk, as of one commit, and reports differences.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn verify(&self) -> Result<VerifyReport, LedgerError> {
        self.verify_watched(None, &Progress::default())
    }

    /// The same, and whether the ledger has every commit up to `head` as it was when [`Ledger::head`] gave it. A
    /// [`crate::Finding::Lost`] says what is missing.
    ///
    /// # Errors
    /// As [`Ledger::verify`].
    pub fn verify_with(&self, head: ChainHead) -> Result<VerifyReport, LedgerError> {
        self.verify_watched(Some(head), &Progress::default())
    }

    /// The same, with or without a head; tells in `progress` how far it is.
    ///
    /// # Errors
    /// As [`Ledger::verify`].
    pub fn verify_watched(&self, head: Option<ChainHead>, progress: &Progress) -> Result<VerifyReport, LedgerError> {
        Ok(self.verified(verify::verify(&*self.core().reader, head, progress, None)?))
    }

    /// The same in steps of some microseconds: `step` is called between them, may wait, and may end the work. All of it is
    /// as of one commit, and SQLite keeps its write-ahead log for so long. A ledger in memory is verified in one step.
    ///
    /// # Errors
    /// As [`Ledger::verify`]; [`StorageError::Interrupted`] when `step` has ended it.
    pub fn verify_in_steps(
        &self,
        progress: &Progress,
        step: impl FnMut() -> ControlFlow<()> + Send + 'static,
    ) -> Result<VerifyReport, LedgerError> {
        Ok(self.verified(verify::verify(&*self.core().reader, None, progress, Some(Box::new(step)))?))
    }

    fn verified(&self, report: VerifyReport) -> VerifyReport {
        *self.core().findings.lock() = Some(report.findings_total);
        report
    }

    /// The number of findings of the last verification of this ledger, by whomever; none before the first.
    #[must_use]
    pub fn last_findings(&self) -> Option<u64> {
        *self.core().findings.lock()
    }

    /// The end of the hash chain on disk, to be kept elsewhere and given to [`Ledger::verify_with`] later; `None` for a
    /// ledger in memory, which has none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn head(&self) -> Result<Option<ChainHead>, LedgerError> {
        Ok(self.core().reader.head()?)
    }

    /// Blocks until all decisions so far are on disk.
    ///
    /// # Errors
    /// [`LedgerError::CommitUnknown`] when the commit failed.
    pub fn flush(&self) -> Result<(), LedgerError> {
        let mark = self.core().mark();
        self.core().hurry(mark);
        self.core().progress.wait(mark)
    }

    /// Whether the ledger decides commands: false from a failed commit until [`Ledger::reload`] has read the file.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.core().is_sound()
    }

    /// After a failed commit: reads the state from disk, which is authoritative, and lets work continue. First it
    /// writes a megabyte, to check that the disk accepts writes. Does nothing to a sound ledger.
    ///
    /// # Errors
    /// When the file cannot be written or read. The ledger stays as it is, and the call may be repeated.
    pub fn reload(&self) -> Result<(), LedgerError> {
        self.core().reload()
    }

    /// Tells `watch` of every commit from now on. The first watch stays; a later one is told nothing.
    pub fn watch_commits(&self, watch: Arc<dyn CommitWatch>) {
        let _first_stays = self.core().watch.set(watch);
    }

    /// Figures of writes and memory.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let log = self.core().log.lock();
        let commits = self.core().commits.load(Ordering::Relaxed);
        let state = &log.state;
        Stats { commits, holds: state.holds.len(), accounts: state.accounts.len(), unflushed: log.unflushed() }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.keeper.core
    }

    /// Decides a command. Ids that may have finished long ago are looked up on the disk, outside of the lock, and again
    /// when ids have left the memory meanwhile, since these may be among them.
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

    pub(crate) fn row(&self, id: EntryId, body: &[u8]) -> Result<EntryRow, LedgerError> {
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
