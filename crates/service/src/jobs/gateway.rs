//! The jobs of a gateway: ends expired holds, begins limits anew, projects usage into the store, deletes old claims.

use super::job::{Figures, Job, JobFault, JobTerms};
use crate::fault::Fault;
use crate::gateway::Gateway;
use opencredits_ledger::{Expired, LedgerError, Phase};
use opencredits_store::Claims;
use opencredits_units::{AccountId, EntryId, UnixMs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

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
/// A process that has not been seen for so long is taken for gone: six of its heartbeats are missing.
const SILENT: Duration = Duration::from_secs(30);
/// A process that has just started judges nobody for so long: after the database was away, the others are seen again first.
const JUDGES_AFTER: Duration = Duration::from_secs(20);
/// A process that is not seen for so long, and has no holds, is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(86_400);
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
    let judges_from = Instant::now() + JUDGES_AFTER;
    vec![
        Job::on(EXPIRE_HOLDS, gateway, move |gateway, _| async move {
            let expired = expire_or_reload(&gateway).await?;
            let abandoned = if Instant::now() < judges_from { 0 } else { release_abandoned(&gateway).await? };
            Ok(expired.with_len("abandoned", abandoned))
        }),
        Job::on(RENEW_LIMITS, &limits, |limits, _| async move { limits.renew().await }),
        Job::on(PROJECT_USAGE, gateway.usage(), |usage, _| async move {
            Ok(Figures::of("portions", usage.catch_up().await?))
        }),
        Job::on(FORGET_CLAIMS, claims, move |claims, _| {
            let now = clock.clock().now();
            let day_before = UnixMs::new(now.get().saturating_sub(CLAIM_MS));
            let (ledger, rates) = (clock.ledger().clone(), clock.keyring().shared_rates());
            async move {
                if let Some(ledger) = ledger.shared() {
                    ledger.forget_processes(FORGOTTEN).await?;
                }
                if let Some(rates) = rates {
                    rates.forget_rates(now).await?;
                }
                Ok(Figures::of("deleted", claims.forget_claims(day_before).await?))
            }
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
    match expire(gateway).await {
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
        gateway.renew(&page).await?;
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
    gateway.ledger().reload().await?;
    tracing::error!("a commit had failed; the ledger was read anew and goes on");
    if let Err(error) = release_strays(gateway).await {
        tracing::error!(%error, "cannot release holds of requests that have ended; trying again when they expire");
    }
    Ok(())
}

/// Voids every hold that an earlier process left, whether its request was sent or not. One process owns a ledger in a file, so they
/// belong to none. It must run before the first request. A ledger that several processes share has theirs: see [`expire`].
///
/// # Errors
/// When the ledger cannot be read or written.
pub async fn release_left(gateway: &Gateway) -> Result<(), LedgerError> {
    if gateway.ledger().shared().is_some() {
        return Ok(());
    }
    let now = gateway.clock().now();
    let holds = gateway.ledger().holds().await?;
    let (sent, unsent): (Vec<_>, Vec<_>) = holds.into_iter().partition(|hold| hold.phase == Phase::InFlight);
    if !unsent.is_empty() {
        tracing::warn!(count = unsent.len(), "released holds of requests that had not been sent when the process died");
    }
    for hold in unsent {
        gateway.ledger().void(hold.id, now).accepted().await?;
    }
    for hold in sent {
        release(gateway, hold.id, now).await?;
    }
    Ok(())
}

/// Voids holds in flight that no request of this process will end: their ends were lost in a failed commit. Their usage is
/// unknown: the people pay nothing, and the log names each.
///
/// # Errors
/// When the ledger cannot be read or written.
pub async fn release_strays(gateway: &Gateway) -> Result<(), LedgerError> {
    let now = gateway.clock().now();
    for hold in gateway.ledger().holds().await? {
        // Where it is not in flight, it is that of a request in admission: nothing was sent for it yet.
        if hold.phase == Phase::InFlight && !gateway.serves(hold.id) {
            release(gateway, hold.id, now).await?;
        }
    }
    Ok(())
}

async fn release(gateway: &Gateway, hold: EntryId, now: UnixMs) -> Result<(), LedgerError> {
    if void(gateway, hold, now).await? {
        tracing::error!(generation = %hold.cast::<opencredits_units::Generation>(), "a request was lost in flight; its hold is released, and what the provider bills for it is lost");
    }
    Ok(())
}

/// Voids a hold; `false` where it has just been settled.
async fn void(gateway: &Gateway, hold: EntryId, now: UnixMs) -> Result<bool, LedgerError> {
    match gateway.ledger().void(hold, now).accepted().await {
        Ok(_) => Ok(true),
        Err(LedgerError::HoldFinished { .. } | LedgerError::UnknownHold { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Ends the holds of processes that have been silent for [`SILENT`]: they are gone, paused, or cut off from the database. One
/// that comes back charges late what its requests used.
async fn release_abandoned(gateway: &Gateway) -> Result<usize, LedgerError> {
    let now = gateway.clock().now();
    let abandoned = gateway.ledger().abandoned(SILENT, EXPIRIES_MAX).await?;
    for hold in &abandoned {
        match hold.phase {
            Phase::InFlight => release(gateway, hold.id, now).await?,
            _ => drop(void(gateway, hold.id, now).await?),
        }
    }
    Ok(abandoned.len())
}

/// Ends expired holds. A hold that a request of this process will end is extended, however slow the client or the
/// provider is. Where several processes share the ledger, a hold ends once its process is silent, however long it runs.
///
/// # Errors
/// When the ledger cannot be written.
pub async fn expire(gateway: &Gateway) -> Result<Figures, LedgerError> {
    let now = gateway.clock().now();
    let Expired { voided, in_flight } = gateway.ledger().expire_due(now, EXPIRIES_MAX).accepted().await?;
    if !voided.is_empty() {
        tracing::warn!(count = voided.len(), "released holds that expired before anything was sent");
    }
    let later = now.saturating_add_ms(gateway.settings().hold_expiry_ms);
    let figures = Figures::default().with_len("released", voided.len()).with_len("in flight", in_flight.len());
    if gateway.ledger().shared().is_some() {
        return Ok(figures);
    }
    for hold in in_flight {
        if !gateway.serves(hold) {
            release(gateway, hold, now).await?;
            continue;
        }
        match gateway.ledger().extend_hold(hold, later, now).accepted().await {
            Ok(()) | Err(LedgerError::HoldFinished { .. } | LedgerError::UnknownHold { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(figures)
}
