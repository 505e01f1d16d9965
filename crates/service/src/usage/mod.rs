//! What people and operators see of past requests and money: a read model in the store, projected from the ledger.
//!
//! The ledger is the truth. A [`UsageReads`] follows it in portions; each portion and the place up to which the model
//! is made are one transaction of the store, which is refused where the place is another one. So no entry is missed or
//! counted twice, wherever a process ends. Requests are found by key; their details are in their entries.

mod bill_check;
mod costs;
#[cfg(test)]
mod crash;
mod dates;
mod key_usage;
mod pages;
mod projection;
#[cfg(test)]
mod tests;

pub use bill_check::{BillCheck, BillChecks, check_bill};
pub use dates::{day_or_time, day_text};
pub use key_usage::KeyUsage;
pub use pages::{Generation, GenerationFilter, GenerationStatus, Money, MoneyCursor, MoneyPage, RequestPage};

use crate::fault::Fault;
use opencredits_ledger::{AnyLedger, Changes, Checkpoint};
use opencredits_store::{AccountTransfer, UsageChange, UsageGroup, UsageModel, UsageQuery};
use opencredits_units::{AccountId, NanoUsd, UnixMs};
use projection::Projected;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Entries that are projected in one transaction, about.
const PORTION_MAX: usize = 1_000;
/// Portions that a reader waits for. What is more is a backlog, which the job works off.
const REFRESHED_MAX: usize = 20;

/// The read model, and the ledger that it is made of.
pub struct UsageReads {
    ledger: AnyLedger,
    model: Arc<dyn UsageModel>,
    /// One portion at a time: a second one would be refused by the store and its work be lost.
    turn: Mutex<()>,
}

impl UsageReads {
    /// The read model in this store, of this ledger.
    #[must_use]
    pub fn new(ledger: impl Into<AnyLedger>, model: Arc<dyn UsageModel>) -> Self {
        Self { ledger: ledger.into(), model, turn: Mutex::default() }
    }

    /// Projects a portion of the entries on disk; returns whether there was one.
    ///
    /// # Errors
    /// When ledger or store fail; nothing has changed then.
    pub async fn project(&self) -> Result<bool, Fault> {
        let _turn = self.turn.lock().await;
        let from = self.model.place().await?;
        // A place of another version is none: the model is made anew.
        let known = if from.is_empty() { Some(Checkpoint::default()) } else { Checkpoint::from_bytes(&from) };
        let checkpoint = known.unwrap_or_default();
        let Changes { entries, next, restarted } = self.ledger.changes(checkpoint, PORTION_MAX).await?;
        let restart = restarted || known.is_none();
        if next == checkpoint && !restart {
            return Ok(false);
        }
        if restart {
            tracing::warn!("the read model of usage is not of this ledger; it is made anew");
        }
        let Projected { requests, transfers, costs } = projection::of_entries(&entries);
        // It is refused where another process has projected since `place` was read, and is tried again then.
        self.model.apply(UsageChange { from, to: next.to_bytes(), restart, requests, transfers, costs }).await?;
        Ok(true)
    }

    /// Projects everything that is on disk; returns the number of portions.
    ///
    /// # Errors
    /// When ledger or store fail; what was projected before is kept.
    pub async fn catch_up(&self) -> Result<u64, Fault> {
        let mut portions = 0_u64;
        while self.project().await? {
            portions = portions.saturating_add(1);
        }
        Ok(portions)
    }

    /// Brings the model up to date before it is read, all accepted decisions included. Where much is missing, a part of
    /// it is left to the job; returns the number of entries that are missing then.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn refresh(&self) -> Result<u64, Fault> {
        // A ledger that cannot be written can still be read.
        let _as_it_is = self.ledger.flush().await;
        for _ in 0..REFRESHED_MAX {
            if !self.project().await? {
                return Ok(0);
            }
        }
        self.behind().await
    }

    /// The number of entries on disk that are not projected.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn behind(&self) -> Result<u64, Fault> {
        let checkpoint = Checkpoint::from_bytes(&self.model.place().await?).unwrap_or_default();
        Ok(self.ledger.behind(checkpoint).await?)
    }

    /// Sums of usage in groups.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sums(&self, query: UsageQuery) -> Result<Vec<UsageGroup>, Fault> {
        Ok(self.model.sums(query).await?)
    }

    /// What the transfers of an account gave to revenue, and what they paid out, in a time.
    pub(crate) async fn moved_of(
        &self,
        account: AccountId,
        times: (UnixMs, UnixMs),
    ) -> Result<(NanoUsd, NanoUsd), Fault> {
        Ok(self.model.moved(account, times).await?)
    }

    /// The newest transfers of an account that paid out.
    pub(crate) async fn payouts_of(&self, account: AccountId, max: u32) -> Result<Vec<AccountTransfer>, Fault> {
        Ok(self.model.payouts(account, max).await?)
    }

    /// Another handle to the ledger that the model is made of.
    #[must_use]
    pub fn ledger_handle(&self) -> AnyLedger {
        self.ledger.clone()
    }

    /// The ledger that the model is made of.
    pub(crate) const fn ledger(&self) -> &AnyLedger {
        &self.ledger
    }
}
