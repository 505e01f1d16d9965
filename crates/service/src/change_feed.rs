//! Several processes on one store are one service: each tells the others of its changes, and hears of theirs.
//!
//! The store has a version that every change raises. A process asks for it twice a second, and at once when the database
//! notifies it. What it does then is cheap where nothing of its own is concerned, so that a change needs no description.

use opencredits_store::Changes;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// How often the version is asked for, whether or not a notification has come.
const POLL: Duration = Duration::from_millis(500);
/// The wait before a change is announced again that the store did not take.
const AGAIN: Duration = Duration::from_millis(250);

/// Tells other processes of changes, and hears of theirs.
pub struct ChangeFeed {
    changes: Arc<dyn Changes>,
    ours: Notify,
    heard: Notify,
}

impl ChangeFeed {
    /// A feed over this store.
    #[must_use]
    pub fn new(changes: Arc<dyn Changes>) -> Self {
        Self { changes, ours: Notify::new(), heard: Notify::new() }
    }

    /// Announces a change that this process has made, as soon as the store takes it. Several at once are one.
    pub fn tell(&self) {
        self.ours.notify_one();
    }

    /// Asks for the version at once: another process has announced something.
    pub fn hear(&self) {
        self.heard.notify_one();
    }

    /// Announces changes and calls `take`, at the start and after changes of other processes, until it is dropped.
    /// Where it returns `false`, it is called again.
    pub async fn run<F: Future<Output = bool>>(&self, take: impl Fn() -> F) {
        let mut known = self.changes.version().await.ok();
        // Something may have changed since the process has read it.
        if !take().await {
            known = None;
        }
        loop {
            let version = tokio::select! {
                () = self.ours.notified() => match self.changes.announce().await {
                    Ok(version) => {
                        if known.is_some_and(|known| known.checked_add(1) == Some(version)) {
                            // Nobody else has raised it: there is nothing to take.
                            known = Some(version);
                        }
                        Some(version)
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a change could not be told to the other processes yet");
                        self.ours.notify_one();
                        sleep(AGAIN).await;
                        None
                    }
                },
                () = self.heard.notified() => self.changes.version().await.ok(),
                () = sleep(POLL) => self.changes.version().await.ok(),
            };
            // A store that does not answer is asked again.
            if version.is_some() && version != known && take().await {
                known = version;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use opencredits_store::StoreError;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::task::JoinSet;

    #[derive(Default)]
    struct Versions(AtomicU64);

    #[async_trait]
    impl Changes for Versions {
        async fn announce(&self) -> Result<u64, StoreError> {
            Ok(self.0.fetch_add(1, Ordering::SeqCst) + 1)
        }

        async fn version(&self) -> Result<u64, StoreError> {
            Ok(self.0.load(Ordering::SeqCst))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_takes_what_others_announce_and_not_what_it_announces_itself() {
        let (changes, taken) = (Arc::new(Versions::default()), Arc::new(AtomicU64::new(0)));
        let feed = Arc::new(ChangeFeed::new(Arc::clone(&changes) as Arc<dyn Changes>));
        let (running, count) = (Arc::clone(&feed), Arc::clone(&taken));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            running
                .run(|| {
                    count.fetch_add(1, Ordering::SeqCst);
                    std::future::ready(true)
                })
                .await;
        });
        let seconds = |seconds| sleep(Duration::from_secs(seconds));
        seconds(2).await;
        feed.tell();
        seconds(2).await;
        assert_eq!((changes.0.load(Ordering::SeqCst), taken.load(Ordering::SeqCst)), (1, 1), "not for its own change");
        changes.announce().await.unwrap();
        seconds(1).await;
        assert_eq!(taken.load(Ordering::SeqCst), 2, "another's, found within a second without a notification");
        // Both at once: the other's must not be missed.
        changes.announce().await.unwrap();
        feed.tell();
        seconds(1).await;
        assert_eq!((changes.0.load(Ordering::SeqCst), taken.load(Ordering::SeqCst)), (4, 3));
    }
}
