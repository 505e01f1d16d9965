//! The recurring jobs of the process.

use crate::error::StartError;
use crate::machine;
use crate::ports::SystemClock;
use opencredits_api::App;
use opencredits_keys::DataKeys;
use opencredits_service::config::Config;
use opencredits_service::jobs::{Job, JobPorts, Jobs, gateway_jobs, retention_job, verify_job};
use opencredits_service::mail::MailJobs;
use opencredits_service::prices::{self, Prices};
use opencredits_service::privacy::{Privacy, privacy_jobs, rotation_job};
use opencredits_service::provider_bills::{self, ProviderReconciliation};
use opencredits_service::sign_in::cleanup_job;
use opencredits_service::{Clock, purchases};
use opencredits_store::{Claims, JobLeases as _, SqliteStore};
use std::sync::Arc;

/// All jobs that the config asks for.
pub(crate) async fn build(
    app: &App,
    config: &Config,
    (store, mails): (&SqliteStore, Option<&MailJobs>),
    (prices, providers): (&Arc<Prices>, &Arc<ProviderReconciliation>),
    (privacy, address_keys): (&Arc<Privacy>, Option<&DataKeys>),
) -> Result<Arc<Jobs>, StartError> {
    let mut jobs = of_books(app, config, store);
    jobs.extend(mails.into_iter().flat_map(MailJobs::jobs));
    jobs.extend(prices::job(prices, config.catalog.refresh_hours));
    jobs.push(provider_bills::job(providers));
    jobs.extend(privacy_jobs(privacy));
    jobs.extend(address_keys.map(|keys| rotation_job(Arc::new(store.clone()), keys)));
    jobs.extend(app.identity.iter().map(|identity| cleanup_job(&identity.sign_in)));
    leased(jobs, store).await
}

/// The jobs of test mode, which has no mails, no providers and the prices of the live mode.
pub(crate) async fn build_of_test_mode(
    app: &App,
    config: &Config,
    store: &SqliteStore,
) -> Result<Arc<Jobs>, StartError> {
    leased(of_books(app, config, store), store).await
}

/// The jobs that keep the books of a mode.
fn of_books(app: &App, config: &Config, store: &SqliteStore) -> Vec<Job> {
    let claims: Arc<dyn Claims> = Arc::new(store.clone());
    let mut jobs = gateway_jobs(&app.gateway, &claims);
    jobs.push(verify_job(&app.gateway));
    if let Some(payments) = &app.payments {
        jobs.extend(purchases::jobs::jobs(&payments.purchases, config.payments.reconcile_hours));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    jobs.push(retention_job(Arc::new(store.clone()), clock, config.retention.days()));
    jobs
}

/// Ends the leases of earlier processes: the caller has locked the ledger, so none of them runs.
async fn leased(jobs: Vec<Job>, store: &SqliteStore) -> Result<Arc<Jobs>, StartError> {
    store.end_job_leases().await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ports = JobPorts { leases: Arc::new(store.clone()), clock, holder: machine::process_name() };
    Ok(Arc::new(Jobs::new(jobs, ports)))
}
