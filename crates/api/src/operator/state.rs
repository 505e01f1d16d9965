//! What the routes of operators work on.

use crate::admin::Admin;
use crate::state::App;
use axum::extract::FromRef;
use opencredits_keys::HashKey;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Exports for operators that are written at once.
const EXPORTS_MAX: usize = 2;

/// What the routes of operators work on.
#[derive(Clone)]
pub struct OperatorApp {
    pub(crate) app: Arc<App>,
    pub(crate) admin: Admin,
    pub(super) confirms: Arc<HashKey>,
    exports: Arc<Semaphore>,
}

impl OperatorApp {
    /// The routes on this executor of requests.
    #[must_use]
    pub fn new(app: Arc<App>, admin: Admin) -> Self {
        let mut key = [0; 32];
        app.gateway.entropy().fill(&mut key);
        let exports = Arc::new(Semaphore::new(EXPORTS_MAX));
        Self { app, admin, confirms: Arc::new(HashKey::new(key)), exports }
    }

    /// A place among the operators who export; none where all are taken.
    pub(crate) fn export_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.exports).try_acquire_owned().ok()
    }
}

impl FromRef<OperatorApp> for Arc<App> {
    fn from_ref(operator: &OperatorApp) -> Self {
        Self::clone(&operator.app)
    }
}
