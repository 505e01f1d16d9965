//! What makes several processes on one database one service.

use crate::alarms;
use crate::database::Files;
use crate::machine;
use crate::ports::SystemClock;
use crate::reload::Reloader;
use opencredits_ledger::AnyLedger;
use opencredits_service::alarms::Alarms;
use opencredits_service::config::Config;
use opencredits_service::jobs::StopSignal;
use opencredits_service::prices::Prices;
use opencredits_service::{ChangeFeed, Clock as _, Gateway, KeyRing};
use opencredits_store::{Acquired, JobLease, Store};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A process that was seen within this time counts as one that shares the ledger.
const SEEN_WITHIN: Duration = Duration::from_secs(45);
/// The lease of the process that watches, its length in ms, and how often it is renewed.
const WATCH: &str = "watch";
const LEASE_MS: u64 = 30_000;
const RENEWED_EVERY: Duration = Duration::from_secs(10);
/// How often they are counted.
const COUNTED_EVERY: Duration = Duration::from_secs(5);

/// Tells whoever caches what is changed: this process, and the others where there are any.
pub(crate) type Changed = Arc<dyn Fn() + Send + Sync>;

/// The feed of a store's changes, where several processes have it.
pub(crate) fn feed(files: &Files, store: &Arc<dyn Store>) -> Option<Arc<ChangeFeed>> {
    files.are_shared().then(|| Arc::new(ChangeFeed::new(store.clone())))
}

/// What is called after each change that this process makes.
pub(crate) fn changed(keyring: &Arc<KeyRing>, feed: Option<&Arc<ChangeFeed>>) -> Changed {
    let (keyring, feed) = (Arc::clone(keyring), feed.cloned());
    Arc::new(move || {
        keyring.forget_all();
        if let Some(feed) = &feed {
            feed.tell();
        }
    })
}

/// What a mode shares with other processes.
pub(crate) struct Shared {
    pub(crate) feed: Arc<ChangeFeed>,
    pub(crate) files: Arc<Files>,
    pub(crate) gateway: Weak<Gateway>,
}

impl Shared {
    /// Begins to tell the other processes of changes and to take theirs; `more` is what a mode takes besides its keys.
    pub(crate) fn start<F>(self, tasks: &mut JoinSet<()>, more: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { feed, files, gateway } = self;
        let (heard, counted) = (Arc::clone(&feed), gateway.clone());
        tasks.spawn(async move { files.listen(&heard).await });
        tasks.spawn(async move {
            let take = || {
                if let Some(gateway) = gateway.upgrade() {
                    gateway.keyring().forget_all();
                }
                more()
            };
            feed.run(take).await;
        });
        tasks.spawn(async move {
            while let Some(gateway) = counted.upgrade() {
                share(&gateway).await;
                drop(gateway);
                sleep(COUNTED_EVERY).await;
            }
        });
    }
}

/// Watches while this process has the lease: of several workers one at a time does.
pub(crate) async fn watch_in_turn(alarms: Arc<Alarms>, store: Arc<dyn Store>, config: Config, mut stop: StopSignal) {
    let holder = machine::process_name();
    loop {
        let now = SystemClock.now();
        let acquired = store.acquire_job(WATCH, &holder, now, now.saturating_add_ms(LEASE_MS)).await;
        if let Ok(Acquired::New(lease)) = acquired {
            tracing::info!("this process watches, and tells of alarms");
            // Another process may have watched, and told, since this one did.
            if let Ok(channels) = alarms::channels(&config) {
                alarms.exchange(alarms::settings(&config), channels);
            }
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
        match store.renew_job(lease, now, now.saturating_add_ms(LEASE_MS)).await {
            // A store that does not answer gives it to nobody else either.
            Ok(true) | Err(_) => {}
            Ok(false) => return,
        }
    }
}

/// Shares the exposure with every process that has the ledger. Where they cannot be counted, it stays as it is.
pub(crate) async fn share(gateway: &Gateway) {
    let ledger: &AnyLedger = gateway.ledger();
    if let Ok(processes) = ledger.live_processes(SEEN_WITHIN).await {
        gateway.share_with(processes);
    }
}

/// Takes over prices and config after a change of another process.
pub(crate) async fn take(prices: Arc<Prices>, reloader: Arc<Reloader>) {
    if let Err(error) = prices.adopt().await {
        tracing::error!(%error, "the price book in force cannot be taken over; the one before is sold by");
    }
    reloader.follow().await;
}
