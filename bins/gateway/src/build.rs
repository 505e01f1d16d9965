//! Builds the gateway from its config, with the real ports.

use crate::discover;
use crate::error::StartError;
use crate::mails;
use crate::parts::{OfProcess, api_settings, hash_key, make_folder, settings, when_unlocked};
use crate::payments;
use crate::ports::{SystemClock, SystemEntropy};
use crate::test_mode::{self, BuiltTest};
use opencredits_api::App;
use opencredits_backup::{LEDGER_FILE, STORE_FILE};
use opencredits_catalog::Catalog;
use opencredits_ledger::Ledger;
use opencredits_providers::http::{Client, FetchLimits, Fetcher, Settings as HttpSettings, Timeouts};
use opencredits_providers::sandbox::Sandbox;
use opencredits_providers::{Fetch, Transport};
use opencredits_service::accounts::{Accounts, Tables};
use opencredits_service::config::Config;
use opencredits_service::mail::{MailPorts, Mails};
use opencredits_service::{
    Gateway, KeyRing, KeyTables, Notice, Parts, Ports, Reaper, ServedCatalogue, Upstream, UsageReads, books,
};
use opencredits_store::SqliteStore;
use opencredits_units::BasisPoints;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Everything that runs.
pub(crate) struct Built {
    pub(crate) app: Arc<App>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) reaper: Reaper,
    pub(crate) store: SqliteStore,
    pub(crate) mails: Mails,
    pub(crate) test: Option<BuiltTest>,
}

/// Opens the data folder and builds everything that serves.
pub(crate) async fn build(config: &Config, variables: &[(String, String)]) -> Result<Built, StartError> {
    let http = Client::new(http_settings(config))?;
    let mailer = mails::mailer(config)?;
    let offer = discover::ask(config, ServedCatalogue::read(config, variables)?, &http).await;
    for notice in offer.notices(config) {
        tracing::warn!("{notice}");
    }
    // A key may be created before its model's vendor is on sale.
    let known = offer.catalog.clone();
    let dir = Path::new(&config.data.dir);
    make_folder(dir)?;
    let ledger = when_unlocked(|| Ledger::open(dir.join(LEDGER_FILE))).await?;
    let store = SqliteStore::open(dir.join(STORE_FILE))?;
    let process = OfProcess { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let test = test_mode::build(config, &offer, &process).await?;
    let OfProcess { clock, entropy } = process;
    let (catalog, upstreams) = served(offer, Arc::new(http));
    books::open(&ledger, clock.now())?;
    let hash_key = hash_key(&store, &*entropy).await?;
    let share = BasisPoints::new(config.billing.partner_share_bps);
    let keyring = Arc::new(KeyRing::new(KeyTables::of(store.clone()), Arc::clone(&clock), share));
    let forgetting = Arc::clone(&keyring);
    let accounts = Accounts::new(ledger.clone(), Tables::of(store.clone()), Arc::clone(&clock), Arc::clone(&entropy))
        .on_change(move || forgetting.forget_all())
        .with_partner_terms(config.billing.partner_terms())
        .with_test_desk(test.as_ref().and_then(|test| test.desk(config)))
        .knowing(known);
    let of_mails = MailPorts {
        ledger: ledger.clone(),
        outbox: Arc::new(store.clone()),
        emails: Arc::new(store.clone()),
        notices: Arc::new(store.clone()),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    };
    let mails = Mails::new(config, mailer, of_mails)?;
    let of_payments = payments::Ground {
        ledger: ledger.clone(),
        store: &store,
        queue: mails.queue.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    };
    let payments = payments::build(config, of_payments)?;
    let parts = Parts {
        catalog,
        upstreams,
        usage: Arc::new(UsageReads::new(ledger.clone(), Arc::new(store.clone()))),
        ledger,
        keyring,
        ports: Ports { clock, entropy, claims: Arc::new(store.clone()), fetch: fetcher(config)? },
        settings: settings(config),
        hash_key,
    };
    let (gateway, reaper) = Gateway::new(parts)?;
    let partners = Arc::new(store.clone());
    let accounts = Arc::new(accounts);
    let app = App {
        gateway,
        accounts: Arc::clone(&accounts),
        partners,
        payments,
        settings: api_settings(config),
        ready: AtomicBool::new(true),
        test: test.as_ref().map(|test| test.app.clone()),
    };
    Ok(Built { app: Arc::new(app), accounts, reaper, store, mails, test })
}

/// Checks the whole config without touching the data folder, and returns notices for the operator.
pub(crate) fn check(config: &Config, variables: &[(String, String)]) -> Result<Vec<Notice>, StartError> {
    crate::log::filter(&config.log)?;
    Client::new(http_settings(config))?;
    mails::mailer(config)?;
    payments::check(config)?;
    Ok(ServedCatalogue::read(config, variables)?.notices(config))
}

/// The models on sale, and the transports to their vendors.
fn served(offer: ServedCatalogue, http: Arc<dyn Transport>) -> (Catalog, HashMap<Arc<str>, Upstream>) {
    let sandbox: Arc<dyn Transport> = Arc::new(Sandbox::new());
    let ServedCatalogue { catalog, vendors } = offer;
    let mut upstreams = HashMap::new();
    for vendor in vendors.into_iter().filter(|vendor| vendor.offered) {
        let transport = Arc::clone(if vendor.is_inside() { &sandbox } else { &http });
        let (vendor, keys) = (vendor.vendor, vendor.keys);
        upstreams.insert(Arc::clone(&vendor.id), Upstream { vendor, keys, transport });
    }
    (catalog.only(|vendor| upstreams.contains_key(vendor)), upstreams)
}

/// Fetches attachments by URL, where the operator allows it.
fn fetcher(config: &Config) -> Result<Option<Arc<dyn Fetch>>, StartError> {
    if !config.upstream.fetch_attachments {
        return Ok(None);
    }
    let limits = FetchLimits { bytes_max: config.upstream.attachment_bytes_max, ..FetchLimits::default() };
    Ok(Some(Arc::new(Fetcher::new(limits)?)))
}

fn http_settings(config: &Config) -> HttpSettings {
    let upstream = &config.upstream;
    HttpSettings {
        timeouts: Timeouts {
            connect_ms: upstream.connect_ms,
            first_byte_ms: upstream.first_byte_ms,
            idle_ms: upstream.idle_ms,
            total_ms: upstream.total_ms,
        },
        idle_connections_max: upstream.idle_connections_max,
    }
}
