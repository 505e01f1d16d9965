//! The recurring jobs of the process.

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
use opencredits_store::{Claims, Store};
use std::sync::Arc;

/// All jobs that the config asks for.
pub(crate) fn build(
    app: &App,
    config: &Config,
    (store, mails): (&Arc<dyn Store>, Option<&MailJobs>),
    (prices, providers): (&Arc<Prices>, &Arc<ProviderReconciliation>),
    (privacy, address_keys): (&Arc<Privacy>, Option<&DataKeys>),
) -> Arc<Jobs> {
    let mut jobs = of_books(app, config, store);
    jobs.extend(mails.into_iter().flat_map(MailJobs::jobs));
    jobs.extend(prices::job(prices, config.catalog.refresh_hours));
    jobs.push(provider_bills::job(providers));
    jobs.extend(privacy_jobs(privacy));
    jobs.extend(address_keys.map(|keys| rotation_job(store.clone(), keys)));
    jobs.extend(app.identity.iter().map(|identity| cleanup_job(&identity.sign_in)));
    leased(jobs, store)
}

/// The jobs of test mode, which has no mails, no providers and the prices of the live mode.
pub(crate) fn build_of_test_mode(app: &App, config: &Config, store: &Arc<dyn Store>) -> Arc<Jobs> {
    leased(of_books(app, config, store), store)
}

/// The jobs that keep the books of a mode.
fn of_books(app: &App, config: &Config, store: &Arc<dyn Store>) -> Vec<Job> {
    let claims: Arc<dyn Claims> = store.clone();
    let mut jobs = gateway_jobs(&app.gateway, &claims);
    jobs.push(verify_job(&app.gateway));
    if let Some(payments) = &app.payments {
        jobs.extend(purchases::jobs::jobs(&payments.purchases, config.payments.reconcile_hours));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    jobs.push(retention_job(store.clone(), clock, config.retention.days()));
    jobs
}

fn leased(jobs: Vec<Job>, store: &Arc<dyn Store>) -> Arc<Jobs> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ports = JobPorts { leases: store.clone(), clock, holder: machine::process_name() };
    Arc::new(Jobs::new(jobs, ports))
}
