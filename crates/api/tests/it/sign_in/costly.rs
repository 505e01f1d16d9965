//! People's addresses, where to find whose an address is takes time that nobody can overlook.

use async_trait::async_trait;
use opencredits_store::{LimitedKey, Reachable, Store, StoreError, UserEmail, UserEmails};
use opencredits_units::{KeyId, UnixMs, UserId};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What it takes to find an account. Where there is none it takes nothing.
const FOUND: Duration = Duration::from_millis(1);

/// The addresses of a store, with a count of the accounts that were looked for.
pub(super) struct Costly {
    pub(super) store: Arc<dyn Store>,
    pub(super) looked: Arc<AtomicUsize>,
}

impl Costly {
    /// Counts, and takes its time where something was found.
    #[expect(clippy::disallowed_methods, reason = "the time that passes is what it is about")]
    fn found<T>(&self, found: Option<T>) -> Option<T> {
        self.looked.fetch_add(1, Ordering::Relaxed);
        let start = Instant::now();
        while found.is_some() && start.elapsed() < FOUND {}
        found
    }
}

#[async_trait]
impl UserEmails for Costly {
    async fn set_email(&self, user: UserId, address: &str) -> Result<(), StoreError> {
        self.store.set_email(user, address).await
    }

    async fn remove_email(&self, user: UserId) -> Result<(), StoreError> {
        self.store.remove_email(user).await
    }

    async fn email_of(&self, user: UserId) -> Result<Option<UserEmail>, StoreError> {
        Ok(self.found(self.store.email_of(user).await?))
    }

    async fn user_by_email(&self, address: &str) -> Result<Option<UserId>, StoreError> {
        Ok(self.found(self.store.user_by_email(address).await?))
    }

    async fn flag_bounced(&self, address: &str, now: UnixMs) -> Result<u64, StoreError> {
        self.store.flag_bounced(address, now).await
    }

    async fn reachable(&self, after: UserId, max: u32) -> Result<Vec<Reachable>, StoreError> {
        self.store.reachable(after, max).await
    }

    async fn limited_keys(&self, after: KeyId, max: u32) -> Result<Vec<LimitedKey>, StoreError> {
        self.store.limited_keys(after, max).await
    }
}
