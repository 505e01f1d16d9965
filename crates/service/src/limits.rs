//! Spending limits as ledger accounts: opened, changed, and begun anew with their periods.
//!
//! A limit has an account for what is left of it and, as its contra account, one for what was spent. Captures move an
//! amount from one to the other, and a restart moves it back. A restart has an id of its own for each period, so that it
//! happens once, whoever is first: the job, or a request.

use crate::books;
use crate::period::Period;
use moka::sync::Cache;
use opencredits_ledger::{AnyLedger, ChangeLimit, LedgerError, LimitChange};
use opencredits_store::{LimitReset, SpendingLimit};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// Restarts at once, at most: a power of two.
const TURNS: usize = 64;
/// Limits whose period is remembered.
const REMEMBERED_MAX: u64 = 100_000;

/// Until when nothing needs to begin anew: the earliest end of the periods that some limits have begun.
#[derive(Debug, Default)]
pub struct BegunUntil(AtomicU64);

impl Clone for BegunUntil {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

/// Remembers which limits have begun their period.
pub struct Renewals {
    /// The end of the period that was begun.
    begun: Cache<(AccountId, LimitReset), UnixMs>,
    /// Keep a restart of a period from coming after that of the next one; those of other accounts wait for other ones.
    turns: [Mutex<()>; TURNS],
}

impl Default for Renewals {
    fn default() -> Self {
        Self { begun: Cache::new(REMEMBERED_MAX), turns: std::array::from_fn(|_| Mutex::new(())) }
    }
}

impl Renewals {
    fn turn(&self, account: AccountId) -> &Mutex<()> {
        let [.., last] = account.bits().to_be_bytes();
        let [first, ..] = &self.turns;
        self.turns.get(usize::from(last) & (TURNS - 1)).unwrap_or(first)
    }

    /// Begins limits anew, as [`Renewals::renew`] does, at most once in the shortest of their periods.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn renew_all<'a>(
        &self,
        ledger: &AnyLedger,
        limits: impl Iterator<Item = &'a SpendingLimit>,
        begun: &BegunUntil,
        now: UnixMs,
    ) -> Result<(), LedgerError> {
        // A request asks twice, and looking up each limit costs it a fiftieth of its instructions.
        if now.get() < begun.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        // The iterator ends before anything is waited for: with its closures in it, the future could not change threads.
        let limits: Vec<SpendingLimit> = limits.copied().collect();
        // In a box, since every request would otherwise have room for it.
        let until = Box::pin(self.renew_each(ledger, &limits, now)).await?;
        begun.0.store(until, Ordering::Relaxed);
        Ok(())
    }

    /// Begins each of these anew. Returns the earliest end of their periods, in Unix ms.
    async fn renew_each(&self, ledger: &AnyLedger, limits: &[SpendingLimit], now: UnixMs) -> Result<u64, LedgerError> {
        let mut until = u64::MAX;
        for limit in limits {
            until = until.min(self.renew(ledger, limit, now).await?.map_or(u64::MAX, UnixMs::get));
        }
        Ok(until)
    }

    /// Begins a limit anew where its period is over and nobody else has. Returns the end of the period that runs; nothing
    /// for a limit without a reset.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn renew(
        &self,
        ledger: &AnyLedger,
        limit: &SpendingLimit,
        now: UnixMs,
    ) -> Result<Option<UnixMs>, LedgerError> {
        let Some(reset) = limit.reset else { return Ok(None) };
        let place = (limit.account, reset);
        let begun = || self.begun.get(&place).filter(|until| now < *until);
        if let Some(until) = begun() {
            return Ok(Some(until));
        }
        let _turn = self.turn(limit.account).lock().await;
        if let Some(until) = begun() {
            return Ok(Some(until));
        }
        let period = Period::of(reset, now);
        if period.from > limit.since {
            let id = restart_id(limit.account, period.from);
            let change =
                ChangeLimit { id, limit: limit.account, change: LimitChange::Restart, memo: b"limit restarts" };
            ledger.change_limit(change, now).accepted().await?;
        }
        self.begun.insert(place, period.until);
        Ok(Some(period.until))
    }
}

/// The id of a limit's restart at the beginning of a period. Its time is that of the period: ids above the time of today
/// would make the ledger look for every hold on the disk.
fn restart_id(limit: AccountId, from: UnixMs) -> EntryId {
    let [_, _, _, _, _, _, random @ ..] = limit.bits().to_be_bytes();
    EntryId::at(from, random)
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// The key's.
    Key,
    /// The app's that issued the key, at this person.
    Grant,
    /// The person's, over all of their keys.
    Person,
}

/// The amount that was spent of a limit and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitBalance {
    /// The limit.
    pub limit: SpendingLimit,
    /// What can be held now; nothing where more was spent or is held than the limit has.
    pub available: NanoUsd,
    /// The moment at which it begins anew, where it does.
    pub resets_at: Option<UnixMs>,
}

impl LimitBalance {
    /// The balance of this limit.
    ///
    /// # Errors
    /// When the ledger does not know its account, or cannot be read.
    pub async fn of(ledger: &AnyLedger, limit: SpendingLimit, now: UnixMs) -> Result<Self, LedgerError> {
        let available = ledger.balance(limit.account).await?.available.max(NanoUsd::ZERO);
        Ok(Self { limit, available, resets_at: resets_at(&limit, now) })
    }
}

/// When a limit begins anew.
pub(crate) fn resets_at(limit: &SpendingLimit, now: UnixMs) -> Option<UnixMs> {
    limit.reset.map(|reset| Period::of(reset, now).until)
}

/// The change of a limit's amount.
pub(crate) const fn amount_of(id: EntryId, limit: &SpendingLimit) -> ChangeLimit<'static> {
    let change = LimitChange::Amount { amount: limit.amount, from: books::LIMITS };
    ChangeLimit { id, limit: limit.account, change, memo: b"limit" }
}
