//! What makes several processes on one database one service.

use crate::database::Files;
use crate::task_sets::TaskSets;
use opencredits_ledger::AnyLedger;
use opencredits_service::{ChangeFeed, Gateway, KeyRing};
use opencredits_store::{Change, Store};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

/// A process that was seen within this time counts as one that shares the ledger.
const SEEN_WITHIN: Duration = Duration::from_secs(45);
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
            feed.tell(Change::Data);
        }
    })
}

/// What a mode shares with other processes.
pub(crate) struct Shared {
    pub(crate) feed: Arc<ChangeFeed>,
    files: Arc<Files>,
    gateway: Weak<Gateway>,
}

impl Shared {
    pub(crate) fn new(feed: Arc<ChangeFeed>, files: &Arc<Files>, gateway: &Arc<Gateway>) -> Self {
        Self { feed, files: Arc::clone(files), gateway: Arc::downgrade(gateway) }
    }

    /// Begins to tell the other processes of changes and to take theirs; `more` is what a mode takes besides its keys.
    pub(crate) fn start<F>(self, sets: &mut TaskSets, more: impl Fn(Change) -> F + Send + Sync + 'static)
    where
        F: Future<Output = bool> + Send + 'static,
    {
        let Self { feed, files, gateway } = self;
        let (heard, counted) = (Arc::clone(&feed), gateway.clone());
        sets.feeds.push(Arc::clone(&feed));
        sets.following.spawn(async move { files.listen(&heard).await });
        sets.following.spawn(async move {
            let take = |change| {
                if let Some(gateway) = gateway.upgrade() {
                    gateway.keyring().forget_all();
                }
                more(change)
            };
            feed.run(take).await;
        });
        sets.following.spawn(async move {
            while let Some(gateway) = counted.upgrade() {
                share(&gateway).await;
                drop(gateway);
                sleep(COUNTED_EVERY).await;
            }
        });
    }
}

/// Announces what this process changes until all has `ended` that changes anything, and then what is left, until `limit` at most.
pub(crate) async fn tell_until(
    feeds: &[Arc<ChangeFeed>],
    ended: impl Future<Output = ()>,
    limit: impl FnOnce() -> Instant,
) {
    let mut telling = JoinSet::new();
    for feed in feeds {
        let feed = Arc::clone(feed);
        telling.spawn(async move { feed.announce_on().await });
    }
    ended.await;
    telling.shutdown().await;
    let limit = limit();
    for feed in feeds {
        if timeout_at(limit, feed.flush()).await.is_err() {
            tracing::warn!(
                "the last changes are not told to the other processes: they find data within a minute, and a config with a reload"
            );
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
