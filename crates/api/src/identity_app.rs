//! What the routes of people who sign in work on.

use moka::sync::Cache;
use opencredits_service::privacy::{Exporter, Privacy};
use opencredits_service::sign_in::SignIn;
use opencredits_store::SessionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a confirmed export may be fetched.
const CONFIRMED: Duration = Duration::from_secs(300);
/// Confirmed exports that are remembered.
const CONFIRMED_MAX: u64 = 10_000;
/// Exports that are written at once.
const EXPORTS_MAX: usize = 4;

/// What the routes of signing in need. Without it nobody signs in, and the routes say so.
pub struct IdentityApp {
    /// The use cases.
    pub sign_in: Arc<SignIn>,
    /// What people ask of their data; without it the routes say so.
    pub privacy: Option<PrivacyApp>,
}

/// What the routes about people's data need.
pub struct PrivacyApp {
    /// The use cases.
    pub privacy: Arc<Privacy>,
    /// Writes exports.
    pub exporter: Arc<Exporter>,
    confirmed: Cache<SessionId, ()>,
    places: Arc<Semaphore>,
}

impl PrivacyApp {
    /// The routes on these use cases.
    #[must_use]
    pub fn new(privacy: Arc<Privacy>, exporter: Arc<Exporter>) -> Self {
        let confirmed = Cache::builder().max_capacity(CONFIRMED_MAX).time_to_live(CONFIRMED).build();
        Self { privacy, exporter, confirmed, places: Arc::new(Semaphore::new(EXPORTS_MAX)) }
    }

    /// Lets a session fetch its export from now on; returns for how many seconds.
    pub(crate) fn confirm_export(&self, session: SessionId) -> u64 {
        self.confirmed.insert(session, ());
        CONFIRMED.as_secs()
    }

    pub(crate) fn is_export_confirmed(&self, session: SessionId) -> bool {
        self.confirmed.contains_key(&session)
    }

    /// A place among those who export; none where all are taken.
    pub(crate) fn export_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }
}
