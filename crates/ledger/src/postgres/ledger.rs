//! The public interface of a ledger on PostgreSQL.

use super::closings::Closing;
use super::connection::PATIENCE;
use super::error::Trouble;
use super::known::Memory;
use super::lane::{Lane, Worker, lane};
use super::processes::{Process, ProcessRow};
use super::reads::Reads;
use super::requests::{Affinity, Asked, Change, Charge, Gather, Moves, Place, Request};
use super::session::Session;
use super::verify;
use crate::chain::ChainHead;
use crate::commands::{ExpireDue, Extend, MarkInFlight, Void};
use crate::error::{LedgerError, StorageError};
use crate::follow::{Changes, Checkpoint};
use crate::ledger::Stats;
use crate::report::VerifyReport;
use crate::types::{
    AccountRow, Balance, Capture, Captured, ChangeLimit, Collect, Collected, EntryRow, Expired, Held, HoldRow,
    LimitChanged, OpenAccount, PlaceHold, Transfer, Transferred, Voided,
};
use opencredits_postgres::{Object, Settings};
use opencredits_units::{AccountId, EntryId, NanoUsd, Progress, UnixMs};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Entries that are read at once where many are looked through.
const PAGE_ROWS: usize = 1_000;
/// How often is looked at the end whether everything is answered.
const IDLE_LOOK: Duration = Duration::from_millis(10);

/// The options of a ledger on PostgreSQL.
#[derive(Debug, Clone)]
pub struct SharedOptions {
    /// Connections that write. Commands of one account are on one of them. Default 1: batches with entries run one after the other
    /// whoever makes them, so that few large ones carry more than many small ones.
    pub writers: usize,
    /// Connections that read. Default 4.
    pub readers: usize,
    /// What the process is called among those that share the ledger. Default `ledger`.
    pub name: String,
}

impl Default for SharedOptions {
    fn default() -> Self {
        Self { writers: 1, readers: 4, name: "ledger".to_owned() }
    }
}

/// A double-entry ledger for prepaid accounts in a PostgreSQL database that any number of processes share. A clone is another handle.
///
/// Its commands are those of [`crate::Ledger`], and so are their outcomes. A decision comes back once its transaction is committed:
/// [`Decision::accepted`] does not wait for the database's disk, [`Decision::durable`] does, and for a synchronous standby.
#[derive(Clone)]
pub struct SharedLedger {
    inner: Arc<Inner>,
}

struct Inner {
    lanes: Vec<Lane>,
    memory: Arc<Memory>,
    reads: Reads,
    process: Arc<Process>,
    spread: RandomState,
    /// How many findings the last verification had.
    findings: parking_lot::Mutex<Option<u64>>,
    /// Ends when every queue is done.
    done: tokio::sync::Mutex<oneshot::Receiver<()>>,
}

/// A command, to be sent with the choice of what to wait for.
#[must_use = "a command is sent by `accepted().await` or `durable().await`"]
pub struct Decision<'a, T> {
    send: Box<dyn FnOnce(bool) -> oneshot::Receiver<Result<T, LedgerError>> + Send + 'a>,
}

impl<T> Decision<'_, T> {
    /// The outcome, once every reader sees it. A crash of the database within the next half second may undo it.
    ///
    /// # Errors
    /// What the command is refused with. [`LedgerError::Away`] while the database does not answer; nothing has changed then.
    /// [`LedgerError::CommitUnknown`] when it cannot be found out in time; the same command again tells.
    pub async fn accepted(self) -> Result<T, LedgerError> {
        self.send(false).await.unwrap_or(Err(LedgerError::CommitUnknown))
    }

    /// The outcome, once it is on disk, and on the disk of a synchronous standby.
    ///
    /// # Errors
    /// As [`Self::accepted`].
    pub async fn durable(self) -> Result<T, LedgerError> {
        self.send(true).await.unwrap_or(Err(LedgerError::CommitUnknown))
    }

    pub(crate) fn send(self, is_durable: bool) -> oneshot::Receiver<Result<T, LedgerError>> {
        (self.send)(is_durable)
    }
}

impl SharedLedger {
    /// Connects, and makes the tables where there are none. From now on the database is told every [`crate::HEARTBEAT`] that this
    /// process is there, until the last handle is gone.
    ///
    /// # Errors
    /// When the database cannot be reached, or its tables are of a newer program.
    pub async fn connect(settings: Settings, options: SharedOptions) -> Result<Self, LedgerError> {
        let memory = Arc::new(Memory::default());
        let (started, starting) = oneshot::channel();
        let (ended, done) = oneshot::channel();
        let (theirs, shared) = (settings.clone(), Arc::clone(&memory));
        let SharedOptions { writers, readers, name } = options;
        // Its own thread, so that a batch waits for no other work of the process.
        let work = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(StorageError::from(error)))),
            };
            runtime.block_on(async move {
                let (process, workers) = match open(&theirs, &shared, writers.max(1), name).await {
                    Ok((process, lanes, workers)) => {
                        let sent = started.send(Ok((Arc::clone(&process), lanes)));
                        (process, sent.map(|()| workers).unwrap_or_default())
                    }
                    Err(error) => return drop(started.send(Err(error))),
                };
                let local = tokio::task::LocalSet::new();
                for worker in workers {
                    local.spawn_local(worker.run());
                }
                // The heartbeat ends with the queues.
                tokio::select! {
                    biased;
                    () = local => {}
                    () = process.beat(&theirs) => {}
                }
                // Nobody may wait for it.
                let _gone = ended.send(());
            });
        };
        std::thread::Builder::new().name("ledger".to_owned()).spawn(work).map_err(StorageError::from)?;
        let (process, lanes) = starting.await.map_err(|_| LedgerError::Poisoned)??;
        let pool = opencredits_postgres::pool(&settings, readers.max(1)).map_err(Trouble::from);
        let reads = Reads { pool: pool.map_err(StorageError::from)?, memory: Arc::clone(&memory) };
        let (findings, done) = (parking_lot::Mutex::new(None), tokio::sync::Mutex::new(done));
        let inner = Inner { lanes, memory, reads, process, spread: RandomState::new(), findings, done };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Waits until everything that was asked is answered. The last handle ends the connections; a process with open holds stays among
    /// the [`Self::processes`], and is silent from then on.
    pub async fn close(self) {
        // Twice: who was just answered may ask something more.
        let mut idle = 0_u32;
        while idle < 2 {
            tokio::time::sleep(IDLE_LOOK).await;
            let waits = self.inner.lanes.iter().any(|lane| lane.waiting() > 0);
            idle = if waits { 0 } else { idle.saturating_add(1) };
        }
        let Some(inner) = Arc::into_inner(self.inner) else { return };
        let Inner { lanes, reads, process, done, .. } = inner;
        drop(lanes);
        let _ended = done.into_inner().await;
        // Where it fails, the process is forgotten after a while.
        let _left = tokio::time::timeout(PATIENCE, reads.leave(process.number)).await;
    }

    fn ask<'a, R: Request>(&'a self, request: R, now: UnixMs) -> Decision<'a, R::Outcome> {
        let send = move |is_durable| {
            let (reply, outcome) = oneshot::channel();
            let lane = self.lane(request.affinity());
            let asked = Box::new(Asked { request, now, is_durable, outcome: None, reply });
            match lane {
                Some(lane) => lane.put(asked),
                None => drop(asked),
            }
            outcome
        };
        Decision { send: Box::new(send) }
    }

    fn lane(&self, affinity: Affinity) -> Option<&Lane> {
        let Inner { lanes, memory, spread, .. } = &*self.inner;
        let bits = match affinity {
            Affinity::Account(account) => account.bits(),
            Affinity::Hold(hold) => memory.known().payer(hold).map_or(hold.bits(), AccountId::bits),
        };
        let at = spread.hash_one(bits).checked_rem(u64::try_from(lanes.len()).ok()?)?;
        lanes.get(usize::try_from(at).ok()?)
    }

    /// [`crate::Ledger::open_account`].
    pub fn open_account(&self, account: OpenAccount, now: UnixMs) -> Decision<'_, ()> {
        self.ask(account, now)
    }

    /// [`crate::Ledger::place_hold`].
    pub fn place_hold(&self, hold: PlaceHold<'_>, now: UnixMs) -> Decision<'_, Held> {
        let PlaceHold { id, payer, limits, amount, expires_at } = hold;
        self.ask(Place { id, payer, limits: limits.to_vec(), amount, expires_at }, now)
    }

    /// [`crate::Ledger::extend_hold`].
    pub fn extend_hold(&self, id: EntryId, expires_at: UnixMs, now: UnixMs) -> Decision<'_, ()> {
        self.ask(Extend { id, expires_at }, now)
    }

    /// [`crate::Ledger::mark_in_flight`].
    pub fn mark_in_flight(&self, id: EntryId, now: UnixMs) -> Decision<'_, ()> {
        self.ask(MarkInFlight(id), now)
    }

    /// [`crate::Ledger::capture`].
    pub fn capture(&self, capture: Capture<'_>, now: UnixMs) -> Decision<'_, Captured> {
        let Capture { hold, legs, bad_debt, memo } = capture;
        self.ask(Charge { hold, legs: legs.to_vec(), bad_debt, memo: memo.into() }, now)
    }

    /// [`crate::Ledger::void`].
    pub fn void(&self, id: EntryId, now: UnixMs) -> Decision<'_, Voided> {
        self.ask(Void(id), now)
    }

    /// [`crate::Ledger::expire_due`].
    pub fn expire_due(&self, now: UnixMs, max: usize) -> Decision<'_, Expired> {
        self.ask(ExpireDue { max }, now)
    }

    /// [`crate::Ledger::transfer`].
    pub fn transfer(&self, transfer: Transfer<'_>, now: UnixMs) -> Decision<'_, Transferred> {
        self.ask(Moves::of(&[transfer]), now)
    }

    /// [`crate::Ledger::collect`].
    pub fn collect(&self, collect: Collect<'_>, now: UnixMs) -> Decision<'_, Collected> {
        let Collect { id, from, to, most, shortfall, memo } = collect;
        self.ask(Gather { id, from, to, most, shortfall, memo: memo.into() }, now)
    }

    /// [`crate::Ledger::transfer_linked`].
    pub fn transfer_linked(&self, transfers: &[Transfer<'_>], now: UnixMs) -> Decision<'_, Transferred> {
        self.ask(Moves::of(transfers), now)
    }

    /// [`crate::Ledger::change_limit`].
    pub fn change_limit(&self, change: ChangeLimit<'_>, now: UnixMs) -> Decision<'_, LimitChanged> {
        let ChangeLimit { id, limit, change, memo } = change;
        self.ask(Change { id, limit, change, memo: memo.into() }, now)
    }

    /// The balance of an account, with every decision that was answered.
    ///
    /// # Errors
    /// When the account does not exist, or the database cannot be read.
    pub async fn balance(&self, account: AccountId) -> Result<Balance, LedgerError> {
        let found = self.inner.reads.balances(&[account]).await?;
        Ok(found.first().map(|(_, balance)| *balance).unwrap_or_default())
    }

    /// The balances of several accounts at one moment, in their order.
    ///
    /// # Errors
    /// When one of them does not exist, or the database cannot be read.
    pub async fn balances(&self, accounts: &[AccountId]) -> Result<Vec<(AccountId, Balance)>, LedgerError> {
        self.inner.reads.balances(accounts).await
    }

    /// The balances of several accounts, where this process has seen all of them within the last `age_max`: for decisions that may
    /// rest on one that another process has changed since. The database is not asked.
    #[must_use]
    pub fn recent_balances(&self, accounts: &[AccountId], age_max: Duration) -> Option<Vec<(AccountId, Balance)>> {
        self.inner.memory.seen.of(accounts, age_max)
    }

    /// The entry of a finished hold or transfer.
    ///
    /// # Errors
    /// [`LedgerError::Archived`] where it is archived, or when the database cannot be read.
    pub async fn entry(&self, id: EntryId) -> Result<Option<EntryRow>, LedgerError> {
        self.inner.reads.entry(id).await
    }

    /// The entries of these ids, in their order, without those that are not there or are archived.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn entries_of_ids(&self, ids: &[EntryId]) -> Result<Vec<EntryRow>, LedgerError> {
        self.inner.reads.entries_of_ids(ids).await
    }

    /// The entries in these ranges of ids, both ends included, by id, without those that are archived.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn entries_between(&self, ranges: &[(EntryId, EntryId)]) -> Result<Vec<EntryRow>, LedgerError> {
        self.inner.reads.entries_between(ranges).await
    }

    /// [`crate::Ledger::entries`], without those that are archived: [`Self::closings`] are what stays of these.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn entries(&self, after: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        self.inner.reads.entries(after, max).await
    }

    /// [`crate::Ledger::entries_before`], without those that are archived.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn entries_before(&self, before: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        self.inner.reads.entries_before(before, max).await
    }

    /// [`crate::Ledger::entries_of`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn entries_of(
        &self,
        account: AccountId,
        mut after: EntryId,
        until: UnixMs,
        max: usize,
    ) -> Result<Vec<EntryRow>, LedgerError> {
        let mut found = Vec::new();
        loop {
            let page = self.entries(after, PAGE_ROWS).await?;
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

    /// What stays of the parts whose entries are archived, in the order of archiving.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn closings(&self) -> Result<Vec<Closing>, LedgerError> {
        self.inner.reads.closings().await
    }

    /// An open hold.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn hold(&self, id: EntryId) -> Result<Option<HoldRow>, LedgerError> {
        self.inner.reads.hold(id).await
    }

    /// Every open hold, by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn holds(&self) -> Result<Vec<HoldRow>, LedgerError> {
        self.inner.reads.holds().await
    }

    /// The sum of the open holds; the highest amount where it fits no integer.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn held(&self) -> Result<NanoUsd, LedgerError> {
        self.inner.reads.held().await
    }

    /// Every account, in the order of opening.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn accounts(&self) -> Result<Vec<AccountRow>, LedgerError> {
        self.inner.reads.accounts().await
    }

    /// Recomputes everything in the database, as of one snapshot, and reports differences; with a head, also whether the ledger has
    /// every commit up to it as it was when [`Self::head`] gave it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn verify(&self, head: Option<ChainHead>, progress: &Progress) -> Result<VerifyReport, LedgerError> {
        // It is not given back: where this is given up in the middle, it would read as of this moment for ever.
        let client = Object::take(self.inner.reads.client().await?);
        let report = verify::verify(&client, head, progress).await?;
        *self.inner.findings.lock() = Some(report.findings_total);
        Ok(report)
    }

    /// The number of findings of the last verification by this process; none before the first.
    #[must_use]
    pub fn last_findings(&self) -> Option<u64> {
        *self.inner.findings.lock()
    }

    /// The end of the hash chain, to be kept elsewhere and given to [`Self::verify`] later.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn head(&self) -> Result<ChainHead, LedgerError> {
        self.inner.reads.head().await
    }

    /// The entries after a checkpoint: whole commits, and about `max` entries. [`crate::Ledger::changes`] says how a follower works.
    ///
    /// # Errors
    /// [`LedgerError::Archived`] where some of them are archived, or when the database cannot be read.
    pub async fn changes(&self, from: &Checkpoint, max: usize) -> Result<Changes, LedgerError> {
        let reads = &self.inner.reads;
        let before = from.done().unwrap_or(ChainHead { commit: 0, entries: 0, hash: [0; 32] });
        if before.commit > 0 && reads.commit(before.commit).await? != Some(before) {
            return Ok(Changes { entries: Vec::new(), next: Checkpoint::default(), restarted: true });
        }
        let (entries, next) = match reads.after(&before, max.max(1)).await? {
            Some((entries, last)) => (entries, Checkpoint::at(last)),
            None => (Vec::new(), *from),
        };
        Ok(Changes { entries, next, restarted: false })
    }

    /// The number of entries that a checkpoint does not cover.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn behind(&self, checkpoint: &Checkpoint) -> Result<u64, LedgerError> {
        let covered = checkpoint.done().map_or(0, |done| done.entries);
        Ok(self.head().await?.entries.saturating_sub(covered))
    }

    /// Whether the database answers the connections that write.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.inner.lanes.iter().any(Lane::is_away)
    }

    /// Figures of this process's writes, and of the whole ledger.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn stats(&self) -> Result<Stats, LedgerError> {
        let (holds, accounts) = self.inner.reads.counts().await?;
        let lanes = &self.inner.lanes;
        let commits = lanes.iter().map(|lane| lane.shared.commits.load(Ordering::Relaxed)).sum();
        Ok(Stats { commits, holds, accounts, unflushed: lanes.iter().map(Lane::waiting).sum() })
    }

    /// What this process is called: [`SharedOptions::name`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.process.name
    }

    /// Every process that shares the ledger, by number: those that are there, and those that were and are not forgotten yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn processes(&self) -> Result<Vec<ProcessRow>, LedgerError> {
        let Inner { reads, process, .. } = &*self.inner;
        reads.processes(process.number).await
    }

    /// The number of processes that were seen within so long, by the database's clock, and this one. Right after the database was
    /// away it may be too low.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn live_processes(&self, within: Duration) -> Result<u32, LedgerError> {
        let Inner { reads, process, .. } = &*self.inner;
        Ok(reads.others(process.number, within).await?.saturating_add(1))
    }

    /// The open holds of other processes that were not seen for so long, by the database's clock: at most `max`, the oldest first.
    /// The time is several [`crate::HEARTBEAT`]s. For some heartbeats after the database was away there are none, since all
    /// processes are silent then.
    ///
    /// A process that was only slow comes back, and its late capture of a hold that was voided meanwhile is refused with
    /// [`LedgerError::HoldFinished`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn abandoned(&self, silent_for: Duration, max: usize) -> Result<Vec<HoldRow>, LedgerError> {
        let Inner { reads, process, .. } = &*self.inner;
        if !process.is_steady() {
            return Ok(Vec::new());
        }
        reads.abandoned(process.number, silent_for, max).await
    }

    /// Forgets other processes that were not seen for so long and have no open holds, and tells how many. One that comes back after
    /// that is there again, under its old number.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn forget_processes(&self, silent_for: Duration) -> Result<u64, LedgerError> {
        let Inner { reads, process, .. } = &*self.inner;
        Ok(reads.forget_silent(process.number, silent_for).await?)
    }
}

async fn open(
    settings: &Settings,
    memory: &Arc<Memory>,
    writers: usize,
    name: String,
) -> Result<(Arc<Process>, Vec<Lane>, Vec<Worker>), StorageError> {
    let process = Arc::new(Process::enter(settings, name).await?);
    let (mut lanes, mut workers) = (Vec::new(), Vec::new());
    for _ in 0..writers {
        let session = Session::open(settings, &process).await?;
        let (lane, worker) = lane(settings.clone(), session, Arc::clone(memory));
        lanes.push(lane);
        workers.push(worker);
    }
    Ok((process, lanes, workers))
}
