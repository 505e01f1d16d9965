//! Several processes on one store are one service: each tells the others of its changes, and hears of theirs.
//!
//! The store counts changes, and those of the config by themselves. A process asks for both counts twice a second, and at once when the
//! database notifies it. What it does then is cheap where nothing of its own is concerned, so that a change of data needs no description.
//!
//! A change is committed first and announced after that, again until the store has taken the announcement, also while the process ends. A
//! process that is killed in between announces nothing: so each looks at the data once a minute, whatever it has heard.

use opencredits_store::{Change, Changes, StoreError, Versions};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// How often the versions are asked for, whether or not a notification has come.
const POLL: Duration = Duration::from_millis(500);
/// The wait before a change is announced again that the store did not take.
const AGAIN: Duration = Duration::from_millis(250);
/// The longest time from one look at the data to the next.
const LOOK: Duration = Duration::from_secs(60);

/// Tells other processes of changes, and hears of theirs.
pub struct ChangeFeed {
    changes: Arc<dyn Changes>,
    /// All changes of this process, and those of its config.
    all: Told,
    configs: Told,
    ours: Notify,
    heard: Notify,
}

/// How many changes were told, and how many of them are announced. Numbers, so that an announcement that is dropped loses none.
#[derive(Default)]
struct Told {
    told: AtomicU64,
    announced: AtomicU64,
}

impl Told {
    fn tell(&self) {
        self.told.fetch_add(1, Ordering::SeqCst);
    }

    /// How many were told, where not all of them are announced.
    fn open(&self) -> Option<u64> {
        let told = self.told.load(Ordering::SeqCst);
        (told > self.announced.load(Ordering::SeqCst)).then_some(told)
    }

    fn announced(&self, told: u64) {
        self.announced.fetch_max(told, Ordering::SeqCst);
    }
}

impl ChangeFeed {
    /// A feed over this store.
    #[must_use]
    pub fn new(changes: Arc<dyn Changes>) -> Self {
        let (all, configs) = (Told::default(), Told::default());
        Self { changes, all, configs, ours: Notify::new(), heard: Notify::new() }
    }

    /// Announces a change that this process has made, as soon as the store takes it. Several at once are one.
    pub fn tell(&self, change: Change) {
        if change == Change::Config {
            self.configs.tell();
        }
        self.all.tell();
        self.ours.notify_one();
    }

    /// Asks for the versions at once: another process has announced something.
    pub fn hear(&self) {
        self.heard.notify_one();
    }

    /// Announces changes and calls `take`, at the start and after changes of other processes, until it is dropped. A change of the config
    /// may be one of data as well. Where `take` returns `false`, it is called again.
    pub async fn run<F: Future<Output = bool>>(&self, take: impl Fn(Change) -> F) {
        let mut known = self.changes.versions().await.ok();
        // Something may have changed since the process has read it.
        if !take(Change::Config).await {
            known = None;
        }
        let mut look_at = Instant::now() + LOOK;
        loop {
            let found = tokio::select! {
                () = self.ours.notified() => self.announce_ours(&mut known).await,
                () = self.heard.notified() => self.changes.versions().await.ok(),
                () = sleep(POLL) => self.changes.versions().await.ok(),
            };
            // A store that does not answer is asked again.
            let Some(found) = found else { continue };
            let look = (Instant::now() >= look_at).then_some(Change::Data);
            let Some(change) = news(known, found).or(look) else { continue };
            if take(change).await {
                known = Some(found);
                look_at = Instant::now() + LOOK;
            }
        }
    }

    /// Announces changes until it is dropped: for a process that ends, and takes nothing of others any more.
    pub async fn announce_on(&self) {
        loop {
            self.flush().await;
            self.ours.notified().await;
        }
    }

    /// Announces the changes that were told and are not announced yet, again until the store takes it.
    pub async fn flush(&self) {
        loop {
            match self.announce().await {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => not_yet(&error).await,
            }
        }
    }

    /// The versions after an announcement of own changes, which need not be taken.
    async fn announce_ours(&self, known: &mut Option<Versions>) -> Option<Versions> {
        match self.announce().await {
            Ok(Some((change, found))) => {
                *known = known.map(|known| known.after(change));
                Some(found)
            }
            Ok(None) => None,
            Err(error) => {
                self.ours.notify_one();
                not_yet(&error).await;
                None
            }
        }
    }

    /// Announces all that was told and is not announced yet as one change.
    async fn announce(&self) -> Result<Option<(Change, Versions)>, StoreError> {
        // In this order: a change of the config is told as one before it is told at all.
        let Some(all) = self.all.open() else { return Ok(None) };
        let configs = self.configs.open();
        let change = if configs.is_some() { Change::Config } else { Change::Data };
        let versions = self.changes.announce(change).await?;
        self.all.announced(all);
        self.configs.announced(configs.unwrap_or_default());
        Ok(Some((change, versions)))
    }
}

async fn not_yet(error: &StoreError) {
    tracing::warn!(%error, "a change could not be told to the other processes yet");
    sleep(AGAIN).await;
}

/// What has changed since the known versions; everything may have where none are known.
fn news(known: Option<Versions>, found: Versions) -> Option<Change> {
    match known {
        Some(known) if known == found => None,
        Some(known) if known.configs == found.configs => Some(Change::Data),
        Some(_) | None => Some(Change::Config),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use parking_lot::Mutex;
    use tokio::task::JoinSet;

    /// A store that counts changes, refuses some announcements, and does not answer others.
    #[derive(Default)]
    struct Counted {
        versions: Mutex<Versions>,
        refused: AtomicU64,
        unanswered: AtomicU64,
    }

    /// Whether one of so many is left.
    fn is_left(of: &AtomicU64) -> bool {
        of.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    #[async_trait]
    impl Changes for Counted {
        async fn announce(&self, change: Change) -> Result<Versions, StoreError> {
            if is_left(&self.unanswered) {
                std::future::pending::<()>().await;
            }
            if is_left(&self.refused) {
                return Err(StoreError::Closing);
            }
            let mut versions = self.versions.lock();
            *versions = versions.after(change);
            Ok(*versions)
        }

        async fn versions(&self) -> Result<Versions, StoreError> {
            Ok(*self.versions.lock())
        }
    }

    /// A feed, its store, and what it has taken.
    struct Process {
        feed: Arc<ChangeFeed>,
        store: Arc<Counted>,
        taken: Arc<Mutex<Vec<Change>>>,
        tasks: JoinSet<()>,
    }

    impl Process {
        fn start(store: Counted) -> Self {
            let (store, taken, mut tasks) = (Arc::new(store), Arc::<Mutex<Vec<Change>>>::default(), JoinSet::new());
            let feed = Arc::new(ChangeFeed::new(Arc::clone(&store) as Arc<dyn Changes>));
            let (running, takes) = (Arc::clone(&feed), Arc::clone(&taken));
            tasks.spawn(async move {
                let take = |change| {
                    takes.lock().push(change);
                    std::future::ready(true)
                };
                running.run(take).await;
            });
            Self { feed, store, taken, tasks }
        }

        fn versions(&self) -> (u64, u64) {
            let Versions { changes, configs } = *self.store.versions.lock();
            (changes, configs)
        }

        /// What was taken since the last call.
        fn taken(&self) -> Vec<Change> {
            std::mem::take(&mut *self.taken.lock())
        }
    }

    async fn seconds(seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_takes_what_others_announce_and_not_what_it_announces_itself() {
        let process = Process::start(Counted::default());
        seconds(2).await;
        assert_eq!(process.taken(), [Change::Config], "all of it at the start");
        process.feed.tell(Change::Data);
        process.feed.tell(Change::Config);
        seconds(2).await;
        assert_eq!((process.versions(), process.taken()), ((1, 1), vec![]), "both at once are one, and not for itself");
        process.store.announce(Change::Data).await.unwrap();
        seconds(1).await;
        assert_eq!(process.taken(), [Change::Data], "another's, found within a second without a notification");
        process.store.announce(Change::Config).await.unwrap();
        process.store.announce(Change::Data).await.unwrap();
        seconds(1).await;
        assert_eq!(process.taken(), [Change::Config], "a change of the config is told from others");
        // Both at once: the other's must not be missed, and is what it is.
        for (ours, others) in [(Change::Data, Change::Data), (Change::Config, Change::Data)] {
            process.store.announce(others).await.unwrap();
            process.feed.tell(ours);
            seconds(1).await;
            assert_eq!(process.taken(), [others], "beside {ours:?}");
        }
        process.store.announce(Change::Config).await.unwrap();
        process.feed.tell(Change::Config);
        seconds(1).await;
        assert_eq!((process.versions(), process.taken()), ((10, 5), vec![Change::Config]));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_store_refuses_is_announced_again_and_nothing_twice() {
        let process = Process::start(Counted { refused: AtomicU64::new(3), ..Counted::default() });
        seconds(1).await;
        process.feed.tell(Change::Config);
        seconds(5).await;
        assert_eq!((process.versions(), process.taken()), ((1, 1), vec![Change::Config]));
        process.feed.flush().await;
        assert_eq!(process.versions(), (1, 1), "there is nothing left");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_announced_when_a_process_ends_is_announced_before_its_end() {
        let [unanswered, refused] = [1, 2].map(AtomicU64::new);
        let mut process = Process::start(Counted { unanswered, refused, ..Counted::default() });
        seconds(1).await;
        process.feed.tell(Change::Config);
        seconds(1).await;
        process.tasks.shutdown().await;
        assert_eq!(process.versions(), (0, 0), "it waited for the store, and was dropped");
        let telling = Arc::clone(&process.feed);
        process.tasks.spawn(async move { telling.announce_on().await });
        seconds(2).await;
        assert_eq!(process.versions(), (1, 1), "what was dropped is not lost");
        process.feed.tell(Change::Data);
        seconds(1).await;
        assert_eq!(process.versions(), (2, 1), "what is changed meanwhile is told at once");
        process.tasks.shutdown().await;
        process.feed.tell(Change::Data);
        process.feed.flush().await;
        assert_eq!(process.versions(), (3, 1), "and the rest at the end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_looks_once_a_minute_since_who_is_killed_announces_nothing() {
        let process = Process::start(Counted::default());
        seconds(59).await;
        assert_eq!(process.taken(), [Change::Config]);
        seconds(60).await;
        assert_eq!(process.taken(), [Change::Data]);
        seconds(60).await;
        assert_eq!(process.taken(), [Change::Data], "which is no reason to read the config again");
    }
}
