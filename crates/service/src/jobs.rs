//! The recurring jobs of a process: begins limits anew, ends expired holds, projects usage into the store, deletes old claims.

use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::usage::UsageReads;
use opencredits_ledger::{Accepted, Expired, HoldRow, LedgerError, Phase};
use opencredits_store::Claims;
use opencredits_units::{AccountId, EntryId, UnixMs};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// The interval of the jobs, in ms.
const ROUND: Duration = Duration::from_secs(2);
/// The interval of the projection: what a reader sees of usage is that old at most, unless there is a backlog.
const PROJECTION: Duration = Duration::from_millis(500);
/// The largest number of holds that one round ends.
const EXPIRIES_MAX: usize = 1_000;
/// Limits that are read at once.
const LIMITS_PAGE: u32 = 1_000;
/// The lifetime of a claim on an idempotency key.
const CLAIM_MS: u64 = UnixMs::DAY_MS;

/// Runs the jobs until the task is stopped. A failed job is repeated in the next round.
pub async fn run(gateway: Arc<Gateway>, claims: Arc<dyn Claims>) {
    let mut rounds = tokio::time::interval(ROUND);
    let mut renewed_day = None;
    loop {
        rounds.tick().await;
        let today = gateway.clock().now().day();
        if renewed_day != Some(today) {
            match renew_limits(&gateway).await {
                Ok(()) => renewed_day = Some(today),
                Err(error) => {
                    tracing::error!(%error, "cannot begin limits anew; trying again, and so does each request")
                }
            }
        }
        match expire(&gateway) {
            Ok(()) => {}
            Err(LedgerError::Poisoned) => reload(&gateway).await,
            Err(error) => tracing::error!(%error, "cannot end holds whose time is over; trying again"),
        }
        let now = gateway.clock().now();
        let day_before = UnixMs::new(now.get().saturating_sub(CLAIM_MS));
        if let Err(error) = claims.forget_claims(day_before).await {
            tracing::warn!(%error, "cannot forget old idempotency keys; trying again");
        }
    }
}

/// Begins every limit anew whose period is over. A limit that a request has begun anew before stays as it is.
///
/// # Errors
/// When store or ledger fail. What was begun stays so, and repeating the call goes on.
pub async fn renew_limits(gateway: &Gateway) -> Result<(), Fault> {
    let mut after = AccountId::default();
    loop {
        let page = gateway.keyring().limits_with_reset(after, LIMITS_PAGE).await?;
        gateway.renew(&page)?;
        match page.last() {
            Some(last) => after = last.account,
            None => return Ok(()),
        }
        tokio::task::yield_now().await;
    }
}

/// Projects usage until the task is stopped. It is a task of its own: to make the read model anew takes long, and holds
/// expire meanwhile.
pub async fn project(usage: Arc<UsageReads>) {
    let mut rounds = tokio::time::interval(PROJECTION);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        if let Err(error) = usage.catch_up().await {
            tracing::warn!(%error, "cannot project usage into the store; trying again");
        }
    }
}

/// Reloads the ledger after a failed commit, before which it decides nothing. Its state on disk is authoritative: once
/// the disk works again, decisions continue from there. Holds that ended meanwhile are open again, and are voided.
async fn reload(gateway: &Gateway) {
    let ledger = gateway.ledger().clone();
    // The reload may wait for the disk, and other tasks run on this thread.
    match tokio::task::spawn_blocking(move || ledger.reload()).await {
        Ok(Ok(())) => tracing::error!("a commit had failed; the ledger was read anew and goes on"),
        Ok(Err(error)) => {
            tracing::error!(%error, "a commit has failed, and the ledger cannot be written or read; trying again");
            return;
        }
        Err(error) => tracing::error!(%error, "the ledger could not be read anew; trying again"),
    }
    if let Err(error) = release_strays(gateway) {
        tracing::error!(%error, "cannot release holds of requests that have ended; trying again when they expire");
    }
}

/// Voids every hold that an earlier process left, whether its request was sent or not. One process owns the ledger, so they
/// belong to none. It must run before the first request.
///
/// # Errors
/// When the ledger cannot be written.
pub fn release_left(gateway: &Gateway) -> Result<(), LedgerError> {
    let now = gateway.clock().now();
    let (sent, unsent): (Vec<_>, Vec<_>) =
        gateway.ledger().holds().into_iter().partition(|hold| hold.phase == Phase::InFlight);
    if !unsent.is_empty() {
        tracing::warn!(count = unsent.len(), "released holds of requests that had not been sent when the process died");
    }
    for hold in unsent {
        gateway.ledger().void(hold.id, now)?.accepted();
    }
    sent.into_iter().try_for_each(|hold| release(gateway, hold.id, now))
}

/// Voids holds in flight that no request of this process will end: their ends were lost in a failed commit. Their usage is
/// unknown: the people pay nothing, and the log names each.
///
/// # Errors
/// When the ledger cannot be written.
pub fn release_strays(gateway: &Gateway) -> Result<(), LedgerError> {
    let now = gateway.clock().now();
    // The hold of a request in admission: nothing was sent for it yet.
    let strays = |hold: &HoldRow| hold.phase == Phase::InFlight && !gateway.serves(hold.id);
    gateway.ledger().holds().into_iter().filter(strays).try_for_each(|hold| release(gateway, hold.id, now))
}

fn release(gateway: &Gateway, hold: EntryId, now: UnixMs) -> Result<(), LedgerError> {
    match gateway.ledger().void(hold, now).map(Accepted::accepted) {
        Ok(_) => {
            tracing::error!(generation = %hold.cast::<opencredits_units::Generation>(), "a request was lost in flight; its hold is released, and what the provider bills for it is lost");
            Ok(())
        }
        // It has just been settled.
        Err(LedgerError::HoldFinished { .. } | LedgerError::UnknownHold { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Ends expired holds. A hold that a request of this process will end is extended, however slow the client or the
/// provider is.
///
/// # Errors
/// When the ledger cannot be written.
pub fn expire(gateway: &Gateway) -> Result<(), LedgerError> {
    let now = gateway.clock().now();
    let Expired { voided, in_flight } = gateway.ledger().expire_due(now, EXPIRIES_MAX).map(Accepted::accepted)?;
    if !voided.is_empty() {
        tracing::warn!(count = voided.len(), "released holds that expired before anything was sent");
    }
    let later = now.saturating_add_ms(gateway.settings().hold_expiry_ms);
    for hold in in_flight {
        if !gateway.serves(hold) {
            release(gateway, hold, now)?;
            continue;
        }
        match gateway.ledger().extend_hold(hold, later, now).map(Accepted::accepted) {
            Ok(()) | Err(LedgerError::HoldFinished { .. } | LedgerError::UnknownHold { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
