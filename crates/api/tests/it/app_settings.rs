//! The settings of the application of tests, and its pages.

use crate::app::{MEMORY_MAX, OUR_KEY, Remembering};
use opencredits_api::{ApiSettings, CorsOrigins, Front, FrontSettings, PagesApp};
use opencredits_keys::Secret;
use opencredits_ledger::{Floor, Ledger, OpenAccount};
use opencredits_pages::Site;
use opencredits_providers::Vendor;
use opencredits_service::access::{AccessLines, AccessSettings};
use opencredits_service::config::Ack;
use opencredits_service::{DrainLimits, Retries, Settings, Upstream, books};
use opencredits_units::{BasisPoints, CreditPrice, NanoUsd, UnixMs};
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

/// What [`books::open`] does, for an application that is made without an await.
pub(crate) fn open_books(ledger: &Ledger, now: UnixMs) {
    for (id, _) in books::NAMES {
        ledger.open_account(OpenAccount { id, floor: Floor::None, contra: None }, now).unwrap().accepted();
    }
    ledger.flush().unwrap();
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
