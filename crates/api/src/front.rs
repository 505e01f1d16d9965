//! The settings of the HTTP interface that may change while it serves.

use crate::cors::CorsOrigins;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::Duration;

/// Settings of the HTTP interface that may change while it serves.
#[derive(Debug, Clone)]
pub struct FrontSettings {
    /// Largest request body, in bytes.
    pub body_bytes_max: usize,
    /// The time in which a client must send its body.
    pub body_read: Duration,
    /// The silence after which a stream gets a comment.
    pub keep_alive: Duration,
    /// Whether fields that are not passed on are refused.
    pub strict: bool,
    /// Whether `GET /v1/features` says that credits are enabled.
    pub enabled: bool,
    /// The country that `GET /v1/features` names.
    pub country: Option<String>,
    /// The origins whose pages may call from a browser.
    pub cors_origins: CorsOrigins,
}

/// These settings, as they are now. Clones are the same.
#[derive(Debug, Clone)]
pub struct Front(Arc<ArcSwap<FrontSettings>>);

impl Front {
    /// What the interface begins with.
    #[must_use]
    pub fn new(settings: FrontSettings) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(settings)))
    }

    /// The settings. A request for inference takes them once.
    #[must_use]
    pub fn now(&self) -> Arc<FrontSettings> {
        self.0.load_full()
    }

    /// Serves by these from now on.
    pub fn set(&self, settings: FrontSettings) {
        self.0.store(Arc::new(settings));
    }
}
