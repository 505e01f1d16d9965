//! What a process does besides serving: ends holds whose time is over, writes usage to the store, forgets old claims.

use crate::gateway::Gateway;
use opencredits_ledger::{Accepted, Expired, LedgerError};
use opencredits_store::Claims;
use opencredits_units::UnixMs;
use std::sync::Arc;
use std::time::Duration;

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(2);
/// Holds that one round ends at most.
const EXPIRIES_MAX: usize = 1_000;
/// How long an idempotency key counts.
const CLAIM_MS: u64 = UnixMs::DAY_MS;

/// Runs the jobs until the task is stopped. What fails is tried again in the next round.
pub async fn run(gateway: Arc<Gateway>, claims: Arc<dyn Claims>) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        if let Err(error) = gateway.tally().flush().await {
            tracing::warn!(%error, "cannot write usage to the store; trying again");
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

/// After a failed commit the ledger decides nothing. Its state on disk is the truth: once the disk is well again, work
/// goes on from there.
async fn reload(gateway: &Gateway) {
    let ledger = gateway.ledger().clone();
    // It may wait for the disk, and others live on this thread.
    match tokio::task::spawn_blocking(move || ledger.reload()).await {
        Ok(Ok(())) => tracing::error!("a commit had failed; the ledger was read anew and goes on"),
        Ok(Err(error)) => {
            tracing::error!(%error, "a commit has failed, and the ledger cannot be written or read; trying again");
        }
        Err(error) => tracing::error!(%error, "the ledger could not be read anew; trying again"),
    }
}

/// Releases what a process before this one left held: it died with its requests, so nobody knows what they used. The
/// people pay nothing, and the operator is told. It is to run before the first request: one process owns the ledger, so that
/// every hold that is there belongs to no one.
///
/// # Errors
/// When the ledger cannot be written.
pub fn release_left_over(gateway: &Gateway) -> Result<(), LedgerError> {
    let now = gateway.clock().now();
    for hold in gateway.ledger().holds() {
        gateway.ledger().void(hold.id, now)?.accepted();
        tracing::error!(generation = %hold.id.cast::<opencredits_units::Generation>(), "a request was open when the process before this one died; its hold is released, and what the provider bills for it is lost");
    }
    Ok(())
}

/// Ends holds whose time is over. One in flight belongs to a request that this process still serves, or it would have ended with that: it is given more
/// time, however slow its client or its provider is.
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
        match gateway.ledger().extend_hold(hold, later, now).map(Accepted::accepted) {
            // It has just been settled.
            Ok(()) | Err(LedgerError::HoldFinished { .. } | LedgerError::UnknownHold { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
