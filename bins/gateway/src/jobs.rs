//! The recurring jobs of the process.

use crate::error::StartError;
use crate::machine;
use crate::ports::SystemClock;
use opencredits_api::App;
use opencredits_service::config::Config;
use opencredits_service::jobs::{JobPorts, Jobs, gateway_jobs, retention_job};
use opencredits_service::mail::MailJobs;
use opencredits_service::prices::{self, Prices};
use opencredits_service::provider_bills::{self, ProviderReconciliation};
use opencredits_service::{Clock, purchases};
use opencredits_store::{Claims, JobLeases as _, SqliteStore};
use std::sync::Arc;

/// All jobs that the config asks for. Leases of earlier processes end: the caller has locked the ledger, so none of them runs.
pub(crate) async fn build(
    app: &App,
    config: &Config,
    (store, mails): (&SqliteStore, Option<&MailJobs>),
    (prices, providers): (&Arc<Prices>, &Arc<ProviderReconciliation>),
) -> Result<Arc<Jobs>, StartError> {
    store.end_job_leases().await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let claims: Arc<dyn Claims> = Arc::new(store.clone());
    let mut jobs = gateway_jobs(&app.gateway, &claims);
    jobs.extend(mails.into_iter().flat_map(MailJobs::jobs));
    if let Some(payments) = &app.payments {
        jobs.extend(purchases::jobs::jobs(&payments.purchases, config.payments.reconcile_hours));
    }
    jobs.extend(prices::job(prices, config.catalog.refresh_hours));
    jobs.push(provider_bills::job(providers));
    jobs.push(retention_job(Arc::new(store.clone()), Arc::clone(&clock), config.retention.days()));
    let ports = JobPorts { leases: Arc::new(store.clone()), clock, holder: machine::process_name() };
    Ok(Arc::new(Jobs::new(jobs, ports)))
}
