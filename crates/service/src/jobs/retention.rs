//! Deletes records that are older than the operator keeps them. The ledger's entries are never deleted.

use super::job::{Figures, Job, JobFault, JobTerms};
use super::stop::RunSignal;
use crate::ports::Clock;
use opencredits_store::{Retention, StoreError};
use opencredits_units::UnixMs;
use std::sync::Arc;
use std::time::Duration;

const TERMS: JobTerms = JobTerms::every(Duration::from_secs(3_600), "retention").that(
    "deletes audit records, rows of mails, unpaid orders, decided applications and the index of requests after the days of [retention]",
);
/// Calls of the store that delete one kind in one run; the next run goes on.
const BATCHES_MAX: usize = 1_000;
/// Retired secrets, and what apps were granted, are kept so long after their end, so that what refuses them can tell why.
const RETIRED_KEPT_MS: u64 = 3_600_000;

/// For how many days records are kept; 0 is for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetentionDays {
    /// Records of changes.
    pub audits: u32,
    /// Rows of mails, from their end on.
    pub mails: u32,
    /// Orders that nobody paid.
    pub unpaid_orders: u32,
    /// Decided applications of partners.
    pub applications: u32,
    /// The index of requests, from which people list theirs.
    pub request_index: u32,
}

/// What the job works on.
struct Keeper {
    store: Arc<dyn Retention>,
    clock: Arc<dyn Clock>,
    days: RetentionDays,
}

/// A kind of records.
#[derive(Clone, Copy)]
enum Kind {
    Audits,
    Mails,
    UnpaidOrders,
    Applications,
    RequestIndex,
    RetiredSecrets,
    EndedGrants,
}

/// The job that keeps records for these days.
#[must_use]
pub fn retention_job(store: Arc<dyn Retention>, clock: Arc<dyn Clock>, days: RetentionDays) -> Job {
    let keeper = Arc::new(Keeper { store, clock, days });
    Job::on(TERMS, &keeper, |keeper, signal| async move {
        let stopping = move || RunSignal::is_stopping(&signal);
        Ok::<_, JobFault>(delete_old(&*keeper.store, keeper.days, (keeper.clock.now(), &stopping)).await?)
    })
}

/// Deletes what is older than these days, until all is deleted or `stopping` says that the process ends.
///
/// # Errors
/// When the store fails. What was deleted stays so, and repeating the call goes on.
pub async fn delete_old(
    store: &dyn Retention,
    days: RetentionDays,
    (now, stopping): (UnixMs, &(dyn Fn() -> bool + Sync)),
) -> Result<Figures, StoreError> {
    let RetentionDays { audits, mails, unpaid_orders, applications, request_index } = days;
    let hour_ago = Some(UnixMs::new(now.get().saturating_sub(RETIRED_KEPT_MS)));
    let kinds = [
        (Kind::Audits, "audit records", before(now, audits)),
        (Kind::Mails, "mails", before(now, mails)),
        (Kind::UnpaidOrders, "unpaid orders", before(now, unpaid_orders)),
        (Kind::Applications, "applications", before(now, applications)),
        (Kind::RequestIndex, "index blocks", before(now, request_index)),
        (Kind::RetiredSecrets, "retired secrets", hour_ago),
        (Kind::EndedGrants, "grants of apps", hour_ago),
    ];
    let mut figures = Figures::default();
    for (kind, name, before) in kinds {
        let Some(before) = before else { continue };
        figures = figures.with(name, delete_kind(store, (kind, before), stopping).await?);
    }
    Ok(figures)
}

async fn delete_kind(
    store: &dyn Retention,
    (kind, before): (Kind, UnixMs),
    stopping: &(dyn Fn() -> bool + Sync),
) -> Result<u64, StoreError> {
    let mut sum = 0_u64;
    for _ in 0..BATCHES_MAX {
        let deleted = match kind {
            Kind::Audits => store.delete_audits(before).await,
            Kind::Mails => store.delete_mails(before).await,
            Kind::UnpaidOrders => store.delete_unpaid_orders(before).await,
            Kind::Applications => store.delete_applications(before).await,
            Kind::RequestIndex => store.delete_request_index(before).await,
            Kind::RetiredSecrets => store.delete_retired_secrets(before).await,
            Kind::EndedGrants => store.delete_ended_grants(before).await,
        }?;
        sum = sum.saturating_add(deleted);
        if deleted == 0 || stopping() {
            break;
        }
    }
    Ok(sum)
}

/// The moment so many days ago; `None` where records are kept for ever.
fn before(now: UnixMs, days: u32) -> Option<UnixMs> {
    let ms = u64::from(days).saturating_mul(UnixMs::DAY_MS);
    (days > 0).then(|| UnixMs::new(now.get().saturating_sub(ms)))
}
