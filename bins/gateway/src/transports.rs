//! The ways to vendors.

use crate::error::StartError;
use opencredits_providers::http::{Client, FetchLimits, Fetcher, Settings, Timeouts};
use opencredits_providers::sandbox::Sandbox;
use opencredits_providers::{Fetch, Transport};
use opencredits_service::config::Config;
use opencredits_service::{ServedCatalogue, Upstream};
use std::collections::HashMap;
use std::sync::Arc;

/// The ways to vendors.
#[derive(Clone)]
pub(crate) struct Transports {
    settings: Settings,
    pub(crate) client: Client,
    http: Arc<dyn Transport>,
    sandbox: Arc<dyn Transport>,
}

impl Transports {
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        Self::of(settings(config), Arc::new(Sandbox::new()))
    }

    /// Those of another config: these, with their connections, where it wants the same.
    pub(crate) fn exchanged(&self, config: &Config) -> Result<Self, StartError> {
        let settings = settings(config);
        if settings == self.settings { Ok(self.clone()) } else { Self::of(settings, Arc::clone(&self.sandbox)) }
    }

    fn of(settings: Settings, sandbox: Arc<dyn Transport>) -> Result<Self, StartError> {
        let client = Client::new(settings)?;
        Ok(Self { settings, http: Arc::new(client.clone()), client, sandbox })
    }

    /// The vendors with a key, and the transports to them.
    pub(crate) fn upstreams(&self, offer: &ServedCatalogue) -> HashMap<Arc<str>, Upstream> {
        let mut upstreams = HashMap::new();
        for configured in offer.vendors.iter().filter(|vendor| vendor.offered) {
            let transport = Arc::clone(if configured.is_inside() { &self.sandbox } else { &self.http });
            let (vendor, keys) = (Arc::clone(&configured.vendor), configured.keys.clone());
            upstreams.insert(Arc::clone(&vendor.id), Upstream { vendor, keys, transport });
        }
        upstreams
    }
}

/// Fetches attachments by URL, where the operator allows it.
pub(crate) fn fetcher(config: &Config) -> Result<Option<Arc<dyn Fetch>>, StartError> {
    match fetch_limits(config) {
        Some(limits) => Ok(Some(Arc::new(Fetcher::new(limits)?))),
        None => Ok(None),
    }
}

/// The limits of attachments; `None` where they are not fetched.
pub(crate) fn fetch_limits(config: &Config) -> Option<FetchLimits> {
    let limits = FetchLimits { bytes_max: config.upstream.attachment_bytes_max, ..FetchLimits::default() };
    config.upstream.fetch_attachments.then_some(limits)
}

/// The limits of the client.
pub(crate) fn settings(config: &Config) -> Settings {
    let upstream = &config.upstream;
    Settings {
        timeouts: Timeouts {
            connect_ms: upstream.connect_ms,
            first_byte_ms: upstream.first_byte_ms,
            idle_ms: upstream.idle_ms,
            total_ms: upstream.total_ms,
        },
        idle_connections_max: upstream.idle_connections_max,
    }
}
