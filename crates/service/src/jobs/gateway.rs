//! The jobs of a gateway: ends expired holds, begins limits anew, projects usage into the store, deletes old claims.

use super::job::{Figures, Job, JobFault, JobTerms};
use crate::fault::Fault;
use crate::gateway::Gateway;
use opencredits_ledger::{Accepted, Expired, HoldRow, LedgerError, Phase};
use opencredits_store::Claims;
use opencredits_units::{AccountId, EntryId, UnixMs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The ledger that a failed commit has stopped is read anew by this job, so it is repeated without a longer wait.
const EXPIRE_HOLDS: JobTerms = JobTerms::every(Duration::from_secs(2), "expire-holds")
    .that("ends holds whose time is over; reads the ledger anew after a failed commit")
    .retried_within(Duration::from_secs(2));
const RENEW_LIMITS: JobTerms = JobTerms::every(Duration::from_secs(10), "renew-limits")
    .that("begins limits anew whose period is over; each request does so for its own limits")
    .retried_within(Duration::from_secs(60));
/// What a reader sees of usage is that old at most, unless there is a backlog.
const PROJECT_USAGE: JobTerms = JobTerms::every(Duration::from_millis(500), "project-usage")
    .that("brings the read model of usage up to date with the ledger")
    .retried_within(Duration::from_secs(10));
const FORGET_CLAIMS: JobTerms = JobTerms::every(Duration::from_secs(600), "forget-claims")
    .that("deletes claims on idempotency keys that are older than a day");
/// The largest number of holds that one round ends.
const EXPIRIES_MAX: usize = 1_000;
/// Limits that are read at once.
const LIMITS_PAGE: u32 = 1_000;
/// The lifetime of a claim on an idempotency key.
const CLAIM_MS: u64 = UnixMs::DAY_MS;

/// The limits, and the day after the last one on which all of them were begun anew.
struct LimitPeriods {
    gateway: Arc<Gateway>,
    begun_until_day: AtomicU64,
}

/// The jobs of a gateway with these claims.
#[must_use]
pub fn gateway_jobs(gateway: &Arc<Gateway>, claims: &Arc<dyn Claims>) -> Vec<Job> {
    let limits = Arc::new(LimitPeriods { gateway: Arc::clone(gateway), begun_until_day: AtomicU64::new(0) });
    let clock = Arc::clone(gateway);
    vec![
        Job::on(EXPIRE_HOLDS, gateway, |gateway, _| async move { expire_or_reload(&gateway).await }),
        Job::on(RENEW_LIMITS, &limits, |limits, _| async move { limits.renew().await }),
        Job::on(PROJECT_USAGE, gateway.usage(), |usage, _| async move {
            Ok(Figures::of("portions", usage.catch_up().await?))
        }),
        Job::on(FORGET_CLAIMS, claims, move |claims, _| {
            let now = clock.clock().now();
            let day_before = UnixMs::new(now.get().saturating_sub(CLAIM_MS));
            async move { Ok(Figures::of("deleted", claims.forget_claims(day_before).await?)) }
        }),
    ]
}

impl LimitPeriods {
    async fn renew(&self) -> Result<Figures, JobFault> {
        let today = self.gateway.clock().now().day();
        if self.begun_until_day.load(Ordering::Relaxed) > today {
            return Ok(Figures::default());
        }
        let renewed = renew_limits(&self.gateway).await?;
        self.begun_until_day.store(today.saturating_add(1), Ordering::Relaxed);
        Ok(renewed)
    }
}

async fn expire_or_reload(gateway: &Gateway) -> Result<Figures, JobFault> {
    match expire(gateway) {
        Err(LedgerError::Poisoned) => {
            reload(gateway).await?;
            Ok(Figures::of("reloads", 1))
        }
        expired => Ok(expired?),
    }
}

/// Begins every limit anew whose period is over. A limit that a request has begun anew before stays as it is.
///
/// # Errors
/// When store or ledger fail. What was begun stays so, and repeating the call goes on.
pub async fn renew_limits(gateway: &Gateway) -> Result<Figures, Fault> {
    let (mut after, mut count) = (AccountId::default(), 0_usize);
    loop {
        let page = gateway.keyring().limits_with_reset(after, LIMITS_PAGE).await?;
        gateway.renew(&page)?;
        count = count.saturating_add(page.len());
        match page.last() {
            Some(last) => after = last.account,
            None => return Ok(Figures::default().with_len("limits", count)),
        }
        tokio::task::yield_now().await;
    }
}

/// Reloads the ledger after a failed commit, before which it decides nothing. Its state on disk is authoritative: once
/// the disk works again, decisions continue from there. Holds that ended meanwhile are open again, and are voided.
async fn reload(gateway: &Gateway) -> Result<(), JobFault> {
    let ledger = gateway.ledger().clone();
    // The reload may wait for the disk, and other tasks run on this thread.
    tokio::task::spawn_blocking(move || ledger.reload()).await??;
    tracing::error!("a commit had failed; the ledger was read anew and goes on");
    if let Err(error) = release_strays(gateway) {
        tracing::error!(%error, "cannot release holds of requests that have ended; trying again when they expire");
    }
    Ok(())
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
pub fn expire(gateway: &Gateway) -> Result<Figures, LedgerError> {
    let now = gateway.clock().now();
    let Expired { voided, in_flight } = gateway.ledger().expire_due(now, EXPIRIES_MAX).map(Accepted::accepted)?;
    if !voided.is_empty() {
        tracing::warn!(count = voided.len(), "released holds that expired before anything was sent");
    }
    let later = now.saturating_add_ms(gateway.settings().hold_expiry_ms);
    let figures = Figures::default().with_len("released", voided.len()).with_len("in flight", in_flight.len());
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
    Ok(figures)
}
