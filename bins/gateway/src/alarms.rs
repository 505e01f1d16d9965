//! The alarms of the process, and what they are about.

use crate::error::StartError;
use crate::machine;
use crate::mails;
use crate::metrics::State;
use crate::ports::SystemClock;
use crate::process::Process;
use crate::readings::Readings;
use crate::secret_files::secret;
use opencredits_api::LiveCertificate;
use opencredits_providers::http::{Client, Settings, Timeouts};
use opencredits_service::Clock as _;
use opencredits_service::alarms::{AlarmChannels, AlarmPorts, AlarmSettings, AlarmSource, Alarms, WebhookSecret};
use opencredits_service::config::Config;
use opencredits_service::jobs::StopSignal;
use opencredits_service::mail::mail_settings;
use opencredits_service::telemetry::{StateParts, StateReader};
use opencredits_store::{Acquired, JobLease, Store};
use opencredits_units::UnixMs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The lease of the process that watches where several could, its length in ms, and how often it is renewed.
const WATCH: &str = "watch";
const LEASE_MS: u64 = 30_000;
const RENEWED_EVERY: Duration = Duration::from_secs(10);
/// The setting that names the file with the secret.
const SECRET_FILE: &str = "alarms.webhook_secret_file";
/// The time limits of a webhook.
const WITHIN: Settings = Settings {
    timeouts: Timeouts { connect_ms: 5_000, first_byte_ms: 10_000, idle_ms: 5_000, total_ms: 15_000 },
    idle_connections_max: 1,
};

/// The ways by which the config wants alarms told.
pub(crate) fn channels(config: &Config) -> Result<AlarmChannels, StartError> {
    let alarms = &config.alarms;
    let mut channels = AlarmChannels::default();
    let text = secret(SECRET_FILE, alarms.webhook_secret.as_ref(), alarms.webhook_secret_file.as_ref())?;
    if let (Some(url), Some(text)) = (alarms.webhook(), text) {
        let secret =
            WebhookSecret::parse(&text).map_err(|source| StartError::AlarmSecret { what: SECRET_FILE, source })?;
        channels = channels.with_webhook((url, secret), Arc::new(Client::new(WITHIN)?));
    }
    if let (Some(mailer), Some(settings)) = (mails::mailer(config)?, mail_settings(config)) {
        channels = channels.with_mails(&mailer, &settings, alarms.addresses())?;
    }
    Ok(channels)
}

/// How the config wants alarms told.
pub(crate) fn settings(config: &Config) -> AlarmSettings {
    AlarmSettings {
        repeat_ms: config.alarms.repeat_ms(),
        runbooks_url: config.alarms.runbooks_url.clone(),
        service: config.server.public_url(),
        pace: config.alarms.pace,
    }
}

/// Starts the alarms of a process that began at this time, with this certificate; returns what a scrape reads. Without a signal to
/// stop by, another process watches.
pub(crate) async fn start(
    (config, started): (&Config, UnixMs),
    (parts, certificate): (StateParts, Option<Arc<LiveCertificate>>),
    store: &Arc<dyn Store>,
    (tasks, stop, is_shared): (&mut JoinSet<()>, Option<StopSignal>, bool),
) -> Result<State, StartError> {
    let process = Process::new(started, Path::new(&config.data.dir));
    let readings = Arc::new(Readings { reader: StateReader::new(parts), process, certificate });
    let source = Arc::clone(&readings) as Arc<dyn AlarmSource>;
    let ports = AlarmPorts { source, store: store.clone(), clock: Arc::new(SystemClock) };
    let alarms = Arc::new(Alarms::new(ports, settings(config), channels(config)?));
    if is_shared {
        if let Some(stop) = stop {
            tasks.spawn(watch_in_turn(Arc::clone(&alarms), store.clone(), stop));
        }
    } else if let Some(stop) = stop {
        // Before anybody can ask which alarms fire.
        alarms.restore().await;
        let watching = Arc::clone(&alarms);
        tasks.spawn(async move { watching.run(stop).await });
    }
    Ok(State { readings, alarms })
}

/// Watches while this process has the lease: of several workers one at a time does.
async fn watch_in_turn(alarms: Arc<Alarms>, store: Arc<dyn Store>, mut stop: StopSignal) {
    let holder = machine::process_name();
    loop {
        let now = SystemClock.now();
        let acquired = store.acquire_job(WATCH, &holder, now, LEASE_MS).await;
        if let Ok(Acquired::New(lease)) = acquired {
            tracing::info!("this process watches, and tells of alarms");
            // Another process may have watched, and told, since this one did.
            alarms.renew();
            alarms.restore().await;
            tokio::select! {
                () = alarms.run(stop.clone()) => {
                    let _given_back_or_over = store.release_job(&lease).await;
                    return;
                }
                () = kept(&*store, &lease) => tracing::warn!("another process watches from here on"),
            }
        }
        tokio::select! {
            () = stop.begun() => return,
            () = sleep(RENEWED_EVERY) => {}
        }
    }
}

/// Renews a lease until it is lost.
async fn kept(store: &dyn Store, lease: &JobLease) {
    loop {
        sleep(RENEWED_EVERY).await;
        let now = SystemClock.now();
        match store.renew_job(lease, now, LEASE_MS).await {
            // A store that does not answer gives it to nobody else either.
            Ok(true) | Err(_) => {}
            Ok(false) => return,
        }
    }
}
