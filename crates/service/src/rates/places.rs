//! The part of a process in rates that it shares with others, and the places of its requests in the store.
//!
//! The places of a process count for as long as it is seen. Where the answer to a question about one did not come, it is
//! unknown whether the process has it. It goes on under another name then, and the name before is seen only until the
//! requests that have places under it have ended. So a place that nobody has counts no longer than that.

use crate::ports::{Clock, Entropy, fresh_id};
use opencredits_store::{SharedRates, StoreError};
use opencredits_units::KeyId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::sleep;

/// How often the store is told that the process lives. Its places count for three times as long.
const BEAT: Duration = Duration::from_secs(10);

/// What a process needs to share rates.
pub(crate) struct RateSharing {
    pub(super) store: Arc<dyn SharedRates>,
    pub(super) clock: Arc<dyn Clock>,
    /// The name of the process, which no other start of one has.
    name: String,
    holders: Mutex<Holders>,
}

/// The names under which the process has places, by number.
#[derive(Default)]
struct Holders {
    current: u64,
    /// The places of each, with those that are asked for.
    places: BTreeMap<u64, usize>,
}

/// A place of a request among those of its key. Dropping it gives it up.
pub(super) struct Place {
    sharing: Arc<RateSharing>,
    key: KeyId,
    holder: u64,
    is_taken: bool,
}

/// Sees work through, also where its caller leaves before the end.
pub(super) async fn seen_through<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match Handle::try_current() {
        Ok(runtime) => runtime.spawn(work).await.unwrap_or(Err(StoreError::Closing)),
        Err(_) => work.await,
    }
}

impl RateSharing {
    /// The part of a process of this name, which need not be unique. From now on its places stay its own until nothing needs
    /// them any more.
    pub(crate) fn begin(
        store: Arc<dyn SharedRates>,
        clock: Arc<dyn Clock>,
        (process, entropy): (&str, &dyn Entropy),
    ) -> Arc<Self> {
        let start = fresh_id::<()>(clock.now(), entropy).bits();
        let name = format!("{process} {start:032x}");
        let sharing = Arc::new(Self { store, clock, name, holders: Mutex::default() });
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(Self::beat(Arc::downgrade(&sharing)));
        }
        sharing
    }

    /// The store.
    pub(crate) fn store(&self) -> Arc<dyn SharedRates> {
        Arc::clone(&self.store)
    }

    async fn beat(sharing: Weak<Self>) {
        loop {
            sleep(BEAT).await;
            let Some(sharing) = sharing.upgrade() else { return };
            sharing.refresh().await;
        }
    }

    /// Tells the store that the process lives, where it has places.
    async fn refresh(&self) {
        let holders: Vec<u64> = self.holders.lock().places.keys().copied().collect();
        for holder in holders {
            if let Err(error) = self.store.refresh_places(&self.name_of(holder), self.clock.now()).await {
                tracing::warn!(%error, "other gateways cannot be told that requests still run here");
            }
        }
    }

    fn name_of(&self, holder: u64) -> String {
        format!("{} {holder}", self.name)
    }

    /// Takes a place of a key that has at most `max`; `None` where all are taken.
    pub(super) async fn place(self: &Arc<Self>, key: KeyId, max: u32) -> Result<Option<Place>, StoreError> {
        seen_through(self.asked(key).taken(max)).await
    }

    fn asked(self: &Arc<Self>, key: KeyId) -> Place {
        let mut holders = self.holders.lock();
        let holder = holders.current;
        let places = holders.places.entry(holder).or_default();
        *places = places.saturating_add(1);
        Place { sharing: Arc::clone(self), key, holder, is_taken: false }
    }

    /// It is unknown what the holder has: another one takes places from now on.
    fn replace(&self, holder: u64) {
        let mut holders = self.holders.lock();
        if holders.current == holder {
            holders.current = holder.saturating_add(1);
        }
    }

    /// A place less is to be seen.
    fn end(&self, holder: u64) {
        let mut holders = self.holders.lock();
        let Some(places) = holders.places.get_mut(&holder) else { return };
        *places = places.saturating_sub(1);
        if *places == 0 {
            holders.places.remove(&holder);
        }
    }
}

impl Place {
    /// The place, where it could be taken.
    async fn taken(mut self, max: u32) -> Result<Option<Self>, StoreError> {
        let Self { sharing, key, holder, .. } = &self;
        let taken = sharing.store.take_place(*key, &sharing.name_of(*holder), max, sharing.clock.now()).await;
        if taken.is_err() {
            sharing.replace(*holder);
        }
        self.is_taken = taken?;
        Ok(self.is_taken.then_some(self))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sharing.end(self.holder);
        if !self.is_taken {
            return;
        }
        let (sharing, key, holder) = (Arc::clone(&self.sharing), self.key, self.holder);
        let Ok(runtime) = Handle::try_current() else {
            sharing.replace(holder);
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = sharing.store.leave_place(key, &sharing.name_of(holder)).await {
                tracing::warn!(%key, %error, "the place of a request stays taken a while longer");
                sharing.replace(holder);
            }
        });
    }
}
