//! The settings of the application of tests, and its pages.

use crate::app::{Fixed, MEMORY_MAX, OUR_KEY, Remembering};
use crate::engine::Place;
use opencredits_api::{ApiSettings, CorsOrigins, Front, FrontSettings, PagesApp};
use opencredits_keys::Secret;
use opencredits_pages::Site;
use opencredits_providers::Vendor;
use opencredits_service::access::{AccessLines, AccessSettings};
use opencredits_service::config::Ack;
use opencredits_service::{DrainLimits, KeyRing, KeyTables, Retries, Settings, Upstream};
use opencredits_store::Store;
use opencredits_units::{BasisPoints, CreditPrice, NanoUsd};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) fn settings(ack: Ack) -> Settings {
    Settings {
        markup: BasisPoints::new(2_500),
        // Most tests are about exact amounts; those about small balances set these.
        exposure_max: NanoUsd::ZERO,
        lower_caps: false,
        ack,
        hold_expiry_ms: 1_800_000,
        body_bytes_max: 1 << 20,
        drains: DrainLimits { drains_max: 10, drain: Duration::from_secs(5) },
        retries: Retries { attempts_max: 3, backoff_ms: 1, wait_ms_max: 2_000 },
        memory_max: MEMORY_MAX,
        large_at_once: 1,
        access: AccessSettings::new(AccessLines::All, 1.0, CreditPrice::default()),
    }
}

/// The pages, which are read once.
pub(crate) fn pages() -> Arc<PagesApp> {
    static PAGES: OnceLock<Arc<PagesApp>> = OnceLock::new();
    PAGES.get_or_init(|| PagesApp::new(Site::sample()).unwrap()).clone()
}

pub(crate) fn api_settings() -> ApiSettings {
    ApiSettings {
        top_up_url: "https://credits.example/top-up".to_owned(),
        credit_price: CreditPrice::default(),
        header_bytes_max: 64 << 10,
        front: Front::new(FrontSettings {
            body_bytes_max: 1 << 20,
            body_read: Duration::from_secs(5),
            keep_alive: Duration::from_millis(40),
            strict: false,
            enabled: true,
            country: Some("PT".to_owned()),
            cors_origins: CorsOrigins::new(&["*".to_owned()]),
        }),
        challenge: None,
    }
}

#[expect(clippy::disallowed_methods, reason = "the reaper needs a task of its own, as in the binary")]
pub(crate) fn start(reaper: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(reaper);
}

/// The key ring, as the gateway makes it: where other processes may have the data as well, they share the rates of keys.
pub(crate) fn keyring((store, place): (&Arc<dyn Store>, &Place), fixed: &Arc<Fixed>) -> KeyRing {
    let keyring = KeyRing::new(KeyTables::of(store.clone()), fixed.clone(), BasisPoints::new(5_000));
    if place.is_shared() {
        // The process has its name from another source, so that ids are the same on both engines.
        keyring.with_shared_rates(store.clone(), ("test", &Fixed::seeded(8)))
    } else {
        keyring
    }
}

/// The vendors, each with its accounts.
pub(crate) fn upstreams(vendors: &[Arc<Vendor>], transport: &Arc<Remembering>) -> HashMap<Arc<str>, Upstream> {
    vendors
        .iter()
        .map(|vendor| {
            // A vendor of this name has two accounts.
            let names = if &*vendor.id == "double" { vec!["one", "two"] } else { vec![OUR_KEY] };
            let keys = names.into_iter().map(|key| Secret::new(key.to_owned())).collect();
            (vendor.id.clone(), Upstream { vendor: vendor.clone(), keys, transport: transport.clone() })
        })
        .collect()
}
