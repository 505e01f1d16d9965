//! What the routes of operators work on.

use crate::admin::Admin;
use crate::state::App;
use axum::extract::FromRef;
use opencredits_keys::HashKey;
use std::sync::Arc;

/// What the routes of operators work on.
#[derive(Clone)]
pub struct OperatorApp {
    pub(crate) app: Arc<App>,
    pub(crate) admin: Admin,
    pub(super) confirms: Arc<HashKey>,
}

impl OperatorApp {
    /// The routes on this executor of requests.
    #[must_use]
    pub fn new(app: Arc<App>, admin: Admin) -> Self {
        let mut key = [0; 32];
        app.gateway.entropy().fill(&mut key);
        Self { app, admin, confirms: Arc::new(HashKey::new(key)) }
    }
}

impl FromRef<OperatorApp> for Arc<App> {
    fn from_ref(operator: &OperatorApp) -> Self {
        Self::clone(&operator.app)
    }
}
