//! A ledger on either engine, for programs that let their operators choose.

use crate::chain::ChainHead;
use crate::error::LedgerError;
use crate::follow::{Changes, Checkpoint};
use crate::ledger::{Ledger, Stats};
use crate::postgres::{Decision, SharedLedger};
use crate::report::VerifyReport;
use crate::ticket::{Accepted, Durable};
use crate::types::{
    AccountRow, Balance, Capture, Captured, ChangeLimit, Collect, Collected, EntryRow, Expired, Held, HoldRow,
    LimitChanged, OpenAccount, PlaceHold, Transfer, Transferred, Voided,
};
use crate::watch::CommitWatch;
use opencredits_units::{AccountId, EntryId, NanoUsd, Progress, UnixMs};
use smallvec::SmallVec;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;

/// Entries of a range that are read at once: there is one, nearly always.
const RANGE_ROWS: usize = 4;

/// A ledger in a file of this process, or in a database that several processes share. A clone is another handle.
///
/// On a file a decision is made in memory before the future is first polled, so that waiting for it costs nothing.
///
/// ```
/// use opencredits_ledger::{AnyLedger, Floor, Ledger, OpenAccount, units::{AccountId, UnixMs}};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let ledger = AnyLedger::from(Ledger::in_memory()?);
/// let (wallet, now) = (AccountId::from_bits(1), UnixMs::new(1_790_000_000_000));
/// ledger.open_account(OpenAccount { id: wallet, floor: Floor::Zero, contra: None }, now).durable().await?;
/// assert_eq!(ledger.balance(wallet).await?.available.get(), 0);
/// # Ok::<_, opencredits_ledger::LedgerError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub enum AnyLedger {
    /// One process has it, in a file or in memory.
    Embedded(Ledger),
    /// Several processes have it, on PostgreSQL.
    Shared(SharedLedger),
}

impl From<Ledger> for AnyLedger {
    fn from(ledger: Ledger) -> Self {
        Self::Embedded(ledger)
    }
}

impl From<SharedLedger> for AnyLedger {
    fn from(ledger: SharedLedger) -> Self {
        Self::Shared(ledger)
    }
}

/// A command: decided already on a file, still to be sent to a database.
#[must_use = "a command is sent by `accepted().await`, `durable().await` or `send()`"]
pub enum AnyDecision<'a, T> {
    /// A decision in memory.
    Embedded(Result<Accepted<T>, LedgerError>),
    /// A command for the database.
    Shared(Decision<'a, T>),
}

impl<T: Unpin> AnyDecision<'_, T> {
    /// The outcome, once every reader sees it. It may not be on disk yet.
    ///
    /// # Errors
    /// What the command is refused with; [`LedgerError::Away`] and [`LedgerError::CommitUnknown`] as [`Decision::accepted`] has them.
    pub async fn accepted(self) -> Result<T, LedgerError> {
        self.send().await
    }

    /// The outcome, once it is on disk.
    ///
    /// # Errors
    /// As [`Self::accepted`]; [`LedgerError::CommitUnknown`] when the commit failed.
    pub async fn durable(self) -> Result<T, LedgerError> {
        self.send_durable().await
    }

    /// Sends the command at once. It is carried out whether the result is awaited or dropped.
    pub fn send(self) -> Sent<T> {
        Sent(match self {
            Self::Embedded(decided) => Outcome::Known(Some(decided.map(Accepted::accepted))),
            Self::Shared(decision) => Outcome::Asked(decision.send(false)),
        })
    }

    /// The same; the result comes once it is on disk.
    pub fn send_durable(self) -> Sent<T> {
        Sent(match self {
            Self::Embedded(Err(error)) => Outcome::Known(Some(Err(error))),
            Self::Embedded(Ok(accepted)) => {
                let durable = accepted.durable();
                Outcome::Flushing(durable, Some(accepted.accepted()))
            }
            Self::Shared(decision) => Outcome::Asked(decision.send(true)),
        })
    }
}

/// A command that was sent: resolves to its outcome.
#[must_use = "the outcome may be a refusal"]
pub struct Sent<T>(Outcome<T>);

enum Outcome<T> {
    Known(Option<Result<T, LedgerError>>),
    Flushing(Durable, Option<T>),
    Asked(oneshot::Receiver<Result<T, LedgerError>>),
}

impl<T: Unpin> Future for Sent<T> {
    type Output = Result<T, LedgerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            // It is polled once more by nobody.
            Outcome::Known(outcome) => Poll::Ready(outcome.take().unwrap_or(Err(LedgerError::CommitUnknown))),
            Outcome::Flushing(durable, value) => {
                std::task::ready!(Pin::new(durable).poll(context))?;
                Poll::Ready(value.take().ok_or(LedgerError::CommitUnknown))
            }
            Outcome::Asked(reply) => {
                let answered = std::task::ready!(Pin::new(reply).poll(context));
                Poll::Ready(answered.unwrap_or(Err(LedgerError::CommitUnknown)))
            }
        }
    }
}

/// A command of the same name and parameters on both engines.
macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident($($parameter:ident: $kind:ty),*) -> $outcome:ty;)*) => {
        $($(#[$doc])*
        pub fn $name(&self, $($parameter: $kind,)* now: UnixMs) -> AnyDecision<'_, $outcome> {
            match self {
                Self::Embedded(ledger) => AnyDecision::Embedded(ledger.$name($($parameter,)* now)),
                Self::Shared(ledger) => AnyDecision::Shared(ledger.$name($($parameter,)* now)),
            }
        })*
    };
}

impl AnyLedger {
    commands! {
        /// [`Ledger::open_account`].
        open_account(account: OpenAccount) -> ();
        /// [`Ledger::place_hold`].
        place_hold(hold: PlaceHold<'_>) -> Held;
        /// [`Ledger::extend_hold`].
        extend_hold(id: EntryId, expires_at: UnixMs) -> ();
        /// [`Ledger::mark_in_flight`].
        mark_in_flight(id: EntryId) -> ();
        /// [`Ledger::capture`].
        capture(capture: Capture<'_>) -> Captured;
        /// [`Ledger::void`].
        void(id: EntryId) -> Voided;
        /// [`Ledger::transfer`].
        transfer(transfer: Transfer<'_>) -> Transferred;
        /// [`Ledger::collect`].
        collect(collect: Collect<'_>) -> Collected;
        /// [`Ledger::transfer_linked`].
        transfer_linked(transfers: &[Transfer<'_>]) -> Transferred;
        /// [`Ledger::change_limit`].
        change_limit(change: ChangeLimit<'_>) -> LimitChanged;
    }

    /// [`Ledger::expire_due`].
    pub fn expire_due(&self, now: UnixMs, max: usize) -> AnyDecision<'_, Expired> {
        match self {
            Self::Embedded(ledger) => AnyDecision::Embedded(ledger.expire_due(now, max)),
            Self::Shared(ledger) => AnyDecision::Shared(ledger.expire_due(now, max)),
        }
    }

    /// The ledger of this process, where it is one.
    #[must_use]
    pub const fn embedded(&self) -> Option<&Ledger> {
        match self {
            Self::Embedded(ledger) => Some(ledger),
            Self::Shared(_) => None,
        }
    }

    /// The ledger that several processes have, where it is one.
    #[must_use]
    pub const fn shared(&self) -> Option<&SharedLedger> {
        match self {
            Self::Embedded(_) => None,
            Self::Shared(ledger) => Some(ledger),
        }
    }

    /// The balance of an account, with every decision that was answered.
    ///
    /// # Errors
    /// When the account does not exist, or the database cannot be read.
    pub async fn balance(&self, account: AccountId) -> Result<Balance, LedgerError> {
        match self {
            Self::Embedded(ledger) => ledger.balance(account),
            // In a box, since whoever waits would otherwise have room for it on either engine.
            Self::Shared(ledger) => Box::pin(ledger.balance(account)).await,
        }
    }

    /// The balances of several accounts at one moment, in their order, in any collection.
    ///
    /// # Errors
    /// When one of them does not exist, or the database cannot be read.
    pub async fn balances<C>(&self, accounts: impl Iterator<Item = AccountId>) -> Result<C, LedgerError>
    where
        C: FromIterator<(AccountId, Balance)>,
    {
        match self {
            Self::Embedded(ledger) => ledger.balances(accounts),
            Self::Shared(ledger) => {
                let accounts: Vec<AccountId> = accounts.collect();
                Ok(Box::pin(ledger.balances(&accounts)).await?.into_iter().collect())
            }
        }
    }

    /// The balances of several accounts without a wait: on a file as they are; in a database as this process has seen all of them
    /// within the last `age_max`, or `None`.
    ///
    /// # Errors
    /// When one of them does not exist.
    pub fn recent_balances<C>(
        &self,
        accounts: impl Iterator<Item = AccountId>,
        age_max: Duration,
    ) -> Result<Option<C>, LedgerError>
    where
        C: FromIterator<(AccountId, Balance)>,
    {
        match self {
            Self::Embedded(ledger) => ledger.balances(accounts).map(Some),
            Self::Shared(ledger) => {
                let accounts: SmallVec<[AccountId; 4]> = accounts.collect();
                Ok(ledger.recent_balances(&accounts, age_max).map(|seen| seen.into_iter().collect()))
            }
        }
    }

    /// The entry of a finished hold or transfer.
    ///
    /// # Errors
    /// [`LedgerError::Archived`] where it is archived, or when file or database cannot be read.
    pub async fn entry(&self, id: EntryId) -> Result<Option<EntryRow>, LedgerError> {
        match self {
            Self::Embedded(ledger) => ledger.entry(id),
            Self::Shared(ledger) => Box::pin(ledger.entry(id)).await,
        }
    }

    /// The entries of these ids, in their order, without those that are not there.
    ///
    /// # Errors
    /// When file or database cannot be read.
    pub async fn entries_of_ids(&self, ids: Vec<EntryId>) -> Result<Vec<EntryRow>, LedgerError> {
        match self {
            Self::Embedded(_) => {
                self.apart(move |ledger| ids.iter().filter_map(|id| ledger.entry(*id).transpose()).collect()).await
            }
            Self::Shared(ledger) => Box::pin(ledger.entries_of_ids(&ids)).await,
        }
    }

    /// The entries in these ranges of ids, both ends included, by id.
    ///
    /// # Errors
    /// When file or database cannot be read.
    pub async fn entries_between(&self, ranges: Vec<(EntryId, EntryId)>) -> Result<Vec<EntryRow>, LedgerError> {
        match self {
            Self::Embedded(_) => self.apart(move |ledger| between(ledger, ranges)).await,
            Self::Shared(ledger) => Box::pin(ledger.entries_between(&ranges)).await,
        }
    }

    /// [`Ledger::entries`].
    ///
    /// # Errors
    /// When file or database cannot be read.
    pub async fn entries(&self, after: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        match self {
            Self::Embedded(_) => self.apart(move |ledger| ledger.entries(after, max)).await,
            Self::Shared(ledger) => Box::pin(ledger.entries(after, max)).await,
        }
    }

    /// [`Ledger::entries_before`].
    ///
    /// # Errors
    /// When file or database cannot be read.
    pub async fn entries_before(&self, before: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        match self {
            Self::Embedded(_) => self.apart(move |ledger| ledger.entries_before(before, max)).await,
            Self::Shared(ledger) => Box::pin(ledger.entries_before(before, max)).await,
        }
    }

    /// [`Ledger::entries_of`].
    ///
    /// # Errors
    /// When file or database cannot be read.
    pub async fn entries_of(
        &self,
        account: AccountId,
        after: EntryId,
        until: UnixMs,
        max: usize,
    ) -> Result<Vec<EntryRow>, LedgerError> {
        match self {
            Self::Embedded(_) => self.apart(move |ledger| ledger.entries_of(account, after, until, max)).await,
            Self::Shared(ledger) => Box::pin(ledger.entries_of(account, after, until, max)).await,
        }
    }

    /// An open hold.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn hold(&self, id: EntryId) -> Result<Option<HoldRow>, LedgerError> {
        match self {
            Self::Embedded(ledger) => Ok(ledger.hold(id)),
            Self::Shared(ledger) => Box::pin(ledger.hold(id)).await,
        }
    }

    /// Every open hold, by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn holds(&self) -> Result<Vec<HoldRow>, LedgerError> {
        match self {
            Self::Embedded(ledger) => Ok(ledger.holds()),
            Self::Shared(ledger) => Box::pin(ledger.holds()).await,
        }
    }

    /// The sum of the open holds; the highest amount where it fits no integer.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn held(&self) -> Result<NanoUsd, LedgerError> {
        match self {
            Self::Embedded(ledger) => Ok(ledger.held()),
            Self::Shared(ledger) => Box::pin(ledger.held()).await,
        }
    }

    /// Every account, in the order of opening.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn accounts(&self) -> Result<Vec<AccountRow>, LedgerError> {
        match self {
            Self::Embedded(ledger) => Ok(ledger.accounts()),
            Self::Shared(ledger) => Box::pin(ledger.accounts()).await,
        }
    }

    /// Waits until all decisions so far are on disk. What a database has answered is where its readers see it.
    ///
    /// # Errors
    /// [`LedgerError::CommitUnknown`] when the commit failed.
    pub async fn flush(&self) -> Result<(), LedgerError> {
        match self {
            Self::Embedded(_) => self.apart(Ledger::flush).await,
            Self::Shared(_) => Ok(()),
        }
    }

    /// Recomputes everything, as of one commit or snapshot, and reports differences; with a head, also whether every commit up to
    /// it is as it was. Tells in `progress` how far it is.
    ///
    /// # Errors
    /// When file or database cannot be read.
    pub async fn verify(&self, head: Option<ChainHead>, progress: &Progress) -> Result<VerifyReport, LedgerError> {
        match self {
            Self::Embedded(_) => {
                let progress = progress.clone();
                self.apart(move |ledger| ledger.verify_watched(head, &progress)).await
            }
            Self::Shared(ledger) => Box::pin(ledger.verify(head, progress)).await,
        }
    }

    /// [`Ledger::verify_in_steps`]. A database verifies on its own processors, in one step.
    ///
    /// # Errors
    /// As [`Ledger::verify_in_steps`].
    pub async fn verify_in_steps(
        &self,
        progress: &Progress,
        step: impl FnMut() -> ControlFlow<()> + Send + 'static,
    ) -> Result<VerifyReport, LedgerError> {
        match self {
            Self::Embedded(_) => {
                let progress = progress.clone();
                self.apart(move |ledger| ledger.verify_in_steps(&progress, step)).await
            }
            Self::Shared(ledger) => Box::pin(ledger.verify(None, progress)).await,
        }
    }

    /// The number of findings of the last verification by this process; none before the first.
    #[must_use]
    pub fn last_findings(&self) -> Option<u64> {
        match self {
            Self::Embedded(ledger) => ledger.last_findings(),
            Self::Shared(ledger) => ledger.last_findings(),
        }
    }

    /// The end of the hash chain; `None` for a ledger in memory.
    ///
    /// # Errors
    /// When file or database cannot be read.
    pub async fn head(&self) -> Result<Option<ChainHead>, LedgerError> {
        match self {
            Self::Embedded(_) => self.apart(Ledger::head).await,
            Self::Shared(ledger) => Ok(Some(Box::pin(ledger.head()).await?)),
        }
    }

    /// [`Ledger::changes`].
    ///
    /// # Errors
    /// [`LedgerError::Archived`] where some of the entries are archived, or when file or database cannot be read.
    pub async fn changes(&self, from: Checkpoint, max: usize) -> Result<Changes, LedgerError> {
        match self {
            Self::Embedded(_) => self.apart(move |ledger| ledger.changes(&from, max)).await,
            Self::Shared(ledger) => Box::pin(ledger.changes(&from, max)).await,
        }
    }

    /// The number of entries that a checkpoint does not cover.
    ///
    /// # Errors
    /// When file or database cannot be read.
    pub async fn behind(&self, checkpoint: Checkpoint) -> Result<u64, LedgerError> {
        match self {
            Self::Embedded(_) => self.apart(move |ledger| ledger.behind(&checkpoint)).await,
            Self::Shared(ledger) => Box::pin(ledger.behind(&checkpoint)).await,
        }
    }

    /// Whether it decides commands now.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Embedded(ledger) => ledger.is_sound(),
            Self::Shared(ledger) => ledger.is_sound(),
        }
    }

    /// [`Ledger::reload`]. Nothing needs to be done for a database.
    ///
    /// # Errors
    /// As [`Ledger::reload`].
    pub async fn reload(&self) -> Result<(), LedgerError> {
        match self {
            Self::Embedded(_) => self.apart(Ledger::reload).await,
            Self::Shared(_) => Ok(()),
        }
    }

    /// [`Ledger::watch_commits`]. Commits of a database are watched by the database.
    pub fn watch_commits(&self, watch: Arc<dyn CommitWatch>) {
        if let Self::Embedded(ledger) = self {
            ledger.watch_commits(watch);
        }
    }

    /// [`SharedLedger::abandoned`]: open holds of other processes that were silent for so long. A file has one process, which is
    /// this one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn abandoned(&self, silent_for: Duration, max: usize) -> Result<Vec<HoldRow>, LedgerError> {
        match self {
            Self::Embedded(_) => Ok(Vec::new()),
            Self::Shared(ledger) => Box::pin(ledger.abandoned(silent_for, max)).await,
        }
    }

    /// [`SharedLedger::live_processes`]: the number of processes that were seen within so long, and this one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn live_processes(&self, within: Duration) -> Result<u32, LedgerError> {
        match self {
            Self::Embedded(_) => Ok(1),
            Self::Shared(ledger) => Box::pin(ledger.live_processes(within)).await,
        }
    }

    /// Figures of writes and memory.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn stats(&self) -> Result<Stats, LedgerError> {
        match self {
            Self::Embedded(ledger) => Ok(ledger.stats()),
            Self::Shared(ledger) => Box::pin(ledger.stats()).await,
        }
    }

    /// Work on the file, where it keeps no other task of this thread waiting.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let Self::Embedded(ledger) = self else { return Err(LedgerError::Poisoned) };
        let ledger = ledger.clone();
        // The runtime is ending where the work was not begun.
        tokio::task::spawn_blocking(move || work(&ledger)).await.unwrap_or(Err(LedgerError::Poisoned))
    }
}

fn between(ledger: &Ledger, mut ranges: Vec<(EntryId, EntryId)>) -> Result<Vec<EntryRow>, LedgerError> {
    ranges.sort_unstable();
    let mut found = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        let mut after = EntryId::from_bits(low.bits().saturating_sub(1));
        loop {
            let page = ledger.entries(after, RANGE_ROWS)?;
            let is_end = page.len() < RANGE_ROWS || page.last().is_some_and(|last| last.id >= high);
            found.extend(page.into_iter().filter(|entry| (low..=high).contains(&entry.id)));
            match found.last() {
                Some(last) if !is_end => after = last.id,
                _ => break,
            }
        }
    }
    Ok(found)
}
